#include "journal/testing/injuries/workers.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>
#include <vector>

namespace pgo::journal::injuries {
namespace {

constexpr int kRoundSecondsMax = 120;

struct Worker {
  pid_t pid = -1;
  int output = -1;
  std::uint64_t next = 0;  // round under way
  std::uint64_t step = 1;
  std::string text;  // of an unfinished line
  std::unique_ptr<Scratch> scratch;
};

// In the child: becomes a worker. Only async-signal-safe calls.
[[noreturn]] void Become(const char* const* argv, int output) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpgid(0, 0);  // Ctrl-C is the parent's to answer
  ::alarm(0);
  if (::dup2(output, STDOUT_FILENO) < 0) ::_exit(126);
  ::execv("/proc/self/exe", const_cast<char**>(argv));
  ::_exit(127);
}

void Start(const Batch& batch, Worker& worker) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return;
  const std::string words[] = {NameOf(batch.kind),          std::to_string(batch.seed),
                               std::to_string(worker.next), std::to_string(batch.to),
                               std::to_string(worker.step), worker.scratch->path()};
  std::array<const char*, 9> argv{"pgo-injuries", "work"};
  for (std::size_t i = 0; i < std::size(words); ++i) argv[i + 2] = words[i].c_str();
  worker.pid = ::fork();
  if (worker.pid == 0) Become(argv.data(), ends[1]);
  ::close(ends[1]);
  worker.output = ends[0];
  worker.text.clear();
}

class Running {
 public:
  Running(const Batch& batch, Tally& tally) : batch_(batch), tally_(tally) {
    for (int i = 0; i < batch.workers; ++i) {
      Worker worker;
      worker.next = batch.from + static_cast<std::uint64_t>(i);
      worker.step = static_cast<std::uint64_t>(batch.workers);
      worker.scratch = std::make_unique<Scratch>(batch.parent);
      if (worker.next < batch.to) Start(batch_, worker);
      workers_.push_back(std::move(worker));
    }
  }
  ~Running() {
    for (Worker& worker : workers_) End(worker, SIGKILL);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void Run() {
    while (!batch_.over()) {
      std::vector<pollfd> waits;
      for (const Worker& worker : workers_) {
        if (worker.output >= 0) waits.push_back({worker.output, POLLIN, 0});
      }
      if (waits.empty()) return;
      ::poll(waits.data(), waits.size(), 200);
      for (const pollfd& wait : waits) {
        if (wait.revents != 0) Read(wait.fd);
      }
    }
  }

 private:
  static int End(Worker& worker, int signal) {
    int status = 0;
    if (worker.pid <= 0) return status;
    if (signal != 0) ::kill(worker.pid, signal);
    ::waitpid(worker.pid, &status, 0);
    ::close(worker.output);
    worker.pid = -1;
    worker.output = -1;
    return status;
  }

  [[nodiscard]] std::string Reproduce(std::uint64_t round) const {
    return std::string("pgo-injuries --only ") + NameOf(batch_.kind) + " --seed " +
           std::to_string(batch_.seed) + " --round " + std::to_string(round);
  }

  void Read(int fd) {
    for (Worker& worker : workers_) {
      if (worker.output != fd) continue;
      std::array<char, 4096> buffer{};
      const ssize_t got = ::read(fd, buffer.data(), buffer.size());
      if (got > 0) {
        worker.text.append(buffer.data(), static_cast<std::size_t>(got));
        return Lines(worker);
      }
      return Ended(worker);
    }
  }

  void Lines(Worker& worker) {
    std::size_t end = 0;
    while ((end = worker.text.find('\n')) != std::string::npos) {
      const auto parsed = ParseLine(worker.text.substr(0, end));
      worker.text.erase(0, end + 1);
      if (!parsed) continue;
      tally_.Add(parsed->verdict, Reproduce(parsed->round));
      worker.next = parsed->round + worker.step;
      if (batch_.progress) batch_.progress(++done_);
    }
  }

  // A worker that ends before its rounds do died of the one under way; the others go on.
  void Ended(Worker& worker) {
    const int status = End(worker, 0);
    if (worker.next >= batch_.to) return;
    const std::string how = WIFSIGNALED(status)
                                ? "signal " + std::to_string(WTERMSIG(status))
                                : "exit status " + std::to_string(WEXITSTATUS(status));
    tally_.AddCrash(NameOf(batch_.kind), how, Reproduce(worker.next));
    worker.next += worker.step;
    if (worker.next < batch_.to) Start(batch_, worker);
  }

  const Batch& batch_;
  Tally& tally_;
  std::vector<Worker> workers_;
  std::uint64_t done_ = 0;
};

}  // namespace

const char* NameOf(Kind kind) {
  constexpr const char* kNames[] = {"kill", "power-loss", "injury"};
  return kNames[static_cast<std::size_t>(kind)];
}

void RunBatch(const Batch& batch, Tally& tally) { Running(batch, tally).Run(); }

int Work(Kind kind, std::uint64_t seed, std::uint64_t from, std::uint64_t to, std::uint64_t step,
         const std::string& scratch) {
  Rounds rounds(seed, scratch);
  for (std::uint64_t round = from; round < to; round += step) {
    ::alarm(kRoundSecondsMax);  // one that hangs is found by its signal
    const Verdict verdict = kind == Kind::kKill        ? rounds.Kill(round)
                            : kind == Kind::kPowerLoss ? rounds.PowerLoss(round)
                                                       : rounds.Injury(round);
    const std::string line = LineOf(round, verdict);
    if (::write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      return 3;
    }
  }
  return 0;
}

}  // namespace pgo::journal::injuries
