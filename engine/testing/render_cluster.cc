// render_cluster IMAGE REPLICAS [NAME [NAMESPACE]]
//
// Prints, one JSON object a line, everything the rooms want for a small cluster: {"object",
// "parts"}, and last the psql script of its user: {"sql"}.
// For trying the manifests by hand against a real API server; no part of the product.
#include <cstdio>
#include <cstdlib>
#include <map>

#include "engine/rooms/certificates/certificates.h"
#include "engine/rooms/config/config.h"
#include "engine/rooms/instances/instances.h"
#include "engine/rooms/services/services.h"
#include "engine/rooms/storage/storage.h"
#include "engine/rooms/users/users.h"
#include "engine/testing/cluster_builder.h"

int main(int argc, char** argv) {
  using namespace pgo;
  const std::string image = argc > 1 ? argv[1] : "pgo-postgres:17";
  const int replicas = argc > 2 ? std::atoi(argv[2]) : 3;
  testing::ClusterBuilder builder(argc > 3 ? argv[3] : "hippo", replicas);
  builder.manifest()["spec"]["image"] = image;
  builder.Show();
  std::map<std::string, Json> lines;
  for (int round = 0; round < 3; ++round) {
    const auto view = builder.View();
    const rooms::Plan plans[] = {
        rooms::services::PlanServices(view), rooms::certificates::PlanCertificates(view),
        rooms::config::PlanConfig(view),     rooms::users::PlanUsers(view),
        rooms::storage::PlanStorage(view),   rooms::instances::PlanInstances(view, {})};
    for (const auto& plan : plans) {
      for (const auto& desired : plan.objects) {
        Json line = Json::object();
        line["object"] = desired.object;
        line["parts"] = ToJson(desired.parts);
        lines[desired.ref.Text()] = std::move(line);
      }
      builder.Settle(plan);
    }
  }
  for (const auto& [ref, line] : lines) std::printf("%s\n", DumpJson(line).c_str());
  cluster::User user;
  user.name = "hippo";
  user.databases = {"hippo"};
  Json sql = Json::object();
  sql["sql"] = rooms::users::Script({user});
  std::printf("%s\n", DumpJson(sql).c_str());
  return 0;
}
