// One FIELDS line per struct gives it JSON in and out, equality of what is kept, and a digest.
//
//   struct Lock { std::string leader; Seq seq; PGO_FIELDS(Lock, leader, seq) };
//
// The written form omits members that equal their default, so a field added later leaves old bytes
// as they were. Reading is total: an unknown member is passed over, a missing one or one of the
// wrong type keeps its default. A member that is not listed does not compile (counted below).
// Enums are written as words: give them a table with PGO_ENUM_NAMES at namespace scope.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/json.h"

namespace pgo {

template <typename E>
struct EnumNames;  // specialised by PGO_ENUM_NAMES

#define PGO_ENUM_NAMES(Enum, ...)                                                  \
  template <>                                                                      \
  struct pgo::EnumNames<Enum> {                                                    \
    static constexpr auto kNames = std::to_array<std::string_view>({__VA_ARGS__}); \
  }

template <typename E>
std::string_view NameOf(E value) {
  const auto index = static_cast<std::size_t>(value);
  const auto& names = EnumNames<E>::kNames;
  return index < names.size() ? names[index] : std::string_view("?");
}
template <typename E>
std::optional<E> EnumOf(std::string_view name) {
  const auto& names = EnumNames<E>::kNames;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<E>(i);
  }
  return std::nullopt;
}

namespace fields {

struct Any {
  template <typename T>
  operator T() const;  // NOLINT: only for counting, never defined
};
template <typename T, std::size_t... I>
consteval bool BracesTake(std::index_sequence<I...>) {
  return requires { T{(static_cast<void>(I), Any{})...}; };
}
template <typename T, std::size_t N = 0>
consteval std::size_t Count() {
  if constexpr (!BracesTake<T>(std::make_index_sequence<N + 1>{})) {
    return N;
  } else {
    return Count<T, N + 1>();
  }
}

// {"name":text,…}; names are C++ identifiers.
std::string JoinMembers(const std::map<std::string_view, std::string>& members);

template <typename T>
concept HasFields = requires { typename T::FieldsOf; };

template <typename T>
Json Write(const T& value);
template <typename T>
bool Read(const Json& json, T& value);

template <typename T>
struct Codec;  // the built-in kinds, below

template <typename T>
  requires HasFields<T>
struct Codec<T> {
  static Json Write(const T& value) {
    Json out = Json::object();
    const T otherwise{};
    T::VisitFields([&](std::string_view name, auto member) {
      if (!(value.*member == otherwise.*member)) {
        out[std::string(name)] = fields::Write(value.*member);
      }
    });
    return out;
  }
  static bool Read(const Json& json, T& value) {
    if (!json.is_object()) return false;
    T::VisitFields([&](std::string_view name, auto member) {
      const Json* at = Find(json, name);
      if (at != nullptr) static_cast<void>(fields::Read(*at, value.*member));
    });
    return true;
  }
};

template <>
struct Codec<bool> {
  static Json Write(bool value) { return value; }
  static bool Read(const Json& json, bool& value) {
    const bool* at = json.get_ptr<const bool*>();
    if (at != nullptr) value = *at;
    return at != nullptr;
  }
};
template <typename T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
struct Codec<T> {
  static Json Write(T value) { return value; }
  static bool Read(const Json& json, T& value) {
    if (!json.is_number_integer()) return false;
    value = static_cast<T>(AsInt(json));
    return true;
  }
};
template <typename T>
  requires std::is_enum_v<T>
struct Codec<T> {
  static Json Write(T value) { return std::string(NameOf(value)); }
  static bool Read(const Json& json, T& value) {
    const auto found = EnumOf<T>(AsString(json));
    if (found) value = *found;
    return found.has_value();
  }
};
template <>
struct Codec<std::string> {
  static Json Write(const std::string& value) { return value; }
  static bool Read(const Json& json, std::string& value) {
    const auto* at = json.get_ptr<const std::string*>();
    if (at != nullptr) value = *at;
    return at != nullptr;
  }
};
template <>
struct Codec<Json> {
  static Json Write(const Json& value) { return value; }
  static bool Read(const Json& json, Json& value) {
    value = json;
    return true;
  }
};
template <typename T, typename Tag>
struct Codec<Named<T, Tag>> {
  static Json Write(const Named<T, Tag>& value) { return fields::Write(value.value()); }
  static bool Read(const Json& json, Named<T, Tag>& value) {
    T inner{};
    if (!fields::Read(json, inner)) return false;
    value = Named<T, Tag>(std::move(inner));
    return true;
  }
};
template <typename T>
struct Codec<std::optional<T>> {
  static Json Write(const std::optional<T>& value) {
    return value ? fields::Write(*value) : Json(nullptr);
  }
  static bool Read(const Json& json, std::optional<T>& value) {
    if (json.is_null()) return true;
    T inner{};
    if (!fields::Read(json, inner)) return false;
    value = std::move(inner);
    return true;
  }
};
template <typename T>
struct Codec<std::vector<T>> {
  static Json Write(const std::vector<T>& value) {
    Json out = Json::array();
    for (const T& item : value) out.push_back(fields::Write(item));
    return out;
  }
  static bool Read(const Json& json, std::vector<T>& value) {
    if (!json.is_array()) return false;
    for (const Json& item : json) {
      T inner{};
      if (fields::Read(item, inner)) value.push_back(std::move(inner));
    }
    return true;
  }
};
template <typename T>
struct Codec<std::map<std::string, T>> {
  static Json Write(const std::map<std::string, T>& value) {
    Json out = Json::object();
    for (const auto& [key, item] : value) out[key] = fields::Write(item);
    return out;
  }
  static bool Read(const Json& json, std::map<std::string, T>& value) {
    if (!json.is_object()) return false;
    for (const auto& [key, item] : json.items()) {
      T inner{};
      if (fields::Read(item, inner)) value.insert_or_assign(key, std::move(inner));
    }
    return true;
  }
};

template <typename T>
Json Write(const T& value) {
  return Codec<T>::Write(value);
}
template <typename T>
std::string Print(const T& value) {
  if constexpr (std::is_same_v<T, Json>) {
    return DumpJson(value);
  } else if constexpr (HasFields<T>) {
    std::map<std::string_view, std::string> members;  // sorted, as Json has them
    const T otherwise{};
    T::VisitFields([&](std::string_view name, auto member) {
      if (!(value.*member == otherwise.*member)) members[name] = fields::Print(value.*member);
    });
    return JoinMembers(members);
  } else {
    return DumpJson(Write(value));
  }
}
template <typename T>
bool Read(const Json& json, T& value) {
  return Codec<T>::Read(json, value);
}

}  // namespace fields

