// `pgo df`: what the volumes of clusters hold, and how large their databases are.
#include <charconv>
#include <sstream>

#include "adapters/cli/checks.h"
#include "adapters/cli/df.h"
#include "adapters/cli/verbs.h"
#include "engine/cluster/quantity.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

constexpr std::uint64_t kWarning = 85, kCaution = 70;  // percent, as in 4.7

constexpr const char* kSizes =
    "SELECT coalesce(json_agg(t), '[]') FROM (SELECT datname AS name, pg_database_size(oid) AS "
    "bytes FROM pg_database WHERE datallowconn ORDER BY 2 DESC, 1) t";

PodCommand In(const Volume& volume, const std::string& ns, std::vector<std::string> argv) {
  argv.push_back(volume.path);
  return {ns, volume.pod, volume.container, std::move(argv)};
}

struct Database {
  std::string cluster, name;
  std::uint64_t bytes = 0;
};

struct Usage {
  std::vector<Volume> volumes;
  std::vector<std::string> of;  // whose the volume is
  std::vector<Database> databases;
  std::string problems;
  void Problem(const std::string& what) { problems += (problems.empty() ? "" : "; ") + what; }
};

// Small files count by what they take on disk, but a volume that shares its file system with others
// (a directory of the node) has no numbers of its own: then the files are added up.
void Measure(Kube& kube, const std::string& ns, std::vector<Volume>& volumes) {
  std::map<std::string, PodCommand> questions;
  for (const Volume& v : volumes) {
    if (v.pod.empty()) continue;
    questions[v.claim] = In(v, ns, {"df", "--block-size=1", "--output=size,used,avail"});
  }
  const Answers answers = AskAll(kube, questions);
  std::map<std::string, PodCommand> again;
  for (Volume& v : volumes) {
    const auto answer = answers.find(v.claim);
    if (answer == answers.end()) continue;
    TakeDf(answer->second, v);
    if (v.shared) {
      again[v.claim] = In(v, ns, {"du", "--one-file-system", "--summarize", "--block-size=1"});
    }
  }
  const Answers added = AskAll(kube, again);
  for (Volume& v : volumes) {
    const auto answer = added.find(v.claim);
    if (answer != added.end()) TakeDu(answer->second, v);
  }
}

void AddDatabases(Kube& kube, const Snapshot& snapshot, Usage& report) {
  const std::string& name = snapshot.view.key.name;
  const auto pod = PodToAsk(snapshot);
  if (!pod) return report.Problem("databases of " + name + ": no pod runs that could be asked");
  const auto rows = JsonAnswer(kube.Exec(PsqlIn(snapshot, *pod, {kSizes})));
  if (!rows) return report.Problem("databases of " + name + ": " + rows.error().message);
  for (const Json& row : GetArray(*rows, {})) {
    report.databases.push_back(
        {name, GetString(row, {"name"}), static_cast<std::uint64_t>(GetInt(row, {"bytes"}))});
  }
}

std::string Share(const Output& out, const Volume& v) {
  const auto percent = PercentUsed(v);
  if (!percent) return "-";
  const Style style = *percent >= kWarning   ? Style::kBad
                      : *percent >= kCaution ? Style::kWarn
                                             : Style::kGood;
  return out.Styled(style, std::to_string(*percent) + "%");
}

std::string ReportText(const Output& out, const Usage& report) {
  const auto shown = [](const std::string& text) { return text.empty() ? "-" : text; };
  Table table({"PVC", "INSTANCE", "POD", "TYPE", "USED", "CAPACITY", "% USED"});
  for (const Volume& v : report.volumes) {
    table.Row({v.claim, shown(v.instance), shown(v.pod), v.type, v.used ? Bytes(*v.used) : "-",
               Bytes(v.capacity), Share(out, v)});
  }
  Table sizes({"CLUSTER", "DATABASE", "SIZE"});
  for (const Database& d : report.databases) sizes.Row({d.cluster, d.name, Bytes(d.bytes)});
  return (table.rows() == 0 ? "no volume found\n" : table.Text()) +
         (sizes.rows() == 0 ? "" : "\n" + sizes.Text());
}

Json ReportJson(const Usage& report) {
  Json out = {{"volumes", Json::array()}, {"databases", Json::array()}};
  for (std::size_t i = 0; i < report.volumes.size(); ++i) {
    const Volume& v = report.volumes[i];
    Json row = {{"cluster", report.of[i]}, {"pvc", v.claim},
                {"instance", v.instance},  {"pod", v.pod},
                {"type", v.type},          {"capacity_bytes", v.capacity},
                {"path", v.path},          {"shared", v.shared}};
    if (v.used) row["used_bytes"] = *v.used;
    if (const auto percent = PercentUsed(v)) row["percent_used"] = *percent;
    if (!v.problem.empty()) row["problem"] = v.problem;
    out["volumes"].push_back(std::move(row));
  }
  for (const Database& d : report.databases) {
    out["databases"].push_back({{"cluster", d.cluster}, {"name", d.name}, {"bytes", d.bytes}});
  }
  return out;
}

