// One round of each kind. A round is a function of the seed and its number, but for the moment of a
// kill and for what RocksDB's own threads do meanwhile.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "journal/testing/injuries/files.h"
#include "journal/testing/injuries/model.h"

namespace pgo::journal::injuries {

// What came of a round.
//   detected     somebody who opens, asks or compares with the anchor is told, with words
//   harmless     every answer is as before
//   past-anchor  the journal ends at or after the anchor and before what was acknowledged: nobody
//                can know; all answers are those of that moment
//   kept         kills and power losses: all acknowledged records are there
//   lost         an acknowledged record is gone, and nothing says so
//   wrong        an answer differs from what was written
enum class Outcome : std::uint8_t { kDetected, kHarmless, kPastAnchor, kKept, kLost, kWrong };
const char* NameOf(Outcome outcome);
inline bool Bad(Outcome outcome) { return outcome == Outcome::kLost || outcome == Outcome::kWrong; }

struct Verdict {
  Outcome outcome = Outcome::kKept;
  std::string kind;                             // of injury
  std::string stage;                            // detected: open, anchor, question, append
  std::string what;                             // for a person
  std::map<std::string, std::uint64_t> counts;  // kills, power_losses, …
};

class Rounds {
 public:
  Rounds(std::uint64_t seed, const std::string& scratch) : seed_(seed), scratch_(scratch) {}

  // A life of one directory under a writer that is killed again and again.
  Verdict Kill(std::uint64_t round);
  // A life of one directory on a disk whose power is cut again and again, also while it recovers.
  Verdict PowerLoss(std::uint64_t round);
  // One injury (sometimes two) to a closed directory.
  Verdict Injury(std::uint64_t round);

 private:
  // A closed journal with earlier copies of itself.
  struct Volume {
    std::uint64_t number = UINT64_MAX;
    Script script{0};
    Ledger ledger;
    std::string directory;
    std::vector<std::string> older;
  };
  void MakeVolume(std::uint64_t number);
  Verdict Judge(const std::string& directory, const JournalHead& anchor, Random& random);

  std::uint64_t seed_;
  std::string scratch_;
  Volume volume_;
};

// For the writer's process: appends until killed, reporting on the descriptor.
int WriteUntilKilled(const std::string& directory, std::uint64_t seed, int reports);
inline constexpr int kReports = 3;

}  // namespace pgo::journal::injuries
