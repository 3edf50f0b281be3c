#include "journal/testing/injuries/history.h"

#include <algorithm>

namespace pgo::journal::injuries {
namespace {

constexpr std::int64_t kWallUs = 1'760'000'000'000'000;

std::string Bytes(Random& random, std::size_t size, bool compressible) {
  std::string out(size, '\0');
  for (char& byte : out) {
    byte = compressible ? "abcd"[random() % 4] : static_cast<char>(random() & 0xffU);
  }
  return out;
}

}  // namespace

std::uint64_t Mix(std::uint64_t seed, std::uint64_t part) {
  std::uint64_t x = seed + 0x9e3779b97f4a7c15U * (part + 1);  // splitmix64
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

JournalId Script::Id() const {
  Random random(seed_);
  JournalId id{};
  for (auto& byte : id) byte = static_cast<std::uint8_t>(random());
  return id;
}

Record Script::RecordAt(Random& random, std::uint64_t seq) const {
  constexpr const char* kSubjects[] = {"cluster/hippo",  "cluster/elephant",  "pod/hippo-00-a",
                                       "pod/hippo-00-b", "pod/elephant-00-a", "node/one",
                                       "node/two",       "action/promote"};
  constexpr std::size_t kSizes[] = {0, 40, 120, 300, 300, 900, 4000};
  Record record;
  record.type = static_cast<std::uint16_t>(1 + random() % 12);
  record.schema = 1;
  record.source = static_cast<std::uint16_t>(random() % 4);
  for (std::uint64_t i = random() % 3; i > 0 && seq > 1; --i) {
    record.causes.push_back(seq - 1 - random() % std::min<std::uint64_t>(seq - 1, 30));
  }
  for (std::uint64_t i = random() % 3; i > 0; --i)
    record.subjects.push_back(kSubjects[random() % 8]);
  if (random() % 4 == 0) record.subjects.push_back("secret/" + std::to_string(seq));
  if (random() % 2 == 0) record.rv = std::to_string(1000 + seq);
  const std::size_t size = heavy_ ? 400'000 : kSizes[random() % 7];
  record.payload = Bytes(random, size, !heavy_ && random() % 2 == 0);
  return record;
}

Commit Script::At(std::uint64_t first_seq) const {
  Random random(Mix(seed_, first_seq));
  Commit commit;
  commit.baseline = first_seq > 1 && random() % 24 == 0;
  commit.deferred = !commit.baseline && random() % 4 == 0;
  commit.epoch = 1 + first_seq / 40;
  commit.time = {kWallUs + static_cast<std::int64_t>(first_seq) * 1000, first_seq * 1000};
  for (std::uint64_t i = 0, count = 1 + random() % 4; i < count; ++i) {
    commit.records.push_back(RecordAt(random, first_seq + i));
  }
  return commit;
}

Result<Acknowledged> WriteNext(Journal& journal, const Script& script) {
  const Commit commit = script.At(journal.NextSeq());
  if (Status epoch = journal.NewEpoch(commit.epoch); !epoch) return Fail(epoch.error());
  Result<AppendedFrame> appended = Fail(Code::kInternal, "nothing was written");
  if (commit.baseline) {
    const auto rotated = journal.Rotate(commit.time, commit.records);
    if (!rotated) return Fail(rotated.error());
    if (*rotated) appended = **rotated;
  } else {
    appended = journal.Append(commit.records, commit.time,
                              commit.deferred ? Durability::kDeferred : Durability::kSynced);
  }
  if (!appended) return Fail(appended.error());
  return Acknowledged{appended->last_seq, commit.epoch, appended->chain, !commit.deferred};
}

void Ledger::Add(const Acknowledged& acknowledged) {
  by_seq_[acknowledged.last_seq] = acknowledged;
  if (acknowledged.durable) durable_ = std::max(durable_, acknowledged.last_seq);
}

void Ledger::CutAfter(const JournalHead& head) {
  by_seq_.erase(by_seq_.upper_bound(head.seq), by_seq_.end());
  durable_ = head.seq;
  if (head.seq > 0) by_seq_[head.seq] = {head.seq, head.epoch, head.chain, true};
}

std::uint64_t Ledger::last_seq() const { return by_seq_.empty() ? 0 : by_seq_.rbegin()->first; }

JournalHead Ledger::HeadAt(std::uint64_t seq, const JournalId& id) const {
  const auto found = by_seq_.find(seq);
  if (found == by_seq_.end()) return {id, 0, 0, GenesisOf(id)};
  return {id, found->second.epoch, seq, found->second.chain};
}

}  // namespace pgo::journal::injuries
