// The repository's rules, as a function over a map of files: which folder may import which, what
// the engine may not know, how long things may be. tidy_test.cc runs it over the tree, and over
// snippets that break each rule.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pgo::tidy {

using Files = std::map<std::string, std::string>;  // path from the root → content

struct Finding {
  std::string path;
  int line = 0;  // 0 is the file as a whole
  std::string text;
  bool operator==(const Finding&) const = default;
};
// "engine/a.cc:3: what is wrong; what to do"
std::string Text(const Finding& finding);

// Source with comments and the insides of string and character literals blanked; lines stay.
std::string Code(std::string_view source);

// Numbers of the lines that hold a part of a raw string literal: data, which no formatter may
// break.
std::set<int> RawLines(std::string_view source);

struct Function {
  std::string name;
  int line = 0;    // of its first line
  int length = 0;  // lines up to the closing brace
};
// Function bodies of C++ source, by brace matching.
std::vector<Function> Functions(std::string_view source);

// One function per rule; each looks at the files it is meant for and passes over the others.
std::vector<Finding> CheckImports(const Files& files);
std::vector<Finding> CheckPurity(const Files& files);
std::vector<Finding> CheckSizes(const Files& files);  // hard: 70 lines, 600 lines, 100 columns
std::vector<Finding> CheckWords(const Files& files);
std::vector<Finding> CheckBuild(const Files& files);  // every source stands in a CMakeLists.txt
std::vector<Finding> CheckTree(const Files& files);   // top-level names

// What exceeds the budget (functions of 40 lines, files of 400), as lines "name lines", sorted. The
// list in tidy_test_budget.txt may only shrink.
std::vector<std::string> OverBudget(const Files& files);
std::vector<Finding> CheckBudget(const Files& files, std::string_view allowed);

}  // namespace pgo::tidy
