#include <algorithm>
#include <set>

#include "engine/cluster/schema.h"
#include "engine/cluster/spec_check.h"

namespace pgo::cluster::rules {
namespace {

using schema::Kind;
using schema::kOpen;
using schema::Shape;

std::string Shortened(std::string text) {
  constexpr std::size_t kMax = 60;
  if (text.size() <= kMax) return text;
  std::size_t cut = kMax;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return text.substr(0, cut) + "…";
}

std::string Shown(const Json& value) {
  const std::string text = value.is_string() ? AsString(value) : DumpJson(value);
  return text.empty() ? "\"\"" : Shortened(text);
}

// What stands in a journaled manifest where a credential seemed to be: the API server has judged
// it.
constexpr std::string_view kMasked = "***";

class Walker {
 public:
  Walker(Checker& check, bool v1) : check_(check), v1_(v1) {}

  void Object(const Json& value, const schema::TypeRow& type, const std::string& path) {
    if (!value.is_object()) return check_.Say(path, &value, kObject, Show::kNothing);
    for (const auto& field : schema::FieldsOf(type)) {
      const Json* member = Checker::Member(value, field.name);
      const std::string at = Below(path, field.name);
      if (member != nullptr) {
        Value(*member, schema::ShapeOf(field), at, field.secret ? Show::kNothing : Show::kValue);
      } else if (field.required) {
        check_.Say(at, nullptr, kRequired);
      }
    }
    if (!type.base.empty()) CheckRules(check_, type.base, value, path, v1_);
    CheckRules(check_, type.name, value, path, v1_);
  }

 private:
  void Value(const Json& value, const Shape& shape, const std::string& path, Show show) {
    switch (shape.kind) {
      case Kind::kObject:
        return Object(value, schema::TypeOf(shape), path);
      case Kind::kAny:
        if (!value.is_object()) check_.Say(path, &value, kObject, Show::kNothing);
        return;
      case Kind::kList:
        return List(value, shape, path, show);
      case Kind::kMap:
        return Map(value, shape, path, show);
      case Kind::kText:
      case Kind::kWord:
        return Text(value, shape, path, show);
      case Kind::kInt:
      case Kind::kInt32:
        return Number(value, shape, path, show);
      case Kind::kFlag:
        if (!value.is_boolean()) check_.Say(path, &value, kFlag, show);
        return;
      case Kind::kScalar:
        if (!value.is_string() && !value.is_number_integer()) {
          return check_.Say(path, &value, kTextOrNumber, show);
        }
        if (value.is_string()) Form(value, shape, path, show);
        return;
    }
  }

  void Number(const Json& value, const Shape& shape, const std::string& path, Show show) {
    if (!value.is_number_integer()) return check_.Say(path, &value, kWholeNumber, show);
    const std::int64_t least = shape.kind == Kind::kInt32 ? INT32_MIN : INT64_MIN + 1;
    const std::int64_t most = shape.kind == Kind::kInt32 ? INT32_MAX : INT64_MAX;
    // A number too large for 64 bits reads as the default.
    const std::int64_t n = AsInt(value, INT64_MIN);
    const std::string low = std::to_string(shape.low), high = std::to_string(shape.high);
    const bool below = n < (shape.low == kOpen ? least : shape.low) && n != INT64_MIN;
    const bool above = n == INT64_MIN || n > (shape.high == kOpen ? most : shape.high);
    if (!below && !above) return;
    if (shape.low != kOpen && shape.high != kOpen) {
      const std::string rule = "must be from " + low + " to " + high;
      check_.Say(path, &value, {rule, "choose a number in that range"}, show);
    } else if (shape.low != kOpen && below) {
      const std::string rule = "must be at least " + low, mend = "set it to " + low + " or more";
      check_.Say(path, &value, {rule, mend}, show);
    } else {
      check_.Say(path, &value, shape.kind == Kind::kInt32 ? kNumber32 : kNumber64, show);
    }
  }

  void Text(const Json& value, const Shape& shape, const std::string& path, Show show) {
    if (!value.is_string()) return check_.Say(path, &value, kText, show);
    const std::string text = AsString(value);
    if (shape.kind == Kind::kWord) return Word(value, text, shape, path);
    const auto size = static_cast<std::int64_t>(Characters(text));
    if (shape.high != kOpen && size > shape.high) {
      const std::string rule = "must have at most " + std::to_string(shape.high) + " characters";
      return check_.Say(path, &value, {rule, "shorten it"}, show);
    }
    if (shape.low != kOpen && size < shape.low) {
      const std::string rule = "must have at least " + std::to_string(shape.low) +
                               (shape.low == 1 ? " character" : " characters");
      return check_.Say(path, &value, {rule, "write more, or remove the field"}, show);
    }
    Form(value, shape, path, show);
  }

