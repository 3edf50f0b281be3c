// The grammar of the command line: verbs, their options, the rules of values and the texts of
// --help. Internal to the parser; what it gives is adapters/cli/arguments.h.
//
// Library: CLI11, in the grammar*.cc and arguments.cc alone.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/cli/arguments.h"

namespace pgo::cli {

// The parser and where its values go; a verb's callback puts its options into `command`.
struct Grammar {
  CLI::App app;
  Arguments parsed;
  bool chosen = false;
  std::map<std::string, CLI::App*> groups;  // "create", "show", …

  explicit Grammar(const std::string& program);

  // Adds the verb at "create cluster", with its own copy of the options.
  template <typename Options, typename Setup>
  void Verb(const std::string& path, const std::string& about, const std::string& examples,
            const Setup& setup) {
    CLI::App* verb = At(path);
    verb->description(about);
    if (!examples.empty()) verb->footer("Examples:\n" + examples);
    auto options = std::make_shared<Options>();
    setup(*verb, *options);
    verb->callback([this, options] {
      parsed.command = *options;
      chosen = true;
    });
  }

 private:
  CLI::App* At(const std::string& path);
};

// "-1": must be 0 to 99; write for example 2
CLI::Validator Between(std::int64_t low, std::int64_t high, std::int64_t example);
// Its name is kOneOf and its description the words, separated by ", ": completion reads it.
inline constexpr const char* kOneOf = "one-of";
CLI::Validator OneOf(const std::vector<std::string>& words);

// --wait, --no-wait, --timeout
void AddWaiting(CLI::App& verb, bool& wait, std::int64_t& timeout_s);
// Names, --selector, --all
void AddSelection(CLI::App& verb, std::vector<std::string>& names, std::string& selector,
                  bool& all);

// The verbs, in groups.
void AddClusterVerbs(Grammar& grammar);
void AddChangeVerbs(Grammar& grammar);
void AddOperationVerbs(Grammar& grammar);
void AddBackupVerbs(Grammar& grammar);
void AddStoryVerbs(Grammar& grammar);
void AddOwnVerbs(Grammar& grammar);

}  // namespace pgo::cli
