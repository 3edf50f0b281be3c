#include "adapters/local/node/pod_volumes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "adapters/local/node/addresses.h"
#include "adapters/local/node/hosts.h"
#include "adapters/local/node/limited_disk.h"
#include "adapters/local/node/sys.h"
#include "adapters/local/node/volume_content.h"
#include "adapters/local/node/volume_writer.h"

namespace pgo::local {

namespace {

constexpr const char* kAccountVolume = "pgo-local-account";
constexpr const char* kAccountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
// As the image's configuration says where it is packed for other runtimes.
constexpr std::uint32_t kImageUser = 26;
constexpr const char* kImagePath =
    "/usr/lib/postgresql/17/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string UidOfPod(const Json& pod) { return GetString(pod, {"metadata", "uid"}); }

std::optional<std::uint32_t> FsGroup(const Json& pod) {
  const Json* group = Find(pod, {"spec", "securityContext", "fsGroup"});
  if (group == nullptr || !group->is_number_integer()) return std::nullopt;
  return static_cast<std::uint32_t>(AsInt(*group));
}

ServiceAccountFiles AccountFiles(const NodeHost& host, const Json& pod) {
  const std::string account = GetString(pod, {"spec", "serviceAccountName"}, "default");
  return {host.cluster->token(GetString(pod, {"metadata", "namespace"}),
                              account.empty() ? "default" : account),
          host.cluster->ca_pem};
}

// The size of a volume that has one of its own.
std::optional<std::int64_t> LimitOf(const NodeHost& host, const std::string& volume) {
  const auto object = host.cluster->store->Get({{"", "persistentvolumes"}, "", volume});
  if (!object || GetString(*object, {"spec", "storageClassName"}) != "limited") return std::nullopt;
  const auto milli = MilliQuantity(GetString(*object, {"spec", "capacity", "storage"}));
  if (!milli) return std::nullopt;
  constexpr std::int64_t kPage = 4096;
  return (*milli / 1000 + kPage - 1) / kPage * kPage;
}

// The file system has the size that the claim asks for.
void ReportSize(const NodeHost& host, const Json& claim) {
  const std::string wanted = GetString(claim, {"spec", "resources", "requests", "storage"});
  if (GetString(claim, {"status", "capacity", "storage"}) == wanted) return;
  const std::string ns = GetString(claim, {"metadata", "namespace"});
  static_cast<void>(host.cluster->store->Mutate(
      {{"", "persistentvolumeclaims"}, ns, GetString(claim, {"metadata", "name"})}, "status",
      [&](Json& object) {
        if (GetString(object, {"metadata", "uid"}) != UidOfPod(claim)) return false;
        object["status"]["capacity"]["storage"] = wanted;
        object["status"].erase("conditions");
        return true;
      }));
}

Result<std::string> ClaimDirectory(const NodeHost& host, const Json& pod,
                                   const std::string& claim) {
  const auto object =
      host.LookupIn(GetString(pod, {"metadata", "namespace"}))("persistentvolumeclaims", claim);
  if (!object) return Fail(Code::kUnavailable, "persistentvolumeclaim \"" + claim + "\" not found");
  const std::string volume = GetString(*object, {"spec", "volumeName"});
  if (volume.empty() || GetString(*object, {"status", "phase"}) != "Bound") {
    return Fail(Code::kUnavailable, "persistentvolumeclaim \"" + claim + "\" is not bound yet");
  }
  const std::string directory = host.VolumeDirectory(volume);
  if (const auto limit = LimitOf(host, volume)) {
    if (auto mounted = MountDisk(directory, *limit); !mounted) return Fail(mounted.error());
    const auto asked =
        MilliQuantity(GetString(*object, {"spec", "resources", "requests", "storage"}));
    if (asked && (*asked / 1000 + 4095) / 4096 * 4096 == *limit) ReportSize(host, *object);
  }
  return directory;
}

bool WantsAccount(const NodeHost& host, const Json& pod) {
  if (const Json* own = Find(pod, {"spec", "automountServiceAccountToken"}))
    return !own->is_boolean() || own->get<bool>();
  const std::string account = GetString(pod, {"spec", "serviceAccountName"}, "default");
  const auto object =
      host.LookupIn(GetString(pod, {"metadata", "namespace"}))("serviceaccounts", account);
  return !object || GetBool(*object, {"automountServiceAccountToken"}, true);
}

// A directory a container may write: made once, group rights at every start of the pod.
Status PrepareDirectory(const std::string& path, const Json& pod, bool starting) {
  if (!Exists(path)) {
    if (auto made = MakeDirs(path); !made) return made;
    ::chmod(path.c_str(), 0777);
  }
  const auto group = FsGroup(pod);
  const bool on_mismatch =
      GetString(pod, {"spec", "securityContext", "fsGroupChangePolicy"}) == "OnRootMismatch";
  if (starting && group) GiveToGroup(path, *group, on_mismatch);
  return {};
}

Result<std::string> PrepareVolume(const NodeHost& host, const Json& pod, const Json& volume,
                                  bool starting) {
  std::string path = host.PodDirectory(UidOfPod(pod)) + "/volumes/" + GetString(volume, {"name"});
  if (HasContent(volume)) {
    const auto lookup = host.LookupIn(GetString(pod, {"metadata", "namespace"}));
    auto files = BuildVolume(pod, volume, lookup, AccountFiles(host, pod), host.capacity);
    if (!files) return Fail(files.error());
    if (auto written = WriteVolume(path, *files, FsGroup(pod)); !written)
      return Fail(written.error());
    return path;
  }
  if (Find(volume, "hostPath") != nullptr)
    return Fail(Code::kInvalid, "hostPath volumes are not supported");
  if (const Json* claim = Find(volume, "persistentVolumeClaim")) {
    auto directory = ClaimDirectory(host, pod, GetString(*claim, {"claimName"}));
    if (!directory) return directory;
    path = *directory;
  }
  // emptyDir and ephemeral: both live as long as the pod.
  if (auto prepared = PrepareDirectory(path, pod, starting); !prepared)
    return Fail(prepared.error());
  return path;
}

}  // namespace

ObjectLookup NodeHost::LookupIn(const std::string& ns) const {
  return [this, ns](const std::string& plural, const std::string& wanted) -> std::optional<Json> {
    if (!reachable()) return std::nullopt;
    auto object = cluster->store->Get({{"", plural}, ns, wanted});
    if (!object) return std::nullopt;
    return *std::move(object);
  };
}

Result<std::map<std::string, std::string>> PrepareVolumes(const NodeHost& host, const Json& pod,
                                                          bool starting) {
  std::map<std::string, std::string> out;
  for (const Json& volume : GetArray(pod, {"spec", "volumes"})) {
    const std::string name = GetString(volume, {"name"});
    auto path = PrepareVolume(host, pod, volume, starting);
    if (!path) return Fail(path.error().In("MountVolume.SetUp failed for volume \"" + name + "\""));
    out[name] = *std::move(path);
  }
  if (WantsAccount(host, pod)) {
    const std::string path = host.PodDirectory(UidOfPod(pod)) + "/volumes/" + kAccountVolume;
    auto written = WriteVolume(path, AccountVolume(pod, AccountFiles(host, pod)), FsGroup(pod));
    if (!written) return Fail(written.error());
    out[kAccountVolume] = path;
  }
  return out;
}

Status WriteHosts(const NodeHost& host, const Json& pod, const std::string& address) {
  const std::string path = host.PodDirectory(UidOfPod(pod)) + "/hosts";
  std::string text =
      PodHosts(pod, address) + host.cluster->hosts(GetString(pod, {"metadata", "namespace"}));
  const std::string old = ReadFile(path).value_or("");
  // Never shorter, and in one write: who reads meanwhile finds whole lines.
  if (old.size() > text.size()) text.append(old.size() - text.size(), '\n');
  if (old == text) return {};
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!fd.valid() || !WriteAll(fd.get(), text)) return FailErrno("write " + path);
  return {};
}

