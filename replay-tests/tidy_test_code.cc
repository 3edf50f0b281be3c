// Reading C++ well enough: literals blanked, function bodies found.
#include <algorithm>
#include <cctype>
#include <utility>

#include "replay-tests/tidy_test_rules.h"

namespace pgo::tidy {
namespace {

bool IsWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Blanks everything up to `end` but line breaks.
void Blank(std::string& text, std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < std::min(end, text.size()); ++i) {
    if (text[i] != '\n') text[i] = ' ';
  }
}

// One past the literal that opens at `at` with a quote.
std::size_t EndOfQuoted(std::string_view source, std::size_t at) {
  const char quote = source[at];
  for (std::size_t i = at + 1; i < source.size(); ++i) {
    if (source[i] == '\\') {
      ++i;
    } else if (source[i] == quote || source[i] == '\n') {
      return i + 1;
    }
  }
  return source.size();
}

std::size_t EndOfRaw(std::string_view source, std::size_t at) {
  const std::size_t open = source.find('(', at);
  if (open == std::string_view::npos) return source.size();
  const std::string close = ")" + std::string(source.substr(at + 1, open - at - 1)) + "\"";
  const std::size_t end = source.find(close, open);
  return end == std::string_view::npos ? source.size() : end + close.size();
}

// The name in front of the parameter list of "void Checker::Say(int a) const".
std::string NameOf(std::string_view head) {
  std::size_t end = head.find('(');
  while (end > 0 && std::isspace(static_cast<unsigned char>(head[end - 1])) != 0) --end;
  std::size_t begin = end;
  while (begin > 0 &&
         (IsWord(head[begin - 1]) || head[begin - 1] == ':' || head[begin - 1] == '~')) {
    --begin;
  }
  return std::string(head.substr(begin, end - begin));
}

bool HasWord(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + 1)) {
    const bool left = at == 0 || !IsWord(text[at - 1]);
    const std::size_t end = at + word.size();
    if (left && (end == text.size() || !IsWord(text[end]))) return true;
  }
  return false;
}

enum class Scope { kContainer, kFunction, kOther };

// True in front of the braces of a member's initialiser: `S(int a) : x_{a}`.
bool Initialises(std::string_view head) {
  const std::size_t last = head.find_last_not_of(" \n");
  if (last == std::string_view::npos || !IsWord(head[last])) return false;
  for (std::size_t i = head.find(')'); i < head.size(); ++i) {
    if (head[i] != ':') continue;
    if (i + 1 == head.size() || head[i + 1] != ':') return true;
    ++i;
  }
  return false;
}

// What a brace opens, from the text since the last statement's end.
Scope ScopeOf(std::string_view head) {
  const std::size_t paren = head.find('(');
  const std::string_view front = head.substr(0, paren);
  for (const std::string_view word : {"namespace", "class", "struct", "union", "extern"}) {
    if (HasWord(front, word) && (paren == std::string_view::npos || word == "namespace")) {
      return Scope::kContainer;
    }
  }
  if (paren == std::string_view::npos || HasWord(head, "enum") || Initialises(head)) {
    return Scope::kOther;
  }
  // `T name = …{` is a value; `operator=(…) {` and default arguments are not.
  const std::size_t equals = front.find('=');
  if (equals != std::string_view::npos && !HasWord(front, "operator")) return Scope::kOther;
  return Scope::kFunction;
}

// Finds function bodies: remembers where the last statement ended (head_) and what each open brace
// is.
class Scanner {
 public:
  explicit Scanner(std::string code) : code_(std::move(code)) {}

  std::vector<Function> Run() {
    for (at_ = 0; at_ < code_.size(); ++at_) {
      const char c = code_[at_];
      if (c == '\n') ++line_;
      if (SkipsDirective(c)) continue;
      if (c == '{') Open();
      if (c == '}' && !scopes_.empty()) Close();
      if (c == ';' && !inside_ && (scopes_.empty() || scopes_.back() == Scope::kContainer)) {
        head_ = at_ + 1;
      }
    }
    return std::move(out_);
  }

 private:
  bool SkipsDirective(char c) {
    if (c == '#' && !inside_) directive_ = true;
    const bool ends = directive_ && c == '\n' && code_[at_ - 1] != '\\';
    if (ends) directive_ = false;
    if (ends && !inside_) head_ = at_ + 1;
    return directive_;
  }
  void Open() {
    const std::string_view text = std::string_view(code_).substr(head_, at_ - head_);
    const Scope scope = inside_ ? Scope::kOther : ScopeOf(text);
    if (scope == Scope::kFunction) {
      const auto first = std::ranges::find_if(text, [](char x) { return x > ' '; });
      open_ = {NameOf(text), line_ - static_cast<int>(std::count(first, text.end(), '\n')), 0};
      depth_of_open_ = scopes_.size();
      inside_ = true;
    }
    if (scope == Scope::kContainer) head_ = at_ + 1;
    scopes_.push_back(scope);
  }
  void Close() {
    const Scope scope = scopes_.back();
    scopes_.pop_back();
    if (inside_ && scopes_.size() == depth_of_open_) {
      open_.length = line_ - open_.line + 1;
      out_.push_back(open_);
      inside_ = false;
    }
    // After a value's braces its statement goes on.
    if (!inside_ && scope != Scope::kOther) head_ = at_ + 1;
  }

  const std::string code_;
  std::vector<Function> out_;
  std::vector<Scope> scopes_;
  Function open_;
  std::size_t at_ = 0, head_ = 0, depth_of_open_ = 0;
  int line_ = 1;
  bool inside_ = false, directive_ = false;
};

}  // namespace

std::string Code(std::string_view source) {
  std::string out(source);
  for (std::size_t i = 0; i < source.size();) {
    std::size_t end = i + 1;
    const std::string_view rest = source.substr(i);
    if (rest.starts_with("//")) {
      end = std::min(source.find('\n', i), source.size());
      Blank(out, i, end);
    } else if (rest.starts_with("/*")) {
      const std::size_t close = source.find("*/", i + 2);
      end = close == std::string_view::npos ? source.size() : close + 2;
      Blank(out, i, end);
    } else if (rest.starts_with("R\"") && (i == 0 || !IsWord(source[i - 1]))) {
      end = EndOfRaw(source, i + 1);
      Blank(out, i + 2, end - 1);
    } else if (source[i] == '"' || (source[i] == '\'' && (i == 0 || !IsWord(source[i - 1])))) {
      end = EndOfQuoted(source, i);
      Blank(out, i + 1, end - 1);
    }
    i = end;
  }
  return out;
}

std::set<int> RawLines(std::string_view source) {
  const std::string code = Code(source);
  std::set<int> lines;
  for (std::size_t at = code.find("R\""); at != std::string::npos; at = code.find("R\"", at + 1)) {
    if (at > 0 && IsWord(code[at - 1])) continue;
    const std::size_t end = EndOfRaw(source, at + 1);
    const auto first = static_cast<int>(std::count(code.begin(), code.begin() + at, '\n')) + 1;
    const auto count = std::count(code.begin() + at, code.begin() + end, '\n');
    for (int line = first; line <= first + count; ++line) lines.insert(line);
  }
  return lines;
}

std::vector<Function> Functions(std::string_view source) { return Scanner(Code(source)).Run(); }

}  // namespace pgo::tidy
