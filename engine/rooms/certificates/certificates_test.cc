#include "engine/rooms/certificates/certificates.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/cluster/roster.h"
#include "engine/testing/cluster_builder.h"

namespace pgo::rooms::certificates {
namespace {

TEST(Certificates, NoLeafIsWantedBeforeItsAuthority) {
  testing::ClusterBuilder builder;
  const Plan first = PlanCertificates(builder.View());
  ASSERT_EQ(first.objects.size(), 1U);
  EXPECT_EQ(first.objects[0].ref.name, "pgo-root-cacert");
  EXPECT_EQ(Find(first.objects[0].object, {"metadata", "ownerReferences"}), nullptr);
  builder.Settle(first);
  EXPECT_EQ(PlanCertificates(builder.View()).objects.size(), 1U + 2U + 3U);
}

TEST(Certificates, NamesFitACertificate) {
  testing::ClusterBuilder builder("a-cluster-whose-name-is-as-long-as-it-may-bee");
  builder.Settle(PlanCertificates(builder.View()));
  for (const auto& desired : PlanCertificates(builder.View()).objects) {
    for (const Part& part : desired.parts) EXPECT_LE(part.cn.size(), 64U) << part.cn;
  }
}

TEST(Certificates, MembersAreVerifiedByTheNameTheyAreReachedBy) {
  testing::ClusterBuilder builder;
  builder.Settle(PlanCertificates(builder.View()));
  const auto view = builder.View();
  const std::string member = cluster::Roster(view).front().name;
  const Plan plan = PlanCertificates(view);
  const auto it = std::ranges::find_if(
      plan.objects, [&](const Desired& d) { return d.ref.name == member + "-certs"; });
  ASSERT_NE(it, plan.objects.end());
  const auto& sans = it->parts.front().sans;
  EXPECT_NE(std::ranges::find(sans, member + "-0.hippo-pods"), sans.end());
}

}  // namespace
}  // namespace pgo::rooms::certificates
