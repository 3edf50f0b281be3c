#include "adapters/local/api/human.h"

#include <algorithm>

#include "adapters/local/store/meta.h"
#include "engine/base/ids.h"

namespace pgo::local {
namespace {

constexpr std::int64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour, kYear = 365 * kDay;

// "3h9m", "3h"
std::string Two(std::int64_t seconds, std::int64_t big, const char* name, std::int64_t small,
                const char* small_name) {
  const std::int64_t rest = seconds % big / small;
  return std::to_string(seconds / big) + name +
         (rest == 0 ? "" : std::to_string(rest) + small_name);
}

}  // namespace

std::string HumanDuration(std::int64_t seconds) {
  if (seconds < -1) return "<invalid>";
  seconds = std::max<std::int64_t>(seconds, 0);
  if (seconds < 2 * kMinute) return std::to_string(seconds) + "s";
  if (seconds < 10 * kMinute) return Two(seconds, kMinute, "m", 1, "s");
  if (seconds < 3 * kHour) return std::to_string(seconds / kMinute) + "m";
  if (seconds < 8 * kHour) return Two(seconds, kHour, "h", kMinute, "m");
  if (seconds < 2 * kDay) return std::to_string(seconds / kHour) + "h";
  if (seconds < 8 * kDay) return Two(seconds, kDay, "d", kHour, "h");
  if (seconds < 2 * kYear) return std::to_string(seconds / kDay) + "d";
  if (seconds < 8 * kYear) return Two(seconds, kYear, "y", kDay, "d");
  return std::to_string(seconds / kYear) + "y";
}

std::string Age(const std::string& timestamp) {
  const auto then = ParseWall(timestamp);
  return then ? HumanDuration((NowMicros() - *then) / kSecond) : "<unknown>";
}

std::string LabelText(const Json& labels) {
  std::string out;
  for (const auto& [key, value] : labels.items())
    out += (out.empty() ? "" : ",") + key + "=" + AsString(value);
  return out.empty() ? "<none>" : out;
}

std::string SelectorText(const Json& selector) {
  std::string out = LabelText(GetObject(selector, {"matchLabels"}));
  if (out == "<none>") out.clear();
  for (const Json& item : GetArray(selector, {"matchExpressions"})) {
    const std::string op = GetString(item, {"operator"}), key = GetString(item, {"key"});
    std::string text = op == "DoesNotExist" ? "!" + key : key;
    if (op == "In" || op == "NotIn") {
      std::string values;
      for (const Json& value : GetArray(item, {"values"}))
        values += (values.empty() ? "" : ",") + AsString(value);
      text += (op == "In" ? " in (" : " notin (") + values + ")";
    }
    out += (out.empty() ? "" : ",") + text;
  }
  return out.empty() ? "<none>" : out;
}

std::string AccessModes(const Json& modes) {
  std::string out;
  for (const auto& [mode, text] : {std::pair{"ReadWriteOnce", "RWO"},
                                   {"ReadOnlyMany", "ROX"},
                                   {"ReadWriteMany", "RWX"},
                                   {"ReadWriteOncePod", "RWOP"}}) {
    if (std::find(modes.begin(), modes.end(), mode) == modes.end()) continue;
    out += (out.empty() ? "" : ",") + std::string(text);
  }
  return out;
}

}  // namespace pgo::local
