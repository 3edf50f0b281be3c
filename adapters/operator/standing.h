// How the operator stands with its journal: at work with one that is open, or still, because the
// last one refused a write and none could be opened since. What the servers show while lives end
// and begin. Thread safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "journal/store/journal.h"

namespace pgo {

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

  [[nodiscard]] JournalPtr journal() const;    // null: closed
  [[nodiscard]] std::string WhyStill() const;  // "" : at work
  [[nodiscard]] std::string Amnesia() const;

 private:
  mutable std::mutex mutex_;
  JournalPtr journal_;
  std::string why_still_, amnesia_;
};

// Lets the system forget what it keeps of the files in memory, so that what is read next is what
// the disk has: after a failed sync the two may differ.
void ForgetCached(const std::string& directory);

}  // namespace pgo
