#include <algorithm>

#include "engine/kube/names.h"
#include "engine/rooms/rollout/rollout.h"

namespace pgo::rooms::rollout {
namespace {

using cluster::ClusterView;

std::string Annotation(const ClusterView& view, std::string_view name) {
  return GetString(view.subject->object, {"metadata", "annotations", name});
}

std::string Field(std::string_view name) {
  return "metadata.annotations[" + std::string(name) + "]: ";
}

std::vector<std::string> Words(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    std::string word = text.substr(at, end - at);
    std::erase(word, ' ');
    if (!word.empty()) out.push_back(std::move(word));
    at = end + 1;
  }
  return out;
}

// By instance or pod name; "" if there is none such.
std::string InstanceOf(const std::vector<cluster::Member>& roster, const std::string& word) {
  for (const auto& member : roster) {
    if (member.name == word || kube::InstancePodName(member.name) == word) return member.name;
  }
  return "";
}

void ReadInstances(const ClusterView& view, Request& out) {
  const auto roster = cluster::Roster(view);
  for (const std::string& word : Words(Annotation(view, kube::kRestartInstances))) {
    const std::string name = InstanceOf(roster, word);
    if (!name.empty()) {
      out.instances.push_back(name);
      continue;
    }
    std::string all;
    for (const auto& member : roster) all += (all.empty() ? "" : ", ") + member.name;
    out.refusal = Field(kube::kRestartInstances) + word.substr(0, 80) +
                  ": must be an instance of cluster " + view.key.name + "; name some of: " + all;
    return;
  }
}

}  // namespace

Request ReadRequest(const ClusterView& view, const Memory& memory) {
  Request out;
  const std::string reload = Annotation(view, kube::kReload);
  if (reload != memory.served_reload) out.reload = reload;
  const std::string restart = Annotation(view, kube::kRestart);
  if (restart.empty() || restart == memory.served_restart) return out;
  out.restart = restart;
  const std::string rolling = Annotation(view, kube::kRestartRolling);
  out.rolling = rolling == "true";
  if (!rolling.empty() && rolling != "true" && rolling != "false") {
    out.refusal = Field(kube::kRestartRolling) + rolling.substr(0, 80) +
                  ": must be true or false; set one of these or remove it";
    return out;
  }
  ReadInstances(view, out);
  if (out.refusal.empty() && out.rolling && !out.instances.empty()) {
    out.refusal = Field(kube::kRestartRolling) +
                  "true: cannot be used with restart-instances; remove one of the two";
  }
  return out;
}

}  // namespace pgo::rooms::rollout
