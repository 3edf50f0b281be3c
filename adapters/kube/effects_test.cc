#include "adapters/kube/effects.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "adapters/kube/exec.h"

namespace pgo::kube {
namespace {

TEST(ExecProtocol, StatusDecidesWhatBecameOfTheCommand) {
  const auto run = [](std::vector<std::string> frames) {
    ExecOutcome outcome;
    for (const auto& frame : frames) outcome.Take(frame);
    return std::move(outcome).Finish("cut");
  };
  const std::string success = "\x03{\"status\":\"Success\"}";
  const std::string code3 =
      "\x03{\"status\":\"Failure\",\"reason\":\"NonZeroExitCode\",\"details\":{\"causes\":"
      "[{\"reason\":\"ExitCode\",\"message\":\"3\"}]}}";
  auto ok = run({"\x01one", "\x02two", "\x01!", success, "\x01late"});
  ASSERT_TRUE(ok);
  EXPECT_EQ(ok->out + "|" + ok->err + "|" + std::to_string(ok->code), "one!|two|0");
  EXPECT_EQ(run({code3})->code, 3);
  EXPECT_EQ(run({"\x01partly"}).error().code, Code::kUnknown);
  EXPECT_EQ(run({}).error().code, Code::kUnknown);
  EXPECT_EQ(run({"\x03{\"status\":\"Failure\",\"message\":\"container not found\"}"}).error().code,
            Code::kUnavailable);
  EXPECT_EQ(run({"\x01x", "\x03{\"status\":\"Failure\",\"message\":\"container not found\"}"})
                .error()
                .code,
            Code::kUnknown);
  EXPECT_EQ(run({"\x03{\"status\":\"Failure\",\"message\":\"lost\"}"}).error().code,
            Code::kUnknown);
  EXPECT_EQ(run({"\x03{"}).error().code, Code::kUnknown);
  EXPECT_EQ(run({"\x01" + std::string(2 * kExecOutputLimit, 'x'), success})->out.size(),
            kExecOutputLimit);
}

TEST(ExecProtocol, InputEndsByAFrameOrByItsLength) {
  const auto v5 = InputFrames("abc", true);
  ASSERT_EQ(v5.size(), 2U);
  EXPECT_EQ(v5[0], std::string("\0abc", 4));
  EXPECT_EQ(v5[1], std::string("\xff\0", 2));
  EXPECT_EQ(InputFrames(std::string(70'000, 'x'), false).size(), 3U);
  EXPECT_TRUE(InputFrames("", true).empty());
  EXPECT_EQ(LengthPrefixed({"psql", "-f", "-"}, 7),
            (std::vector<std::string>{"bash", "-ceuo", "pipefail", "head -c \"$0\" | \"$@\"", "7",
                                      "psql", "-f", "-"}));
  EXPECT_EQ(ExecPath({"n", "p", "database", {}, "x", 1}, {"a b"}),
            "/api/v1/namespaces/n/pods/p/"
            "exec?stdout=true&stderr=true&stdin=true&container=database&command=a%20b");
}

TEST(Effects, ACommandsLastLineIsItsResult) {
  const Done done = DoneOfCommand(ActionId("a"), {0, "noise\n{\"lsn\":\"0/5\"}\n\n", ""}, "");
  EXPECT_EQ(done.outcome, Outcome::kOk);
  EXPECT_EQ(GetString(done.result, {"lsn"}), "0/5");
  EXPECT_TRUE(DoneOfCommand(ActionId("a"), {0, "noise", ""}, "").result.is_null());
}

TEST(Effects, AFailedCommandTellsTheEndOfItsComplaintInPlainWords) {
  const std::string verifier = "SCRAM-SHA-256$4096:abcd";
  const Done done = DoneOfCommand(
      ActionId("a"), {2, "", std::string(400, 'y') + " syntax error near '" + verifier + "'\n"},
      "Pod n/hippo-0");
  EXPECT_EQ(done.outcome, Outcome::kFailed);
  EXPECT_EQ(done.message, "exit status 2: … syntax error near 'SCRAM-…'");
  // No cut makes a word of the end of a value.
  const std::string halved = std::string(300 - 11, ' ') + "hunterserver";
  EXPECT_EQ(DoneOfCommand(ActionId("a"), {2, "", halved}, "").message.find("server"),
            std::string::npos);
}

TEST(Effects, ANoticeIsNamedByItsAction) {
  Action action;
  action.id = ActionId("id-1");
  action.reason = Reason::kSilent;
  action.sentence = std::string(1023, 'x') + "é";
  action.room = "failover";
  const Notice notice{{"PostgresCluster", "n", "hippo"}, "u1", true};
  const Json event = NoticeObject(action, notice, "pgo-0", 1'000'000);
  EXPECT_EQ(event, NoticeObject(action, notice, "pgo-0", 1'000'000));
  EXPECT_EQ(GetString(event, {"type"}), "Warning");
  EXPECT_EQ(GetString(event, {"reason"}), "Silent");
  EXPECT_EQ(GetString(event, {"eventTime"}), "1970-01-01T00:00:01.000000Z");
  EXPECT_EQ(GetString(event, {"regarding", "apiVersion"}),
            "postgres-operator.crunchydata.com/v1beta1");
  EXPECT_EQ(GetString(event, {"note"}), std::string(1023, 'x'));
}

Action Numbered(const std::string& id) {
  Action action;
  action.id = ActionId(id);
  action.command = Notice{};
  return action;
}

TEST(Lanes, OneAtATimeInOrderPerLaneAndLanesSideBySide) {
  std::mutex mu;
  std::map<char, std::string> order;
  std::atomic<int> running{0}, most{0}, left{60};
  std::promise<void> all;
  std::map<char, std::atomic<int>> in_lane;
  for (char c : {'a', 'b', 'c'}) in_lane[c] = 0;
  std::atomic<bool> overlap{false};
  Lanes lanes(4, [&](Action& action) {
    const char lane = action.id.value()[0];
    if (in_lane[lane].fetch_add(1) != 0) overlap = true;
    most = std::max(most.load(), ++running);
    {
      const std::lock_guard lock(mu);
      order[lane] += action.id.value()[1];
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    --running;
    --in_lane[lane];
    if (--left == 0) all.set_value();
  });
  for (char n = 'A'; n < 'A' + 20; ++n) {
    for (const char* lane : {"a", "b", "c"}) lanes.Put(lane, Numbered(lane + std::string(1, n)));
  }
  ASSERT_EQ(all.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_FALSE(overlap);
  EXPECT_GT(most, 1);
  for (char c : {'a', 'b', 'c'}) EXPECT_EQ(order[c], "ABCDEFGHIJKLMNOPQRST");
}

TEST(Lanes, DrainTakesBackWhatHasNotBegun) {
  std::promise<void> begun, go;
  auto wait = go.get_future().share();
  std::atomic<int> ran{0};
  Lanes lanes(1, [&](Action&) {
    if (ran++ == 0) begun.set_value();
    wait.wait();
  });
  for (const char* id : {"a1", "a2", "b1"}) lanes.Put({id[0]}, Numbered(id));
  begun.get_future().wait();
  EXPECT_EQ(lanes.Drain().size(), 2U);
  lanes.Put("a", Numbered("a3"));
  go.set_value();
  for (int i = 0; i < 2000 && ran < 2; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(ran, 2);
}

}  // namespace
}  // namespace pgo::kube
