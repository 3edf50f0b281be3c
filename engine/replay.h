// Replay with proof: every recorded decision is made again from the recorded events, and must come
// out as the same bytes. Needs the ruleset number that the journal was written with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/record.h"

namespace pgo {

struct VerifyResult {
  std::uint64_t events = 0, actions = 0, decisions = 0, terms = 0;
  std::int64_t ruleset = 0;  // of the journal; differs from kRuleset: `difference` says so
  std::string build;         // that wrote it (the newest Started)
  Seq first_bad;             // 0: every decision was reproduced
  std::string difference;    // what was recorded and what came out, with the first differing field
  std::string field;         // that field, as a JSON pointer; "" if it is not about one
  std::vector<std::uint64_t> causes;  // the records that the decision rests on
  [[nodiscard]] bool Exact() const { return difference.empty(); }
};

class Verifier {
 public:
  // `plainly`: each decision is made from the state alone, without what the engine keeps for the
  // sake of speed. It comes out the same, which is to be seen.
  explicit Verifier(bool plainly = false) : plainly_(plainly) {}
  // Records in order, from the first of the journal or from a baseline. After the first difference
  // the rest is passed over.
  void Feed(const StoredRecord& record);
  // A frame cut off in the middle is a difference too.
  VerifyResult Finish();
  // The state that the records led to.
  [[nodiscard]] const Engine& engine() const { return engine_; }

 private:
  void FeedEvent(const StoredRecord& record);
  void FeedDecided(const StoredRecord& record);
  void FeedAction(const StoredRecord& record);
  void FeedBaseline(const StoredRecord& record, Payload payload);
  void CheckBaseline(std::uint64_t seq);
  void CheckCount(std::uint64_t seq);
  struct Change {
    std::string field, text;
  };
  static Change FirstDifference(const std::string& recorded, const std::string& replayed);
  void Differ(std::uint64_t seq, const Change& what, std::vector<std::uint64_t> causes = {});

  const bool plainly_;
  Engine engine_;
  std::vector<Event> events_;          // since the last Decided
  std::vector<std::string> expected_;  // payloads of actions still to come
  std::size_t next_expected_ = 0;
  std::optional<std::string> before_baseline_;  // the state that the baseline being read must equal
  bool begun_ = false;                          // something but a baseline was fed
  VerifyResult result_;
};

}  // namespace pgo
