#include "adapters/cli/documents.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <sstream>

#include "adapters/kube/file.h"

namespace pgo::cli {
namespace {

constexpr int kDepthMax = 100;
constexpr std::size_t kNodesMax = 1'000'000;  // aliases can name more than was written

bool LooksNumeric(const std::string& text) {
  return text.find_first_not_of("+-0123456789.eE") == std::string::npos &&
         text.find_first_of("0123456789") != std::string::npos;
}

// A plain scalar by YAML's core schema, as Kubernetes' own tools read it.
Json Scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") return text;  // quoted
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return nullptr;
  }
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  if (!LooksNumeric(text)) return text;
  char* end = nullptr;
  errno = 0;
  const long long whole = std::strtoll(text.c_str(), &end, 10);
  if (*end == '\0' && errno == 0) return whole;
  const double number = std::strtod(text.c_str(), &end);
  if (*end == '\0') return number;
  return text;
}

Json Convert(const YAML::Node& node, int depth, std::size_t& nodes) {
  if (++nodes > kNodesMax || depth > kDepthMax) {
    throw YAML::Exception(node.Mark(), "too large or nested too deeply");
  }
  if (!node.IsDefined() || node.IsNull()) return nullptr;
  if (node.IsScalar()) return Scalar(node);
  if (node.IsSequence()) {
    Json out = Json::array();
    for (const auto& item : node) out.push_back(Convert(item, depth + 1, nodes));
    return out;
  }
  Json out = Json::object();
  for (const auto& pair : node) out[pair.first.Scalar()] = Convert(pair.second, depth + 1, nodes);
  return out;
}

// yaml-cpp's LoadAll never ends where a token begins no document (","): it reads it as an empty one
// and stays before it. Each document must begin behind the one before.
class Advance final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (mark.pos <= last_) throw YAML::ParserException(mark, "nothing can begin here");
    last_ = mark.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  int last_ = -1;
};

std::vector<YAML::Node> LoadDocuments(const std::string& text) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  for (Advance advance; parser.HandleNextDocument(advance);) {
  }
  return YAML::LoadAll(text);
}

std::string Place(const std::string& name, std::size_t document) {
  return name + (document == 0 ? "" : ", document " + std::to_string(document + 1));
}

Status Take(Json document, const std::string& place, std::vector<Json>& out) {
  if (document.is_null()) return {};
  if (!document.is_object()) {
    return Fail(Code::kInvalid, place +
                                    ": is no object: a manifest is a mapping with apiVersion, "
                                    "kind and metadata.name");
  }
  if (GetString(document, {"kind"}) != "List") {
    out.push_back(std::move(document));
    return {};
  }
  for (const Json& item : GetArray(document, {"items"})) {
    if (auto taken = Take(item, place, out); !taken) return taken;
  }
  return {};
}

// Whether YAML would read the text as something else than this string.
bool NeedsQuotes(const std::string& text) {
  try {  // yaml-cpp reports by exception
    const YAML::Node node = YAML::Load(text);
    return !node.IsScalar() || node.Scalar() != text || !Scalar(node).is_string();
  } catch (const YAML::Exception&) {
    return true;
  }
}

void Emit(const Json& json, YAML::Emitter& out) {
  if (json.is_object()) {
    if (json.empty()) out << YAML::Flow;
    out << YAML::BeginMap;
    for (const auto& [key, value] : json.items()) {
      out << YAML::Key << key << YAML::Value;
      Emit(value, out);
    }
    out << YAML::EndMap;
  } else if (json.is_array()) {
    if (json.empty()) out << YAML::Flow;
    out << YAML::BeginSeq;
    for (const Json& item : json) Emit(item, out);
    out << YAML::EndSeq;
  } else if (json.is_string()) {
    const std::string text = AsString(json);
    if (text.find('\n') != std::string::npos) {
      out << YAML::DoubleQuoted << text;
    } else if (NeedsQuotes(text)) {
      out << YAML::DoubleQuoted << text;
    } else {
      out << text;
    }
  } else if (json.is_null()) {
    out << YAML::Null;
  } else {
    out << json.dump();
  }
}

// The reader's words repeat what it met, and that may be anything.
std::string Printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 32 || static_cast<unsigned char>(c) >= 127) c = '?';
  }
  return text;
}

bool IsUtf8(std::string_view text) {
  try {
    static_cast<void>(Json(text).dump());
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

}  // namespace

Result<std::vector<Json>> ReadDocuments(std::string_view text, const std::string& name) {
  std::vector<Json> out;
  if (!IsUtf8(text)) {
    return Fail(Code::kInvalid, name + ": is no text in UTF-8; save it as such");
  }
  if (auto json = ParseJson(text)) {
    if (auto taken = Take(*std::move(json), name, out); !taken) return Fail(taken.error());
    return out;
  }
  std::size_t at = 0;
  try {  // yaml-cpp reports by exception
    std::size_t nodes = 0;
    for (const YAML::Node& node : LoadDocuments(std::string(text))) {
      auto taken = Take(Convert(node, 0, nodes), Place(name, at++), out);
      if (!taken) return Fail(taken.error());
    }
  } catch (const YAML::Exception& problem) {
    return Fail(Code::kInvalid, name + ": line " + std::to_string(problem.mark.line + 1) +
                                    ": neither JSON nor YAML: " + Printable(problem.msg) +
                                    "; correct that line");
  }
  return out;
}

std::string YamlText(const Json& json) {
  YAML::Emitter out;
  out.SetIndent(2);
  Emit(json, out);
  return std::string(out.c_str()) + "\n";
}

Result<std::string> ReadInput(const std::string& path) {
  if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown)) {
    return Fail(Code::kInvalid, path + ": must be a file, and it is a directory; name its files");
  }
  return kube::ReadWholeFile(path);
}

}  // namespace pgo::cli
