// What could stand for a word of the command line: for the shells' completion scripts, which ask
// `pgo __complete WORD…` and show the answer. Pure: names of things are looked up by the caller.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "adapters/cli/arguments.h"

namespace pgo::cli {

struct Completing {
  // What is wanted besides `words`.
  enum class Names : std::uint8_t {
    kNone,
    kClusters,
    kClustersOrBundles,
    kInstances,  // of cluster `cluster`
    kNamespaces,
    kContexts,
    kFiles,
  };
  Names names = Names::kNone;
  std::string cluster;
  std::string fragment;  // what candidates have to begin with
  std::string before;    // to be put in front of each: "--namespace="
  std::vector<std::pair<std::string, std::string>> words;  // candidates, and what they are
  Common common;  // what the words said about where to look: -n, --kubeconfig, --context
};

// The last word is the one to complete; it may be "". A shell that takes "--option=value" apart at
// "=" (bash) gives three words, others one: both are understood.
Completing CompletionOf(const std::vector<std::string>& words);

// "bash", "zsh", "fish"
std::string CompletionScript(const std::string& shell);

}  // namespace pgo::cli
