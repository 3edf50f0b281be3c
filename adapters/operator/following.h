// Carries out what a Follower orders on the journal of this replica, and keeps a state folded from
// it, so that it may go on as the leader at once. One thread; nothing here sends anything to
// Kubernetes or makes a record.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "adapters/http/client.h"
#include "adapters/operator/follower.h"
#include "adapters/operator/volume.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "journal/query/decoder.h"
#include "journal/store/journal.h"

namespace pgo {

// The target and its answer; an error is told as status 0.
using AskLeader =
    std::function<http::Answer(const std::string& address, const std::string& target)>;

class Following {
 public:
  struct Parts {
    std::string name;       // of this replica
    std::string directory;  // where what is set aside is kept: DIRECTORY/orphan
    journal::Journal& journal;
    AskLeader ask;
    Volume* volume = nullptr;  // may be null
  };
  // `engine`: folded from the whole journal.
  Following(Parts parts, Engine engine);

  // What came of one question.
  struct Turn {
    bool moved = false;    // the journal has grown, or was cut back
    bool in_step = false;  // the leader has no more than this journal
    bool at_once = false;  // ask again without a pause
    std::string why;       // what went wrong, for a person; "" : nothing
  };
  // Asks once and carries out what follows. An error is the journal's: it takes no more writes.
  Result<Turn> Ask(const LeaderSeen& leader);

  // The leader's journal is another one, or the own one has nothing in common with it that could be
  // gone back to: this one is to be set aside (SetAside), and one that begins so takes its place.
  [[nodiscard]] const std::optional<follow::BeginAnew>& anew() const { return anew_; }

  // The state at the journal's end.
  [[nodiscard]] Engine TakeEngine() { return std::move(engine_); }

 private:
  Result<Turn> Carry(const follow::Append& append, bool all);
  Result<Turn> Carry(const follow::CutBack& cut, const LeaderSeen& leader);
  Status Fold(std::uint64_t first, std::uint64_t last);
  Status Shrink();
  Result<std::string> KeepTail(std::uint64_t first);

  Parts parts_;
  Follower follower_;
  Engine engine_;
  std::unique_ptr<Rebuilder> rebuilder_;
  std::unique_ptr<journal::Decoder> decoder_;
  std::optional<follow::BeginAnew> anew_;
};

// Puts a journal that begins as ordered in the place of DIRECTORY/journal, which nobody may have
// open. What was there is kept as DIRECTORY/orphan/journal-EPOCH-SEQ, unless it holds nothing; the
// answer is that name.
Result<std::string> SetAside(const std::string& directory, const follow::BeginAnew& order);

}  // namespace pgo
