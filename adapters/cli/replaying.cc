#include "adapters/cli/replaying.h"

#include <algorithm>
#include <chrono>

#include "adapters/cli/facts.h"
#include "engine/event/codec.h"
#include "journal/query/decoder.h"

namespace pgo::cli {
namespace {

std::int64_t NowMs() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// How far back an observation before is looked for.
constexpr std::uint64_t kLookBack = 20'000;

std::optional<Observed> ObservedBefore(const journal::BundleFile& bundle,
                                       const std::string& subject, std::uint64_t seq) {
  std::optional<Observed> out;
  const std::uint64_t first = bundle.manifest().first_seq;
  if (seq <= first) return out;
  const journal::SeqRange range{std::max(seq > kLookBack ? seq - kLookBack : 1, first), seq - 1};
  static_cast<void>(
      bundle.BySubject(subject, range, journal::Order::kNewestFirst, [&](const journal::Entry& e) {
        auto payload = DecodePayload(e.record.type, e.record.payload);
        auto* observed = payload ? std::get_if<Observed>(&*payload) : nullptr;
        if (observed != nullptr) out = std::move(*observed);
        return observed == nullptr;
      }));
  return out;
}

}  // namespace

Percent::Percent(Output& output, std::string what)
    : output_(output), what_(std::move(what)), begun_ms_(NowMs()) {}

Percent::~Percent() {
  if (shown_ >= 0) output_.Print("\r\x1b[2K");
}

void Percent::Set(std::uint64_t done, std::uint64_t all) {
  if (!output_.terminal() || all == 0 || NowMs() - begun_ms_ < 500) return;
  const int percent = static_cast<int>(std::min<std::uint64_t>(done * 100 / all, 100));
  if (percent == shown_) return;
  shown_ = percent;
  output_.Print("\r" + what_ + " " +
                Pad("", percent < 10    ? 2
                        : percent < 100 ? 1
                                        : 0) +
                std::to_string(percent) + " %");
}

Status FeedAll(const journal::BundleFile& bundle, const std::string& why, Percent& progress,
               const std::function<void(const StoredRecord&)>& feed) {
  Status problem;
  const std::uint64_t first = bundle.manifest().first_seq;
  const std::uint64_t last = bundle.Head().seq;
  const auto elided = [&](std::uint64_t seq) {
    problem = Fail(Code::kInvalid, "this bundle leaves records out (the first in frame #" +
                                       std::to_string(seq) + "), " + why +
                                       "; its chain is intact. Export it without --only-cluster");
    return false;
  };
  journal::Decoder decoder(bundle);
  Status read = bundle.Frames({}, [&](const journal::FrameView& frame) {
    const auto& h = frame.header;
    if (frame.root) return elided(h.first_seq);
    progress.Set(h.first_seq - first, last - first + 1);
    for (std::size_t i = 0; i < frame.items.size(); ++i) {
      auto record = decoder.RecordAt(frame, i);
      if (!record) problem = Fail(record.error());
      if (!record) return false;
      if (!*record) return elided(h.first_seq + i);
      feed({h.first_seq + i, (*record)->type, std::move((*record)->payload),
            Now{h.wall_us, static_cast<std::int64_t>(h.elapsed_us)}});
    }
    return true;
  });
  return !problem ? problem : read;
}

std::string ShortHash(const journal::Hash& chain) {
  const std::string hex = journal::HexOf(chain);
  return hex.substr(0, 4) + "…" + hex.substr(hex.size() - 4);
}

std::string DescribeRecord(const journal::BundleFile& bundle, std::uint64_t seq) {
  const auto entry = journal::At(bundle, seq);
  if (!entry) return "not among these records";
  if (const auto action = DecodeAction(entry->record.payload);
      entry->record.type == static_cast<std::uint64_t>(RecordType::kAction) && action) {
    return action->sentence;
  }
  const auto payload = DecodePayload(entry->record.type, entry->record.payload);
  if (!payload) return RecordTypeName(entry->record.type) + ": cannot be read by this build";
  const auto* observed = std::get_if<Observed>(&*payload);
  if (observed == nullptr) return DescribePlain(*payload);
  const auto before = ObservedBefore(bundle, ObjectSubject(observed->ref), seq);
  const bool same = before && before->uid == observed->uid;
  return Describe(*observed, same ? &before->object : nullptr).text;
}

}  // namespace pgo::cli
