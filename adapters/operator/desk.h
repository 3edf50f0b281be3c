// Where the leader gives its journal to the replicas that follow it, and keeps in mind how far each
// of them is. Nothing of it is stored.
//
//   GET /replica/start                       where a copy of this journal begins: id, seals
//   GET /replica/frames ? journal after chain what follows that record: a bundle, whole commits;
//   204
//                                            if nothing came within `wait`
//   GET /replica/points ? to                 where frames end, newest first, at or before `to`
//   GET /replica/orphan ? first last chain kept    a tail that is kept by the replica that asks
//
// Each with `epoch`, of the leadership that is meant, and `replica`, the name of who asks. A
// refusal is JSON {"reason", "error"}; reasons are below. Only durable records are given. Any
// thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "adapters/http/server.h"
#include "adapters/operator/standing.h"
#include "engine/event/event.h"

namespace pgo {

namespace replica {
inline constexpr const char* kNotLeading = "NotLeading";      // 409: not in that epoch
inline constexpr const char* kOtherJournal = "OtherJournal";  // 409: its id is another one
inline constexpr const char* kForked = "Forked";              // 409: that record is not in it
inline constexpr const char* kGone = "Gone";                  // 410: no longer kept
inline constexpr std::size_t kPointsMax = 256;                // of one answer
// An answer with frames ends with the commit that passes this; a shorter one ends with the journal.
inline constexpr std::size_t kBytesMax = std::size_t{8} << 20U;
}  // namespace replica

struct FollowerPosition {
  std::string name;
  std::uint64_t seq = 0;     // last record that it said it has on disk
  std::int64_t seen_us = 0;  // when, CLOCK_BOOTTIME
};

class ReplicaDesk {
 public:
  static constexpr std::int64_t kForgetUs = 60 * kSecond;  // a follower that is silent

  // Records of tails that followers keep go to `on_orphan`, once each, while it leads.
  using OnOrphan = std::function<void(OrphanedTail)>;
  void Lead(std::int64_t epoch, OnOrphan on_orphan);
  // Whoever waits for frames is sent away at once: the Lease is about to change hands.
  void EndLeading();
  // The journal has new durable records.
  void Notify();

  http::Response Answer(const http::Request& request, const Standing& standing);

  // Those that asked within kForgetUs, by name.
  [[nodiscard]] std::vector<FollowerPosition> Followers(std::int64_t now_us) const;
  // Waits until some follower has that record, if any asked within the last seconds.
  bool WaitFollowed(std::uint64_t seq, std::int64_t most_ms);

 private:
  http::Response Start(const journal::Journal& journal) const;
  http::Response Frames(const http::Request& request, const journal::Journal& journal);
  http::Response Points(const http::Request& request, const journal::Journal& journal) const;
  http::Response Orphan(const http::Request& request);
  void Seen(const std::string& name, std::uint64_t seq);

  std::mutex telling_;  // of on_orphan_, which may block; before the other
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t epoch_ = 0;  // 0: not leading
  std::uint64_t news_ = 0;  // counts Notify
  OnOrphan on_orphan_;
  std::map<std::string, FollowerPosition> followers_;
};

}  // namespace pgo
