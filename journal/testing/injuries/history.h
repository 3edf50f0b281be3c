// What a writer writes, as a function of (seed, number of the first record) alone: so that whoever
// knows the seed can say what a journal ought to hold, without asking the journal.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "journal/store/journal.h"

namespace pgo::journal::injuries {

using Random = std::mt19937_64;

// Seeds that differ in one part are unrelated.
std::uint64_t Mix(std::uint64_t seed, std::uint64_t part);

struct Commit {
  std::vector<Record> records;
  FrameTime time;
  std::uint64_t epoch = 0;
  bool baseline = false;  // opens a segment
  bool deferred = false;  // durable with the next commit that is not

  bool operator==(const Commit& other) const = default;
};

class Script {
 public:
  // `heavy`: payloads so large that RocksDB moves them into tables while the writer goes on.
  explicit Script(std::uint64_t seed, bool heavy = false) : seed_(seed), heavy_(heavy) {}
  [[nodiscard]] Commit At(std::uint64_t first_seq) const;
  [[nodiscard]] JournalId Id() const;

 private:
  [[nodiscard]] Record RecordAt(Random& random, std::uint64_t seq) const;

  std::uint64_t seed_;
  bool heavy_;
};

// What a writer was told about a commit.
struct Acknowledged {
  std::uint64_t last_seq = 0;
  std::uint64_t epoch = 0;
  Hash chain{};
  bool durable = false;  // when the call returned
};

// Writes the script's commit at the journal's end.
Result<Acknowledged> WriteNext(Journal& journal, const Script& script);

// All acknowledgements of one history, kept outside the journal.
class Ledger {
 public:
  void Add(const Acknowledged& acknowledged);
  // A crash took what was not durable: the journal was seen to end here, and goes on from here.
  void CutAfter(const JournalHead& head);

  [[nodiscard]] std::uint64_t durable_seq() const { return durable_; }
  [[nodiscard]] std::uint64_t last_seq() const;
  [[nodiscard]] const std::map<std::uint64_t, Acknowledged>& all() const { return by_seq_; }
  [[nodiscard]] JournalHead HeadAt(std::uint64_t seq, const JournalId& id) const;

 private:
  std::map<std::uint64_t, Acknowledged> by_seq_;
  std::uint64_t durable_ = 0;
};

}  // namespace pgo::journal::injuries
