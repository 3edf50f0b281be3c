#include "adapters/local/api/body.h"

#include <yaml-cpp/yaml.h>

#include <cstdlib>

#include "adapters/local/store/meta.h"

namespace pgo::local {
namespace {

constexpr int kDepthMax = 100;

Json Scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") return text;  // quoted
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL")
    return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const bool numeric = text.find_first_not_of("+-0123456789.eE") == std::string::npos &&
                       text.find_first_of("0123456789") != std::string::npos;
  if (!numeric) return text;
  char* end = nullptr;
  const long long whole = std::strtoll(text.c_str(), &end, 10);
  if (*end == '\0') return whole;
  const double number = std::strtod(text.c_str(), &end);
  if (*end == '\0') return number;
  return text;
}

Json Convert(const YAML::Node& node, int depth) {
  if (depth > kDepthMax || !node.IsDefined() || node.IsNull()) return nullptr;
  if (node.IsScalar()) return Scalar(node);
  if (node.IsSequence()) {
    Json out = Json::array();
    for (const auto& item : node) out.push_back(Convert(item, depth + 1));
    return out;
  }
  Json out = Json::object();
  for (const auto& pair : node) out[pair.first.Scalar()] = Convert(pair.second, depth + 1);
  return out;
}

}  // namespace

Answer<Json> ReadBody(const std::string& body) {
  if (auto json = ParseJson(body)) return *std::move(json);
  try {  // yaml-cpp reports by exception
    Json out = Convert(YAML::Load(body), 0);
    if (out.is_object() || out.is_array()) return out;
  } catch (const YAML::Exception&) {
    return tl::unexpected(BadRequest("the body of the request is neither JSON nor YAML"));
  }
  return tl::unexpected(BadRequest("the body of the request is not an object"));
}

}  // namespace pgo::local
