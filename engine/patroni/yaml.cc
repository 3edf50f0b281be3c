#include "engine/patroni/yaml.h"

namespace pgo::patroni {
namespace {

std::string Key(const std::string& key) {
  bool plain = !key.empty() && key != "on" && key != "off" && key != "yes" && key != "no" &&
               key != "y" && key != "n" && key != "true" && key != "false" && key != "null";
  for (const char c : key) plain = plain && ((c >= 'a' && c <= 'z') || c == '_');
  return plain ? key : DumpJson(Json(key));
}

void Write(const Json& value, std::size_t depth, std::string& out);

// What follows "key:" or "-".
void WriteInner(const Json& value, std::size_t depth, std::string& out) {
  if (value.is_structured() && !value.empty()) {
    out += "\n";
    Write(value, depth, out);
  } else {
    out += " " + DumpJson(value) + "\n";
  }
}

void Write(const Json& value, std::size_t depth, std::string& out) {
  const std::string indent(depth * 2, ' ');
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, member] : value.items()) {
      out += indent + Key(key) + ":";
      WriteInner(member, depth + 1, out);
    }
  } else if (value.is_array() && !value.empty()) {
    for (const Json& element : value) {
      out += indent + "-";
      WriteInner(element, depth + 1, out);
    }
  } else {
    out += indent + DumpJson(value) + "\n";
  }
}

}  // namespace

std::string ToYaml(const Json& value) {
  std::string out;
  Write(value, 0, out);
  return out;
}

}  // namespace pgo::patroni
