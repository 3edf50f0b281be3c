// Every field of the definition, changed in every way that its type can go wrong: each change is
// accepted, with effect or named as without, or refused with field, rule and mend; by pgo-local's
// API server and natively alike.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "adapters/local/store/schema.h"
#include "engine/cluster/spec.h"
#include "replay-tests/mutation_values.h"

namespace pgo::mutation {
namespace {

using cluster::FieldProblem;

std::string Errors(const Json& object) {
  std::string out;
  for (const auto& e : local::Validate(object, Schema())) out += e.field + ": " + e.message + "\n";
  return out;
}

// What the API server answers: its complaints by the definition's keywords; CEL is native below.
std::string AskServer(Json object) {
  local::Prune(object, Schema());
  local::SetDefaults(object, Schema());
  return Errors(object);
}

std::string Texts(const std::vector<FieldProblem>& problems) {
  std::string out;
  for (const auto& p : problems) out += p.Text() + "\n";
  return out;
}

bool IsRule(const FieldProblem& problem) {
  static const std::vector<std::string> rules = cluster::NativeRules();
  return std::ranges::find(rules, problem.rule + "; " + problem.mend) != rules.end();
}

// Two sets may be named alike only by the index that one of them gets.
bool IsNatives(const FieldProblem& problem) {
  return IsRule(problem) || problem.field.starts_with("spec.instances[");
}

TEST(Sample, IsValidAndHasEveryLeafOfTheDefinition) {
  const Json full = FullSample();
  EXPECT_EQ(AskServer(full), "");
  EXPECT_EQ(Texts(cluster::ValidateCluster(full)), "");
  std::set<std::string> has;
  for (const Node& node : NodesOf(full)) has.insert(node.path);
  for (const std::string& path : LeafPaths()) {
    if (path.starts_with("spec.dataSource.pgbackrest.repo.volume.")) continue;  // always refused
    EXPECT_TRUE(has.contains(path)) << path;
  }
  EXPECT_GT(LeafPaths().size(), 1500U);
}

TEST(Sample, StaysValidWhenItIsReducedToOneField) {
  const Json full = FullSample();
  for (const Node& node : NodesOf(full)) {
    if (node.repeated) continue;
    const Json reduced = Reduce(full, node);
    ASSERT_TRUE(reduced.contains(PointerTo(node))) << node.path;
    ASSERT_EQ(AskServer(reduced), "") << node.path;
    ASSERT_EQ(Texts(cluster::ValidateCluster(reduced)), "") << node.path;
  }
}

// A field is acted on, or named at its own path or one above it. What has effect is held against
// the engine by mutation_engine_test.
TEST(Field, IsActedOnOrNamed) {
  const Json full = FullSample();
  for (const Node& node : NodesOf(full)) {
    // What stands below a field that is named has been spoken of.
    const std::string parent = node.path.substr(0, node.path.find_last_of(".[{"));
    if (!ActedOn(parent) && parent != "spec") continue;
    const auto parsed = cluster::ParseSpec(Reduce(full, node));
    const auto names = [&](const std::string& path) {
      return path == node.path || node.path.starts_with(path + ".") ||
             node.path.starts_with(path + "[") || node.path.starts_with(path + "{");
    };
    const bool named = std::ranges::any_of(parsed.not_implemented, names);
    EXPECT_EQ(named, !ActedOn(node.path)) << node.path << " is named and acted on, or neither";
    EXPECT_TRUE(parsed.unknown.empty()) << parsed.unknown.front();
  }
}

TEST(Field, OfNoDefinitionIsNamedAsSuch) {
  const Json full = FullSample();
  for (const Node& node : NodesOf(full)) {
    if (!node.leaf && !GetBool(*node.schema, {"x-kubernetes-preserve-unknown-fields"})) continue;
    if (GetObject(*node.schema, {"properties"}).empty() || !ActedOn(node.path + ".x")) continue;
    Json object = Reduce(full, node);
    object[PointerTo(node)]["frobnicate"] = 1;
    const auto parsed = cluster::ParseSpec(object);
    const bool named = std::ranges::any_of(
        parsed.unknown, [](const std::string& path) { return path.ends_with(".frobnicate"); });
    EXPECT_TRUE(named || node.path.find("ClaimSpec") != std::string::npos) << node.path;
  }
}

struct Tally {
  int asked = 0, refused = 0, accepted = 0;
};

void Judge(const Json& object, const std::string& what, Tally& tally) {
  const auto problems = cluster::ParseSpec(object).problems;
  const std::string server = AskServer(object);
  ++tally.asked;
  ++(problems.empty() ? tally.accepted : tally.refused);
  // Neither lets pass what the other refuses.
  if (server.empty()) {
    EXPECT_TRUE(std::ranges::all_of(problems, IsNatives)) << what << "\n" << Texts(problems);
  } else if (!what.ends_with(" masked")) {  // "***" is what a journal has of an accepted value
    EXPECT_FALSE(problems.empty()) << what << "\n" << server.substr(0, 300);
  }
  for (const FieldProblem& p : problems) {
    EXPECT_TRUE(p.field.starts_with("spec")) << p.Text();
    EXPECT_FALSE(p.rule.empty() || p.mend.empty()) << p.Text();
    EXPECT_LT(p.Text().size(), 700U) << what;
    EXPECT_EQ(p.Text().find("canary"), std::string::npos) << "a credential is repeated: " << what;
  }
}

TEST(Mutation, IsJudgedAlikeByTheDefinitionAndNatively) {
  const Json full = FullSample();
  Tally tally;
  int after = 0;
  for (const Node& node : NodesOf(full)) {
    if (node.repeated) continue;
    const Json base = Reduce(full, node);
    for (const Mutation& m : MutationsOf(base, node)) {
      Judge(m.object, node.path + " " + m.what, tally);
      if (::testing::Test::HasFailure() && ++after > 200) return;  // a few, not thousands
    }
  }
  RecordProperty("asked", tally.asked);
  EXPECT_GT(tally.accepted, 1000);
  EXPECT_GT(tally.refused, 3000);
  std::printf("%d mutations: %d accepted, %d refused\n", tally.asked, tally.accepted,
              tally.refused);
}

}  // namespace
}  // namespace pgo::mutation
