// What a node's first process needs to start a container: no Kubernetes words, only paths, numbers
// and text. Travels as JSON (wire.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/json.h"

namespace pgo::local {

struct MountSpec {
  std::string source;  // a file or directory of the node
  std::string target;  // absolute, inside the container
  bool read_only = false;
};

// How a process runs inside its namespaces.
struct ProcessSpec {
  std::vector<std::string> argv;
  std::vector<std::string> env;  // "NAME=value"
  std::string cwd = "/";
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;  // supplementary
  bool no_new_privileges = false;
  bool terminal = false;                  // its standard input is one, and becomes its own
  std::vector<std::string> capabilities;  // kept in the bounding set: "CHOWN"; upper case
};

struct ContainerSpec {
  std::string image;  // root file system, read only
  std::string
      directory;  // of the container on its node: made here; holds what it writes to its root
  bool read_only_root = false;
  std::vector<MountSpec> mounts;
  std::string shm;       // the pod's /dev/shm on the node; "" makes one
  std::string log;       // file for its output; "" if stdio comes with the request
  std::string hostname;  // "" leaves the name
  ProcessSpec process;
};

Json ToJson(const ProcessSpec& spec);
Json ToJson(const ContainerSpec& spec);
ProcessSpec ProcessFromJson(const Json& json);
ContainerSpec ContainerFromJson(const Json& json);

}  // namespace pgo::local
