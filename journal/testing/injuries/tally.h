// The sum of many rounds, as `make injuries` writes it to build/injuries/summary.json.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/base/json.h"
#include "journal/testing/injuries/rounds.h"

namespace pgo::journal::injuries {

class Tally {
 public:
  explicit Tally(std::uint64_t seed) : seed_(seed) {}
  // `reproduce`: the command that shows it again.
  void Add(const Verdict& verdict, const std::string& reproduce);
  // The process that ran a round died of it.
  void AddCrash(const std::string& kind, const std::string& how, const std::string& reproduce);

  [[nodiscard]] std::uint64_t Count(const std::string& name) const;
  // Records lost, wrong answers and crashes; each is a defect.
  [[nodiscard]] std::uint64_t Bad() const;
  [[nodiscard]] Json Summary(bool complete, double seconds) const;

 private:
  void Blame(const std::string& name, const std::string& kind, const std::string& what,
             const std::string& reproduce);

  std::uint64_t seed_;
  std::map<std::string, std::uint64_t> counts_;
  std::map<std::string, std::map<std::string, std::uint64_t>> by_kind_;  // of injury
  std::map<std::string, std::uint64_t> stages_;                          // where damage was told
  std::vector<Json> failures_;                                           // the first hundred
};

// A verdict as one line between processes, and back; nothing if it is none.
std::string LineOf(std::uint64_t round, const Verdict& verdict);
struct RoundVerdict {
  std::uint64_t round = 0;
  Verdict verdict;
};
std::optional<RoundVerdict> ParseLine(const std::string& line);

}  // namespace pgo::journal::injuries
