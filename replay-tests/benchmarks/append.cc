// Rows 1, 2 and 3: a durable append of one record, and of 64, against the disk itself with the same
// bytes and against SQLite.
#include <cstring>
#include <random>

#include "journal/store/journal.h"
#include "replay-tests/benchmarks/raw_file.h"
#include "replay-tests/benchmarks/rows.h"
#include "replay-tests/benchmarks/sqlite.h"

namespace pgo::bench {
namespace {

class AppendHolder final : public Holder {
 public:
  Status Open(const std::string& directory) {
    auto journal = journal::Journal::Open(directory + "/append.journal", {});
    if (!journal) return Fail(journal.error());
    journal_ = *std::move(journal);
    for (const std::size_t size : {128U, 1024U}) {
      if (auto status = AddRow(directory, size); !status) return status;
    }
    if (auto status = AddBatch(directory); !status) return status;
    return AddSqlite(directory);
  }

 private:
  // Bytes that do not compress, as a record has them after zstd.
  static std::string Noise(std::size_t size) {
    std::mt19937 random(7);
    std::string out(size, '\0');
    for (char& c : out) c = static_cast<char>(random());
    return out;
  }
  Status AddRow(const std::string& directory, std::size_t size) {
    const std::string name = directory + "/append." + std::to_string(size);
    auto over = RawFile::Create(name + ".over", 64U << 20U);
    auto grow = RawFile::Create(name + ".grow", 0);
    if (!over || !grow) return Fail((over ? grow : over).error());
    files_.push_back(std::make_unique<RawFile>(*std::move(over)));
    files_.push_back(std::make_unique<RawFile>(*std::move(grow)));
    const std::string bytes = Noise(size);
    Row row;
    row.number = 1;
    row.name = "append " + std::to_string(size) + " B";
    row.sides = {{"journal", [this, bytes] { return Append(bytes); }},
                 {"raw overwrite", Raw(*files_[files_.size() - 2], bytes)},
                 {"raw append", Raw(*files_.back(), bytes)}};
    row.comparisons = {{"", 0, 1, Statistic::kRate, 0.65}, {"", 0, 2, Statistic::kRate, 0.85}};
    rows.push_back(std::move(row));
    return {};
  }
  double Append(const std::string& bytes) {
    journal::Record record;
    record.type = 3;
    record.subjects = {"Pod/postgres/hippo-00-abcd-0", "cluster/postgres/hippo"};
    record.rv = "123456";
    record.payload = Fresh(bytes.size());
    const auto began = std::chrono::steady_clock::now();
    const auto done = journal_->Append({&record, 1}, {});
    return done ? MicrosSince(began) : -1.0;
  }
  // 64 records of 128 B in one commit.
  double AppendBatch() {
    journal::Record record;
    record.type = 3;
    record.subjects = {"Pod/postgres/hippo-00-abcd-0", "cluster/postgres/hippo"};
    std::vector<journal::Record> records(kBatch, record);
    for (auto& one : records) one.payload = Fresh(128);
    const auto began = std::chrono::steady_clock::now();
    return journal_->Append(records, {}) ? MicrosSince(began) : -1.0;
  }
  Status AddBatch(const std::string& directory) {
    auto over = RawFile::Create(directory + "/append.batch.over", 64U << 20U);
    auto grow = RawFile::Create(directory + "/append.batch.grow", 0);
    if (!over || !grow) return Fail((over ? grow : over).error());
    files_.push_back(std::make_unique<RawFile>(*std::move(over)));
    files_.push_back(std::make_unique<RawFile>(*std::move(grow)));
    const std::string all = Noise(128 * kBatch);
    Row row;
    row.number = 2;
    row.name = "append 64 x 128 B";
    row.sides = {{"journal", [this] { return AppendBatch(); }},
                 {"raw overwrite", Raw(*files_[files_.size() - 2], all)},
                 {"raw append", Raw(*files_.back(), all)}};
    row.comparisons = {{"", 0, 1, Statistic::kRate, 0.40}, {"", 0, 2, Statistic::kRate, 0.70}};
    rows.push_back(std::move(row));
    return {};
  }
  Status AddSqlite(const std::string& directory) {
    auto sqlite = Sqlite::Open(directory + "/append.sqlite", false);
    if (!sqlite && sqlite.error().code == Code::kNotFound) return {};
    if (!sqlite) return Fail(sqlite.error());
    sqlite_ = *std::move(sqlite);
    for (const std::size_t count : {std::size_t{1}, kBatch}) {
      Row row;
      row.number = 3;
      row.name = "append " + std::to_string(count) + " x 1 KB";
      row.sides = {{"journal", [this, count] { return AppendMany(count); }},
                   {"SQLite FULL", [this, count] { return InsertMany(count); }}};
      const double goal = count == 1 ? 0.0 : 1.0;
      row.comparisons = {{"", 0, 1, Statistic::kRate, goal}};
      rows.push_back(std::move(row));
    }
    return {};
  }
  double AppendMany(std::size_t count) {
    journal::Record record;
    record.type = 4;
    record.subjects = {"Pod/postgres/hippo-00-abcd-0"};
    std::vector<journal::Record> records(count, record);
    for (auto& one : records) one.payload = Fresh(1024);
    const auto began = std::chrono::steady_clock::now();
    return journal_->Append(records, {}) ? MicrosSince(began) : -1.0;
  }
  double InsertMany(std::size_t count) {
    std::vector<Sqlite::Row> batch(count);
    for (auto& one : batch) one = {++seq_, "Pod/postgres/hippo-00-abcd-0", Fresh(1024)};
    const auto began = std::chrono::steady_clock::now();
    return sqlite_->Insert(batch) ? MicrosSince(began) : -1.0;
  }
  // Never the same twice, so that nothing is gained by what was stored before.
  std::string Fresh(std::size_t size) {
    std::string out(size, '\0');
    for (std::size_t i = 0; i + 4 <= size; i += 4) {
      const auto word = static_cast<std::uint32_t>(random_());
      std::memcpy(out.data() + i, &word, 4);
    }
    return out;
  }
  static std::function<double()> Raw(RawFile& file, const std::string& bytes) {
    return [&file, bytes] {
      const auto began = std::chrono::steady_clock::now();
      return file.Write(bytes) ? MicrosSince(began) : -1.0;
    };
  }

  static constexpr std::size_t kBatch = 64;
  std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<Sqlite> sqlite_;
  std::uint64_t seq_ = 0;
  std::mt19937 random_{11};
  std::vector<std::unique_ptr<RawFile>> files_;
};

}  // namespace

Result<std::unique_ptr<Holder>> AppendRows(const Settings& settings) {
  auto holder = std::make_unique<AppendHolder>();
  if (auto status = holder->Open(settings.directory); !status) return Fail(status.error());
  return holder;
}

}  // namespace pgo::bench
