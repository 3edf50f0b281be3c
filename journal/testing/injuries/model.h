// The questions that people ask a journal, answered from memory, and compared with what a reader
// answers. The model is made from the script and the acknowledgements; it never reads a store.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "journal/testing/injuries/history.h"

namespace pgo::journal::injuries {

class Model {
 public:
  // The history up to `last_seq`. Its commits end there, or Whole is false.
  Model(const Script& script, const Ledger& ledger, std::uint64_t last_seq);

  struct Frame {
    std::uint64_t first_seq = 0;
    Commit commit;
    std::optional<Hash> chain;  // if it was acknowledged
    [[nodiscard]] std::uint64_t last_seq() const { return first_seq + commit.records.size() - 1; }
  };
  [[nodiscard]] bool Whole() const { return whole_; }
  [[nodiscard]] std::uint64_t last_seq() const { return last_seq_; }
  [[nodiscard]] const std::vector<Frame>& frames() const { return frames_; }
  [[nodiscard]] const Record& At(std::uint64_t seq) const { return *records_[seq - 1]; }
  [[nodiscard]] const std::map<std::string, std::vector<std::uint64_t>>& by_subject() const {
    return by_subject_;
  }
  [[nodiscard]] JournalId Id() const { return id_; }

 private:
  JournalId id_{};
  std::uint64_t last_seq_ = 0;
  bool whole_ = false;
  std::vector<Frame> frames_;
  std::vector<const Record*> records_;
  std::map<std::string, std::vector<std::uint64_t>> by_subject_;
};

// What came of asking everything.
struct Answers {
  std::string wrong;    // the first answer that was given and differs; "" : none
  std::string refused;  // the first error; "" : none
  [[nodiscard]] bool Equal() const { return wrong.empty() && refused.empty(); }
};

// Asks for all frames, by subject in both orders, for the state at a moment, for the causes of
// records, for the baseline, and for a proof. The random numbers choose places.
Answers Ask(const Reader& reader, const Model& model, Random& random);

}  // namespace pgo::journal::injuries
