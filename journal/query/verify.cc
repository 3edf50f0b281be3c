#include "journal/query/verify.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "journal/query/decoder.h"

namespace pgo::journal {
namespace {

constexpr std::uint64_t kFramesPerProgress = 1024;

// Decodes every record of the frame, so that a payload that cannot be read is found too.
Status CheckRecords(const FrameView& frame, Decoder& decoder, VerifyReport& report) {
  if (frame.root) report.elided += frame.header.n;
  for (std::size_t i = 0; i < frame.items.size(); ++i) {
    const Result<std::optional<Record>> record = decoder.RecordAt(frame, i);
    if (!record) return Fail(record.error());
    ++(record->has_value() ? report.records : report.elided);
    report.bytes += frame.items[i].bytes.size();
  }
  return {};
}

// Progress of all threads together.
struct Telling {
  const ProgressCallback& progress;
  std::uint64_t first_seq, last_seq;
  std::mutex mutex = {};
  std::uint64_t records = 0;
  bool stopped = false;

  // Whether to go on.
  bool Add(std::uint64_t more) {
    const std::scoped_lock lock(mutex);
    records += more;
    if (!stopped && progress) stopped = !progress({first_seq + records - 1, last_seq});
    return !stopped;
  }
};

// Frames that begin in from..to, and what was found.
struct Part {
  std::uint64_t from = 1, to = 0;
  VerifyReport counts;
  Status status;
  std::optional<Reader::Start> start;  // known of the first part, else as stated before it
  std::uint64_t first_epoch = 0, last_epoch = 0;
  std::uint64_t end_seq = 0;
  Hash end_chain{};
};

std::vector<Part> Divide(const Reader::Start& start, std::uint64_t last, unsigned threads) {
  constexpr std::uint64_t kRecordsMin = 10'000;  // of a part that is worth a thread
  const std::uint64_t records = last + 1 - start.first_seq;
  const std::uint64_t most = std::max<std::uint64_t>(1, records / kRecordsMin);
  const std::uint64_t count = std::clamp<std::uint64_t>(threads, 1, most);
  std::vector<Part> parts(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    parts[i].from = start.first_seq + records * i / count;
    parts[i].to = start.first_seq + records * (i + 1) / count - 1;
  }
  parts[0].start = start;
  parts[0].end_seq = start.first_seq - 1;
  parts[0].end_chain = start.chain;
  return parts;
}

// The frame that begins the part, and the chain before it. Frames() has checked the link.
Status FindStart(const Reader& reader, Part& part) {
  std::uint64_t first = part.from;
  Status found = reader.Frames({part.from, part.from}, [&](const FrameView& frame) {
    if (frame.header.first_seq < part.from) first = frame.header.last_seq() + 1;
    return false;
  });
  if (!found || first > part.to) return found;
  return reader.Frames({first - 1, first - 1}, [&](const FrameView& frame) {
    part.start = Reader::Start{first, frame.chain};
    return false;
  });
}

void VerifyPart(const Reader& reader, Part& part, Telling& telling) {
  if (!part.start) part.status = FindStart(reader, part);
  if (!part.status || !part.start || part.start->first_seq > part.to) return;
  ChainWalk walk(part.start->first_seq, part.start->chain);
  Decoder decoder(reader);
  std::uint64_t told = 0;
  Status problem;
  const SeqRange range{part.start->first_seq, part.to};
  const Status walked = reader.Frames(range, [&](const FrameView& frame) {
    problem = walk.Next(frame);
    if (problem) problem = CheckRecords(frame, decoder, part.counts);
    if (!problem) return false;
    if (part.counts.frames++ == 0) part.first_epoch = frame.header.epoch;
    const std::uint64_t seen = part.counts.records + part.counts.elided;
    if (part.counts.frames % kFramesPerProgress == 0 &&
        !telling.Add(seen - std::exchange(told, seen))) {
      problem = Fail(Code::kUnavailable, "interrupted");
    }
    return problem.has_value();
  });
  part.status = problem ? walked : problem;
  part.last_epoch = walk.epoch();
  part.end_seq = walk.next_seq() - 1;
  part.end_chain = walk.chain();
}

// A part without a frame of its own (one frame is longer than it) takes the end of the one before.
Status Join(const Part& before, Part& part) {
  if (part.counts.frames == 0) {
    part.last_epoch = before.last_epoch;
    part.end_seq = before.end_seq;
    part.end_chain = before.end_chain;
    return {};
  }
  if (part.start->first_seq == before.end_seq + 1 && part.start->chain == before.end_chain &&
      part.first_epoch >= before.last_epoch) {
    return {};
  }
  return Fail(Code::kCorrupt, "record " + std::to_string(part.start->first_seq) +
                                  " does not continue what is before it");
}

}  // namespace

Result<VerifyReport> Verify(const Reader& reader, const ProgressCallback& progress,
                            unsigned threads) {
  const Result<Reader::Start> start = reader.Begin();
  if (!start) return Fail(start.error());
  VerifyReport report;
  report.head = reader.Head();
  report.first_seq = start->first_seq;
  Telling telling{progress, start->first_seq, report.head.seq};
  std::vector<Part> parts = Divide(*start, report.head.seq, threads);
  std::vector<std::thread> helpers;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    helpers.emplace_back([&, i] { VerifyPart(reader, parts[i], telling); });
  }
  VerifyPart(reader, parts[0], telling);
  for (std::thread& helper : helpers) helper.join();
  Status joined;
  for (std::size_t i = 0; i < parts.size() && joined; ++i) {
    joined = parts[i].status;
    if (joined && i > 0) joined = Join(parts[i - 1], parts[i]);
    report.frames += parts[i].counts.frames;
    report.records += parts[i].counts.records;
    report.elided += parts[i].counts.elided;
    report.bytes += parts[i].counts.bytes;
  }
  if (!joined) return Fail(joined.error());
  const Part& last = parts.back();
  if (last.end_seq == report.head.seq && last.end_chain == report.head.chain) return report;
  return Fail(Code::kCorrupt, "the journal ends with record " + std::to_string(last.end_seq) +
                                  ", its head says " + std::to_string(report.head.seq));
}

Result<AnchorVerdict> CompareAnchor(const Reader& reader, const JournalHead& anchor) {
  const JournalHead head = reader.Head();
  if (anchor.journal_id != head.journal_id) return AnchorVerdict::kForeign;
  if (anchor.seq > head.seq) return AnchorVerdict::kBehind;
  const Result<Reader::Start> start = reader.Begin();
  if (!start) return Fail(start.error());
  if (anchor.seq + 1 < start->first_seq) return AnchorVerdict::kExpired;
  if (anchor.seq + 1 == start->first_seq) {
    return anchor.chain == start->chain ? AnchorVerdict::kHolds : AnchorVerdict::kForeign;
  }
  bool holds = false;
  const Status walked = reader.Frames({anchor.seq, anchor.seq}, [&](const FrameView& frame) {
    holds = frame.header.last_seq() == anchor.seq && frame.chain == anchor.chain;
    return false;
  });
  if (!walked) return Fail(walked.error());
  return holds ? AnchorVerdict::kHolds : AnchorVerdict::kForeign;
}

}  // namespace pgo::journal
