#include "adapters/kube/gate.h"

#include <gtest/gtest.h>

namespace pgo::kube {
namespace {

struct Inbox : EventSink {
  void Post(std::vector<Payload> events) override {
    for (Payload& event : events) got.push_back(std::move(event));
  }
  std::vector<Payload> got;
};

Observed Seen(const std::string& kind, const std::string& rv, const std::string& uid = "u",
              int content = 1) {
  return {
      {kind, "n", "x"}, uid, rv, {{"metadata", {{"resourceVersion", rv}}}, {"content", content}}};
}

struct GateTest : testing::Test {
  std::size_t Through(Payload event) {
    const auto before = inbox.got.size();
    gate.Post({std::move(event)});
    return inbox.got.size() - before;
  }
  Inbox inbox;
  Gate gate{inbox};
};

TEST_F(GateTest, TheEchoOfAWriteIsNoNews) {
  EXPECT_EQ(Through(Seen("Pod", "10")), 1U);
  EXPECT_EQ(Through(Seen("Pod", "10")), 0U);
  EXPECT_EQ(Through(Seen("Pod", "11")), 1U);
}

TEST_F(GateTest, OlderVersionsAreDropped) {
  Through(Seen("Pod", "10"));
  EXPECT_EQ(Through(Seen("Pod", "9", "u", 2)), 0U);
  EXPECT_EQ(Through(Seen("Pod", "9", "old", 2)), 0U);
}

TEST_F(GateTest, AHeartbeatIsNoNews) {
  Through(Seen("Node", "10"));
  EXPECT_EQ(Through(Seen("Node", "11")), 0U);
  EXPECT_EQ(Through(Seen("Node", "12", "u", 2)), 1U);
}

TEST_F(GateTest, ALateAnswerDoesNotBringADeletedObjectBack) {
  Through(Seen("Pod", "10"));
  EXPECT_EQ(Through(Gone{{"Pod", "n", "x"}, "u"}), 1U);
  EXPECT_EQ(Through(Seen("Pod", "11")), 0U);
  EXPECT_EQ(Through(Gone{{"Pod", "n", "x"}, "u"}), 0U);
  EXPECT_EQ(Through(Seen("Pod", "12", "u2")), 1U);
}

TEST_F(GateTest, AListReadBeforeAnObjectWasMadeDoesNotDenyIt) {
  Through(Seen("Pod", "10"));
  gate.Post({Listed{"Pod", "9", false, {}}});
  EXPECT_EQ(std::get<Listed>(inbox.got.back()).keys, (std::vector<std::string>{"n/x"}));
  gate.Post({Listed{"Pod", "11", false, {}}});
  EXPECT_TRUE(std::get<Listed>(inbox.got.back()).keys.empty());
  EXPECT_EQ(Through(Seen("Pod", "10")), 1U) << "known no longer, so it is news";
}

TEST_F(GateTest, WhatTheEngineKnowsIsNoNewsAfterARestart) {
  gate.Know({"Pod", "n", "x"}, "u", "10", Seen("Pod", "10").object);
  EXPECT_EQ(Through(Seen("Pod", "10")), 0U);
  EXPECT_EQ(Through(Seen("Pod", "10", "u", 2)), 1U) << "redacted differently by this version";
}

}  // namespace
}  // namespace pgo::kube