  void Word(const Json& value, const std::string& text, const Shape& shape,
            const std::string& path) {
    std::string list, word;
    for (const char c : std::string(shape.words) + ",") {
      if (c != ',') {
        word += c;
        continue;
      }
      if (word == text) return;
      list += (list.empty() ? "" : ", ") + word;
      word.clear();
    }
    const std::string rule = "must be one of: " + list;
    check_.Say(path, &value, {rule, "choose one of them"});
  }

  void Form(const Json& value, const Shape& shape, const std::string& path, Show show) {
    const std::string text = AsString(value);
    if (text == kMasked || schema::Fits(shape.format, text)) return;
    const auto& words = schema::WordsOf(shape.format);
    check_.Say(path, &value, {words.rule, words.mend}, show);
  }

  void Entries(std::size_t size, const Shape& shape, const std::string& path) {
    const std::int64_t high = v1_ && shape.high_v1 != kOpen ? shape.high_v1 : shape.high;
    const auto n = static_cast<std::int64_t>(size);
    const Json count(size);
    if (high != kOpen && n > high) {
      const std::string rule = "must have at most " + std::to_string(high) + " entries";
      check_.Say(path, &count, {rule, "remove some"});
    } else if (shape.low != kOpen && n < shape.low) {
      const std::string rule = "must have at least " + std::to_string(shape.low) +
                               (shape.low == 1 ? " entry" : " entries");
      check_.Say(path, &count, {rule, "add one, or remove the field"});
    }
  }

  void List(const Json& value, const Shape& shape, const std::string& path, Show show) {
    if (!value.is_array()) return check_.Say(path, &value, kList, Show::kNothing);
    Entries(value.size(), shape, path);
    std::set<std::string> seen;
    for (std::size_t i = 0; i < value.size(); ++i) {
      Value(value[i], schema::InnerOf(shape), Item(path, i), show);
      if (shape.words.empty() || seen.insert(KeyOf(value[i], shape.words)).second) continue;
      const Json* name = shape.words == "*" ? &value[i] : Find(value[i], shape.words);
      const std::string at = Item(path, i);
      check_.Say(shape.words == "*" || name == nullptr ? at : Below(at, shape.words), name, kUnique,
                 show);
    }
  }

  // What must be unique in a list: the entry itself, or its members of these names.
  static std::string KeyOf(const Json& entry, std::string_view words) {
    if (words == "*") return DumpJson(entry);
    std::string key;
    for (std::size_t at = 0; at <= words.size();) {
      const std::size_t end = std::min(words.find(',', at), words.size());
      const Json* member = Find(entry, words.substr(at, end - at));
      key += (member == nullptr ? "\"\"" : DumpJson(*member)) + ",";
      at = end + 1;
    }
    return key;
  }

  void Map(const Json& value, const Shape& shape, const std::string& path, Show show) {
    if (!value.is_object()) return check_.Say(path, &value, kObject, Show::kNothing);
    const auto null = [](const Json& member) { return member.is_null(); };
    const auto nulls = std::ranges::count_if(value, null);  // which are as good as absent
    Entries(value.size() - static_cast<std::size_t>(nulls), shape, path);
    for (const auto& [key, member] : value.items()) {
      if (!member.is_null()) Value(member, schema::InnerOf(shape), Below(path, key), show);
    }
  }

  Checker& check_;
  bool v1_;
};

}  // namespace

void Checker::Say(std::string field, const Json* value, const Rule& rule, Show show) {
  std::string shown;
  if (value != nullptr) {
    const bool hidden = show == Show::kNothing || value->is_structured();
    shown = hidden ? "(not shown)" : Shown(*value);
  }
  problems_.push_back(
      {std::move(field), std::move(shown), std::string(rule.rule), std::string(rule.mend)});
}

std::string Below(const std::string& path, std::string_view key) {
  return path + "." + Shortened(std::string(key));
}

std::string Item(const std::string& path, std::size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

std::size_t Characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void CheckShapes(Checker& check, const Json& spec, bool v1) {
  Walker(check, v1).Object(spec, schema::SpecType(), "spec");
}

}  // namespace pgo::cluster::rules
