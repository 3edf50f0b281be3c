// Which replica of the operator leads: a Lease, taken and renewed by compare-and-swap. LeaseMachine
// is the protocol without I/O; Elector runs it over a connection of its own, so that a renewal
// never waits behind anything else.
//
//   Following -free, expired or already ours: written-> Leading -renewed each 2 s-> Leading
//   Leading -10 s without a renewal, or another holder-> Following; -Release-> free at once
//
// Another holder's Lease counts as expired when it has not changed for its whole duration on *our*
// clock; the times written in it are never compared. The write that takes the Lease raises its
// epoch (an annotation), so an epoch names one leadership, and leaves the last leader's anchor as
// it is: that is compared with the journal, and only once the verdict is in it replaced. A Lease
// does not fence: what is sent must be answered before RemainingUs() runs out.
//
// A free or expired Lease is left for a while by a replica whose journal is behind (Candidacy), so
// that one which has more goes first. The replica's own Lease is taken back at once.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "adapters/kube/client.h"
#include "adapters/kube/contact.h"
#include "engine/event/event.h"

namespace pgo::kube {

inline constexpr std::string_view kEpochAnnotation = "postgres-operator.crunchydata.com/epoch";
inline constexpr std::string_view kAnchorAnnotation = "postgres-operator.crunchydata.com/anchor";
// HOST:PORT where the holder gives its journal to the other replicas; absent: nowhere.
inline constexpr std::string_view kReplicaAnnotation = "postgres-operator.crunchydata.com/replica";

// Where the holder answers people, through its pod: {"pod", "port", "ca" (PEM)}; absent: nowhere.
inline constexpr std::string_view kApiAnnotation = "postgres-operator.crunchydata.com/api";

// How this replica may take the Lease, as of now.
struct Candidacy {
  static constexpr std::int64_t kNever = -1;
  std::int64_t hold_back_us = 0;  // how long the Lease must have been free, or kNever
  std::int64_t last_epoch = 0;    // highest that the journal knows
};

// The Lease as it was read or written last.
struct LeaseView {
  bool known = false;      // it was read, and is there
  bool leading = false;    // this replica holds it
  bool free = false;       // nobody holds it, or it has expired
  std::string holder;      // identity
  std::string address;     // HOST:PORT of the holder's journal, or ""
  std::int64_t epoch = 0;  // of the newest leadership
  std::string anchors;     // as annotated
};

struct LeaseOptions {
  std::string ns, name;
  std::string identity;  // the same over restarts of a replica: it takes its own Lease back at once
  std::int64_t last_epoch = 0;  // highest that the journal knows
  std::int64_t duration_us = 15 * kSecond;
  std::int64_t renew_deadline_us = 10 * kSecond;
  std::int64_t renew_every_us = 2 * kSecond;
  std::int64_t request_us = 3 * kSecond;     // longest wait for one answer
  std::int64_t read_every_us = 2 * kSecond;  // while another one leads
  std::string address;                       // of this replica's journal, for the Lease
  std::string api;                           // of its API, as kApiAnnotation has it
  // Asked when the Lease could be taken, with the anchors on it. Null: at once.
  std::function<Candidacy(const std::string& anchors)> candidacy;
};

class LeaseMachine {
 public:
  using Output = std::variant<Request, Leading>;
  using Outputs = std::vector<Output>;

  explicit LeaseMachine(LeaseOptions options) : options_(std::move(options)) {}

  // `anchor` goes onto the Lease with the next renewal; "" leaves what is there.
  Outputs OnTick(Now now, const std::string& anchor);
  // The next tick renews, though it is not yet time.
  void Hasten() { next_us_ = 0; }
  Outputs OnReply(const Reply& reply, Now now);
  // Gives the Lease up, with this anchor on it; "" leaves what is there. The request may go
  // unanswered.
  Outputs Release(Now now, const std::string& why, const std::string& anchor = "");
  [[nodiscard]] LeaseView View(Now now) const;

