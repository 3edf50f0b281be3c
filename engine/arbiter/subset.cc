#include "engine/arbiter/subset.h"

#include <array>
#include <optional>

namespace pgo::arbiter {
namespace {

constexpr auto kKeys = std::to_array<std::string_view>(
    {"name", "mountPath", "uid", "type", "containerPort", "port", "key", "ip"});

// A decimal number times a unit, in thousandths, as two 64-bit halves would overflow rarely:
// amounts beyond 2^53 are compared as text instead.
std::optional<std::int64_t> Thousandths(const std::string& text) {
  std::size_t at = 0;
  std::int64_t value = 0;
  std::int64_t fraction = 0;
  std::int64_t scale = 1000;
  bool point = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.' && !point) {
      point = true;
    } else if (c < '0' || c > '9') {
      break;
    } else if (!point) {
      if (value > (INT64_C(1) << 43)) return std::nullopt;
      value = value * 10 + (c - '0');
    } else if (scale > 1) {
      scale /= 10;
      fraction += (c - '0') * scale;
    }
  }
  if (at == 0) return std::nullopt;
  const std::string unit = text.substr(at);
  if (unit == "m") return value;
  constexpr auto kUnits =
      std::to_array<std::pair<std::string_view, std::int64_t>>({{"", 1},
                                                                {"k", 1000},
                                                                {"M", 1000000},
                                                                {"G", 1000000000},
                                                                {"T", 1000000000000},
                                                                {"Ki", 1LL << 10},
                                                                {"Mi", 1LL << 20},
                                                                {"Gi", 1LL << 30},
                                                                {"Ti", 1LL << 40}});
  for (const auto& [name, factor] : kUnits) {
    if (unit != name) continue;
    if (value > INT64_MAX / 2000 / factor) return std::nullopt;
    return (value * 1000 + fraction) * factor;
  }
  return std::nullopt;
}

const Json* Matching(const Json& list, const Json& element) {
  for (const auto key : kKeys) {
    const Json* want = Find(element, key);
    if (want == nullptr) continue;
    for (const Json& candidate : list) {
      const Json* have = Find(candidate, key);
      if (have != nullptr && *have == *want) return &candidate;
    }
    return nullptr;
  }
  return nullptr;
}

bool IsKeyed(const Json& list) {
  if (list.empty()) return false;
  for (const Json& element : list) {
    bool keyed = false;
    for (const auto key : kKeys) keyed = keyed || Find(element, key) != nullptr;
    if (!keyed) return false;
  }
  return true;
}

void Compare(const Json& desired, const Json* live, const std::string& path,
             std::vector<std::string>& out);

void CompareList(const Json& desired, const Json& live, const std::string& path,
                 std::vector<std::string>& out) {
  if (!IsKeyed(desired)) {
    if (desired != live) out.push_back(path + "=" + DumpJson(live));
    return;
  }
  std::size_t index = 0;
  for (const Json& element : desired) {
    Compare(element, Matching(live, element), path + "[" + std::to_string(index++) + "]", out);
  }
}

bool SameScalar(const Json& desired, const Json& live) {
  if (desired == live) return true;
  const auto text = [](const Json& j) { return j.is_string() ? AsString(j) : DumpJson(j); };
  return SameQuantity(text(desired), text(live));
}

void Compare(const Json& desired, const Json* live, const std::string& path,
             std::vector<std::string>& out) {
  if (live == nullptr) {
    // Kubernetes drops empty members.
    if (!desired.is_null() && !(desired.is_structured() && desired.empty())) {
      out.push_back(path + "=");
    }
  } else if (desired.is_object() && live->is_object()) {
    for (const auto& [key, value] : desired.items()) {
      Compare(value, Find(*live, key), path + "." + key, out);
    }
  } else if (desired.is_array() && live->is_array()) {
    CompareList(desired, *live, path, out);
  } else if (!SameScalar(desired, *live)) {
    out.push_back(path + "=" + DumpJson(*live));
  }
}

}  // namespace

bool SameQuantity(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const auto x = Thousandths(a);
  return x && x == Thousandths(b);
}

std::vector<std::string> Residue(const Json& desired, const Json& live) {
  std::vector<std::string> out;
  Compare(desired, &live, "", out);
  return out;
}

}  // namespace pgo::arbiter
