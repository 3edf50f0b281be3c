#include "journal/query/verify.h"

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

}  // namespace

Result<VerifyReport> Verify(const Reader& reader, const ProgressCallback& progress) {
  const Result<Reader::Start> start = reader.Begin();
  if (!start) return Fail(start.error());
  VerifyReport report;
  report.head = reader.Head();
  report.first_seq = start->first_seq;
  ChainWalk walk(start->first_seq, start->chain);
  Decoder decoder(reader);
  Status problem;
  const SeqRange range{start->first_seq, report.head.seq};
  const Status walked = reader.Frames(range, [&](const FrameView& frame) {
    problem = walk.Next(frame);
    if (problem) problem = CheckRecords(frame, decoder, report);
    if (!problem) return false;
    if (++report.frames % kFramesPerProgress == 0 && progress &&
        !progress({frame.header.last_seq(), report.head.seq})) {
      problem = Fail(Code::kUnavailable, "interrupted");
    }
    return problem.has_value();
  });
  if (!problem) return Fail(problem.error());
  if (!walked) return Fail(walked.error());
  if (walk.next_seq() != report.head.seq + 1 || walk.chain() != report.head.chain) {
    return Fail(Code::kCorrupt, "the journal ends with record " +
                                    std::to_string(walk.next_seq() - 1) + ", its head says " +
                                    std::to_string(report.head.seq));
  }
  return report;
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