  [[nodiscard]] bool leading() const { return leading_; }
  [[nodiscard]] std::int64_t epoch() const { return epoch_; }
  // What the last leader left on the Lease when this leadership began; "" if nothing.
  [[nodiscard]] const std::string& found_anchor() const { return found_anchor_; }
  // When the last successful write was sent: it carried the anchor of that tick.
  [[nodiscard]] std::int64_t renewed_us() const { return renewed_us_; }
  // Elapsed time at which leadership ends unless renewed before; 0 if not leading.
  [[nodiscard]] std::int64_t deadline_us() const;
  [[nodiscard]] std::int64_t wake_at_us() const;

 private:
  enum class Waiting : std::uint8_t { kNothing, kRead, kTake, kRenew };

  Outputs Read(Now now);
  Outputs Try(Now now, bool own);
  Outputs Take(Now now, std::int64_t last_epoch);
  Outputs Renew(Now now);
  Outputs OnRead(const Reply& reply, Now now);
  Outputs OnTaken(const Reply& reply, Now now);
  Outputs OnRenewed(const Reply& reply, Now now);
  Outputs Lose(const std::string& why);
  Json Written(Now now, const std::string& holder) const;
  void Remember(const Json& lease, Now now);
  Request Timed(Request request, Now now) const;
  bool Expired(Now now) const;

  const LeaseOptions options_;
  Waiting waiting_ = Waiting::kNothing;
  bool leading_ = false;
  std::int64_t epoch_ = 0;
  std::int64_t sent_us_ = 0;     // of the request under way
  std::int64_t renewed_us_ = 0;  // when the last successful write was sent
  std::int64_t next_us_ = 0;
  std::string anchor_, found_anchor_;
  Json lease_;                   // as last seen; null if there is none
  std::int64_t changed_us_ = 0;  // when its version was first seen
  std::optional<std::int64_t> free_since_us_;
};

struct ElectorOptions {
  LeaseOptions lease;
  std::function<std::string(std::int64_t epoch)> anchor;  // before each write; may be empty
  std::function<void(bool leading)> on_change;            // before the event is posted
  std::function<void()> on_read;  // after each answer; on the elector's thread
  Observer observer;              // of its requests
};

class Elector {
 public:
  // Begins at once, on a thread of its own. Posts Leading; reports to `contact`.
  Elector(std::shared_ptr<Credentials> credentials, std::string user_agent, EventSink& sink,
          ContactTracker& contact, ElectorOptions options);
  ~Elector() { Stop(); }
  // Releases the Lease, waiting at most 2 s; nothing remains then. Without `release` it is left to
  // expire: something that was sent under it may still be under way. A second time does nothing.
  // One thread at a time.
  void Stop(bool release = true);

  // Reads or renews it now rather than at its next time. Any thread.
  void Hasten();
  // As of the last answer. Any thread.
  [[nodiscard]] LeaseView View() const;
  // What the last leader left on the Lease when the newest leadership of this replica began.
  [[nodiscard]] std::string found_anchors() const;

  // Writes the anchor of now to the Lease and waits for that. False if it is not there within the
  // time, or leadership ends meanwhile. Any thread.
  bool WriteAnchor(std::int64_t timeout_ms);

  // Microseconds for which leadership is still certain; 0 or less: send nothing. Any thread.
  [[nodiscard]] std::int64_t RemainingUs() const;

 private:
  void Loop();
  void Carry(LeaseMachine::Outputs outputs);
  void Tell(Leading leading);
  void Tick();
  void Show();
  void GiveUp();

  Client client_;
  EventSink& sink_;
  ContactTracker& contact_;
  const ElectorOptions options_;
  LeaseMachine machine_;  // the thread's alone
  std::atomic<std::int64_t> deadline_us_{0};
  mutable std::mutex mu_;
  LeaseView view_;
  std::string found_anchors_;
  bool release_ = true;
  std::condition_variable wake_;
  std::condition_variable written_;
  bool stopping_ = false;
  // Requests to write the anchor, by number: the last one made, begun, and carried out.
  std::uint64_t asked_ = 0, begun_ = 0, anchored_ = 0;
  std::thread thread_;
};

}  // namespace pgo::kube
