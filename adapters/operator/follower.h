// How a replica that does not lead keeps its journal the same as the leader's: what it asks for and
// what an answer means, without I/O.
//
//   pull -frames-> append them, pull again
//   pull -Forked-> search the newest record that both have -found-> cut back to it, pull again
//                                                          -none-> begin anew
//   pull -OtherJournal, Gone-> ask where the leader's begins -seals-> begin anew
//
// An answer counts only as a whole: a bundle that is torn, edited, of another journal or that does
// not continue the own head orders nothing. What an order says was proven by the chain of hashes.
// Nothing here makes records of its own: a follower never decides.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/result.h"
#include "journal/query/reader.h"
#include "journal/store/seal.h"

namespace pgo {

// A leadership, as the Lease names it.
struct LeaderSeen {
  std::string name, address;
  std::int64_t epoch = 0;
  bool operator==(const LeaderSeen&) const = default;
};

namespace follow {
// Whole frames as stored, whole commits, that continue the own head.
struct Append {
  std::vector<std::string> frames;
};
// The newest record that the leader has too; what is behind it is in nobody's history.
struct CutBack {
  std::uint64_t seq = 0;
};
// The own journal cannot become the leader's: a new one begins behind these seals.
struct BeginAnew {
  journal::JournalId id{};
  std::vector<journal::Seal> seals;
  std::string why;
};
// Ask again: at once, or after a pause.
struct Again {
  bool at_once = false;
  std::string why;  // "" : all is well
};
using Order = std::variant<Append, CutBack, BeginAnew, Again>;
}  // namespace follow

class Follower {
 public:
  // `own`: the own journal as it is whenever Next or Take is called; it may be another one each
  // time. `name`: of this replica.
  explicit Follower(std::string name) : name_(std::move(name)) {}

  // The target of the next GET. A leader other than before forgets what was being done.
  std::string Next(const journal::Reader& own, const LeaderSeen& leader);
  // Its answer. Status 0: there was none, and `body` says why.
  follow::Order Take(const journal::Reader& own, unsigned status, const std::string& body);

  // The own journal cannot be cut back as ordered: the next question is where the leader's begins.
  void AskAnew(std::string why) { static_cast<void>(AskStart(std::move(why))); }

  // Longest time that the leader may take to answer Next.
  static constexpr std::int64_t kAnswerMs = 30'000;

 private:
  enum class Doing : std::uint8_t { kPull, kSearch, kAskStart };

  follow::Order TakeFrames(const journal::Reader& own, const std::string& body) const;
  follow::Order TakePoints(const journal::Reader& own, const std::string& body);
  follow::Order TakeStart(const std::string& body);
  follow::Order TakeRefusal(const journal::Reader& own, unsigned status, const std::string& body);
  follow::Order AskStart(std::string why);

  const std::string name_;
  LeaderSeen leader_;
  Doing doing_ = Doing::kPull;
  std::uint64_t search_to_ = 0;
  int searches_ = 0;
  std::string why_anew_;
};

// Target with which a follower tells the leader of a tail that it keeps.
std::string OrphanTarget(const std::string& name, const LeaderSeen& leader,
                         const journal::JournalHead& tail, std::uint64_t first_seq,
                         const std::string& kept);

}  // namespace pgo
