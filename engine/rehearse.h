// Rehearsal: what this build, perhaps with other settings, would have decided in an old journal.
//
// At every recorded decision the engine decides anew on the recorded past, and its actions are
// compared with the recorded ones. Then history goes on as it was recorded: what was done is
// folded, not what would have been. So each difference is one against the true past, and what would
// have followed from it is not told, because nobody knows it.
//
// Total: records that cannot be read are passed over, as the fold does. Any ruleset is taken.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/record.h"

namespace pgo {

struct Difference {
  enum class Kind : std::uint8_t {
    kExtra,     // this build acts where nothing was done
    kMissing,   // this build does not do what was done
    kChanged,   // it does it otherwise: `field` is the first one of the command that differs
    kEarlier,   // it does the same, but at `seq` rather than at `recorded_seq`
    kLater,     // the same, later
    kReworded,  // the same command; only what is said of it differs (`field`)
  };
  Kind kind = Kind::kExtra;
  Action action;                   // what this build does; of kMissing what was done
  std::uint64_t seq = 0;           // of the decision at which it shows, or of the recorded action
  std::int64_t wall_us = 0;        // of that
  std::uint64_t recorded_seq = 0;  // of the recorded action it is compared with; 0: none
  std::int64_t recorded_wall_us = 0;
  std::string field;                // of kChanged and kReworded: JSON pointer
  std::string recorded, now;        // its values, shortened; "nothing" where there is none
  std::uint64_t times = 1;          // how often it showed: a wish that stays is told once
  bool replaces_pods = false;       // it changes a StatefulSet's pod template
  bool for_the_first_time = false;  // it makes an object that was not there
};
std::string_view NameOf(Difference::Kind kind);
// {"difference", "cluster", "room", "reason", "action", "object", "sentence", "goal", "seq",
// "time",
//  "causes", "times"} and, where there are such, "field", "recorded", "now", "recorded_seq",
// "recorded_time", "replaces_pods"
Json DifferenceJson(const Difference& difference);

// What the actions of one cluster come to.
struct Toll {
  std::uint64_t restarts = 0;   // instances that are restarted, or whose pods are replaced
  std::uint64_t failovers = 0;  // forced or planned changes of the primary that were begun
  std::map<std::string, std::uint64_t> creates, changes, deletes;  // by kind of object
};

struct Rehearsal {
  std::uint64_t events = 0, decisions = 0, actions = 0;  // of the record, in the range
  std::set<ClusterKey> clusters;
  std::int64_t first_wall_us = 0, last_wall_us = 0;
  std::int64_t ruleset = 0;  // of the newest Started
  std::string build;
  std::vector<Difference> differences;  // in order of `seq`
  std::map<ClusterKey, Toll> more;      // what this build would do that was not done
  std::map<ClusterKey, Toll> less;      // what was done and it would not do
};

// Sums up `differences` into `more` and `less`.
void TakeToll(Rehearsal& rehearsal);

struct RehearsalRange {
  std::uint64_t from = 0, to = UINT64_MAX;  // decisions on records outside are folded, not compared
};

class Rehearser {
 public:
  // Changes an event before it is folded: other settings. May be empty.
  using Edit = std::function<void(Payload& payload)>;
  Rehearser(RehearsalRange range, Edit edit) : range_(range), edit_(std::move(edit)) {}

  // Records in order, from the first of the journal or from a baseline.
  void Feed(const StoredRecord& record);
  Rehearsal Finish();

 private:
  struct Recorded {
    std::uint64_t seq = 0;
    Action action;
    bool matched = false;
  };
  void FeedEvent(const StoredRecord& record);
  void Decide(const StoredRecord& record);
  void Settle();
  void Compare();
  bool PairBy(std::string (*key)(const Action&), const Action& proposed);
  void Pair(const Action& proposed, const Recorded& recorded);
  void TakeExtra(Action proposed);
  void TakeMissing(const Recorded& recorded);
  void Add(Difference difference, const std::string& key);
  void FoldRecorded();

  const RehearsalRange range_;
  const Edit edit_;
  Engine engine_;
  std::vector<Event> events_;  // since the last Decided
  std::vector<Action> proposed_;
  std::vector<Recorded> recorded_;  // since the last Decided
  std::uint64_t decided_seq_ = 0;   // 0: none is open
  Now decided_;
  std::map<std::string, std::size_t> known_;   // differences by what they are about
  std::map<kube::ObjectRef, Json> templates_;  // pod templates as they were applied
  Rehearsal out_;
};

}  // namespace pgo
