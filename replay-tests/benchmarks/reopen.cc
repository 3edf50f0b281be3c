// Row 18: the time to open a journal after a crash, with as much in its write-ahead log as it lets
// grow. The crash's image is a copy of the directory, taken while the journal was open and synced.
#include <filesystem>

#include "replay-tests/benchmarks/corpus.h"
#include "replay-tests/benchmarks/raw_file.h"
#include "replay-tests/benchmarks/rows.h"

namespace pgo::bench {
namespace {

namespace fs = std::filesystem;

class ReopenHolder final : public Holder {
 public:
  Status Open(const Settings& settings) {
    image_ = settings.directory + "/reopen.image";
    copy_ = settings.directory + "/reopen.journal";
    const std::uint64_t events = settings.slice_ms < 50 ? 2000 : 150'000;
    Corpus corpus(100);
    {
      const std::string live = settings.directory + "/reopen.live";
      auto journal = journal::Journal::Open(live, {});
      if (!journal) return Fail(journal.error());
      const auto keep = [](auto) { return true; };
      if (auto filled = Fill(**journal, corpus, events, keep); !filled) return filled;
      fs::copy(live, image_, error_);
      if (error_) return Fail(Code::kUnavailable, image_ + ": " + error_.message());
    }
    for (const auto& file : fs::directory_iterator(image_)) {
      if (file.path().extension() == ".log") log_bytes_ += file.file_size();
    }
    Row row;
    row.number = 18;
    row.name = "crash reopen " + std::to_string(log_bytes_ >> 20U) + " MiB log";
    row.sides = {{"open", [this] { return Reopen(); }},
                 {"half a second", [] { return 500'000.0; }}};
    row.comparisons = {{"", 0, 1, Statistic::kMedian, 1}};
    rows.push_back(std::move(row));
    return {};
  }

 private:
  double Reopen() {
    fs::remove_all(copy_, error_);
    fs::copy(image_, copy_, error_);
    if (error_) return -1.0;
    const auto began = std::chrono::steady_clock::now();
    const auto journal = journal::Journal::Open(copy_, {});
    return journal ? MicrosSince(began) : -1.0;
  }

  std::string image_, copy_;
  std::error_code error_;
  std::uintmax_t log_bytes_ = 0;
};

}  // namespace

Result<std::unique_ptr<Holder>> ReopenRows(const Settings& settings) {
  auto holder = std::make_unique<ReopenHolder>();
  if (auto status = holder->Open(settings); !status) return Fail(status.error());
  return holder;
}

}  // namespace pgo::bench
