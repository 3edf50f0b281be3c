#include <openssl/rand.h>

#include "journal/store/journal_state.h"
#include "journal/store/keys.h"
#include "journal/store/settings.h"

namespace pgo::journal {
namespace {

constexpr std::uint64_t kTailFrames = 1024;  // checked at every open

Result<JournalId> NewId(const JournalOptions& options) {
  if (options.new_id) return *options.new_id;
  JournalId id{};
  if (RAND_bytes(id.data(), static_cast<int>(id.size())) != 1) {
    return Fail(Code::kUnavailable, "the system gives no random bytes");
  }
  return id;
}

Status CheckTail(const Journal& journal, std::uint64_t from) {
  std::uint64_t last = from - 1;
  const Status walked = journal.Frames({from, UINT64_MAX}, [&](const FrameView& frame) {
    last = frame.header.last_seq();
    return true;
  });
  if (!walked) return walked;
  if (last == journal.Head().seq) return {};
  return Fail(Code::kCorrupt, "the frames end with record " + std::to_string(last) +
                                  " before the head " + std::to_string(journal.Head().seq));
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::Open(const std::string& directory,
                                               const JournalOptions& options) {
  const Result<JournalId> id = NewId(options);
  if (!id) return Fail(id.error());
  auto state = std::make_unique<State>();
  state->options = options;
  state->latch = std::make_shared<Latch>();
  state->bases = std::make_unique<Bases>(options.delta_bytes_max);
  Result<std::unique_ptr<Database>> database = Database::Open(
      directory, {options.create_if_missing, *id, options.new_seals, options.env}, state->latch);
  if (!database) return Fail(database.error());
  state->database = *std::move(database);
  std::unique_ptr<Journal> journal(new Journal(std::move(state)));
  Status step = journal->state_->Recover();
  if (step && options.verify_all) {
    const Result<VerifyReport> report = Verify(*journal);
    step = report ? journal->VerifyIndex() : Fail(report.error());
  } else if (step) {
    const Result<std::uint64_t> from = journal->state_->TailStart(kTailFrames);
    step = from ? CheckTail(*journal, *from) : Fail(from.error());
  }
  if (step) step = journal->state_->WarmBases();
  if (step) step = journal->state_->NoteOpened();
  if (!step) return Fail(step.error().In("journal " + directory));
  return journal;
}

// Notes the manifest and the log that this open wrote, once the journal has proven to be whole.
Status Journal::State::NoteOpened() {
  const Result<Fence> fence = database->MakeFence(true);
  if (!fence) return Fail(fence.error());
  rocksdb::WriteBatch batch(0, 0, kProtectionBytes, 0);
  batch.Put(database->latest(), kFenceKey, EncodeFence(*fence));
  static_cast<void>(latch->TakeGrown());
  if (const Status written = Write(batch, true); written) return {};
  return Fail(Code::kUnavailable, latch->Get() ? latch->Get()->message : "it cannot be written");
}

Status Journal::State::Recover() {
  const Result<Start> begin = StartAfter(database->journal_id(), database->opened_seals());
  if (!begin) return Fail(begin.error());
  published.begin = *begin;
  published.seals = std::make_shared<const std::vector<Seal>>(database->opened_seals());
  published.segments = std::make_shared<const std::vector<Segment>>(database->TakeSegments());
  if (Status dropped = DropEmptyLastSegment(); !dropped) return dropped;
  const Result<JournalHead> head = FindHead();
  if (!head) return Fail(head.error());
  if (Status same = CompareStoredHead(*head); !same) return same;
  published.appended = *head;
  published.durable = *head;
  epoch = head->epoch;
  MeasureLastSegment();
  return {};
}

// A segment without frames is a rotation that a crash cut short: its baseline is missing, so
// nothing may be appended to it.
Status Journal::State::DropEmptyLastSegment() {
  std::vector<Segment> segments = *published.segments;
  if (segments.size() == 1 || segments.back().first_seq != 0) return {};
  if (Status dropped = database->DropSegment(segments.back()); !dropped) return dropped;
  segments.pop_back();
  published.segments = std::make_shared<const std::vector<Segment>>(std::move(segments));
  return {};
}

Result<JournalHead> Journal::State::FindHead() const {
  FrameCursor cursor(database->db(), *published.segments);
  const Result<bool> found = cursor.SeekLast();
  if (!found) return Fail(found.error());
  const JournalId& id = database->journal_id();
  if (!*found) return JournalHead{id, 0, published.begin.first_seq - 1, published.begin.chain};
  const Result<FrameView> frame = cursor.Frame();
  if (!frame) return Fail(frame.error());
  return JournalHead{id, frame->header.epoch, frame->header.last_seq(), frame->chain};
}

// Every batch writes the head beside its frame; if they differ, one of them was lost.
Status Journal::State::CompareStoredHead(const JournalHead& head) const {
  std::string bytes;
  const rocksdb::Status got =
      database->db().Get(rocksdb::ReadOptions(), database->latest(), kHeadKey, &bytes);
  if (!got.ok() && !got.IsNotFound()) return Fail(FromRocks(got));
  std::optional<JournalHead> stored;
  if (got.ok()) {
    stored = ParseHead(bytes);
    if (!stored) return Fail(Code::kCorrupt, "its stored head cannot be read");
  }
  if (!stored && head.seq + 1 == published.begin.first_seq) return {};
  if (stored && stored->epoch == head.epoch && stored->seq == head.seq &&
      stored->chain == head.chain) {
    return {};
  }
  return Fail(Code::kCorrupt, "its newest frame ends with record " + std::to_string(head.seq) +
                                  ", its stored head names record " +
                                  std::to_string(stored ? stored->seq : 0) +
                                  ": acknowledged records are missing");
}

void Journal::State::MeasureLastSegment() {
  for (const char* name : {"rocksdb.total-sst-files-size", "rocksdb.cur-size-all-mem-tables"}) {
    std::uint64_t bytes = 0;
    if (database->db().GetIntProperty(published.segments->back().records.get(), name, &bytes)) {
      segment_bytes += bytes;
    }
  }
}

Result<std::uint64_t> Journal::State::TailStart(std::uint64_t frames) const {
  FrameCursor cursor(database->db(), *published.segments);
  Result<bool> on_frame = cursor.SeekLast();
  std::uint64_t first = published.begin.first_seq;
  for (std::uint64_t i = 0; i < frames && on_frame && *on_frame; ++i) {
    const Result<FrameView> frame = cursor.Frame();
    if (!frame) return Fail(frame.error());
    first = frame->header.first_seq;
    on_frame = cursor.Previous();
  }
  if (!on_frame) return Fail(on_frame.error());
  return first;
}

}  // namespace pgo::journal
