#include "adapters/local/store/selector.h"

#include <algorithm>

namespace pgo::local {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Splits at commas that are not within parentheses.
std::vector<std::string_view> Parts(std::string_view text) {
  std::vector<std::string_view> out;
  int depth = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '(') ++depth;
    if (i < text.size() && text[i] == ')') --depth;
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      const auto part = Trim(text.substr(start, i - start));
      if (!part.empty()) out.push_back(part);
      start = i + 1;
    }
  }
  return out;
}

std::vector<std::string> Values(std::string_view list) {
  std::vector<std::string> out;
  while (true) {
    const auto comma = list.find(',');
    out.emplace_back(Trim(list.substr(0, comma)));
    if (comma == std::string_view::npos) return out;
    list.remove_prefix(comma + 1);
  }
}

std::vector<std::string> SplitPath(std::string_view path) {
  std::vector<std::string> out;
  while (true) {
    const auto dot = path.find('.');
    out.emplace_back(path.substr(0, dot));
    if (dot == std::string_view::npos) return out;
    path.remove_prefix(dot + 1);
  }
}

std::string ValueAt(const Json& object, const std::vector<std::string>& path) {
  const Json* at = &object;
  for (const std::string& name : path) {
    at = Find(*at, name);
    if (at == nullptr) return {};
  }
  return at->is_string() ? AsString(*at) : DumpJson(*at);
}

}  // namespace

Result<Selector::Requirement> Selector::ParseOne(std::string_view text) {
  Requirement out;
  if (text.front() == '!') {
    out.op = Op::kAbsent;
    out.key = Trim(text.substr(1));
    return out;
  }
  if (const auto open = text.find('('); open != std::string_view::npos) {
    const auto close = text.rfind(')');
    const auto head = Trim(text.substr(0, open));
    const auto blank = head.find(' ');
    if (close == std::string_view::npos || blank == std::string_view::npos) {
      return Fail(Code::kInvalid, "unable to parse requirement: " + std::string(text));
    }
    const auto word = Trim(head.substr(blank));
    if (word != "in" && word != "notin") {
      return Fail(Code::kInvalid, "unable to parse requirement: " + std::string(text));
    }
    out.key = head.substr(0, blank);
    out.op = word == "in" ? Op::kIn : Op::kNotIn;
    out.values = Values(text.substr(open + 1, close - open - 1));
    return out;
  }
  const auto equal = text.find('=');
  if (equal == std::string_view::npos) {
    out.key = text;
    if (out.key.find(' ') != std::string::npos) {
      return Fail(Code::kInvalid, "unable to parse requirement: " + std::string(text));
    }
    return out;
  }
  const bool negative = equal > 0 && text[equal - 1] == '!';
  const bool doubled = equal + 1 < text.size() && text[equal + 1] == '=';
  out.op = negative ? Op::kNotIn : Op::kIn;
  out.key = Trim(text.substr(0, equal - (negative ? 1 : 0)));
  out.values = {std::string(Trim(text.substr(equal + (doubled ? 2 : 1))))};
  return out;
}

Result<Selector> Selector::Parse(std::string_view labels, std::string_view fields) {
  Selector out;
  for (const auto part : Parts(labels)) {
    auto requirement = ParseOne(part);
    if (!requirement) return tl::unexpected(requirement.error());
    out.requirements_.push_back(*std::move(requirement));
  }
  for (const auto part : Parts(fields)) {
    const auto requirement = ParseOne(part);
    if (!requirement || requirement->values.size() != 1) {
      return Fail(Code::kInvalid, "invalid field selector: " + std::string(part));
    }
    out.fields_.push_back(
        {SplitPath(requirement->key), requirement->values.front(), requirement->op == Op::kIn});
  }
  return out;
}

Selector Selector::OfLabels(const Json& labels) {
  Selector out;
  if (!labels.is_object()) return out;
  for (const auto& [key, value] : labels.items()) {
    out.requirements_.push_back({key, Op::kIn, {AsString(value)}});
  }
  return out;
}

Selector Selector::OfObject(const Json& selector) {
  Selector out = OfLabels(GetObject(selector, {"matchLabels"}));
  for (const Json& expression : GetArray(selector, {"matchExpressions"})) {
    const std::string word = GetString(expression, {"operator"});
    Requirement requirement{GetString(expression, {"key"}), Op::kExists, {}};
    if (word == "In") requirement.op = Op::kIn;
    if (word == "NotIn") requirement.op = Op::kNotIn;
    if (word == "DoesNotExist") requirement.op = Op::kAbsent;
    for (const Json& value : GetArray(expression, {"values"})) {
      requirement.values.push_back(AsString(value));
    }
    out.requirements_.push_back(std::move(requirement));
  }
  return out;
}

bool Selector::Matches(const Json& object) const {
  const Json& labels = GetObject(object, {"metadata", "labels"});
  for (const Requirement& requirement : requirements_) {
    const Json* at = Find(labels, requirement.key);
    const bool listed =
        at != nullptr && std::find(requirement.values.begin(), requirement.values.end(),
                                   AsString(*at)) != requirement.values.end();
    const bool fits = requirement.op == Op::kIn       ? listed
                      : requirement.op == Op::kNotIn  ? !listed
                      : requirement.op == Op::kExists ? at != nullptr
                                                      : at == nullptr;
    if (!fits) return false;
  }
  for (const Field& field : fields_) {
    if ((ValueAt(object, field.path) == field.value) != field.equal) return false;
  }
  return true;
}

}  // namespace pgo::local
