// Restores in place with the operator killed at each of its actions, at each of four cuts.
#include <gtest/gtest.h>

#include "engine/testing/restore_play.h"

namespace pgo {
namespace {

using testing::RestorePlay;

class KilledRestore : public RestorePlay, public ::testing::WithParamInterface<int> {};

TEST_P(KilledRestore, EndsTheSameAndDoesNothingTwice) {
  const auto uids = Uids();
  AskRestore("one");
  Play();
  const std::size_t count = loop.actions.size();
  ASSERT_GT(count, 30U);
  for (std::size_t at = 0; at < count; ++at) {
    SCOPED_TRACE("killed at action " + std::to_string(at) + " of " + std::to_string(count));
    Reset();
    loop.DieAt({at, GetParam()});
    AskRestore("one");
    if (loop.died()) Kill();
    PlayOut();
    ExpectRestoredOnce(uids);
    if (HasFailure()) return;
  }
  ExpectReplayIsExact();
}

INSTANTIATE_TEST_SUITE_P(Cuts, KilledRestore, ::testing::Values(0, 1, 2, 3));

// The journal went with the operator: the place is read from Kubernetes alone.
TEST_F(RestorePlay, ASuccessorWithoutAJournalGoesOnFromEveryAction) {
  const auto uids = Uids();
  AskRestore("one");
  Play();
  const std::size_t count = loop.actions.size();
  for (std::size_t at = 0; at < count; ++at) {
    SCOPED_TRACE("killed at action " + std::to_string(at) + " of " + std::to_string(count));
    Reset();
    loop.DieAt({at, 2});
    AskRestore("one");
    for (int i = 0; i < 200 && !loop.died(); ++i) {
      loop.Settle(1);
      if (loop.died()) break;
      Turn();
      loop.Wait(kSecond);
      loop.Post({Ticked{}});
    }
    loop.records.clear();
    Kill();
    PlayOut();
    ExpectRestoredOnce(uids);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace pgo
