// `pgo state`: a cluster as it was at a moment, by what the operator had recorded.
#include "adapters/cli/cluster_text.h"
#include "adapters/cli/documents.h"
#include "adapters/cli/journal_source.h"
#include "adapters/cli/past.h"
#include "adapters/cli/verbs.h"

namespace pgo::cli {
namespace {

std::string LockText(const Past& past) {
  const cluster::LockView& lock = past.snapshot->view.lock;
  if (lock.subject == nullptr) return "";
  std::string text = "\tlock : " + (lock.leader.empty() ? std::string("nobody") : lock.leader);
  if (lock.renew_us)
    text += ", renewed " + DurationText(past.at.wall_us - *lock.renew_us) + " before";
  return text + "\n";
}

std::string SyncText(const cluster::ClusterView& view) {
  std::string names;
  for (const auto& name : view.sync.standbys) names += (names.empty() ? "" : ", ") + name;
  return names.empty() ? "" : "\tsynchronous : " + names + "\n";
}

// What the operator was about.
std::string WorkText(const Past& past) {
  const ClusterMemory* memory = past.engine.MemoryOf(past.key);
  if (memory == nullptr) return "";
  std::string text;
  const auto& op = memory->failover.operation;
  if (op.evidence != rooms::failover::Class::kNone) {
    text += "\tunder way : change of primary, class " + std::string(NameOf(op.evidence)) +
            ", phase " + std::string(NameOf(op.phase)) + ", from " + op.from +
            (op.to.empty() ? "" : " to " + op.to) + " (#" + std::to_string(op.seq) + ")\n";
  }
  for (const auto& [goal, entry] : memory->ledger.entries) {
    if (!entry.in_flight) continue;
    text += "\tsent, not answered : " + goal + " on " + entry.target + " (#" +
            std::to_string(entry.seq) + ")\n";
  }
  return text;
}

Json StateJson(const Past& past) {
  const cluster::ClusterView& view = past.snapshot->view;
  Json out = ClusterJson(*past.snapshot);
  out["resource"] = std::move(out["cluster"]);
  out.update(PastJson(past));
  out["lock"] = {{"leader", view.lock.leader}, {"renew_time", view.lock.renew_time}};
  out["synchronous"] = view.sync.standbys;
  out["objects"] = Json::array();
  for (const auto& [ref, subject] : view.objects) out["objects"].push_back(subject->object);
  const ClusterMemory* memory = past.engine.MemoryOf(past.key);
  if (memory != nullptr) out["operation"] = ToJson(memory->failover.operation);
  return out;
}

// A cluster whose PostgresCluster is gone, though something of it is left.
std::string RestText(const Past& past) {
  std::string text = "cluster : " + past.key.name + " (its PostgresCluster is gone)\n";
  for (const auto& [ref, subject] : past.snapshot->view.objects) {
    text += "\tleft : " + ref.kind + " " + ref.name + "\n";
  }
  return text;
}

std::string TitleText(const Past& past, const Output& out) {
  return out.Styled(Style::kBold, past.key.name + " at " + MarkText(past.at)) + "\n" +
         out.Styled(Style::kWarn, UnseenText(past));
}

void PrintText(const Past& past, const Common& common, Console& console) {
  const bool rows = common.output == "table" || common.output == "wide";
  if (!rows || past.snapshot->view.subject == nullptr) {
    console.out.Print(StateText(past, console.out));
    return;
  }
  Table table(ClusterHeader(common.output == "wide"));
  AddClusterRows(table, *past.snapshot, common.output == "wide");
  console.out.Print(TitleText(past, console.out) + table.Text());
}

}  // namespace

std::string StateText(const Past& past, const Output& out) {
  const std::string title = TitleText(past, out);
  if (past.snapshot->view.subject == nullptr) return title + RestText(past);
  return title + ClusterTree(out, *past.snapshot) + LockText(past) + SyncText(past.snapshot->view) +
         WorkText(past);
}

Status Run(const ShowState& options, const Common& common, Console& console) {
  auto source = JournalSource::Open(options.bundle, common);
  if (!source) return Fail(source.error());
  auto now = source->End();
  if (!now) return Fail(now.error());
  auto moment = ParseMoment("--at", options.at, *now);
  if (!moment) return Fail(moment.error());
  auto reader = source->Around(*moment);
  if (!reader) return Fail(reader.error());
  auto past = PastAt(**reader, *moment, options.cluster, NamespaceFor(*source, common));
  if (!past) return Fail(past.error());
  if (common.output == "json" || common.output == "yaml") {
    Json json = past->snapshot->view.subject != nullptr ? StateJson(*past) : PastJson(*past);
    console.out.Print(common.output == "json" ? Pretty(json) : YamlText(json));
  } else {
    PrintText(*past, common, console);
  }
  return {};
}

}  // namespace pgo::cli
