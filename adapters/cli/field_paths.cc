#include "adapters/cli/field_paths.h"

#include <algorithm>
#include <set>

namespace pgo::cli {
namespace {

constexpr int kDepthMax = 100;

std::string Member(const std::string& at, const std::string& name) {
  const bool plain = !name.empty() && name.find_first_of(".[]") == std::string::npos;
  if (!plain) return at + "[" + name + "]";
  return at.empty() ? name : at + "." + name;
}

bool Structured(const Json& value) { return value.is_structured() && !value.empty(); }

// Entries that each have another name.
bool Named(const Json& list) {
  std::set<std::string> names;
  return std::ranges::all_of(list, [&](const Json& entry) {
    const std::string name = GetString(entry, {"name"});
    return !name.empty() && names.insert(name).second;
  });
}

class Walk {
 public:
  void Take(const std::string& key, Leaf at, const Json& value, int depth) {
    const bool list_of_values = value.is_array() && std::ranges::none_of(value, [](const Json& e) {
                                  return Structured(e);
                                });
    if (!Structured(value) || list_of_values || depth == kDepthMax) {
      at.value = value;
      leaves.emplace(key, std::move(at));
      return;
    }
    value.is_array() ? TakeList(key, at, value, depth) : TakeObject(key, at, value, depth);
  }
  std::map<std::string, Leaf> leaves;

 private:
  void TakeObject(const std::string& key, const Leaf& at, const Json& value, int depth) {
    for (const auto& [name, below] : value.items()) {
      Leaf next{Member(at.shown, name), at.steps, {}};
      next.steps.push_back({name, {}});
      Take(Member(key, name), std::move(next), below, depth + 1);
    }
  }
  void TakeList(const std::string& key, const Leaf& at, const Json& value, int depth) {
    const bool named = Named(value);
    for (std::size_t i = 0; i < value.size(); ++i) {
      const std::string place = "[" + std::to_string(i) + "]";
      Leaf next{at.shown + place, at.steps, {}};
      next.steps.push_back({"", value[i]});
      const std::string which =
          named ? "[name=" + GetString(value[i], {"name"}) + "]" : std::string(place);
      Take(key + which, std::move(next), value[i], depth + 1);
    }
  }
};

// "k:{…}" names an entry by some of its members.
bool NamesEntry(const std::string& key, const Json& entry) {
  if (!key.starts_with("k:")) return key.starts_with("i:");
  const auto members = ParseJson(std::string_view(key).substr(2));
  if (!members || !members->is_object()) return false;
  for (const auto& [name, value] : members->items()) {
    const Json* has = Find(entry, name);
    if (has == nullptr || *has != value) return false;
  }
  return true;
}

}  // namespace

std::map<std::string, Leaf> LeavesOf(std::string_view at, const Json& value) {
  Walk walk;
  Leaf root;
  std::string path;
  for (std::size_t from = 0; from <= at.size();) {
    const std::size_t to = std::min(at.find('.', from), at.size());
    const std::string name(at.substr(from, to - from));
    path = Member(path, name);
    root.steps.push_back({name, {}});
    from = to + 1;
  }
  root.shown = path;
  walk.Take(path, std::move(root), value, 0);
  return std::move(walk.leaves);
}

bool IsBelow(std::string_view path, std::string_view asked) {
  if (!path.starts_with(asked)) return false;
  return path.size() == asked.size() || path[asked.size()] == '.' || path[asked.size()] == '[';
}

bool Owns(const Json& fields, const std::vector<FieldStep>& steps) {
  const Json* at = &fields;
  for (const FieldStep& step : steps) {
    if (!at->is_object()) return false;
    if (at->empty()) return at != &fields;  // all below is one field
    if (!step.name.empty()) {
      at = Find(*at, "f:" + step.name);
      if (at == nullptr) return false;
      continue;
    }
    const Json* found = nullptr;
    for (const auto& [key, below] : at->items()) {
      if (NamesEntry(key, step.entry)) found = &below;
    }
    if (found == nullptr) return false;
    at = found;
  }
  return true;
}

}  // namespace pgo::cli
