// pgo-bench big: a journal of millions of events, then what it takes to open, prove and ask it.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "journal/query/place.h"
#include "journal/query/verify.h"
#include "replay-tests/benchmarks/corpus.h"
#include "replay-tests/benchmarks/harness.h"
#include "replay-tests/benchmarks/raw_file.h"
#include "replay-tests/benchmarks/rows.h"

namespace pgo::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

double Seconds(SteadyClock::time_point began) { return MicrosSince(began) / 1e6; }

// Of this process, in MB; 0 if the kernel does not tell.
double MemoryOf(const char* field) {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    double kilobytes = 0;
    if (word == field && status >> kilobytes) return kilobytes / 1e3;
  }
  return 0;
}

class Big {
 public:
  explicit Big(const BigSettings& settings)
      : settings_(settings),
        corpus_(settings.clusters),
        path_(settings.directory + "/big.journal") {}

  Status Run() {
    for (Status (Big::*step)() : {&Big::Build, &Big::Reopen, &Big::Ask, &Big::Prove}) {
      if (Stopped()) return Fail(Code::kUnavailable, "interrupted");
      if (Status done = (this->*step)(); !done) return done;
    }
    Tell("peak memory", MemoryOf("VmHWM:"), "MB");
    return {};
  }
  const Json& figures() const { return figures_; }

 private:
  bool Stopped() const { return settings_.stopped != nullptr && *settings_.stopped; }
  void Tell(const std::string& what, double value, const char* unit) {
    std::printf("%-44s %12.3f %s\n", what.c_str(), value, unit);
    std::fflush(stdout);
    figures_[what] = {{"value", value}, {"unit", unit}};
  }
  Status Build() {
    auto journal = journal::Journal::Open(path_, {});
    if (!journal) return Fail(journal.error());
    const auto began = SteadyClock::now();
    const Status filled = Fill(**journal, corpus_, settings_.events, [&](std::uint64_t done) {
      if (done % 65'536 == 0)
        Progress("build", static_cast<double>(done) / static_cast<double>(settings_.events));
      return !Stopped();
    });
    if (!filled) return filled;
    Progress("build", 1);
    const auto status = (*journal)->Describe();
    if (!status) return Fail(status.error());
    const auto events = static_cast<double>(settings_.events);
    Tell("events", events, "");
    Tell("append, frames of 64, deferred", events / Seconds(began), "events/s");
    Tell("on disk", static_cast<double>(status->disk_bytes) / 1e6, "MB");
    Tell("on disk, an event", static_cast<double>(status->disk_bytes) / events, "B");
    return {};
  }
  Status Reopen() {
    const auto began = SteadyClock::now();
    auto journal = journal::Journal::Open(path_, {});
    if (!journal) return Fail(journal.error());
    Tell("reopen", Seconds(began), "s");
    Tell("memory after reopen", MemoryOf("VmRSS:"), "MB");
    journal_ = *std::move(journal);
    return {};
  }
  // Median and 99th percentile of an answer, in milliseconds.
  Status Timed(const std::string& what, const std::function<Status(std::size_t)>& ask) {
    std::vector<double> times;
    for (std::size_t i = 0; i < 200 && !Stopped(); ++i) {
      const auto began = SteadyClock::now();
      if (Status done = ask(i * 7919); !done) return done;
      times.push_back(MicrosSince(began) / 1e3);
    }
    Tell(what + ", p50", Quantile(times, 0.5), "ms");
    Tell(what + ", p99", Quantile(times, 0.99), "ms");
    return {};
  }
  Status Newest(const std::string& subject, std::uint64_t until, int count) {
    int found = 0;
    const auto read = journal_->BySubject(subject, {1, until}, journal::Order::kNewestFirst,
                                          [&](const journal::Entry&) { return ++found < count; });
    if (read && found == 0) return Fail(Code::kInternal, subject + " has no records");
    return read;
  }
  Status Ask() {
    const auto last_50 = [&](std::size_t i) {
      return Newest(corpus_.SubjectOf(i % corpus_.objects()), UINT64_MAX, 50);
    };
    if (Status done = Timed("last 50 events of an object, cold", last_50); !done) return done;
    if (Status done = Timed("last 50 events of an object, warm", last_50); !done) return done;
    return Timed("state of a cluster at a time", [&](std::size_t i) -> Status {
      const std::uint64_t at = settings_.events / 2 + i * 104'729 % (settings_.events / 2);
      const auto place =
          journal::PlaceOf(*journal_, kEpochUs + static_cast<std::int64_t>(at) * 1000);
      if (!place) return Fail(place.error());
      const std::size_t first = i % settings_.clusters * Corpus::kPerCluster;
      Status found;
      for (std::size_t k = 0; k < Corpus::kPerCluster && found; ++k) {
        found = Newest(corpus_.SubjectOf(first + k), place->at.seq, 1);
      }
      return found;
    });
  }
  Status Prove() {
    const unsigned threads = std::max(1U, std::thread::hardware_concurrency());
    const auto began = SteadyClock::now();
    const auto report = journal::Verify(
        *journal_,
        [&](const journal::VerifyProgress& progress) {
          Progress("verify",
                   static_cast<double>(progress.seq) / static_cast<double>(progress.last_seq));
          return !Stopped();
        },
        threads);
    if (!report) return Fail(report.error());
    Progress("verify", 1);
    Tell("verify, every payload, " + std::to_string(threads) + " threads", Seconds(began), "s");
    return {};
  }
  void Progress(const char* what, double part) {
    if (settings_.progress) settings_.progress(what, part);
  }

  const BigSettings& settings_;
  Corpus corpus_;
  std::string path_;
  std::unique_ptr<journal::Journal> journal_;
  Json figures_ = Json::object();
};

}  // namespace

Result<Json> RunBig(const BigSettings& settings) {
  if (settings.events < 100'000) {
    return Fail(Code::kInvalid, "--events: must be at least 100000, so that each object has some");
  }
  std::error_code error;
  std::filesystem::remove_all(settings.directory, error);
  std::filesystem::create_directories(settings.directory, error);
  if (error) return Fail(Code::kUnavailable, settings.directory + ": " + error.message());
  Status done;
  Json figures;
  {
    Big big(settings);
    done = big.Run();
    figures = big.figures();
  }
  std::filesystem::remove_all(settings.directory, error);
  if (!done) return Fail(done.error());
  return figures;
}

}  // namespace pgo::bench
