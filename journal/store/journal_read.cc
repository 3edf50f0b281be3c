#include <algorithm>
#include <unordered_map>
#include <utility>

#include "journal/query/decoder.h"
#include "journal/store/journal_state.h"
#include "journal/store/keys.h"

namespace pgo::journal {

JournalHead Journal::Head() const { return state_->Look().durable; }

Result<Reader::Start> Journal::Begin() const { return state_->Look().begin; }

Result<Reader::Start> Journal::Baseline(std::uint64_t seq) const {
  const State::Published now = state_->Look();
  if (seq < now.begin.first_seq - 1) {
    return Fail(State::CheckKept(now, {std::max<std::uint64_t>(seq, 2), seq}).error());
  }
  FrameCursor cursor(state_->database->db(), *now.segments);
  std::uint64_t end = UINT64_MAX;  // where the next segment starts
  for (auto segment = now.segments->rbegin(); segment != now.segments->rend(); ++segment) {
    if (segment->first_seq == 0) continue;
    const std::uint64_t before = std::exchange(end, segment->first_seq);
    if (segment->first_seq > seq) continue;
    const Result<std::uint64_t> last = state_->BaselineEnd(cursor, segment->first_seq, before);
    if (!last) return Fail(last.error());
    if (*last == 0 || *last > seq) continue;
    const Result<ChainWalk> walk = state_->WalkFrom(cursor, now.begin, segment->first_seq);
    if (!walk) return Fail(walk.error());
    return Start{walk->next_seq(), walk->chain()};
  }
  return Begin();
}

// Last seq of the baseline that starts with `first`; 0 if none does. The next segment starts with
// `end`: its baseline is not this one's, even if nothing lies between them.
Result<std::uint64_t> Journal::State::BaselineEnd(FrameCursor& cursor, std::uint64_t first,
                                                  std::uint64_t end) const {
  std::uint64_t last = 0;
  Result<bool> on_frame = cursor.SeekHolding(first);
  for (; on_frame && *on_frame; on_frame = cursor.Next()) {
    const Result<FrameView> frame = cursor.Frame();
    if (!frame) return Fail(frame.error());
    if ((frame->header.flags & kFlagBaseline) == 0 || frame->header.first_seq >= end) break;
    last = frame->header.last_seq();
  }
  if (!on_frame) return Fail(on_frame.error());
  return last;
}

// Puts the cursor on the frame that holds `seq` and gives the chain that frame must continue.
Result<ChainWalk> Journal::State::WalkFrom(FrameCursor& cursor, const Start& begin,
                                           std::uint64_t seq) const {
  Result<bool> found = cursor.SeekHolding(seq);
  if (!found) return Fail(found.error());
  if (!*found) {
    return Fail(Code::kCorrupt, "the frame of record " + std::to_string(seq) + " is missing");
  }
  const Result<FrameView> frame = cursor.Frame();
  if (!frame) return Fail(frame.error());
  const std::uint64_t first = frame->header.first_seq;
  if (first == begin.first_seq) return ChainWalk(first, begin.chain);
  Result<bool> before = cursor.Previous();
  if (!before) return Fail(before.error());
  if (!*before) {
    return Fail(Code::kCorrupt, "the frame before record " + std::to_string(first) + " is missing");
  }
  const Result<FrameView> previous = cursor.Frame();
  if (!previous) return Fail(previous.error());
  const ChainWalk walk(previous->header.last_seq() + 1, previous->chain);
  if (Result<bool> next = cursor.Next(); !next || !*next) {
    return next ? Fail(Code::kCorrupt, "the frame of record " + std::to_string(seq) + " vanished")
                : Fail(next.error());
  }
  return walk;
}

Status Journal::State::CheckKept(const Published& now, SeqRange range) {
  const std::optional<std::int64_t> wall_us =
      now.seals->empty() ? std::nullopt : std::optional(now.segments->front().first_wall_us);
  return journal::CheckKept(now.begin.first_seq, wall_us, range);
}

Status Journal::Frames(SeqRange range, const FrameCallback& callback) const {
  const State::Published now = state_->Look();
  const std::uint64_t last = std::min(range.to, now.durable.seq);
  if (Status kept = state_->CheckKept(now, range); !kept) return kept;
  const std::uint64_t from = std::max(range.from, now.begin.first_seq);
  if (from > last) return {};
  FrameCursor cursor(state_->database->db(), *now.segments);
  Result<ChainWalk> walk = state_->WalkFrom(cursor, now.begin, from);
  if (!walk) return Fail(walk.error());
  while (true) {
    const Result<FrameView> frame = cursor.Frame();
    if (!frame) return Fail(frame.error());
    if (Status next = walk->Next(*frame); !next) return next;
    if (frame->header.last_seq() >= from && !callback(*frame)) return {};
    if (walk->next_seq() > last) return {};
    const Result<bool> more = cursor.Next();
    if (!more) return Fail(more.error());
    if (!*more) {
      return Fail(Code::kCorrupt,
                  "the frame of record " + std::to_string(walk->next_seq()) + " is missing");
    }
  }
}

namespace {

// Delivers the records that an index names. What it is given must be in the segment.
class Delivery {
 public:
  Delivery(rocksdb::DB& db, const std::vector<Segment>& segments, Order order)
      : order_(order),
        frames_(db, segments),
        bases_(db, segments),
        decoder_([this](std::uint64_t seq) { return Stored(seq); }, order) {}
  void Enter(const Segment& segment) {
    segment_ = segment;
    read_.clear();
  }

