// Row 1: a durable append of one record, against the disk itself with the same bytes.
#include <random>

#include "journal/store/journal.h"
#include "replay-tests/benchmarks/raw_file.h"
#include "replay-tests/benchmarks/rows.h"

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
    return {};
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
    record.payload = bytes;
    const auto began = std::chrono::steady_clock::now();
    const auto done = journal_->Append({&record, 1}, {});
    return done ? MicrosSince(began) : -1.0;
  }
  static std::function<double()> Raw(RawFile& file, const std::string& bytes) {
    return [&file, bytes] {
      const auto began = std::chrono::steady_clock::now();
      return file.Write(bytes) ? MicrosSince(began) : -1.0;
    };
  }

  std::unique_ptr<journal::Journal> journal_;
  std::vector<std::unique_ptr<RawFile>> files_;
};

}  // namespace

Result<std::unique_ptr<Holder>> AppendRows(const Settings& settings) {
  auto holder = std::make_unique<AppendHolder>();
  if (auto status = holder->Open(settings.directory); !status) return Fail(status.error());
  return holder;
}

}  // namespace pgo::bench