template <typename T>
Json ToJson(const T& value) {
  return fields::Write(value);
}
// DumpJson(ToJson(value)), without making the tree of it: for records, which hold whole objects.
template <typename T>
std::string ToText(const T& value) {
  return fields::Print(value);
}
template <typename T>
T FromJson(const Json& json) {
  T value{};
  static_cast<void>(fields::Read(json, value));
  return value;
}

// The preprocessor's loop over member names.
#define PGO_PARENS ()
#define PGO_EXPAND(...) PGO_EXPAND3(PGO_EXPAND3(PGO_EXPAND3(__VA_ARGS__)))
#define PGO_EXPAND3(...) PGO_EXPAND2(PGO_EXPAND2(PGO_EXPAND2(__VA_ARGS__)))
#define PGO_EXPAND2(...) PGO_EXPAND1(PGO_EXPAND1(PGO_EXPAND1(__VA_ARGS__)))
#define PGO_EXPAND1(...) __VA_ARGS__
#define PGO_EACH(macro, T, ...) __VA_OPT__(PGO_EXPAND(PGO_EACH_NEXT(macro, T, __VA_ARGS__)))
#define PGO_EACH_NEXT(macro, T, member, ...) \
  macro(T, member) __VA_OPT__(PGO_EACH_AGAIN PGO_PARENS(macro, T, __VA_ARGS__))
#define PGO_EACH_AGAIN() PGO_EACH_NEXT
#define PGO_VISIT_FIELD(T, member) visit(#member, &T::member);
#define PGO_COUNT_FIELD(T, member) +1

// Inside the struct, after its members.
#define PGO_FIELDS(T, ...)                                                                  \
  using FieldsOf = T;                                                                       \
  template <typename Visit>                                                                 \
  static void VisitFields(Visit&& visit) {                                                  \
    static_assert(::pgo::fields::Count<T>() == 0 PGO_EACH(PGO_COUNT_FIELD, T, __VA_ARGS__), \
                  "PGO_FIELDS of " #T " does not list every member");                       \
    PGO_EACH(PGO_VISIT_FIELD, T, __VA_ARGS__)                                               \
  }                                                                                         \
  bool operator==(const T&) const = default;

}  // namespace pgo
