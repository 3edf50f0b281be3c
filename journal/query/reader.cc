#include "journal/query/reader.h"

#include <array>
#include <ctime>

#include "journal/query/decoder.h"
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

Status CheckKept(std::uint64_t first_kept, const std::optional<std::int64_t>& wall_us,
                 SeqRange range) {
  const bool all = range.from <= 1 && range.to >= first_kept;
  if (first_kept <= 1 || all || range.from >= first_kept) return {};
  std::string when;
  if (wall_us) {
    const auto seconds = static_cast<std::time_t>(*wall_us / 1'000'000);
    std::tm parts{};
    std::array<char, 40> text{};
    gmtime_r(&seconds, &parts);
    std::strftime(text.data(), text.size(), " (%Y-%m-%dT%H:%M:%SZ)", &parts);
    when = text.data();
  }
  return Fail(Code::kNotFound, "record " + std::to_string(range.from) +
                                   " is not kept here: what is begins with record " +
                                   std::to_string(first_kept) + when);
}

Status Iterate(const Reader& reader, SeqRange range, const EntryCallback& callback) {
  Status problem;
  Decoder decoder(reader);
  const Status walked = reader.Frames(range, [&](const FrameView& frame) {
    for (std::size_t i = 0; i < frame.items.size(); ++i) {
      const std::uint64_t seq = frame.header.first_seq + i;
      if (!InRange(seq, range)) continue;
      Result<std::optional<Record>> record = decoder.RecordAt(frame, i);
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

namespace {

// Records of the range whose subjects include one, undecoded.
using Seen = std::function<bool(const FrameView& frame, std::size_t index)>;
Status Scan(const Reader& reader, std::string_view subject, SeqRange range, const Seen& seen) {
  Status problem;
  const Status walked = reader.Frames(range, [&](const FrameView& frame) {
    for (std::size_t i = 0; i < frame.items.size(); ++i) {
      const std::uint64_t seq = frame.header.first_seq + i;
      if (!InRange(seq, range) || frame.items[i].leaf) continue;
      const Result<RecordView> view = ViewRecord(frame.items[i].bytes, seq);
      if (!view) return problem = Fail(view.error()), false;
      if (Names(*view, subject) && !seen(frame, i)) return false;
    }
    return true;
  });
  return problem ? walked : problem;
}

Status ScanForward(const Reader& reader, std::string_view subject, SeqRange range,
                   const EntryCallback& callback) {
  Status problem;
  Decoder decoder(reader);
  const Status walked = Scan(reader, subject, range, [&](const FrameView& frame, std::size_t i) {
    Result<std::optional<Record>> record = decoder.RecordAt(frame, i);
    if (!record) return problem = Fail(record.error()), false;
    return callback({frame.header.first_seq + i, frame.header, **std::move(record)});
  });
  return problem ? walked : problem;
}

// Gives one record to the callback; false: no more.
Result<bool> Give(const Reader& reader, Decoder& decoder, std::uint64_t seq,
                  const EntryCallback& callback) {
  Status problem;
  bool more = true;
  const Status walked = reader.Frames({seq, seq}, [&](const FrameView& frame) {
    Result<std::optional<Record>> record = decoder.RecordAt(frame, seq - frame.header.first_seq);
    if (!record) return problem = Fail(record.error()), false;
    more = callback({seq, frame.header, **std::move(record)});
    return false;
  });
  if (!problem) return Fail(problem.error());
  if (!walked) return Fail(walked.error());
  return more;
}

}  // namespace

Status ScanBySubject(const Reader& reader, std::string_view subject, SeqRange range, Order order,
                     const EntryCallback& callback) {
  if (order == Order::kOldestFirst) return ScanForward(reader, subject, range, callback);
  std::vector<std::uint64_t> seqs;
  const Status walked = Scan(reader, subject, range, [&](const FrameView& frame, std::size_t i) {
    seqs.push_back(frame.header.first_seq + i);
    return true;
  });
  if (!walked) return walked;
  Decoder decoder(reader, order);
  for (auto seq = seqs.rbegin(); seq != seqs.rend(); ++seq) {
    const Result<bool> more = Give(reader, decoder, *seq, callback);
    if (!more) return Fail(more.error());
    if (!*more) break;
  }
  return {};
}

}  // namespace pgo::journal