std::string LastWordsFile(const NodeHost& host, const std::string& pod_uid,
                          const std::string& container) {
  return host.PodDirectory(pod_uid) + "/" + container + ".last-words";
}

std::string LogFile(const NodeHost& host, const std::string& pod_uid, const std::string& container,
                    int incarnation) {
  return host.PodDirectory(pod_uid) + "/logs/" + container + "/" + std::to_string(incarnation) +
         ".log";
}

namespace {

struct Builder {
  const NodeHost& host;
  const Json& pod;
  const Json& container;
  const Incarnation& incarnation;

  // The container's setting, else the pod's, else null.
  [[nodiscard]] const Json* Security(const char* field) const {
    if (const Json* own = Find(container, {"securityContext", field})) return own;
    return Find(pod, {"spec", "securityContext", field});
  }

  Status AddMounts(ContainerSpec& spec) const;
  Status AddUser(ProcessSpec& process) const;
  void AddCapabilities(ProcessSpec& process) const;
  Status AddCommand(ProcessSpec& process) const;
};

Status Builder::AddMounts(ContainerSpec& spec) const {
  bool own_account = false;
  for (const Json& mount : GetArray(container, {"volumeMounts"})) {
    const std::string name = GetString(mount, {"name"}), target = GetString(mount, {"mountPath"});
    const auto volume = incarnation.volumes.find(name);
    if (volume == incarnation.volumes.end()) {
      return Fail(Code::kInvalid, "volume \"" + name + "\" is not one of the pod's");
    }
    own_account = own_account || target == kAccountPath;
    std::string source = volume->second;
    const std::string sub = GetString(mount, {"subPath"});
    if (sub.find("..") != std::string::npos)
      return Fail(Code::kInvalid, "subPath leaves the volume: " + sub);
    if (!sub.empty()) source += "/" + sub;
    if (!sub.empty() && !Exists(source)) {
      if (auto made = MakeDirs(source, 0775); !made) return made;
      if (const auto group = FsGroup(pod)) GiveToGroup(source, *group, false);
    }
    bool content = false;
    for (const Json& item : GetArray(pod, {"spec", "volumes"})) {
      content = content || (GetString(item, {"name"}) == name && HasContent(item));
    }
    spec.mounts.push_back(
        {source, target.empty() ? "/" : target, content || GetBool(mount, {"readOnly"})});
  }
  const auto account = incarnation.volumes.find(kAccountVolume);
  if (account != incarnation.volumes.end() && !own_account) {
    spec.mounts.push_back({account->second, kAccountPath, true});
  }
  spec.mounts.push_back({host.PodDirectory(UidOfPod(pod)) + "/hosts", "/etc/hosts", true});
  const std::string words = LastWordsFile(host, UidOfPod(pod), GetString(container, {"name"}));
  if (auto made = WriteFile(words, ""); !made) return made;
  if (::chmod(words.c_str(), 0666) != 0)
    return FailErrno(words);  // any user of the container writes
  spec.mounts.push_back({words, "/dev/termination-log", false});
  return {};
}

// "postgres:x:26:26:…:/var/lib/postgresql:…" for a user of the image: group and home.
std::pair<std::uint32_t, std::string> Account(const std::string& image, std::uint32_t uid) {
  std::istringstream in(ReadFile(image + "/etc/passwd").value_or(""));
  for (std::string line; std::getline(in, line);) {
    std::istringstream parts(line);
    std::string fields[6];
    for (std::string& field : fields) std::getline(parts, field, ':');
    if (fields[2] == std::to_string(uid)) {
      return {static_cast<std::uint32_t>(std::strtoul(fields[3].c_str(), nullptr, 10)), fields[5]};
    }
  }
  return {0, "/"};
}

Status Builder::AddUser(ProcessSpec& process) const {
  const Json* user = Security("runAsUser");
  process.uid = user != nullptr ? static_cast<std::uint32_t>(AsInt(*user)) : kImageUser;
  process.gid = Account(host.cluster->image, process.uid).first;
  if (const Json* group = Security("runAsGroup"))
    process.gid = static_cast<std::uint32_t>(AsInt(*group));
  const Json* non_root = Security("runAsNonRoot");
  if (non_root != nullptr && *non_root == true && process.uid == 0) {
    return Fail(Code::kInvalid, "container has runAsNonRoot and image will run as root");
  }
  if (const auto group = FsGroup(pod)) process.groups.push_back(*group);
  for (const Json& group : GetArray(pod, {"spec", "securityContext", "supplementalGroups"})) {
    process.groups.push_back(static_cast<std::uint32_t>(AsInt(group)));
  }
  const Json* escalation = Find(container, {"securityContext", "allowPrivilegeEscalation"});
  process.no_new_privileges = escalation != nullptr && *escalation == false;
  return {};
}

void Builder::AddCapabilities(ProcessSpec& process) const {
  process.capabilities = {"CHOWN",   "DAC_OVERRIDE", "FSETID",           "FOWNER",
                          "MKNOD",   "NET_RAW",      "SETGID",           "SETUID",
                          "SETFCAP", "SETPCAP",      "NET_BIND_SERVICE", "SYS_CHROOT",
                          "KILL",    "AUDIT_WRITE"};
  for (const Json& name : GetArray(container, {"securityContext", "capabilities", "drop"})) {
    if (name == "ALL") {
      process.capabilities.clear();
    } else {
      std::erase(process.capabilities, AsString(name));
    }
  }
  for (const Json& name : GetArray(container, {"securityContext", "capabilities", "add"})) {
    process.capabilities.push_back(AsString(name));
  }
}

Status Builder::AddCommand(ProcessSpec& process) const {
  std::map<std::string, std::string> base = {
      {"PATH", kImagePath},
      {"LANG", "C.UTF-8"},
      {"HOME", Account(host.cluster->image, process.uid).second},
      {"HOSTNAME", HostnameOf(pod)},
      {"KUBERNETES_SERVICE_HOST", kApiServiceAddress},
      {"KUBERNETES_SERVICE_PORT", "443"},
      {"KUBERNETES_SERVICE_PORT_HTTPS", "443"}};
  Json shown = pod;  // fieldRef sees the address before the status is written
  shown["status"]["podIP"] = incarnation.address;
  shown["status"]["hostIP"] = NodeAddress(host.number);
  auto env =
      BuildEnvironment(shown, container, std::move(base),
                       host.LookupIn(GetString(pod, {"metadata", "namespace"})), host.capacity);
  if (!env) return Fail(env.error());
  for (const auto& [name, value] : *env) process.env.push_back(name + "=" + value);
  for (const char* list : {"command", "args"}) {
    for (const Json& word : GetArray(container, {list})) {
      process.argv.push_back(ExpandVariables(AsString(word), *env));
    }
  }
  if (GetArray(container, {"command"}).empty()) process.argv.insert(process.argv.begin(), "bash");
  process.cwd = GetString(container, {"workingDir"}, "/");
  return {};
}

}  // namespace

Result<ContainerSpec> BuildContainer(const NodeHost& host, const Json& pod, const Json& container,
                                     const Incarnation& incarnation) {
  const Builder builder{host, pod, container, incarnation};
  const std::string name = GetString(container, {"name"}), uid = UidOfPod(pod);
  const std::string directory = host.PodDirectory(uid);
  ContainerSpec spec{
      .image = host.cluster->image,
      .directory = directory + "/containers/" + name + "/" + std::to_string(incarnation.number),
      .read_only_root = GetBool(container, {"securityContext", "readOnlyRootFilesystem"}),
      .shm = directory + "/shm",
      .log = LogFile(host, uid, name, incarnation.number)};
  auto done = builder.AddMounts(spec);
  if (done) done = builder.AddUser(spec.process);
  if (done) done = builder.AddCommand(spec.process);
  if (!done) return Fail(done.error());
  builder.AddCapabilities(spec.process);
  return spec;
}

}  // namespace pgo::local
