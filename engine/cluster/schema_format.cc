#include <algorithm>
#include <array>
#include <utility>

#include "engine/cluster/schema.h"

namespace pgo::cluster::schema {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

bool Digit(char c) { return c >= '0' && c <= '9'; }
bool Lower(char c) { return c >= 'a' && c <= 'z'; }
bool Letter(char c) { return Lower(c) || (c >= 'A' && c <= 'Z'); }

bool LowerOrDigit(char c) { return Lower(c) || Digit(c); }
bool LabelCharacter(char c) { return LowerOrDigit(c) || c == '-'; }
bool KeyCharacter(char c) { return Letter(c) || Digit(c) || c == '-' || c == '_' || c == '.'; }
bool Printable(char c) { return c >= ' ' && c <= '~'; }
// Beyond ASCII anything goes.
bool QueryCharacter(char c) {
  const bool control = (c >= '\0' && c <= ' ') || c == '\x7f';
  return !control && std::string_view("$+<=>^`|~").find(c) == std::string_view::npos;
}

template <typename Test>
bool All(std::string_view text, Test test) {
  return !text.empty() && std::ranges::all_of(text, test);
}

bool Label(std::string_view text) {
  return All(text, LabelCharacter) && text.front() != '-' && text.back() != '-';
}

bool Subdomain(std::string_view text) {
  while (true) {
    const std::size_t dot = text.find('.');
    if (!Label(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

// Takes what `test` holds for off the front; how many characters that were.
template <typename Test>
std::size_t Skip(std::string_view& text, Test test) {
  std::size_t n = 0;
  while (n < text.size() && test(text[n])) ++n;
  text.remove_prefix(n);
  return n;
}

bool SkipOne(std::string_view& text, std::string_view of) {
  if (text.empty() || of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// digits[.[digits]] or .digits
bool SkipNumber(std::string_view& text) {
  const std::size_t whole = Skip(text, Digit);
  if (!SkipOne(text, ".")) return whole > 0;
  return Skip(text, Digit) > 0 || whole > 0;
}

bool Quantity(std::string_view text) {
  SkipOne(text, "+-");
  if (!SkipNumber(text)) return false;
  if (text.empty()) return true;
  const char unit = text.front();
  text.remove_prefix(1);
  if (text.empty()) return std::string_view("numkMGTPE").find(unit) != std::string_view::npos;
  if (text == "i") return std::string_view("KMGTPE").find(unit) != std::string_view::npos;
  if (unit != 'e' && unit != 'E') return false;
  SkipOne(text, "+-");
  return SkipNumber(text) && text.empty();
}

struct Unit {
  std::string_view name;
  std::int64_t ms;
  bool plural;  // an s may follow
};
constexpr std::int64_t kSecond = 1000, kMinute = 60 * kSecond, kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour, kWeek = 7 * kDay;
constexpr std::array kShort{Unit{"ms", 1, false},      Unit{"milli", 1, true},
                            Unit{"s", kSecond, false}, Unit{"sec", kSecond, true},
                            Unit{"m", kMinute, false}, Unit{"min", kMinute, true}};
constexpr std::array kLong{Unit{"h", kHour, false},   Unit{"hr", kHour, false},
                           Unit{"hour", kHour, true}, Unit{"d", kDay, false},
                           Unit{"day", kDay, true},   Unit{"w", kWeek, false},
                           Unit{"wk", kWeek, false},  Unit{"week", kWeek, true}};

std::int64_t MsOf(std::string_view word, std::span<const Unit> units) {
  const auto is = [&](std::string_view name) {
    return std::ranges::equal(word, name, [](char a, char b) { return (a | 0x20) == b; });
  };
  for (const Unit& unit : units) {
    if (is(unit.name)) return unit.ms;
  }
  const bool plural = !word.empty() && (word.back() | 0x20) == 's';
  for (const Unit& unit : units) {
    if (plural && unit.plural &&
        std::ranges::equal(word.substr(0, word.size() - 1), unit.name,
                           [](char a, char b) { return (a | 0x20) == b; })) {
      return unit.ms;
    }
  }
  return -1;
}

// Numbers with a unit each, spaces between them; -1 if it is anything else.
std::int64_t Sum(std::string_view text, std::span<const Unit> units) {
  const auto space = [](char c) { return c == ' '; };
  if (text.starts_with("PT")) text.remove_prefix(2);
  std::int64_t sum = 0;
  if (text.empty()) return -1;
  while (!text.empty()) {
    Skip(text, space);
    const std::string_view from = text;
    const std::size_t digits = Skip(text, Digit);
    Skip(text, space);
    const std::string_view word = text;
    const std::int64_t ms = MsOf(word.substr(0, Skip(text, Letter)), units);
    if (digits == 0 || ms < 0) return -1;
    std::int64_t n = 0;
    for (const char c : from.substr(0, digits))
      n = n > kMost / 10 - 10 ? kMost : n * 10 + (c - '0');
    sum = n > (kMost - sum) / ms ? kMost : sum + n * ms;
  }
  return sum;
}

}  // namespace

const FieldRow* FindField(const TypeRow& type, std::string_view name) {
  const auto fields = FieldsOf(type);
  const auto at = std::ranges::lower_bound(fields, name, {}, &FieldRow::name);
  return at == fields.end() || at->name != name ? nullptr : &*at;
}

std::int64_t DurationMs(std::string_view text) {
  if (text == "0") return 0;
  const std::int64_t ms = Sum(text, kShort);
  return ms >= 0 ? ms : Sum(text, kLong);
}

bool Fits(Format format, std::string_view text) {
  switch (format) {
    case Format::kNone:
      return true;
    case Format::kLabel:
      return Label(text);
    case Format::kLabelOrNone:
      return text.empty() || Label(text);
    case Format::kSubdomain:
      return Subdomain(text);
    case Format::kLetters:
      return All(text, LowerOrDigit) && Lower(text.front());
    case Format::kWord:
      return All(text, LabelCharacter);
    case Format::kKey:
      return All(text, KeyCharacter);
    case Format::kRepo:
      return text.starts_with("repo") && text.size() > 4 && text[4] >= '1' && text[4] <= '4';
    case Format::kPrintable:
      return All(text, Printable);
    case Format::kNoSemicolon:
      return text.find(';') == std::string_view::npos;
    case Format::kQueryName:
      return All(text, QueryCharacter);
    case Format::kQuantity:
      return Quantity(text);
    case Format::kShortDuration:
      return text == "0" || Sum(text, kShort) >= 0;
    case Format::kLongDuration:
      return Sum(text, kLong) >= 0;
  }
  return false;
}

}  // namespace pgo::cluster::schema
