// A restore's place, as a successor finds it.
#include <algorithm>
#include <array>
#include <utility>

#include "engine/cluster/view.h"
#include "engine/kube/names.h"

namespace pgo::cluster {
namespace {

constexpr auto kWords = std::to_array<std::pair<RestoreStep, std::string_view>>({
    {RestoreStep::kNone, ""},
    {RestoreStep::kStopping, "Stopping"},
    {RestoreStep::kClearing, "Clearing"},
    {RestoreStep::kRestoring, "Restoring"},
    {RestoreStep::kStarting, "Starting"},
    {RestoreStep::kRebuilding, "Rebuilding"},
    {RestoreStep::kDone, "Done"},
    {RestoreStep::kFailed, "Failed"},
    {RestoreStep::kCancelled, "Cancelled"},
});

// A word that is not known here was written by a later version: nothing runs until it goes on.
RestoreStep StepOf(std::string_view word) {
  const auto* it = std::ranges::find(kWords, word, [](const auto& w) { return w.second; });
  return it == kWords.end() ? RestoreStep::kFailed : it->first;
}

std::vector<std::string> Texts(const std::string& json) {
  std::vector<std::string> out;
  const auto list = ParseJson(json);
  if (!list || !list->is_array()) return out;
  for (const Json& text : *list) out.push_back(AsString(text));
  return out;
}

bool Has(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

std::string_view RestoreStepWord(RestoreStep step) {
  return std::ranges::find(kWords, step, [](const auto& w) { return w.first; })->second;
}

bool RestoreView::Stops() const {
  return step == RestoreStep::kStopping || step == RestoreStep::kClearing ||
         step == RestoreStep::kRestoring || step == RestoreStep::kStarting ||
         step == RestoreStep::kFailed;
}

bool RestoreView::UnderWay() const {
  return (Stops() && step != RestoreStep::kFailed) || step == RestoreStep::kRebuilding;
}

bool RestoreView::NeedsBackup() const {
  const bool restored = step == RestoreStep::kRestoring || step == RestoreStep::kStarting ||
                        step == RestoreStep::kRebuilding || step == RestoreStep::kDone;
  return restored && !cancelled && backup != "Complete";
}

bool ClusterView::MayRun(const std::string& instance) const {
  if (restore.step == RestoreStep::kRebuilding) {
    return !Has(restore.others, instance) || Has(restore.cleared, instance);
  }
  if (restore.step == RestoreStep::kStarting) return instance == restore.instance;
  if (restore.step != RestoreStep::kStopping) return !restore.Stops();
  // The primary stops last, so that its last WAL goes to whoever can take it.
  return instance == restore.instance && std::ranges::any_of(instances, [&](const auto& other) {
           return other.first != instance && other.second.pod;
         });
}

void ReadRestore(ClusterView& view) {
  RestoreView& out = view.restore;
  out.subject = view.Find("ConfigMap", kube::IntentName(view.key.name));
  if (out.subject == nullptr ||
      GetString(out.subject->object, {"data", "operation"}) != "Restore") {
    out = {};
    if (view.subject == nullptr) return;
    // Somebody removed it meanwhile: what is on the volumes is not known, so nothing starts.
    const Json& told = GetObject(view.subject->object, {"status", "pgbackrest", "restore"});
    if (GetString(told, {"id"}).empty() || GetBool(told, {"finished"})) return;
    out.step = RestoreStep::kStopping;
    out.id = GetString(told, {"id"});
    return;
  }
  const Json& data = GetObject(out.subject->object, {"data"});
  out.step = StepOf(GetString(data, {"step"}));
  out.id = GetString(data, {"id"});
  out.instance = GetString(data, {"instance"});
  out.repository = GetString(data, {"repository"});
  out.options = Texts(GetString(data, {"options"}));
  out.others = Texts(GetString(data, {"others"}));
  out.cleared = Texts(GetString(data, {"cleared"}));
  out.cancelled = GetString(data, {"cancelled"}) == "true";
  out.safe = GetString(data, {"safe"}) != "false";
  out.undo = GetString(data, {"undo"});
  out.backup = GetString(data, {"backup"});
  out.message = GetString(data, {"message"});
  out.began = GetString(data, {"began"});
}

}  // namespace pgo::cluster
