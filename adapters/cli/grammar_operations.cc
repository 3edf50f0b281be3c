// scale, scaledown, restart, reload, update.
#include "adapters/cli/grammar.h"

namespace pgo::cli {
namespace {

void AddScaleVerbs(Grammar& grammar) {
  grammar.Verb<Scale>(
      "scale", "Add replicas to a cluster and wait until they stream",
      "  pgo scale hippo\n  pgo scale hippo --replica-count=2\n"
      "  pgo scale hippo --instance-set=reports",
      [](CLI::App& verb, Scale& o) {
        verb.add_option("cluster", o.clusters, "names of clusters")->required();
        verb.add_option("--replica-count", o.replica_count, "how many replicas to add")
            ->check(Between(1, 99, 1))
            ->capture_default_str();
        verb.add_option("--instance-set", o.instance_set, "which set grows, if there are several");
        const std::string gone = "of 4.7; refused with what replaces it";
        verb.add_option("--storage-config", o.storage_config, gone);
        verb.add_option("--service-type", o.service_type, gone);
        verb.add_option("--node-label", o.node_label, gone);
        verb.add_option("--node-affinity-type", o.node_affinity, gone);
        verb.add_option("--toleration", o.toleration, gone);
        verb.add_option("--ccp-image-tag", o.ccp_image_tag, gone);
        verb.add_flag("-y,--no-prompt", o.no_prompt, "do not ask");
        AddWaiting(verb, o.wait, o.timeout_s);
      });
  grammar.Verb<ScaleDown>(
      "scaledown", "Remove a replica from a cluster, or show which could go",
      "  pgo scaledown hippo --query\n  pgo scaledown hippo --target=hippo-00-m4vz\n"
      "  pgo scaledown hippo --target=hippo-00-m4vz --keep-data\n"
      "  pgo scaledown hippo             # the operator chooses who serves least",
      [](CLI::App& verb, ScaleDown& o) {
        verb.add_option("cluster", o.cluster, "name of the cluster")->required();
        verb.add_flag("--query", o.query, "list the replicas, change nothing");
        verb.add_option("--target", o.target, "instance or pod to remove");
        verb.add_option("--instance-set", o.instance_set, "which set shrinks, without --target");
        verb.add_flag("--keep-data", o.keep_data, "keep its volumes for the next replica");
        verb.add_flag("-y,--no-prompt", o.no_prompt, "do not ask");
        AddWaiting(verb, o.wait, o.timeout_s);
      });
}

void AddRestartVerbs(Grammar& grammar) {
  grammar.Verb<Restart>(
      "restart", "Restart PostgreSQL on all or some instances, one at a time",
      "  pgo restart hippo --query\n  pgo restart hippo\n  pgo restart hippo --rolling\n"
      "  pgo restart hippo --target=hippo-00-m4vz --target=hippo-00-t8hd",
      [](CLI::App& verb, Restart& o) {
        verb.add_option("cluster", o.cluster, "name of the cluster")->required();
        verb.add_flag("--query", o.query, "list the instances, change nothing");
        auto* targets =
            verb.add_option("--target", o.targets, "instance or pod to restart; repeatable");
        verb.add_flag("--rolling", o.rolling, "replicas first, the primary after a switchover")
            ->excludes(targets);
        verb.add_flag("-y,--no-prompt", o.no_prompt, "do not ask");
        AddWaiting(verb, o.wait, o.timeout_s);
      });
  grammar.Verb<Reload>("reload", "Make every instance read its configuration again",
                       "  pgo reload hippo\n  pgo reload --selector=team=a --no-prompt",
                       [](CLI::App& verb, Reload& o) {
                         AddSelection(verb, o.names, o.selector, o.all);
                         verb.add_flag("-y,--no-prompt", o.no_prompt, "do not ask");
                         AddWaiting(verb, o.wait, o.timeout_s);
                       });
}

void AddUpdateVerb(Grammar& grammar) {
  grammar.Verb<UpdateCluster>(
      "update cluster", "Shut clusters down and start them again, pause and resume them",
      "  pgo update cluster hippo --shutdown\n  pgo update cluster hippo --startup\n"
      "  pgo update cluster --selector=team=a --pause",
      [](CLI::App& verb, UpdateCluster& o) {
        AddSelection(verb, o.names, o.selector, o.all);
        verb.add_flag("--shutdown", o.shutdown, "stop all instances; volumes and backups stay");
        verb.add_flag("--startup", o.startup, "start them again, who led last first");
        verb.add_flag("--pause", o.pause, "apply no change of the manifest until --resume");
        verb.add_flag("--resume", o.resume, "apply changes of the manifest again");
        verb.add_flag("-y,--no-prompt", o.no_prompt, "do not ask");
        AddWaiting(verb, o.wait, o.timeout_s);
      });
}

}  // namespace

void AddOperationVerbs(Grammar& grammar) {
  AddScaleVerbs(grammar);
  AddRestartVerbs(grammar);
  AddUpdateVerb(grammar);
}

}  // namespace pgo::cli
