// Label and field selectors of lists and watches.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/json.h"
#include "engine/base/result.h"

namespace pgo::local {

class Selector {
 public:
  // kInvalid, in words, for what is not a selector.
  static Result<Selector> Parse(std::string_view labels, std::string_view fields);
  // From a LabelSelector object (matchLabels, matchExpressions), or a plain map of labels.
  static Selector OfObject(const Json& selector);
  static Selector OfLabels(const Json& labels);

  [[nodiscard]] bool Matches(const Json& object) const;
  [[nodiscard]] bool Empty() const { return requirements_.empty() && fields_.empty(); }

 private:
  enum class Op { kIn, kNotIn, kExists, kAbsent };
  struct Requirement {
    std::string key;
    Op op = Op::kExists;
    std::vector<std::string> values;
  };
  struct Field {
    std::vector<std::string> path;
    std::string value;
    bool equal = true;
  };
  static Result<Requirement> ParseOne(std::string_view text);

  std::vector<Requirement> requirements_;
  std::vector<Field> fields_;
};

}  // namespace pgo::local
