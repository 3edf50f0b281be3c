#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/cli/story.h"
#include "adapters/cli/story_text.h"
#include "adapters/cli/testing/incidents.h"

namespace pgo::cli {
namespace {

using testing::Book;
using ::testing::HasSubstr;
using testing::kHippo;
using ::testing::Not;

const Output kPlain(stdout, false, false);

Action In(const std::string& room, Reason reason, const std::string& sentence,
          const std::string& goal, std::vector<std::uint64_t> causes) {
  Action action = testing::Said(reason, sentence, std::move(causes), goal);
  action.room = room;
  return action;
}

// A rollout of one pod: said, deleted, done.
Book Rollout(bool finished) {
  Book book("2026-11-21T12:00:00.000Z");
  const auto set = book.Observe("StatefulSet", "hippo-00-a", Json::object());
  Action begin =
      In("rollout", Reason::kRollout, "1 instance to start anew: template", "say/begin", {set});
  Put(begin.facts, {"operation", "kind"}, "Rollout");
  const auto first = book.Do(begin);
  Action look = In("rollout", Reason::kRestart, "asked again", "look/2/u/7", {first});
  book.Do(look);
  Action gone = In("rollout", Reason::kRollout, "delete pod a", "replace/2/u", {first});
  gone.command = Delete{{"Pod", kHippo.ns, "hippo-00-a-0"}, "u", "", {}};
  book.Do(gone);
  book.Outcome(Outcome::kOk);
  book.Wait(8000);
  if (!finished) return book;
  Action end =
      In("rollout", Reason::kOperationComplete, "1 instance started anew", "say/end", {first});
  Put(end.facts, {"operation", "kind"}, "Rollout");
  end.facts["ended"] = true;
  book.Do(end);
  return book;
}

TEST(OperationStory, ARolloutIsToldFromItsFirstWordToItsLast) {
  const auto episodes = Explain(Rollout(true).Read(), kHippo);
  ASSERT_EQ(episodes.size(), 1U);
  EXPECT_EQ(episodes[0].kind, Episode::Kind::kRollout);
  const std::string text = EpisodeText(episodes[0], kPlain);
  EXPECT_THAT(text, HasSubstr("ROLLOUT  hippo  #2"));
  EXPECT_THAT(text, HasSubstr("because  1 instance to start anew: template #2\n           #1  "));
  EXPECT_THAT(text, HasSubstr("steps    +0.000 s   #4  delete pod a  Ok"));
  EXPECT_THAT(text, HasSubstr("took     8.0 s"));
  EXPECT_THAT(text, HasSubstr("result   1 instance started anew #6"));
  EXPECT_THAT(text, Not(HasSubstr("asked again"))) << "a question that is only repeated";
  EXPECT_EQ(EpisodeJson(episodes[0])["kind"], "ROLLOUT");
}

TEST(OperationStory, WhatTheRecordsDoNotFinishIsNotCalledDone) {
  const auto episodes = Explain(Rollout(false).Read(), kHippo);
  ASSERT_EQ(episodes.size(), 1U);
  EXPECT_THAT(EpisodeText(episodes[0], kPlain), HasSubstr("the records end before it does"));
}

TEST(OperationStory, EachRemovalOfAnInstanceIsItsOwnAndAReloadToo) {
  Book book("2026-11-21T12:00:00.000Z");
  for (const char* name : {"a", "b"}) {
    Action mark = In("scaling", Reason::kScaling, std::string(name) + " goes",
                     "leave/" + std::string(name), {});
    Put(mark.facts, {"operation", "kind"}, "ScaleDown");
    Put(mark.facts, {"operation", "instance"}, name);
    book.Do(mark);
    Action reload = In("rollout", Reason::kReload, "reload", "reload/x/" + std::string(name), {});
    Put(reload.facts, {"operation", "kind"}, "Reload");
    Exec exec;
    exec.ref = {"Pod", kHippo.ns, std::string("hippo-00-") + name + "-0"};
    reload.command = exec;
    book.Do(reload);
    mark.goal = "delete/StatefulSet";
    mark.sentence = std::string(name) + " is gone";
    mark.facts["ended"] = true;
    book.Do(mark);
  }
  book.Do(In("rollout", Reason::kOperationComplete, "served", "served/reload/1", {}));
  const auto episodes = Explain(book.Read(), kHippo);
  ASSERT_EQ(episodes.size(), 3U);
  EXPECT_EQ(episodes[0].from, "a");
  EXPECT_EQ(episodes[0].result, "a is gone");
  EXPECT_EQ(episodes[1].from, "b");
  EXPECT_EQ(episodes[2].kind, Episode::Kind::kReload) << "under way comes last";
  EXPECT_EQ(episodes[2].steps.size(), 2U);
}

TEST(OperationStory, AGrowthOfAVolumeIsToldWithItsReasonAndOutcome) {
  Book book("2026-11-21T12:00:00.000Z");
  book.Do(In("storage", Reason::kVolumeAutoGrow, "measure", "measure/a-0", {}));
  Action grow =
      In("storage", Reason::kVolumeAutoGrow, "a-pgdata is 80% full: grow it", "grow/a", {});
  Put(grow.facts, {"operation", "kind"}, "VolumeGrowth");
  Put(grow.facts, {"operation", "volume"}, "a-pgdata");
  Put(grow.facts, {"ended"}, true);
  grow.command = Patch{{"PersistentVolumeClaim", kHippo.ns, "a-pgdata"}, "u", "1", "", Json()};
  book.Do(grow);
  const auto episodes = Explain(book.Read(), kHippo);
  ASSERT_EQ(episodes.size(), 1U);
  const std::string text = EpisodeText(episodes[0], kPlain);
  EXPECT_THAT(text, HasSubstr("VOLUME GROWTH  a-pgdata"));
  EXPECT_THAT(text, HasSubstr("because  a-pgdata is 80% full: grow it #2"));
  EXPECT_THAT(text, HasSubstr("Patch PersistentVolumeClaim a-pgdata"));
  EXPECT_THAT(text, Not(HasSubstr("the records end before")));
}

}  // namespace
}  // namespace pgo::cli
