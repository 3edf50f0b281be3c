#include "adapters/cli/checks.h"

#include <algorithm>
#include <set>

#include "adapters/cli/instances.h"
#include "engine/cluster/roster.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

using cluster::ClusterView;
using cluster::InstanceView;

// https://www.postgresql.org/docs/current/functions-admin.html: a transactional message is written
// to the WAL at any wal_level, so its commit waits for the replicas that commits have to wait for.
constexpr const char* kWrite = "SELECT pg_logical_emit_message(true, 'pgo', 'test')";
constexpr const char* kLook =
    "SELECT json_build_object('recovery', pg_is_in_recovery(), 'receiver', "
    "(SELECT status FROM pg_stat_wal_receiver LIMIT 1))";

std::set<std::string> Addresses(const ClusterView& view, const std::string& endpoints) {
  std::set<std::string> found;
  const auto* object = view.Find("Endpoints", endpoints);
  if (object == nullptr) return found;
  for (const Json& subset : GetArray(object->object, {"subsets"})) {
    for (const Json& address : GetArray(subset, {"addresses"})) {
      found.insert(GetString(address, {"ip"}));
    }
  }
  return found;
}

std::string ClusterIp(const ClusterView& view, const std::string& service) {
  const auto* object = view.Find("Service", service);
  const std::string ip = object == nullptr ? "" : GetString(object->object, {"spec", "clusterIP"});
  return ip == "None" ? "" : ip;
}

// Where clients of the primary's Service end up first: its own Endpoints, which name the leader's.
std::string PrimaryAddress(const ClusterView& view) {
  const auto addresses = Addresses(view, kube::PrimaryServiceName(view.key.name));
  return addresses.empty() ? ClusterIp(view, kube::LeaderName(view.key.name)) : *addresses.begin();
}

bool HasReplicas(const ClusterView& view) { return cluster::Roster(view).size() > 1; }

std::string Joined(const std::set<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? "nobody" : text;
}

std::string At(const std::string& ip, const ClusterView& view) {
  return (ip.empty() ? "no address" : ip) + ":" + std::to_string(view.spec().port);
}

// What is wrong with an answer of pg_isready, or "".
std::string Silence(const Answers& answers, const std::string& question) {
  const auto answer = answers.find(question);
  if (answer == answers.end()) return "no pod runs that could ask it";
  return ProblemOf(answer->second);
}

std::string PrimaryServiceProblem(const ClusterView& view) {
  const std::string& c = view.key.name;
  const auto named = Addresses(view, kube::PrimaryServiceName(c));
  const std::string leader_ip = ClusterIp(view, kube::LeaderName(c));
  if (named.empty()) return kube::PrimaryServiceName(c) + " has no address";
  if (!leader_ip.empty() && named != std::set{leader_ip}) {
    return kube::PrimaryServiceName(c) + " leads to " + Joined(named) + ", but " +
           kube::LeaderName(c) + " has " + leader_ip;
  }
  if (view.lock.leader.empty()) return "nobody holds the leader lock";
  const InstanceView* holder = view.ByPod(view.lock.leader);
  if (holder == nullptr || !holder->pod) return "its holder " + view.lock.leader + " has no pod";
  const auto behind = Addresses(view, kube::LeaderName(c));
  if (behind == std::set{holder->pod->ip}) return "";
  return kube::LeaderName(c) + " leads to " + Joined(behind) + ", but " + view.lock.leader +
         ", which holds the lock, has " + (holder->pod->ip.empty() ? "none" : holder->pod->ip);
}

Check PrimaryService(const ClusterView& view, const Answers& answers) {
  Check check{"primary", At(PrimaryAddress(view), view), false, PrimaryServiceProblem(view)};
  if (!check.detail.empty()) return check;
  check.detail = Silence(answers, "service/primary");
  check.up = check.detail.empty();
  if (check.up) {
    check.detail = kube::PrimaryServiceName(view.key.name) + " leads to " + view.lock.leader +
                   ", which holds the lock";
  }
  return check;
}

Check ReplicaService(const ClusterView& view, const Answers& answers) {
  const std::string name = kube::ReplicaServiceName(view.key.name);
  Check check{"replica", At(ClusterIp(view, name), view), false, ""};
  std::set<std::string> wanted;
  for (const auto& [instance_name, instance] : view.instances) {
    if (!instance.pod || instance.pod->deleting || !instance.pod->ready) continue;
    if (instance.pod->role == kube::kRoleReplica) wanted.insert(instance.pod->ip);
  }
  const auto behind = Addresses(view, name);
  if (behind != wanted) {
    check.detail =
        name + " leads to " + Joined(behind) + ", but ready replicas are " + Joined(wanted);
  } else if (wanted.empty()) {
    check.detail = "no replica is ready";
  } else {
    check.detail = Silence(answers, "service/replica");
  }
  check.up = check.detail.empty();
  if (check.up) {
    check.detail = name + " leads to " + std::to_string(behind.size()) +
                   (behind.size() == 1 ? " replica" : " replicas");
  }
  return check;
}

