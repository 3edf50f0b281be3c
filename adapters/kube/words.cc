#include "adapters/kube/words.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

namespace pgo::kube {
namespace {

constexpr auto kWords = std::to_array<std::string_view>({
#include "adapters/kube/words.inc"
});
static_assert(std::ranges::is_sorted(kWords));

constexpr std::string_view kLeftOut = "…";
constexpr std::size_t kDigitsMax = 5, kMarksMax = 3, kNameMax = 64, kTextMax = 256;
constexpr int kDepthMax = 8;

bool InWord(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) != 0 || c == '_' || byte >= 0x80;
}

// Where the run of characters that are, or are not, of words ends.
std::size_t RunEnd(std::string_view text, std::size_t at) {
  const bool word = InWord(text[at]);
  while (at < text.size() && InWord(text[at]) == word) ++at;
  return at;
}

std::set<std::string_view> WordsOf(std::string_view text) {
  std::set<std::string_view> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = RunEnd(text, at);
    if (InWord(text[at])) out.insert(text.substr(at, end - at));
    at = end;
  }
  return out;
}

bool IsNumber(std::string_view word) {
  return std::ranges::all_of(word, [](char c) { return c >= '0' && c <= '9'; });
}

bool Stays(std::string_view word, const std::set<std::string_view>& names) {
  if (IsNumber(word)) return word.size() <= kDigitsMax;
  std::string lower(word);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::ranges::binary_search(kWords, lower) || names.contains(word);
}

bool HasSpace(std::string_view marks) {
  return std::ranges::any_of(marks, [](unsigned char c) { return std::isspace(c) != 0; });
}

bool IsPosition(std::string_view text) {
  return text.size() <= 40 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') ||
                  std::string_view("/:.+-TZ _I").find(c) != std::string_view::npos;
         });
}

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= kNameMax && std::ranges::all_of(text, [](char c) {
    return (static_cast<unsigned char>(c) < 0x80 && InWord(c)) || c == '-';
  });
}

Json Plain(const Json& value, std::string_view names, int depth) {
  if (depth > kDepthMax) return nullptr;
  if (value.is_string()) {
    const std::string text = AsString(value);
    const bool plain = text.size() <= kTextMax && PlainWords(text, names) == text;
    return IsPosition(text) || plain ? value : Json("***");
  }
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& item : value) out.push_back(Plain(item, names, depth + 1));
    return out;
  }
  if (!value.is_object()) return value;
  Json out = Json::object();
  for (const auto& [name, member] : value.items()) {
    if (IsName(name)) out[name] = Plain(member, names, depth + 1);
  }
  return out;
}

}  // namespace

std::string PlainWords(std::string_view text, std::string_view names) {
  const std::set<std::string_view> known = WordsOf(names);
  std::string out, marks;
  bool left_out = false;  // the last word was
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = RunEnd(text, at);
    const std::string_view run = text.substr(at, end - at);
    at = end;
    if (!InWord(run.front())) {
      marks = run.substr(0, kMarksMax);
      continue;
    }
    const bool stays = Stays(run, known);
    // What is joined by marks alone is one thing: "x9f-77", "/a/b/c".
    const bool joined = left_out && !HasSpace(marks) && (!stays || IsNumber(run));
    if (!joined) out += marks + std::string(stays ? run : kLeftOut);
    left_out = joined || !stays;
    marks.clear();
  }
  return out + marks;
}

Json PlainResult(const Json& printed, std::string_view names) { return Plain(printed, names, 0); }

}  // namespace pgo::kube
