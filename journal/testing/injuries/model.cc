#include "journal/testing/injuries/model.h"

#include <algorithm>
#include <set>

#include "journal/query/bundle_file.h"
#include "journal/query/decoder.h"

namespace pgo::journal::injuries {
namespace {

using Seqs = std::vector<std::uint64_t>;

std::string Name(std::uint64_t seq) { return "record " + std::to_string(seq); }

// One asking; the first wrong answer and the first refusal are kept.
struct Asking {
  const Reader& reader;
  const Model& model;
  Random& random;
  Answers answers;

  void Wrong(const std::string& what) {
    if (answers.wrong.empty()) answers.wrong = what;
  }
  template <typename T>
  bool Given(const T& result, const char* question) {
    if (result) return true;
    if (answers.refused.empty())
      answers.refused = std::string(question) + ": " + result.error().message;
    if (result.error().message.empty())
      Wrong(std::string(question) + " was refused without a word");
    return false;
  }
  [[nodiscard]] std::uint64_t AnySeq() const { return 1 + random() % model.last_seq(); }
};

bool SameHeader(const FrameView& frame, const Model::Frame& wanted) {
  const FrameHeader& header = frame.header;
  const Commit& commit = wanted.commit;
  const bool same = header.first_seq == wanted.first_seq && header.epoch == commit.epoch &&
                    header.n == commit.records.size() && header.wall_us == commit.time.wall_us &&
                    header.elapsed_us == commit.time.elapsed_us &&
                    (header.flags & kFlagBaseline) == (commit.baseline ? kFlagBaseline : 0);
  return same && (!wanted.chain || *wanted.chain == frame.chain) &&
         frame.items.size() == commit.records.size();
}

// False: it was refused, or is wrong; either is noted.
bool AskFrame(Asking& asking, Decoder& decoder, const FrameView& frame,
              const Model::Frame& wanted) {
  bool same = SameHeader(frame, wanted);
  for (std::size_t i = 0; same && i < frame.items.size(); ++i) {
    const auto record = decoder.RecordAt(frame, i);
    if (!asking.Given(record, "all frames")) return false;
    same = record->has_value() && **record == wanted.commit.records[i];
  }
  if (!same) asking.Wrong(FrameName(frame.header) + " is not what was written");
  return same;
}

void AskFrames(Asking& asking) {
  std::size_t at = 0;
  bool fine = true;
  const auto& frames = asking.model.frames();
  Decoder decoder(asking.reader);
  const Status walked = asking.reader.Frames({}, [&](const FrameView& frame) {
    if (at == frames.size()) asking.Wrong(FrameName(frame.header) + " was never written");
    fine = at < frames.size() && AskFrame(asking, decoder, frame, frames[at]);
    ++at;
    return fine;
  });
  if (asking.Given(walked, "all frames") && fine && at != frames.size()) {
    asking.Wrong("all frames: " + std::to_string(at) + " of " + std::to_string(frames.size()));
  }
}

void AskRange(Asking& asking) {
  const std::uint64_t from = asking.AnySeq();
  const std::uint64_t to = std::min(asking.model.last_seq(), from + asking.random() % 20);
  std::uint64_t next = from;
  const Status walked = Iterate(asking.reader, {from, to}, [&](const Entry& entry) {
    if (entry.seq != next || entry.record != asking.model.At(next)) {
      asking.Wrong("range: " + Name(entry.seq) + " is not what was written");
    }
    return ++next <= to;
  });
  if (asking.Given(walked, "range") && next != to + 1) asking.Wrong("range: ends early");
}

// Gives the seqs that the reader names for a subject; compares each record.
Seqs Named(Asking& asking, const std::string& subject, SeqRange range, Order order, bool& given) {
  Seqs seqs;
  const Status asked = asking.reader.BySubject(subject, range, order, [&](const Entry& entry) {
    const bool known = entry.seq >= 1 && entry.seq <= asking.model.last_seq();
    if (!known || entry.record != asking.model.At(entry.seq)) {
      asking.Wrong("by subject " + subject + ": " + Name(entry.seq) + " is not what was written");
      return false;
    }
    seqs.push_back(entry.seq);
    return true;
  });
  given = asking.Given(asked, "by subject");
  return seqs;
}

void AskSubject(Asking& asking, const std::string& subject, const Seqs& wanted) {
  const std::uint64_t from = asking.random() % 2 == 0 ? 1 : asking.AnySeq();
  const std::uint64_t to = asking.random() % 2 == 0 ? UINT64_MAX : asking.AnySeq();
  Seqs in_range;
  for (const std::uint64_t seq : wanted) {
    if (seq >= from && seq <= to) in_range.push_back(seq);
  }
  for (const Order order : {Order::kOldestFirst, Order::kNewestFirst}) {
    bool given = false;
    Seqs seqs = Named(asking, subject, {from, to}, order, given);
    if (order == Order::kNewestFirst) std::reverse(seqs.begin(), seqs.end());
    if (given && seqs != in_range) {
      asking.Wrong("by subject " + subject + ": " + std::to_string(seqs.size()) + " records, " +
                   std::to_string(in_range.size()) + " were written");
    }
  }
}

// The newest record about a subject at or before a moment.
void AskState(Asking& asking, const std::string& subject, const Seqs& wanted) {
  const std::uint64_t at = asking.AnySeq();
  const auto after = std::upper_bound(wanted.begin(), wanted.end(), at);
  const std::uint64_t expected = after == wanted.begin() ? 0 : *std::prev(after);
  std::uint64_t found = 0;
  const Status asked =
      asking.reader.BySubject(subject, {1, at}, Order::kNewestFirst, [&](const Entry& entry) {
        found = entry.seq;
        return false;
      });
  if (asking.Given(asked, "state") && found != expected) {
    asking.Wrong("state of " + subject + " at " + Name(at) + ": " + Name(found) + ", not " +
                 Name(expected));
  }
}

// All that a record rests on, walked over causes.
void AskWhy(Asking& asking) {
  Seqs todo{asking.AnySeq()};
  std::set<std::uint64_t> seen(todo.begin(), todo.end());
  for (std::size_t i = 0; i < todo.size() && i < 12; ++i) {
    const Result<Entry> entry = At(asking.reader, todo[i]);
    if (!entry && entry.error().code == Code::kNotFound) {
      return asking.Wrong("why: " + Name(todo[i]) + " is said not to be kept");
    }
    if (!asking.Given(entry, "why")) return;
    if (entry->record != asking.model.At(todo[i])) {
      return asking.Wrong("why: " + Name(todo[i]) + " is not what was written");
    }
    for (const std::uint64_t cause : entry->record.causes) {
      if (seen.insert(cause).second) todo.push_back(cause);
    }
  }
}

void AskBaseline(Asking& asking) {
  const std::uint64_t at = asking.AnySeq();
  std::uint64_t expected = 1;
  for (const Model::Frame& frame : asking.model.frames()) {
    if (frame.commit.baseline && frame.last_seq() <= at) expected = frame.first_seq;
  }
  const Result<Reader::Start> start = asking.reader.Baseline(at);
  if (asking.Given(start, "baseline") && start->first_seq != expected) {
    asking.Wrong("baseline of " + Name(at) + ": " + Name(start->first_seq) + ", not " +
                 Name(expected));
  }
}

// One file for an incident: it must verify by itself, and end where the history ends.
void AskBundle(Asking& asking) {
  std::string bytes;
  ExportOptions options;
  if (asking.random() % 2 == 0) options.subjects = {"cluster/hippo"};
  const auto written = ExportBundle(asking.reader, options, [&](std::string_view part) {
    bytes += part;
    return Status();
  });
  if (!asking.Given(written, "bundle")) return;
  std::size_t at = 0;
  const auto read = ReadBundle(
      [&](char* buffer, std::size_t size) -> Result<std::size_t> {
        const std::size_t count = bytes.copy(buffer, size, at);
        at += count;
        return count;
      },
      BundleVisitor{});
  if (!read) return asking.Wrong("bundle: it does not verify: " + read.error().message);
  if (written->last_seq != asking.model.last_seq()) asking.Wrong("bundle: ends early");
}

}  // namespace

Model::Model(const Script& script, const Ledger& ledger, std::uint64_t last_seq)
    : id_(script.Id()), last_seq_(last_seq) {
  std::uint64_t next = 1;
  while (next <= last_seq) {
    Frame frame{next, script.At(next), std::nullopt};
    next = frame.last_seq() + 1;
    const auto known = ledger.all().find(frame.last_seq());
    if (known != ledger.all().end()) frame.chain = known->second.chain;
    frames_.push_back(std::move(frame));
  }
  whole_ = next == last_seq + 1;
  for (const Frame& frame : frames_) {
    for (const Record& record : frame.commit.records) {
      records_.push_back(&record);
      const std::set<std::string> subjects(record.subjects.begin(), record.subjects.end());
      for (const std::string& subject : subjects) by_subject_[subject].push_back(records_.size());
    }
  }
}

Answers Ask(const Reader& reader, const Model& model, Random& random) {
  Asking asking{reader, model, random, {}};
  const JournalHead head = reader.Head();
  if (head.seq != model.last_seq() || head.journal_id != model.Id()) {
    asking.Wrong("the head names " + Name(head.seq) + ", not " + Name(model.last_seq()));
    return asking.answers;
  }
  if (model.last_seq() == 0) return asking.answers;
  AskFrames(asking);
  for (int i = 0; i < 3; ++i) AskRange(asking);
  for (const auto& [subject, seqs] : model.by_subject()) {
    if (subject.starts_with("secret/") && random() % 4 != 0) continue;
    AskSubject(asking, subject, seqs);
    AskState(asking, subject, seqs);
  }
  AskSubject(asking, "pod/nobody", {});
  for (int i = 0; i < 3; ++i) AskWhy(asking);
  for (int i = 0; i < 3; ++i) AskBaseline(asking);
  AskBundle(asking);
  static_cast<void>(asking.Given(Verify(reader), "verify"));
  return asking.answers;
}

}  // namespace pgo::journal::injuries
