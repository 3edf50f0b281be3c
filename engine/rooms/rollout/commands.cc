#include "engine/rooms/rollout/commands.h"

#include <algorithm>

#include "engine/kube/names.h"
#include "engine/patroni/config.h"

namespace pgo::rooms::rollout {
namespace {

using cluster::InstanceView;

constexpr std::string_view kLookSql =
    "select json_build_object('started', pg_postmaster_start_time()::text, 'serving', case when "
    "pg_is_in_recovery() then exists (select from pg_stat_wal_receiver where status = 'streaming') "
    "else true end)";

// Patroni answers a restart when it is done, which is longer than an exec should be held. That the
// time is over (28) says that it was accepted. https://curl.se/docs/manpage.html#EXIT
constexpr std::string_view kRestartScript =
    R"bash(
curl -sSk --fail-with-body --max-time 2 --cert "$1" -H 'Content-Type: application/json' -d "$2" "$3"
code=$?
[[ "${code}" == 28 ]] || exit "${code}"
)bash";

std::string Certificate() {
  return std::string(patroni::kConfigDirectory) + "/" + std::string(patroni::kCertificateFile);
}

std::string Url(const Input& in, std::string_view path) {
  return "https://127.0.0.1:" + std::to_string(in.view.spec().patroni.port) + std::string(path);
}

Exec In(const Input& in, const InstanceView& instance, std::vector<std::string> argv) {
  Exec exec;
  exec.ref = {"Pod", in.view.key.ns, instance.pod->name};
  exec.uid = instance.pod->uid;
  exec.container = kube::kDatabaseContainer;
  exec.argv = std::move(argv);
  return exec;
}

std::vector<std::string> Psql(std::string_view sql) {
  return {"psql",     "-h",     "/tmp/postgres", "-U", "postgres", "-d",
          "postgres", "-XAtqc", std::string(sql)};
}

std::string Goal(std::string_view what, const Operation& op, const InstanceView& instance) {
  return std::string(what) + "/" + std::to_string(op.seq) + "/" + instance.pod->uid;
}

std::vector<std::uint64_t> Causes(const Operation& op, const InstanceView& instance) {
  std::vector<std::uint64_t> out{op.seq, instance.pod->subject->seq.value()};
  std::ranges::sort(out);
  return out;
}

}  // namespace

Proposal Say(const Input& in, Reason reason, std::string sentence, std::string goal) {
  Proposal p;
  p.reason = reason;
  p.sentence = std::move(sentence);
  p.goal = "say/" + std::move(goal);
  p.once = true;
  p.facts = Json::object();
  p.command = Notice{in.view.subject->ref, in.view.uid, reason == Reason::kOperationRefused};
  return p;
}

Proposal Replace(const Input& in, const InstanceView& instance, const Operation& op) {
  Proposal p;
  p.reason = Reason::kRollout;
  p.goal = Goal("replace", op, instance);
  p.causes = Causes(op, instance);
  p.causes.push_back(instance.stateful_set->seq.value());
  std::ranges::sort(p.causes);
  p.command = Delete{{"Pod", in.view.key.ns, instance.pod->name}, instance.pod->uid, "", {}};
  p.disrupts = true;
  p.facts = Json::object();
  return p;
}

Proposal Restart(const Input& in, const InstanceView& instance, const Operation& op,
                 bool only_pending) {
  Proposal p;
  p.reason = only_pending ? Reason::kPendingRestart : Reason::kRestart;
  p.goal = Goal("restart", op, instance);
  p.causes = Causes(op, instance);
  p.command = In(in, instance,
                 {"bash", "-c", std::string(kRestartScript), "restart", Certificate(),
                  only_pending ? R"({"restart_pending": true})" : "{}", Url(in, "/restart")});
  p.disrupts = true;
  p.once = true;
  p.timeout_ms = 5000;
  p.facts = Json::object();
  return p;
}

Proposal LookAt(const Input& in, const InstanceView& instance, const Operation& op,
                const std::string& look) {
  Proposal p;
  p.reason = Reason::kRestart;
  p.goal = Goal("look", op, instance) + "/" + look;
  p.causes = Causes(op, instance);
  Exec exec = In(in, instance, Psql(kLookSql));
  exec.probe = true;
  p.command = std::move(exec);
  p.once = true;
  p.timeout_ms = 2000;
  p.facts = Json::object();
  return p;
}

Proposal Wake(const Input& in, const InstanceView& primary, const Operation& op,
              std::int64_t look) {
  Proposal p;
  p.reason = Reason::kReplicaWaits;
  p.goal = Goal("wake", op, primary) + "/" + op.current_uid + "/" + std::to_string(look);
  p.causes = Causes(op, primary);
  p.sentence = op.current + " is about to stop and a synchronous standby: make Patroni on " +
               primary.pod->name + " choose another one now";
  p.command = In(in, primary,
                 {"curl", "-sSk", "--fail", "--max-time", "3", "-o", "/dev/null", "--cert",
                  Certificate(), "-X", "PATCH", "-d", R"({"wake":null})", Url(in, "/config")});
  p.once = true;
  p.timeout_ms = 4000;
  return p;
}

Proposal Checkpoint(const Input& in, const InstanceView& instance, const Operation& op) {
  Proposal p;
  p.reason = Reason::kRollout;
  p.goal = Goal("checkpoint", op, instance);
  p.causes = Causes(op, instance);
  p.sentence =
      instance.pod->name + " is the only instance: checkpoint it, so that it stops quickly";
  p.command = In(in, instance, Psql("checkpoint"));
  p.once = true;
  p.timeout_ms = 10'000;
  return p;
}

Proposal Reload(const Input& in, const InstanceView& instance, const std::string& id) {
  Proposal p;
  p.reason = Reason::kReload;
  p.goal = "reload/" + id + "/" + instance.pod->uid;
  p.causes = {in.view.subject->seq.value(), instance.pod->subject->seq.value()};
  std::ranges::sort(p.causes);
  p.sentence = "annotation reload=" + id + ": make Patroni in " + instance.pod->name +
               " read its configuration again";
  p.command = In(in, instance,
                 {"curl", "-sSk", "--fail-with-body", "--max-time", "3", "-X", "POST", "--cert",
                  Certificate(), Url(in, "/reload")});
  p.once = true;
  p.timeout_ms = 4000;
  p.facts = Json::object();
  Put(p.facts, {"operation", "kind"}, "Reload");
  return p;
}

Proposal TakeOff(const Input& in, const std::vector<std::string_view>& annotations) {
  Json patch = Json::object();
  for (const auto name : annotations) Put(patch, {"metadata", "annotations", name}, nullptr);
  Proposal p;
  p.reason = Reason::kOperationComplete;
  p.sentence = "annotation " + std::string(annotations.front()) + " is served: take it off";
  p.causes = {in.view.subject->seq.value()};
  p.goal = "served/" + std::string(annotations.front()) + "/" + in.view.subject->rv;
  p.command = Patch{in.view.subject->ref, in.view.uid, in.view.subject->rv, "", std::move(patch)};
  return p;
}

}  // namespace pgo::rooms::rollout