// What its own database says, or what is wrong.
void JudgeDatabase(const Result<CommandOutput>& answer, bool holder, Check& check) {
  const auto json =
      answer ? ParseJson(answer->out.substr(0, answer->out.find('\n'))) : std::nullopt;
  const std::string problem = ProblemOf(answer);
  if (!json) {
    check.detail = problem.empty() ? "the database gave no answer" : problem;
    return;
  }
  const bool recovery = GetBool(*json, {"recovery"});
  if (recovery == holder) {
    check.detail = holder ? "it holds the lock, but is in recovery"
                          : "it is out of recovery, but does not hold the lock";
    return;
  }
  const std::string receiver = GetString(*json, {"receiver"});
  if (holder && answer->code == kInterrupted) {
    check.detail = "a commit was not confirmed within 5 s";
  } else if (!problem.empty()) {
    check.detail = problem;
  } else if (!holder && receiver != "streaming") {
    check.detail = receiver.empty() ? "it does not receive WAL" : "its WAL receiver: " + receiver;
  } else {
    check.up = true;
  }
}

Check InstanceCheck(const ClusterView& view, const InstanceLine& line, const Answers& answers) {
  const bool holder = !line.pod.empty() && view.lock.leader == line.pod;
  Check check{holder ? "primary" : "replica", line.pod.empty() ? line.instance : line.pod, false,
              line.state};
  const auto answer = answers.find("instance/" + line.pod);
  if (line.pod.empty() || answer == answers.end()) return check;
  JudgeDatabase(answer->second, holder, check);
  if (check.up) check.detail = holder ? "committed a write" : line.state;
  return check;
}

}  // namespace

std::string VolumeType(const Json& claim) {
  const std::string role = GetString(claim, {"metadata", "labels", kube::kLabelRole});
  if (role == "pgdata") return "data";
  if (role == "pgwal") return "wal";
  if (!role.empty()) return role;
  const std::string data = GetString(claim, {"metadata", "labels", kube::kLabelData});
  return data.empty() || data == "postgres" ? "data" : data;
}

std::size_t Checks::failed() const {
  std::size_t count = 0;
  for (const auto* list : {&services, &instances, &volumes}) {
    count += static_cast<std::size_t>(
        std::ranges::count_if(*list, [](const Check& check) { return !check.up; }));
  }
  return count;
}

std::map<std::string, PodCommand> QuestionsFor(const Snapshot& snapshot) {
  const ClusterView& view = snapshot.view;
  std::map<std::string, PodCommand> out;
  for (const auto& [name, instance] : view.instances) {
    if (!instance.pod || !instance.pod->database_running) continue;
    const std::string& pod = instance.pod->name;
    std::vector<std::string> statements{kLook};
    if (view.lock.leader == pod) statements.emplace_back(kWrite);
    out["instance/" + pod] = PsqlIn(snapshot, pod, statements);
  }
  const auto asker = PodToAsk(snapshot);
  if (!asker) return out;
  const auto ask = [&](const std::string& service, const std::string& ip) {
    if (ip.empty()) return;
    out["service/" + service] = {view.key.ns,
                                 *asker,
                                 std::string(kube::kDatabaseContainer),
                                 {"pg_isready", "--host=" + ip, "--timeout=3",
                                  "--port=" + std::to_string(view.spec().port)}};
  };
  ask("primary", PrimaryAddress(view));
  if (HasReplicas(view)) ask("replica", ClusterIp(view, kube::ReplicaServiceName(view.key.name)));
  return out;
}

Checks Judge(const Snapshot& snapshot, const Answers& answers) {
  const ClusterView& view = snapshot.view;
  Checks out;
  out.services.push_back(PrimaryService(view, answers));
  if (HasReplicas(view)) out.services.push_back(ReplicaService(view, answers));
  for (const InstanceLine& line : InstanceLines(view)) {
    out.instances.push_back(InstanceCheck(view, line, answers));
  }
  std::ranges::stable_sort(out.instances, {}, [](const Check& c) { return c.type != "primary"; });
  for (const auto& [ref, subject] : view.objects) {
    if (ref.kind != "PersistentVolumeClaim") continue;
    const std::string phase = GetString(subject->object, {"status", "phase"}, "Pending");
    out.volumes.push_back(
        {VolumeType(subject->object), ref.name, phase == "Bound",
         phase == "Bound" ? GetString(subject->object, {"status", "capacity", "storage"}) : phase});
  }
  return out;
}

}  // namespace pgo::cli
