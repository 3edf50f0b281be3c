#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/testing/injuries/rounds.h"

namespace pgo::journal::injuries {
namespace {

constexpr int kKillsPerRound = 20;

struct Report {
  std::uint64_t last_seq, epoch;
  Hash chain;
  std::uint64_t durable;
};

struct Child {
  pid_t pid = -1;
  int reports = -1;
};

// Another copy of this program, as the writer.
Child Spawn(const std::string& directory, std::uint64_t seed) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  const std::string number = std::to_string(seed);
  const char* argv[] = {"pgo-injuries", "write", directory.c_str(), number.c_str(), nullptr};
  const pid_t child = ::fork();
  if (child == 0) {  // only async-signal-safe calls until exec
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::dup2(ends[1], kReports) < 0) ::_exit(126);
    if (ends[1] == kReports) ::fcntl(kReports, F_SETFD, 0);
    ::execv("/proc/self/exe", const_cast<char**>(argv));
    ::_exit(127);
  }
  ::close(ends[1]);
  return {child, ends[0]};
}

bool ReadReport(int fd, Ledger& ledger) {
  Report report{};
  if (::read(fd, &report, sizeof report) != static_cast<ssize_t>(sizeof report)) return false;
  ledger.Add({report.last_seq, report.epoch, report.chain, report.durable != 0});
  return true;
}

// Lets the writer acknowledge so many commits, then kills it somewhere in the next ones. True if it
// was the signal that ended it.
bool KillAfter(const std::string& directory, std::uint64_t seed, Random& random, Ledger& ledger) {
  const Child child = Spawn(directory, seed);
  if (child.pid < 0) return false;
  const std::uint64_t wait = random() % 20;
  if (wait == 0) ::usleep(static_cast<useconds_t>(random() % 30'000));  // while it starts
  for (std::uint64_t i = 0; i < wait && ReadReport(child.reports, ledger); ++i) {
  }
  ::usleep(static_cast<useconds_t>(random() % 1500));
  ::kill(child.pid, SIGKILL);
  while (ReadReport(child.reports, ledger)) {
  }
  ::close(child.reports);
  int status = 0;
  return ::waitpid(child.pid, &status, 0) == child.pid && WIFSIGNALED(status);
}

// What a kill leaves: everything that was reported, and at most the commit that was under way.
Verdict Look(const std::string& directory, const Script& script, Ledger& ledger, Random& random) {
  JournalOptions options;
  options.verify_all = true;
  options.new_id = script.Id();
  auto journal = Journal::Open(directory, options);
  if (!journal) return {Outcome::kLost, "", "", "cannot be opened: " + journal.error().message, {}};
  const std::uint64_t reported = ledger.last_seq();
  const std::uint64_t last = (*journal)->Head().seq;
  const auto holds = CompareAnchor(**journal, ledger.HeadAt(reported, script.Id()));
  if (reported > 0 && (!holds || *holds != AnchorVerdict::kHolds)) {
    return {Outcome::kLost,
            "",
            "",
            "record " + std::to_string(reported) + " was acknowledged; ends with " +
                std::to_string(last),
            {}};
  }
  const std::uint64_t most = reported + script.At(reported + 1).records.size();
  const Model model(script, ledger, last);
  if (last > most || !model.Whole()) {
    return {Outcome::kWrong, "", "", "ends with record " + std::to_string(last), {}};
  }
  ledger.CutAfter((*journal)->Head());
  const Answers answers = Ask(**journal, model, random);
  if (answers.Equal()) {
    return {Outcome::kKept, "", "", "", {{"unacknowledged_kept", last > reported ? 1 : 0}}};
  }
  return {Outcome::kWrong, "", "", answers.wrong + answers.refused, {}};
}

}  // namespace

Verdict Rounds::Kill(std::uint64_t round) {
  const std::uint64_t seed = Mix(Mix(seed_, 1), round);
  Random random(seed);
  const Script script(seed);
  const std::string directory = scratch_ + "/kill";
  RemoveTree(directory);
  Ledger ledger;
  Verdict total;
  for (int i = 0; i < kKillsPerRound; ++i) {
    const bool killed = KillAfter(directory, seed, random, ledger);
    if (!killed) {
      total.outcome = Outcome::kLost;
      total.what = "the writer ended by itself";
    } else {
      Verdict verdict = Look(directory, script, ledger, random);
      total.outcome = verdict.outcome;
      total.what = verdict.what;
      total.counts["unacknowledged_kept"] += verdict.counts["unacknowledged_kept"];
    }
    ++total.counts["kills"];
    if (Bad(total.outcome)) break;
  }
  total.kind = "kill";
  return total;
}

int WriteUntilKilled(const std::string& directory, std::uint64_t seed, int reports) {
  const Script script(seed);
  JournalOptions options;
  options.new_id = script.Id();
  const auto journal = Journal::Open(directory, options);
  if (!journal) {
    std::fprintf(stderr, "pgo-injuries: %s\n", journal.error().message.c_str());
    return 2;
  }
  while (true) {
    const auto written = WriteNext(**journal, script);
    if (!written) return 2;
    const Report report{written->last_seq, written->epoch, written->chain,
                        written->durable ? 1U : 0U};
    if (::write(reports, &report, sizeof report) != static_cast<ssize_t>(sizeof report)) return 3;
  }
}

}  // namespace pgo::journal::injuries
