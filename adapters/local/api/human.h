// How Kubernetes writes values in tables. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/json.h"

namespace pgo::local {

// "38s", "2m5s", "38m", "3h9m", "2d21h", "2d", "4y12d": how kubectl shows spans of time.
std::string HumanDuration(std::int64_t seconds);
// How long ago a time stamp was; "<unknown>" if it is none.
std::string Age(const std::string& timestamp);
// "a=b,c=d"; "<none>" if there is none.
std::string LabelText(const Json& labels);
// A LabelSelector object likewise: "app=x,tier in (a,b)".
std::string SelectorText(const Json& selector);
// "RWO,RWX"
std::string AccessModes(const Json& modes);

}  // namespace pgo::local