std::vector<std::uint64_t> NumbersOf(const std::string& text) {
  std::vector<std::uint64_t> out;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    std::uint64_t number = 0;
    const auto read = std::from_chars(word.data(), word.data() + word.size(), number);
    if (read.ec == std::errc() && read.ptr == word.data() + word.size()) out.push_back(number);
  }
  return out;
}

// Where a claim of this name is mounted in the pod: container and path.
void FindMount(const Json& pod, Volume& volume) {
  std::string name;
  for (const Json& v : GetArray(pod, {"spec", "volumes"})) {
    if (GetString(v, {"persistentVolumeClaim", "claimName"}) == volume.claim) {
      name = GetString(v, {"name"});
    }
  }
  if (name.empty()) return;
  for (const Json& container : GetArray(pod, {"spec", "containers"})) {
    for (const Json& mount : GetArray(container, {"volumeMounts"})) {
      if (GetString(mount, {"name"}) != name || !volume.pod.empty()) continue;
      volume.pod = GetString(pod, {"metadata", "name"});
      volume.container = GetString(container, {"name"});
      volume.path = GetString(mount, {"mountPath"});
    }
  }
}

}  // namespace

std::vector<Volume> VolumesOf(const Snapshot& snapshot) {
  std::vector<Volume> out;
  for (const auto& [ref, subject] : snapshot.view.objects) {
    if (ref.kind != "PersistentVolumeClaim") continue;
    Volume volume;
    volume.claim = ref.name;
    volume.type = VolumeType(subject->object);
    volume.instance = GetString(subject->object, {"metadata", "labels", kube::kLabelInstance});
    volume.capacity =
        cluster::WholeUnits(
            GetString(subject->object, {"status", "capacity", "storage"},
                      GetString(subject->object, {"spec", "resources", "requests", "storage"})))
            .value_or(0);
    for (const auto& [other, candidate] : snapshot.view.objects) {
      const bool runs = GetString(candidate->object, {"status", "phase"}) == "Running";
      if (other.kind == "Pod" && runs && volume.pod.empty()) FindMount(candidate->object, volume);
    }
    out.push_back(std::move(volume));
  }
  return out;
}

void TakeDf(const Result<CommandOutput>& answer, Volume& volume) {
  volume.problem = ProblemOf(answer);
  if (!volume.problem.empty()) return;
  const auto numbers = NumbersOf(answer->out);
  if (numbers.size() != 3) {
    volume.problem = "df gave no numbers";
    return;
  }
  volume.shared = numbers[0] > volume.capacity + volume.capacity / 4;
  if (volume.shared) return;
  volume.used = numbers[1];
  volume.available = numbers[2];
}

void TakeDu(const Result<CommandOutput>& answer, Volume& volume) {
  // Files may vanish under du's eyes: it says so with status 1, and its sum is still good.
  const auto numbers = answer ? NumbersOf(answer->out) : std::vector<std::uint64_t>();
  if (!numbers.empty()) {
    volume.used = numbers.front();
  } else {
    volume.problem = ProblemOf(answer);
    if (volume.problem.empty()) volume.problem = "du gave no number";
  }
}

std::optional<std::uint64_t> PercentUsed(const Volume& volume) {
  if (!volume.used) return std::nullopt;
  const std::uint64_t all = volume.available ? *volume.used + *volume.available : volume.capacity;
  if (all == 0) return std::nullopt;
  return (*volume.used * 100 + all / 2) / all;
}

Status Run(const Df& options, const Common& common, Console& console) {
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  auto clusters = FindClusters(**kube, options.names, options.selector, options.all);
  if (!clusters) return Fail(clusters.error());
  Usage report;
  for (const Json& object : *clusters) {
    const ClusterKey key = KeyOf(object);
    auto snapshot = ReadCluster(**kube, key, &object);
    if (!snapshot) return Fail(snapshot.error());
    auto volumes = VolumesOf(**snapshot);
    Measure(**kube, key.ns, volumes);
    for (Volume& volume : volumes) {
      if (!volume.problem.empty()) report.Problem(volume.claim + ": " + volume.problem);
      report.of.push_back(key.name);
      report.volumes.push_back(std::move(volume));
    }
    AddDatabases(**kube, **snapshot, report);
  }
  const bool json = common.output == "json";
  console.out.Print(json ? Pretty(ReportJson(report)) : ReportText(console.out, report));
  if (!report.problems.empty()) return Fail(Code::kUnavailable, report.problems);
  return {};
}

}  // namespace pgo::cli