  // Whether the callback wants more.
  Result<bool> Give(std::string_view subject, std::uint64_t seq, const EntryCallback& callback) {
    const auto read = read_.extract(seq);
    Result<std::optional<FrameCursor::Place>> place =
        read.empty() ? frames_.Find(seq) : std::optional(read.mapped().Get());
    if (!place) return Damaged(seq, place.error());
    if (!*place) return Damaged(seq, {Code::kCorrupt, "which is missing"});
    Result<Record> record = decoder_.Decode((*place)->bytes, seq);
    if (!record) return Fail(record.error());
    const auto& subjects = record->subjects;
    if (std::find(subjects.begin(), subjects.end(), subject) == subjects.end()) {
      return Damaged(seq, {Code::kCorrupt, "which does not name its subject"});
    }
    return callback({seq, (*place)->frame, *std::move(record)});
  }

 private:
  // A record that was read as the base of another, and is often the next one to be given.
  struct Read {
    FrameHeader frame;
    std::string bytes;
    [[nodiscard]] FrameCursor::Place Get() const { return {frame, bytes}; }
  };
  static constexpr std::size_t kReadMax = 256;

  tl::unexpected<Error> Damaged(std::uint64_t seq, const Error& what) const {
    return Fail(what.code, "the index of segment " + std::to_string(segment_.number) +
                               " names record " + std::to_string(seq) + ", " + what.message);
  }
  Result<std::optional<std::string>> Stored(std::uint64_t seq) {
    if (seq < segment_.first_seq) return std::optional<std::string>();
    const auto place = bases_.Find(seq);
    if (!place) return Fail(place.error());
    if (!*place) return std::optional<std::string>();
    std::optional<std::string> bytes((*place)->bytes);
    if (read_.size() >= kReadMax) read_.clear();
    if (order_ == Order::kNewestFirst) read_.insert_or_assign(seq, Read{(*place)->frame, *bytes});
    return bytes;
  }

  const Order order_;
  FrameCursor frames_;
  FrameCursor bases_;
  std::unordered_map<std::uint64_t, Read> read_;
  Decoder decoder_;
  Segment segment_;
};

}  // namespace

Status Journal::BySubject(std::string_view subject, SeqRange range, Order order,
                          const EntryCallback& callback) const {
  const State::Published now = state_->Look();
  const std::uint64_t last = std::min(range.to, now.durable.seq);
  if (Status kept = state_->CheckKept(now, range); !kept) return kept;
  if (subject.empty() || range.from > last) return {};
  std::vector<Segment> segments = *now.segments;
  const bool newest = order == Order::kNewestFirst;
  if (newest) std::reverse(segments.begin(), segments.end());
  Delivery delivery(state_->database->db(), *now.segments, order);
  const std::string prefix = SubjectPrefix(subject);
  bool more = true;
  for (const Segment& segment : segments) {
    delivery.Enter(segment);
    const std::unique_ptr<rocksdb::Iterator> keys(
        state_->database->db().NewIterator(rocksdb::ReadOptions(), segment.index.get()));
    newest ? keys->SeekForPrev(SubjectKey(subject, last))
           : keys->Seek(SubjectKey(subject, range.from));
    for (; more && keys->Valid() && keys->key().starts_with(prefix);
         newest ? keys->Prev() : keys->Next()) {
      const auto seq = ParseSeqKey(keys->key().ToStringView().substr(prefix.size()));
      if (!seq) return Fail(Code::kCorrupt, "a key of the index cannot be read");
      if (*seq < range.from || *seq > last) break;
      const Result<bool> given = delivery.Give(subject, *seq, callback);
      if (!given) return Fail(given.error());
      more = *given;
    }
    if (!keys->status().ok()) return Fail(FromRocks(keys->status()));
    if (!more) break;
  }
  return {};
}

}  // namespace pgo::journal
