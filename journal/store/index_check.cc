#include <algorithm>
#include <cstring>
#include <set>

#include "journal/format/sha256.h"
#include "journal/store/journal_state.h"
#include "journal/store/keys.h"

namespace pgo::journal {
namespace {

// A set of keys regardless of order: equal sums mean equal sets, as records are sorted by seq and
// the index by subject.
struct KeySum {
  std::uint64_t count = 0;
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  void Add(std::string_view key) {
    const Hash hash = Sha256Of(key);
    std::uint64_t parts[2];
    std::memcpy(parts, hash.data(), sizeof parts);
    low += parts[0];
    high += parts[1];
    ++count;
  }
  bool operator==(const KeySum&) const = default;
};

Status SumRecords(const FrameView& frame, KeySum& sum) {
  for (std::size_t i = 0; i < frame.items.size(); ++i) {
    const std::uint64_t seq = frame.header.first_seq + i;
    const Result<RecordView> record = ViewRecord(frame.items[i].bytes, seq);
    if (!record) return Fail(record.error());
    const std::set<std::string_view> subjects(record->subjects.begin(), record->subjects.end());
    for (const std::string_view subject : subjects) sum.Add(SubjectKey(subject, seq));
  }
  return {};
}

Result<KeySum> SumIndex(rocksdb::DB& db, const Segment& segment, std::uint64_t last) {
  KeySum sum;
  const std::unique_ptr<rocksdb::Iterator> keys(
      db.NewIterator(rocksdb::ReadOptions(), segment.index.get()));
  for (keys->SeekToFirst(); keys->Valid(); keys->Next()) {
    const std::string_view key = keys->key().ToStringView();
    const auto seq = ParseSeqKey(key.substr(key.size() - std::min<std::size_t>(key.size(), 8)));
    if (!seq) return Fail(Code::kCorrupt, "a key of the index cannot be read");
    if (*seq <= last) sum.Add(key);
  }
  if (!keys->status().ok()) return Fail(FromRocks(keys->status()));
  return sum;
}

}  // namespace

Status Journal::VerifyIndex() const {
  const State::Published now = state_->Look();
  const std::vector<Segment>& segments = *now.segments;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const Segment& segment = segments[i];
    if (segment.first_seq == 0) continue;
    const bool newest = i + 1 == segments.size() || segments[i + 1].first_seq == 0;
    const std::uint64_t last = newest ? now.durable.seq : segments[i + 1].first_seq - 1;
    KeySum records;
    Status problem;
    const Status walked = Frames({segment.first_seq, last}, [&](const FrameView& frame) {
      problem = SumRecords(frame, records);
      return problem.has_value();
    });
    if (!problem) return problem;
    if (!walked) return walked;
    const Result<KeySum> index = SumIndex(state_->database->db(), segment, last);
    if (!index) return Fail(index.error());
    if (*index == records) continue;
    return Fail(Code::kCorrupt,
                "the index of segment " + std::to_string(segment.number) + " names " +
                    std::to_string(index->count) + " subjects of records, its records name " +
                    std::to_string(records.count) + ": answers by subject would be wrong");
  }
  return {};
}

}  // namespace pgo::journal
