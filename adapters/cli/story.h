// Changes of primary, and operations on a running cluster, told from the journal's records and from
// nothing else. Pure.
//
// An episode begins with the first action of room "failover" that opens an operation, and ends with
// the action that says so. A change that the operator did not bring about is an episode of one
// action.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adapters/cli/records.h"

namespace pgo::cli {

// A record that the story rests on.
struct Citation {
  std::uint64_t seq = 0;
  std::int64_t wall_us = 0;  // 0: the record is not here
  std::string text;
  int depth = 1;  // 2: what a cited decision rested on itself
};

// Something done or seen on the way.
struct Step {
  std::uint64_t seq = 0;
  std::int64_t wall_us = 0;
  std::string text;
  // Of an action: what became of it. outcome_seq 0: nothing is recorded.
  bool is_action = false;
  std::string outcome;
  std::uint64_t outcome_seq = 0;
  std::int64_t outcome_us = 0;
};

struct Episode {
  enum class Kind {
    kFailover,    // forced, by the operator
    kSwitchover,  // asked for
    kByOther,     // Patroni's own doing
    kReturned,    // the same pod became primary again, on a new timeline
    kFirstPrimary,
    kBlocked,    // nobody could be promoted
    kAbandoned,  // given up, or refused
    kUnderWay,   // the records end before it does
    // operations on a running cluster (operation_story.cc)
    kRollout,  // pods replaced for another template
    kRestart,  // restarts in place, asked for or for settings
    kReload,
    kScaleDown,
    kRestore,       // in place
    kVolumeGrowth,  // a volume that filled up was enlarged
  };
  Kind kind = Kind::kFailover;
  ClusterKey cluster;
  std::uint64_t seq = 0, end_seq = 0;  // first action; the one that ended it, 0 if none
  std::int64_t wall_us = 0, end_us = 0;
  std::string from, to;                          // pods; "" unknown
  std::int64_t timeline_from = 0, timeline = 0;  // 0 unknown
  std::string evidence_class;                    // "A", "R", "P", "F", "X" or ""
  Reason reason = Reason::kNone;                 // of the first action
  bool synchronous = false;
  std::string because, chosen, result, lost;  // sentences as recorded; "" if not recorded
  std::uint64_t because_seq = 0, lost_seq = 0;
  std::vector<Citation> citations;
  std::vector<Step> steps;        // in order of seq
  std::int64_t last_sign_us = 0;  // wall time of the last renewal seen; 0 unknown
  std::int64_t took_ms = -1;      // -1 unknown
};

// Restarts, rollouts, reloads, removals of instances: from the first action of rooms rollout and
// scaling that says so to the one that ends it. Oldest first; citations and outcomes are not filled
// in; `cited` gets the causes of each one's actions, by its seq.
std::vector<Episode> ExplainOperations(const Records& records, const ClusterKey& cluster,
                                       std::map<std::uint64_t, std::set<std::uint64_t>>& cited);
bool IsOperation(Episode::Kind kind);

// "FAILOVER", "SWITCHOVER", …
std::string_view KindWord(Episode::Kind kind);

// All episodes of a cluster, in the order in which they ended; what is under way comes last.
std::vector<Episode> Explain(const Records& records, const ClusterKey& cluster);
// Seqs that an episode cites but that are not among the records.
std::vector<std::uint64_t> Missing(const Episode& episode);
// From the first record that the episode rests on to the last one it tells.
journal::SeqRange RangeOf(const Episode& episode);

Json EpisodeJson(const Episode& episode);

}  // namespace pgo::cli
