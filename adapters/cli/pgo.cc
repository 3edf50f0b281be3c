// pgo: the command line. Also `kubectl pgo`, when installed as kubectl-pgo.
#include <csignal>
#include <exception>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "adapters/cli/arguments.h"
#include "adapters/cli/interrupt.h"
#include "adapters/cli/output.h"
#include "adapters/cli/pager.h"
#include "adapters/cli/verbs.h"

namespace {

constexpr int kStatusError = 2;  // of every error, as in 4.7

// Verbs that only tell, and may tell much.
bool Reads(const pgo::cli::Command& command) {
  using namespace pgo::cli;
  const auto* replay = std::get_if<Replay>(&command);
  return std::holds_alternative<Why>(command) || std::holds_alternative<History>(command) ||
         std::holds_alternative<ShowState>(command) || std::holds_alternative<Diff>(command) ||
         std::holds_alternative<BlameCluster>(command) ||
         std::holds_alternative<Rehearse>(command) ||
         (replay != nullptr && !replay->commands.empty());
}

int Work(const std::string& program, const std::vector<std::string>& words) {
  pgo::cli::Console console;
  auto arguments = pgo::cli::ParseArguments(program, words);
  if (!arguments) {
    const auto& ending = arguments.error();
    (ending.status == 0 ? console.out : console.err).Print(ending.text);
    return ending.status;
  }
  const pgo::Status done = [&] {
    std::optional<pgo::cli::Pager> pager;
    if (Reads(arguments->command) && !arguments->common.no_pager) pager.emplace(console.out);
    return std::visit(
        [&](const auto& options) { return pgo::cli::Run(options, arguments->common, console); },
        arguments->command);
  }();
  if (done) return console.status;
  console.err.Line(console.err.Styled(pgo::cli::Style::kBad, "pgo:") + " " + done.error().message);
  return kStatusError;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  pgo::cli::EndOnSignals();
  const std::string name = argc > 0 ? argv[0] : "pgo";
  const bool plugin = name.ends_with("kubectl-pgo") || name.ends_with("kubectl_pgo");
  try {
    return Work(plugin ? "kubectl pgo" : "pgo", {argv + (argc > 0 ? 1 : 0), argv + argc});
  } catch (const std::exception& problem) {  // out of memory and its like
    pgo::cli::Output(stderr).Line("pgo: " + std::string(problem.what()));
    return kStatusError;
  }
}
