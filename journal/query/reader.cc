#include "journal/query/reader.h"

#include "journal/query/scan.h"

namespace pgo::journal {
namespace {

bool InRange(std::uint64_t seq, SeqRange range) { return seq >= range.from && seq <= range.to; }

bool Names(const RecordView& record, std::string_view subject) {
  for (const std::string_view one : record.subjects) {
    if (one == subject) return true;
  }
  return false;
}

}  // namespace

Status Iterate(const Reader& reader, SeqRange range, const EntryCallback& callback) {
  Status problem;
  const Status walked = reader.Frames(range, [&](const FrameView& frame) {
    for (std::size_t i = 0; i < frame.items.size(); ++i) {
      const std::uint64_t seq = frame.header.first_seq + i;
      if (!InRange(seq, range)) continue;
      Result<std::optional<Record>> record = RecordAt(frame, i);
      if (!record) {
        problem = Fail(record.error());
        return false;
      }
      if (record->has_value() && !callback({seq, frame.header, **std::move(record)})) return false;
    }
    return true;
  });
  return problem ? walked : problem;
}

Result<Entry> At(const Reader& reader, std::uint64_t seq) {
  std::optional<Entry> found;
  const Status walked = Iterate(reader, {seq, seq}, [&](const Entry& entry) {
    found = entry;
    return false;
  });
  if (!walked) return Fail(walked.error());
  if (!found) return Fail(Code::kNotFound, "record " + std::to_string(seq) + " is not kept here");
  return *std::move(found);
}

Status ScanBySubject(const Reader& reader, std::string_view subject, SeqRange range, Order order,
                     const EntryCallback& callback) {
  Status problem;
  std::vector<std::uint64_t> seqs;  // only for newest first
  const Status walked = reader.Frames(range, [&](const FrameView& frame) {
    for (std::size_t i = 0; i < frame.items.size(); ++i) {
      const std::uint64_t seq = frame.header.first_seq + i;
      if (!InRange(seq, range) || frame.items[i].leaf) continue;
      const Result<RecordView> view = ViewRecord(frame.items[i].bytes, seq);
      if (!view) return problem = Fail(view.error()), false;
      if (!Names(*view, subject)) continue;
      if (order == Order::kNewestFirst) {
        seqs.push_back(seq);
        continue;
      }
      Result<std::optional<Record>> record = RecordAt(frame, i);
      if (!record) return problem = Fail(record.error()), false;
      if (!callback({seq, frame.header, **std::move(record)})) return false;
    }
    return true;
  });
  if (!problem) return problem;
  if (!walked) return walked;
  for (auto seq = seqs.rbegin(); seq != seqs.rend(); ++seq) {
    const Result<Entry> entry = At(reader, *seq);
    if (!entry) return Fail(entry.error());
    if (!callback(*entry)) break;
  }
  return {};
}

}  // namespace pgo::journal
