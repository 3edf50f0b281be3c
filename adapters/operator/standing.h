// How the operator stands with its journal: at work with one that is open, or still, because the
// last one refused a write and none could be opened since. What the servers show while lives end
// and begin. Thread safe.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "journal/store/journal.h"

namespace pgo {

// What this replica does, as of its last look.
struct Role {
  enum class What : std::uint8_t { kWaiting, kFollowing, kLeading } what = What::kWaiting;
  std::string name;        // of this replica, in the Lease
  std::string leader;      // who leads; "" : nobody that is known
  std::int64_t epoch = 0;  // of that leadership
  std::string anchor;      // the newest leader's, as on the Lease
  std::int64_t in_step_us =
      0;                // when it last had all that the leader has, CLOCK_BOOTTIME; 0: never
  std::string why;      // what is wrong, or waited for; "" : all is well
  bool broken = false;  // and it does not end by itself
};

class Standing {
 public:
  using JournalPtr = std::shared_ptr<const journal::Journal>;

  // At work. Whoever still reads an earlier journal keeps it open until the answer is given.
  void Work(JournalPtr journal);
  // Still: nothing is decided or done. The journal stays readable until Close.
  void Still(const std::string& why);
  void Close();
  // The amnesia that the newest leadership began with; "" : none.
  void SetAmnesia(const std::string& why);
  void SetRole(const Role& role);
  // The API server does not know a kind, or knows it. True if that is news.
  bool SetAbsent(const std::string& kind, bool absent);

  [[nodiscard]] JournalPtr journal() const;    // null: closed
  [[nodiscard]] std::string WhyStill() const;  // "" : at work
  [[nodiscard]] std::string Amnesia() const;
  [[nodiscard]] Role role() const;
  [[nodiscard]] std::string WhyBlind() const;  // "" : every kind that is watched is known

 private:
  mutable std::mutex mutex_;
  JournalPtr journal_;
  std::string why_still_, amnesia_;
  Role role_;
  std::set<std::string> absent_;
};

std::string_view RoleName(const Role& role);  // "leader", "follower", "waiting"
// A follower: seconds since it had all that the leader has; -1 if it never had.
std::int64_t BehindSeconds(const Role& role, std::int64_t now_us);
// Why a replica that does not lead is no use as a standby; "" : it is, or there is nobody whom it
// could follow, which is no fault of its own.
std::string WhyNoStandby(const Role& role, std::int64_t now_us);
std::int64_t BootMicros();  // CLOCK_BOOTTIME

// Lets the system forget what it keeps of the files in memory, so that what is read next is what
// the disk has: after a failed sync the two may differ.
void ForgetCached(const std::string& directory);

}  // namespace pgo
