#include "adapters/local/node/container_spec.h"

namespace pgo::local {
namespace {

std::vector<std::string> Strings(const Json& array) {
  std::vector<std::string> out;
  for (const Json& item : array) out.push_back(AsString(item));
  return out;
}

}  // namespace

Json ToJson(const ProcessSpec& spec) {
  return {{"argv", spec.argv},
          {"env", spec.env},
          {"cwd", spec.cwd},
          {"uid", spec.uid},
          {"gid", spec.gid},
          {"groups", spec.groups},
          {"nnp", spec.no_new_privileges},
          {"terminal", spec.terminal},
          {"capabilities", spec.capabilities}};
}

ProcessSpec ProcessFromJson(const Json& json) {
  ProcessSpec out;
  out.argv = Strings(GetArray(json, {"argv"}));
  out.env = Strings(GetArray(json, {"env"}));
  out.cwd = GetString(json, {"cwd"}, "/");
  out.uid = static_cast<std::uint32_t>(GetInt(json, {"uid"}));
  out.gid = static_cast<std::uint32_t>(GetInt(json, {"gid"}));
  for (const Json& group : GetArray(json, {"groups"})) {
    out.groups.push_back(static_cast<std::uint32_t>(AsInt(group)));
  }
  out.no_new_privileges = GetBool(json, {"nnp"});
  out.terminal = GetBool(json, {"terminal"});
  out.capabilities = Strings(GetArray(json, {"capabilities"}));
  return out;
}

Json ToJson(const ContainerSpec& spec) {
  Json mounts = Json::array();
  for (const MountSpec& mount : spec.mounts) {
    mounts.push_back({{"source", mount.source}, {"target", mount.target}, {"ro", mount.read_only}});
  }
  return {{"image", spec.image},       {"directory", spec.directory},
          {"ro", spec.read_only_root}, {"mounts", std::move(mounts)},
          {"shm", spec.shm},           {"log", spec.log},
          {"hostname", spec.hostname}, {"process", ToJson(spec.process)}};
}

ContainerSpec ContainerFromJson(const Json& json) {
  ContainerSpec out;
  out.image = GetString(json, {"image"});
  out.directory = GetString(json, {"directory"});
  out.read_only_root = GetBool(json, {"ro"});
  for (const Json& mount : GetArray(json, {"mounts"})) {
    out.mounts.push_back(
        {GetString(mount, {"source"}), GetString(mount, {"target"}), GetBool(mount, {"ro"})});
  }
  out.shm = GetString(json, {"shm"});
  out.log = GetString(json, {"log"});
  out.hostname = GetString(json, {"hostname"});
  out.process = ProcessFromJson(GetObject(json, {"process"}));
  return out;
}

}  // namespace pgo::local
