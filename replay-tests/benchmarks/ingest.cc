// Row 4: from the bytes of a watch to durable: parse, redact, gate, stamp, fold, one synced frame.
// The operator's own parts, following (a leader also decides: that is row 5).
#include <zstd.h>

#include "adapters/kube/gate.h"
#include "adapters/kube/list_watch.h"
#include "adapters/operator/journal_port.h"
#include "engine/kube/names.h"
#include "replay-tests/benchmarks/feed.h"
#include "replay-tests/benchmarks/raw_file.h"
#include "replay-tests/benchmarks/rows.h"

namespace pgo::bench {
namespace {

constexpr std::size_t kEventBytes = 8192;
constexpr int kObjects = 64;

// A StatefulSet as an API server shows it, filled up with managed fields to the size wanted.
std::string Line(int number, std::uint64_t version) {
  Json object = {{"apiVersion", "apps/v1"}, {"kind", "StatefulSet"}};
  const std::string name = "hippo-" + std::to_string(number);
  Put(object, {"metadata", "name"}, name);
  Put(object, {"metadata", "namespace"}, "postgres");
  Put(object, {"metadata", "uid"}, "uid-" + name);
  Put(object, {"metadata", "resourceVersion"}, std::to_string(version));
  Put(object, {"metadata", "labels", kube::kLabelCluster}, "other");
  Put(object, {"spec", "replicas"}, 1);
  Put(object, {"status", "observedGeneration"}, version);
  return WatchLine(object, kEventBytes);
}

class IngestHolder final : public Holder {
 public:
  explicit IngestHolder(Feed feed) : feed_(std::move(feed)) {}
  Status Open(const std::string& directory) {
    for (const int batch : {1, 64}) {
      auto file = RawFile::Create(directory + "/ingest." + std::to_string(batch), 0);
      auto other = RawFile::Create(directory + "/ingest.json." + std::to_string(batch), 0);
      if (!file || !other) return Fail((file ? other : file).error());
      files_.push_back(std::make_unique<RawFile>(*std::move(file)));
      files_.push_back(std::make_unique<RawFile>(*std::move(other)));
      AddRow(batch, *files_[files_.size() - 2], *files_.back());
    }
    return {};
  }

 private:
  void AddRow(int batch, RawFile& raw, RawFile& plain) {
    Row row;
    row.number = 4;
    row.name = "ingest batch " + std::to_string(batch);
    row.sides = {{"operator", [this, batch] { return Ours(batch); }},
                 {"raw 8 KB append", [this, batch, &raw] { return Raw(batch, raw); }},
                 {"nlohmann + zstd", [this, batch, &plain] { return Plain(batch, plain); }}};
    row.comparisons = {{"", 0, 1, Statistic::kRate, batch == 1 ? 0.80 : 0.28},
                       {"", 0, 2, Statistic::kRate, batch == 1 ? 0.0 : 4.0}};
    rows.push_back(std::move(row));
  }
  std::vector<std::string> Lines(int batch) {
    std::vector<std::string> lines;
    for (int i = 0; i < batch; ++i) lines.push_back(Line(next_++ % kObjects, ++version_));
    return lines;
  }
  double Ours(int batch) {
    const auto lines = Lines(batch);
    const auto began = std::chrono::steady_clock::now();
    const auto seq = feed_.Give(lines);
    return feed_.WaitCommitted(seq) ? MicrosSince(began) : -1.0;
  }
  double Raw(int batch, RawFile& file) {
    std::string bytes;
    for (const auto& line : Lines(batch)) bytes += line;
    const auto began = std::chrono::steady_clock::now();
    return file.Write(bytes) ? MicrosSince(began) : -1.0;
  }
  // The least that a program does that keeps watch events as JSON: parse, write out, compress.
  double Plain(int batch, RawFile& file) {
    const auto lines = Lines(batch);
    const auto began = std::chrono::steady_clock::now();
    std::string bytes;
    for (const auto& line : lines) {
      const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
      const std::string text = json["object"].dump();
      std::string packed(ZSTD_compressBound(text.size()), '\0');
      packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 1));
      bytes += packed;
    }
    return file.Write(bytes) ? MicrosSince(began) : -1.0;
  }

  Feed feed_;
  int next_ = 0;
  std::uint64_t version_ = 1'000'000;
  std::vector<std::unique_ptr<RawFile>> files_;
};

}  // namespace

Result<std::unique_ptr<Holder>> IngestRows(const Settings& settings) {
  auto feed = Feed::Open(settings.directory + "/ingest.journal", "StatefulSet", {}, nullptr);
  if (!feed) return Fail(feed.error());
  auto holder = std::make_unique<IngestHolder>(*std::move(feed));
  if (auto status = holder->Open(settings.directory); !status) return Fail(status.error());
  return holder;
}

}  // namespace pgo::bench
