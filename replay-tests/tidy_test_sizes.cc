#include <algorithm>
#include <sstream>

#include "replay-tests/tidy_test_rules.h"

namespace pgo::tidy {
namespace {

constexpr int kFunctionHard = 70, kFunctionBudget = 40;
constexpr int kFileHard = 600, kFileBudget = 400;
constexpr std::size_t kColumns = 100;

using Words = std::vector<std::string>;

bool IsSource(std::string_view path) { return path.ends_with(".cc") || path.ends_with(".h"); }

Words Lines(std::string_view text) {
  Words out;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

Finding TooLong(const std::string& path, const Function& f) {
  return {path, f.line,
          f.name + " has " + std::to_string(f.length) + " lines, more than " +
              std::to_string(kFunctionHard) + "; split it"};
}

// Long lines of a file, said once: one command mends them all.
void CheckLines(const std::string& path, const Words& lines, const std::set<int>& raw,
                std::vector<Finding>& out) {
  int number = 0, first = 0, count = 0;
  for (const std::string& line : lines) {
    ++number;
    const auto columns = static_cast<std::size_t>(std::ranges::count_if(
        line, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
    if (columns <= kColumns || raw.contains(number)) continue;
    if (count++ == 0) first = number;
  }
  if (count == 0) return;
  out.push_back({path, first,
                 std::to_string(count) + " lines from here on have more than " +
                     std::to_string(kColumns) + " columns; run clang-format-19 -i"});
}

}  // namespace

std::vector<Finding> CheckSizes(const Files& files) {
  std::vector<Finding> out;
  for (const auto& [path, source] : files) {
    if (!IsSource(path)) continue;
    const Words lines = Lines(source);
    if (lines.size() > kFileHard) {
      out.push_back({path, 0,
                     std::to_string(lines.size()) + " lines, more than " +
                         std::to_string(kFileHard) + "; split the file"});
    }
    CheckLines(path, lines, RawLines(source), out);
    for (const Function& f : Functions(source)) {
      if (f.length > kFunctionHard) out.push_back(TooLong(path, f));
    }
  }
  return out;
}

std::vector<std::string> OverBudget(const Files& files) {
  std::vector<std::string> out;
  for (const auto& [path, source] : files) {
    if (!IsSource(path)) continue;
    const auto lines = Lines(source).size();
    if (lines > kFileBudget) out.push_back(path + " " + std::to_string(lines));
    for (const Function& f : Functions(source)) {
      if (f.length > kFunctionBudget) {
        out.push_back(path + ":" + f.name + " " + std::to_string(f.length));
      }
    }
  }
  std::ranges::sort(out);
  return out;
}

std::vector<Finding> CheckBudget(const Files& files, std::string_view allowed) {
  const auto parse = [](const Words& lines) {
    std::map<std::string, int> sizes;
    for (const std::string& line : lines) {
      const std::size_t space = line.rfind(' ');
      if (space == std::string::npos || line.starts_with('#')) continue;
      int& size = sizes[line.substr(0, space)];  // overloads share a name: the longest counts
      size = std::max(size, std::atoi(line.c_str() + space));
    }
    return sizes;
  };
  const auto now = parse(OverBudget(files)), list = parse(Lines(allowed));
  std::vector<Finding> out;
  for (const auto& [name, size] : now) {
    const auto listed = list.find(name);
    const int most = listed == list.end() ? 0 : listed->second;
    if (size <= most) continue;
    const bool function =
        name.find(".cc:") != std::string::npos || name.find(".h:") != std::string::npos;
    out.push_back({name, 0,
                   std::to_string(size) + " lines, more than " +
                       std::to_string(std::max(most, function ? kFunctionBudget : kFileBudget)) +
                       "; split it"});
  }
  for (const auto& [name, size] : list) {
    const auto it = now.find(name);
    if (it != now.end() && it->second >= size) continue;
    out.push_back({name, 0, "is shorter than the budget says: run PGO_TIDY_REWRITE=1 tidy_test"});
  }
  return out;
}

}  // namespace pgo::tidy
