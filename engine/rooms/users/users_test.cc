#include "engine/rooms/users/users.h"

#include <gtest/gtest.h>

#include "engine/cluster/roster.h"
#include "engine/kube/names.h"
#include "engine/postgres/sql.h"
#include "engine/testing/cluster_builder.h"

namespace pgo::rooms::users {
namespace {

std::string Writable(testing::ClusterBuilder& builder, std::string status) {
  const std::string member = cluster::Roster(builder.View()).front().name;
  builder.Pod(member, "master", status);
  builder.Lock(kube::InstancePodName(member), testing::ClusterBuilder::Address(member));
  builder.Bootstrapped();
  return member;
}

TEST(Users, SqlWaitsForAWritablePrimaryAndItsVerifier) {
  testing::ClusterBuilder builder;
  Writable(builder, R"({"state":"running","role":"promoted","timeline":2})");
  builder.Settle(PlanUsers(builder.View()));
  EXPECT_TRUE(PlanUsers(builder.View()).proposals.empty());
  const std::string member = Writable(builder, std::string(testing::kPrimaryStatus));
  const Plan plan = PlanUsers(builder.View());
  ASSERT_EQ(plan.proposals.size(), 1U);
  const auto& exec = std::get<Exec>(plan.proposals[0].command);
  EXPECT_EQ(exec.ref.name, kube::InstancePodName(member));
  EXPECT_EQ(exec.container, "database");
  EXPECT_TRUE(plan.proposals[0].once);
  ASSERT_EQ(exec.secrets.size(), 1U);
  EXPECT_NE(exec.input.find("PASSWORD '" + exec.secrets[0].placeholder + "'"), std::string::npos);
  for (const auto& word : exec.argv) EXPECT_EQ(word.find("verifier"), std::string::npos);
}

TEST(Users, ANewTimelineRunsTheScriptAgain) {
  testing::ClusterBuilder builder;
  builder.Settle(PlanUsers(builder.View()));
  Writable(builder, std::string(testing::kPrimaryStatus));
  const std::string first = PlanUsers(builder.View()).proposals.front().goal;
  Writable(builder, R"({"state":"running","role":"primary","xlog_location":99,"timeline":1})");
  EXPECT_EQ(PlanUsers(builder.View()).proposals.front().goal, first);
  Writable(builder, R"({"state":"running","role":"primary","xlog_location":99,"timeline":2})");
  EXPECT_NE(PlanUsers(builder.View()).proposals.front().goal, first);
}

TEST(Users, ASecretGoesWithItsUserAndEmptyUsersMeanNone) {
  testing::ClusterBuilder builder;
  builder.Settle(PlanUsers(builder.View()));
  builder.manifest()["spec"]["users"] = Json::array();
  builder.Show();
  const Plan plan = PlanUsers(builder.View());
  EXPECT_TRUE(plan.objects.empty());
  ASSERT_EQ(plan.proposals.size(), 1U);
  EXPECT_EQ(std::get<Delete>(plan.proposals[0].command).ref.name, "hippo-pguser-hippo");
}

TEST(Users, NamesCannotEndTheirQuotes) {
  cluster::User user;
  user.name = "o'brien\"x";
  user.databases = {"d'\\\n"};
  const std::string script = Script({user});
  EXPECT_NE(script.find("'o''brien\"x'"), std::string::npos);
  EXPECT_NE(script.find("\"o'brien\"\"x\""), std::string::npos);
  EXPECT_EQ(postgres::QuoteLiteral("a'b\\"), " E'a''b\\\\'");
  EXPECT_EQ(postgres::ConnectArgument("d'\\\n"), R"('dbname=''d\\''\\\\\n''')");
}

TEST(RoleOptions, OnlyOptionsOfARole) {
  EXPECT_EQ(postgres::RoleOptions("createdb  CONNECTION limit -1").value_or("-"),
            "CREATEDB CONNECTION LIMIT -1");
  EXPECT_EQ(postgres::RoleOptions("valid until 'in''finity'").has_value(), false);
  EXPECT_EQ(postgres::RoleOptions("VALID UNTIL '2030-01-01'").value_or("-"),
            "VALID UNTIL '2030-01-01'");
  EXPECT_EQ(postgres::RoleOptions("").value_or("-"), "");
  for (const char* bad :
       {"PASSWORD 'x'", "SUPERUSER; DROP", "IN ROLE x", "CONNECTION LIMIT", "'"}) {
    EXPECT_FALSE(postgres::RoleOptions(bad)) << bad;
  }
}

}  // namespace
}  // namespace pgo::rooms::users
