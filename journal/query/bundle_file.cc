#include "journal/query/bundle_file.h"

#include <algorithm>

#include "journal/query/file.h"
#include "journal/query/scan.h"

namespace pgo::journal {

struct BundleFile::State {
  // A frame where reading may start, and what stood before it.
  struct Point {
    std::uint64_t first_seq;
    std::uint64_t offset;
    Hash before;
  };
  std::string path;
  File file;
  BundleSummary summary;
  std::vector<Point> points;
  // Baselines: frames flagged as such, one after another.
  struct Baseline {
    std::uint64_t first_seq;
    std::uint64_t last_seq;
    Hash before;
  };
  std::vector<Baseline> baselines;
  std::uint64_t epoch = 0;

  void Index(const FrameView& frame, std::uint64_t offset, const Hash& before) {
    constexpr std::uint64_t kSpacingBytes = 64U << 10U;
    const std::uint64_t first = frame.header.first_seq;
    if (points.empty() || offset - points.back().offset >= kSpacingBytes) {
      points.push_back({first, offset, before});
    }
    epoch = frame.header.epoch;
    if ((frame.header.flags & kFlagBaseline) == 0) return;
    if (baselines.empty() || baselines.back().last_seq + 1 != first) {
      baselines.push_back({first, 0, before});
    }
    baselines.back().last_seq = frame.header.last_seq();
  }

  // The whole entry at an offset; empty behind the last frame.
  Result<std::string> EntryAt(std::uint64_t offset) const {
    std::string bytes(kEntryHeadBytes, '\0');
    if (Status head = file.ReadAt(offset, bytes.data(), bytes.size()); !head) {
      return Fail(head.error());
    }
    const std::size_t size = FrameEntryBytes(bytes);
    if (size == 0) return std::string();
    bytes.resize(size);
    const Status body = file.ReadAt(offset + kEntryHeadBytes, bytes.data() + kEntryHeadBytes,
                                    size - kEntryHeadBytes);
    if (!body) return Fail(body.error());
    return bytes;
  }
};

BundleFile::BundleFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
BundleFile::~BundleFile() = default;

Result<std::unique_ptr<BundleFile>> BundleFile::Open(const std::string& path) {
  Result<File> file = File::OpenForReading(path);
  if (!file) return Fail(file.error());
  auto state = std::make_unique<State>();
  state->path = path;
  state->file = *std::move(file);
  Hash before{};
  BundleVisitor visitor;
  visitor.manifest = [&](const Manifest& manifest) {
    before = manifest.start_chain;
    return Status();
  };
  visitor.frame = [&](const FrameView& frame, std::uint64_t offset) {
    state->Index(frame, offset, before);
    before = frame.chain;
    return Status();
  };
  const File& in = state->file;
  Result<BundleSummary> summary =
      ReadBundle([&in](char* buffer, std::size_t size) { return in.Read(buffer, size); }, visitor);
  if (!summary) return Fail(summary.error().In(path));
  state->summary = *std::move(summary);
  return std::unique_ptr<BundleFile>(new BundleFile(std::move(state)));
}

const Manifest& BundleFile::manifest() const { return state_->summary.manifest; }
const BundleFooter& BundleFile::footer() const { return state_->summary.footer; }

JournalHead BundleFile::Head() const {
  return {manifest().journal_id, state_->epoch, footer().last_seq, footer().chain};
}

Result<Reader::Start> BundleFile::Begin() const {
  return Start{manifest().first_seq, manifest().start_chain};
}

Result<Reader::Start> BundleFile::Baseline(std::uint64_t seq) const {
  const auto& baselines = state_->baselines;
  for (auto one = baselines.rbegin(); one != baselines.rend(); ++one) {
    if (one->last_seq <= seq) return Start{one->first_seq, one->before};
  }
  return Begin();
}

Status BundleFile::Frames(SeqRange range, const FrameCallback& callback) const {
  const auto& points = state_->points;
  if (Status kept = CheckKept(manifest().first_seq, {}, range); !kept) return kept;
  auto point = std::upper_bound(points.begin(), points.end(), range.from,
                                [](std::uint64_t seq, const auto& p) { return seq < p.first_seq; });
  if (points.empty() || range.from > footer().last_seq) return {};
  if (point != points.begin()) --point;
  ChainWalk walk(point->first_seq, point->before);
  for (std::uint64_t offset = point->offset; walk.next_seq() <= range.to;) {
    const Result<std::string> bytes = state_->EntryAt(offset);
    if (!bytes) return Fail(bytes.error());
    if (bytes->empty()) break;
    const Result<FrameView> frame = ViewFrameEntry(*bytes);
    if (!frame) return Fail(frame.error().In(state_->path));
    if (Status next = walk.Next(*frame); !next) return Fail(next.error().In(state_->path));
    if (frame->header.last_seq() >= range.from && !callback(*frame)) return {};
    offset += bytes->size();
  }
  return {};
}

Status BundleFile::BySubject(std::string_view subject, SeqRange range, Order order,
                             const EntryCallback& callback) const {
  return ScanBySubject(*this, subject, range, order, callback);
}

}  // namespace pgo::journal
