// Rows 7, 8, 9, 13, 14 and 15: what a history of a fleet costs and answers. One journal of watch
// events, closed and opened once so that all of it is read as it is kept.
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/mman.h>

#include <cstring>
#include <filesystem>
#include <map>

#include "journal/query/decoder.h"
#include "journal/query/verify.h"
#include "replay-tests/benchmarks/corpus.h"
#include "replay-tests/benchmarks/raw_file.h"
#include "replay-tests/benchmarks/rows.h"
#include "replay-tests/benchmarks/sqlite.h"

namespace pgo::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::size_t kClusters = 60;
constexpr std::uint64_t kChunk = 1000;  // records of one operation of a walk

class HistoryHolder final : public Holder {
 public:
  ~HistoryHolder() override {
    if (mapped_ != MAP_FAILED) ::munmap(mapped_, frames_bytes_);
  }
  Status Open(const Settings& settings) {
    directory_ = settings.directory + "/history.journal";
    events_ = settings.slice_ms < 50 ? 3000 : 60'000;
    if (auto built = Build(); !built) return built;
    auto journal = journal::Journal::Open(directory_, {});
    if (!journal) return Fail(journal.error());
    journal_ = *std::move(journal);
    if (auto copied = CopyOut(settings.directory); !copied) return copied;
    AddReplay();
    AddIterate();
    AddSize();
    AddPointInTime();
    AddChain();
    return AddAudit(settings.directory);
  }

