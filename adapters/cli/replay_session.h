// Stepping through a bundle: a place in it, and commands that move it or look around. Folding is
// the engine's own; nothing is decided anew. Not for several threads.
//
// The place is after a record: `state` is what was known then. Commands and their words are in
// Help().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/cli/history_lines.h"
#include "adapters/cli/output.h"
#include "adapters/cli/past.h"
#include "journal/query/bundle_file.h"

namespace pgo::cli {

class ReplaySession {
 public:
  // At the beginning of the bundle. kNotFound or kInvalid if it is not clear which cluster is
  // meant.
  static Result<ReplaySession> Open(std::shared_ptr<journal::BundleFile> bundle,
                                    const std::string& cluster, const std::string& ns);

  // Does one command and gives what there is to see. kInvalid for what is no command: the place
  // stays as it was.
  Result<std::string> Do(const std::string& command, const Output& out);
  [[nodiscard]] bool ended() const { return ended_; }  // by `quit`
  // "hippo #335 17:50:33.945> "
  [[nodiscard]] std::string Prompt() const;
  static std::string Help();

 private:
  struct Break {
    std::string kind, about;  // a word of --kind; a part of the line's text; "" any
  };
  using Words = std::vector<std::string>;
  using Handler = Result<std::string> (ReplaySession::*)(const Words&, const Output&);
  struct Verb {
    const char* name;
    const char* brief;
    const char* help;
    Handler handler;
  };
  static const std::vector<Verb>& Verbs();

  Result<std::string> Next(const Words& words, const Output& out);
  Result<std::string> Back(const Words& words, const Output& out);
  Result<std::string> RunTo(const Words& words, const Output& out);
  Result<std::string> Until(const Words& words, const Output& out);
  Result<std::string> AddBreak(const Words& words, const Output& out);
  Result<std::string> Breaks(const Words& words, const Output& out);
  Result<std::string> DeleteBreak(const Words& words, const Output& out);
  Result<std::string> State(const Words& words, const Output& out);
  Result<std::string> DiffFrom(const Words& words, const Output& out);
  Result<std::string> WhyHere(const Words& words, const Output& out);
  Result<std::string> Show(const Words& words, const Output& out);
  Result<std::string> List(const Words& words, const Output& out);
  Result<std::string> ShowHelp(const Words& words, const Output& out);
  Result<std::string> Quit(const Words& words, const Output& out);

  [[nodiscard]] Result<Past> At(std::uint64_t seq) const;
  [[nodiscard]] const HistoryLine* LineAt(std::uint64_t seq) const;
  std::string Go(std::uint64_t seq, const Output& out);
  std::string LineText(const HistoryLine& line, const Output& out) const;
  [[nodiscard]] bool Stops(const HistoryLine& line) const;

  std::shared_ptr<journal::BundleFile> bundle_;
  Records records_;
  ClusterKey cluster_;
  std::vector<HistoryLine> lines_;
  std::uint64_t first_ = 1, last_ = 0;
  std::uint64_t seq_ = 0;        // the place; before the first record: first_ - 1
  std::uint64_t came_from_ = 0;  // the place before the last move
  std::vector<Break> breaks_;
  std::string again_;  // the last command that moved: an empty line repeats it
  bool ended_ = false;
};

}  // namespace pgo::cli