 private:
  Status Build() {
    auto journal = journal::Journal::Open(directory_, {});
    if (!journal) return Fail(journal.error());
    if (auto s = Fill(**journal, corpus_, events_, [](auto) { return true; }); !s) return s;
    const journal::FrameTime end{kEpochUs + static_cast<std::int64_t>(events_) * 1000, 0};
    if (auto turned = (*journal)->Rotate(end, corpus_.All()); !turned) return Fail(turned.error());
    return (*journal)->Compact();
  }
  // What the anchors work on: the frames in a file, some payloads, the stored bytes.
  Status CopyOut(const std::string& directory) {
    const std::string path = directory + "/history.frames";
    auto file = RawFile::Create(path, 0);
    std::string all;
    auto read = journal_->Frames({}, [&](const journal::FrameView& frame) {
      for (const auto& item : frame.items) all += item.bytes;
      return true;
    });
    if (!read) return read;
    frames_bytes_ = all.size();
    if (!file || !file->Write(all)) return Fail(Code::kUnavailable, path + " cannot be written");
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    mapped_ = ::mmap(nullptr, frames_bytes_, PROT_READ, MAP_SHARED, fd, 0);
    ::close(fd);
    if (mapped_ == MAP_FAILED) return Fail(Code::kUnavailable, path + " cannot be mapped");
    return journal::Iterate(*journal_, {1, kChunk}, [&](const journal::Entry& entry) {
      payloads_.push_back(entry.record.payload);
      raw_bytes_ += entry.record.payload.size();
      return true;
    });
  }
  // Reads all from the first record on; microseconds of kChunk of them, less than 0: it failed.
  template <typename Walk>
  double Timed(const Walk& walk) {
    const auto began = SteadyClock::now();
    if (!walk(journal::SeqRange{1, events_})) return -1.0;
    return MicrosSince(began) * static_cast<double>(kChunk) / static_cast<double>(events_);
  }
  bool ReadPayloads(journal::SeqRange range) {
    return journal::Iterate(*journal_, range,
                            [&](const journal::Entry& entry) {
                              sum_ += entry.record.payload.size();
                              return true;
                            })
        .has_value();
  }
  bool ReadFrames(journal::SeqRange range) {
    return journal_
        ->Frames(range,
                 [&](const journal::FrameView& frame) {
                   sum_ += frame.header.len;
                   return true;
                 })
        .has_value();
  }
  double ParseChunk() {
    const auto began = SteadyClock::now();
    for (const std::string& payload : payloads_) {
      if (!ParseJson(payload)) return -1.0;
    }
    return MicrosSince(began);
  }
  void AddReplay() {
    Row row;
    row.number = 7;
    row.name = "replay";
    row.sides = {
        {"payloads", [this] { return Timed([this](auto r) { return ReadPayloads(r); }); }},
        {"nlohmann parse", [this] { return ParseChunk(); }},
        {"frames alone", [this] { return Timed([this](auto r) { return ReadFrames(r); }); }}};
    row.comparisons = {{"", 0, 1, Statistic::kRate, 20}, {"", 0, 2, Statistic::kRate, 0.12}};
    rows.push_back(std::move(row));
  }
  // All of it, so that both sides do the same bytes.
  double WalkAll() {
    const auto began = SteadyClock::now();
    return ReadFrames({1, events_}) ? MicrosSince(began) : -1.0;
  }
  double SumMapped() {
    const auto began = SteadyClock::now();
    const char* at = static_cast<const char*>(mapped_);
    std::uint64_t word = 0;
    for (std::size_t i = 0; i + 8 <= frames_bytes_; i += 8) {
      std::memcpy(&word, at + i, 8);
      sum_ += word;
    }
    return MicrosSince(began);
  }
  void AddIterate() {
    Row row;
    row.number = 8;
    row.name = "iterate";
    row.sides = {{"journal", [this] { return WalkAll(); }},
                 {"sum of a mapped file", [this] { return SumMapped(); }}};
    row.comparisons = {{"", 0, 1, Statistic::kRate, 0}};
    rows.push_back(std::move(row));
  }
  double DiskBytes() const {
    const auto status = journal_->Describe();
    return status ? static_cast<double>(status->segments[0].bytes) : -1.0;
  }
  // Bytes an event instead of microseconds.
  void AddSize() {
    const double raw = static_cast<double>(raw_bytes_) / static_cast<double>(payloads_.size());
    const double stored = static_cast<double>(frames_bytes_) / static_cast<double>(events_);
    const double disk = DiskBytes() / static_cast<double>(events_);
    Row row;
    row.number = 9;
    row.name = "bytes an event";
    row.sides = {{"records", [stored] { return stored; }},
                 {"disk", [disk] { return disk; }},
                 {"raw JSON", [raw] { return raw; }}};
    row.comparisons = {{"", 0, 2, Statistic::kMedian, 0}, {"", 1, 2, Statistic::kMedian, 0}};
    rows.push_back(std::move(row));
  }
  std::size_t NextObject() { return object_ = (object_ + 37) % corpus_.objects(); }
  // The object's state at some moment: its newest version until then, if it had one.
  bool StateOf(std::size_t object, std::uint64_t seq) {
    const auto read = journal_->BySubject(corpus_.SubjectOf(object), {1, seq},
                                          journal::Order::kNewestFirst, [&](const auto& entry) {
                                            sum_ += entry.record.payload.size();
                                            return false;
                                          });
    return read.has_value();
  }
  double StatesAt(std::size_t first, std::size_t count) {
    place_ = events_ / 2 + (place_ + 104729) % (events_ / 2);
    const auto began = SteadyClock::now();
    for (std::size_t i = 0; i < count; ++i) {
      if (!StateOf(first + i, place_)) return -1.0;
    }
    return MicrosSince(began);
  }
  double ParseOne() {
    const auto began = SteadyClock::now();
    return ParseJson(payloads_[NextObject() % payloads_.size()]) ? MicrosSince(began) : -1.0;
  }
  void AddPointInTime() {
    Row row;
    row.number = 14;
    row.name = "state at a time";
    row.sides = {{"object", [this] { return StatesAt(NextObject(), 1); }},
                 {"nlohmann parse", [this] { return ParseOne(); }},
                 {"cluster", [this] {
                    return StatesAt(NextObject() / Corpus::kPerCluster * Corpus::kPerCluster,
                                    Corpus::kPerCluster);
                  }}};
    row.comparisons = {{"", 0, 1, Statistic::kMedian, 0.5}, {"", 2, 1, Statistic::kMedian, 4}};
    rows.push_back(std::move(row));
  }
  double ShaAll() {
    const auto began = SteadyClock::now();
    unsigned char out[32];
    const bool done = EVP_Digest(mapped_, frames_bytes_, out, nullptr, EVP_sha256(), nullptr) == 1;
    return done ? MicrosSince(began) : -1.0;
  }
  double VerifyAll() {
    const auto began = SteadyClock::now();
    return journal::Verify(*journal_) ? MicrosSince(began) : -1.0;
  }
  void AddChain() {
    Row row;
    row.number = 15;
    row.name = "tamper evidence";
    row.sides = {{"chain of all frames", [this] { return WalkAll(); }},
                 {"SHA-256 of the bytes", [this] { return ShaAll(); }},
                 {"verify, payloads too", [this] { return VerifyAll(); }}};
    row.comparisons = {{"", 0, 1, Statistic::kRate, 0.6}, {"", 2, 1, Statistic::kRate, 0}};
    rows.push_back(std::move(row));
  }
  double Last50() {
    int count = 0;
    const auto began = SteadyClock::now();
    const auto read = journal_->BySubject(corpus_.SubjectOf(NextObject()), {},
                                          journal::Order::kNewestFirst, [&](const auto& entry) {
                                            sum_ += entry.record.payload.size();
                                            return ++count < 50;
                                          });
    return read && count > 0 ? MicrosSince(began) : -1.0;
  }
  double Last50OfSqlite() {
    const auto began = SteadyClock::now();
    return sqlite_->ReadLast(corpus_.SubjectOf(NextObject()), 50) > 0 ? MicrosSince(began) : -1.0;
  }
  // The same stored bytes, which SQLite keeps twice: in the table and in the index.
  Status AddAudit(const std::string& directory) {
    auto sqlite = Sqlite::Open(directory + "/history.sqlite", true);
    if (!sqlite && sqlite.error().code == Code::kNotFound) return {};
    if (!sqlite) return Fail(sqlite.error());
    sqlite_ = *std::move(sqlite);
    std::vector<Sqlite::Row> batch;
    bool ok = true;
    const auto read = journal_->Frames({}, [&](const journal::FrameView& frame) {
      for (std::size_t i = 0; i < frame.items.size(); ++i) {
        const std::uint64_t seq = frame.header.first_seq + i;
        const auto view = journal::ViewRecord(frame.items[i].bytes, seq);
        if (!view) return ok = false;
        batch.push_back({seq, std::string(view->subjects[0]), std::string(frame.items[i].bytes)});
      }
      if (batch.size() < 4096) return true;
      ok = sqlite_->Insert(batch);
      batch.clear();
      return ok;
    });
    ok = ok && read && sqlite_->Insert(batch);
    if (!ok) return Fail(Code::kUnavailable, "SQLite cannot be filled");
    Row row;
    row.number = 13;
    row.name = "last 50 of one";
    row.sides = {{"journal", [this] { return Last50(); }},
                 {"SQLite", [this] { return Last50OfSqlite(); }}};
    row.comparisons = {{"", 0, 1, Statistic::kMedian, 8}};
    rows.push_back(std::move(row));
    return {};
  }

  std::string directory_;
  std::uint64_t events_ = 0;
  Corpus corpus_{kClusters};
  std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<Sqlite> sqlite_;
  std::vector<std::string> payloads_;  // of the first records
  std::size_t raw_bytes_ = 0;
  std::size_t frames_bytes_ = 0;
  void* mapped_ = MAP_FAILED;
  std::uint64_t place_ = 0;
  std::size_t object_ = 0;
  std::size_t sum_ = 0;  // so that nothing is left out
};

}  // namespace

Result<std::unique_ptr<Holder>> HistoryRows(const Settings& settings) {
  auto holder = std::make_unique<HistoryHolder>();
  if (auto status = holder->Open(settings); !status) return Fail(status.error());
  return holder;
}

}  // namespace pgo::bench
