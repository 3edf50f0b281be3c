#include "adapters/local/node/daemon.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <sstream>

#include "adapters/local/api/server.h"
#include "adapters/local/controllers/controllers.h"
#include "adapters/local/node/addresses.h"
#include "adapters/local/node/control.h"
#include "adapters/local/node/daemon_space.h"
#include "adapters/local/node/local_nodes.h"
#include "engine/cluster/spec.h"

namespace pgo::local {
namespace {

using Progress = std::function<void(const std::string&)>;

// When a process started, in ticks; "" if it is gone, or dead and only not buried yet.
std::string StartTimeOf(pid_t pid) {
  const std::string stat = ReadFile("/proc/" + std::to_string(pid) + "/stat").value_or("");
  std::istringstream in(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
  std::string field;
  in >> field;
  if (field == "Z" || field == "X") return {};
  for (int i = 1; i < 20; ++i) in >> field;
  return field;
}

std::string PidFile(const std::string& directory) { return directory + "/pid"; }

// The parts in the order they start; they end in the opposite one.
struct Cluster {
  std::unique_ptr<MemoryStore> store;
  std::unique_ptr<Credentials> credentials;
  std::unique_ptr<LocalNodes> nodes;
  std::unique_ptr<ApiServer> api;
  std::unique_ptr<Controllers> controllers;
  std::unique_ptr<ControlServer> control;
};

struct Sockets {
  UniqueFd api, control;
};

Status StartApi(Cluster& cluster, Sockets& sockets) {
  ServerOptions options;
  options.listen_fds.push_back(sockets.api.Release());
  for (const auto& [address, port] :
       {std::pair{kControlAddress, kApiPort}, {kApiServiceAddress, 443}}) {
    auto fd = ListenOn(address, port);
    if (!fd) return Fail(fd.error());
    options.listen_fds.push_back(*fd);
  }
  options.runtime = cluster.nodes.get();
  auto api = ApiServer::Start(std::move(options), *cluster.store, *cluster.credentials);
  if (!api) return Fail(api.error());
  cluster.api = *std::move(api);
  return {};
}

// The rules that the definition of PostgresCluster says in CEL, for which there is no evaluator
// here.
std::vector<FieldError> CheckCluster(const Json& object, const Json* old) {
  std::vector<FieldError> errors;
  for (const auto& problem : cluster::ValidateCluster(object, old)) {
    errors.push_back(
        {problem.field, "FieldValueInvalid",
         (problem.value.empty() ? "" : problem.value + ": ") + problem.rule + "; " + problem.mend});
  }
  return errors;
}

// Without it the controllers see and write nothing either, as everybody.
void SetApi(Cluster& cluster, bool running) {
  if (running) {
    cluster.api->Resume();
  } else {
    cluster.api->Stop(false);
  }
  cluster.controllers->SetRunning(running);
}

Status OpenState(Cluster& cluster, const DaemonOptions& options) {
  auto store = MemoryStore::Open({.directory = options.directory + "/store",
                                  .admission = {{"PostgresCluster", CheckCluster}},
                                  .eviction_s = options.eviction_s});
  if (!store) return Fail(store.error());
  cluster.store = *std::move(store);
  auto credentials = Credentials::Open(options.directory + "/credentials", {});
  if (!credentials) return Fail(credentials.error());
  cluster.credentials = *std::move(credentials);
  return {};
}

Status StartCluster(Cluster& cluster, const DaemonOptions& options, Sockets sockets,
                    const Progress& progress) {
  if (auto opened = OpenState(cluster, options); !opened) return opened;
  const int port = PortOf(sockets.api.get());
  const Credentials& credentials = *cluster.credentials;
  auto nodes = LocalNodes::Start(
      {.nodes = options.nodes,
       .directory = options.directory,
       .image = options.image,
       .image_id = "sha256:" + ReadFile(options.image + ".stamp").value_or("").substr(0, 64),
       .store = cluster.store.get(),
       .token = [&credentials](
                    const std::string& ns,
                    const std::string& account) { return credentials.TokenFor(ns, account); },
       .ca_pem = credentials.ca_pem(),
       .node_grace_s = options.node_grace_s});
  if (!nodes) return Fail(nodes.error());
  cluster.nodes = *std::move(nodes);
  progress("nodes ... " + std::to_string(options.nodes) + " powered on");
  if (auto started = StartApi(cluster, sockets); !started) return started;
  cluster.controllers = Controllers::Start(
      *cluster.store,
      {.node_grace_ms = options.node_grace_s * 1000, .ca_pem = credentials.ca_pem()});
  const std::string url = "https://127.0.0.1:" + std::to_string(port);
  const std::string kubeconfig = options.directory + "/kubeconfig";
  if (auto written = ReplaceFile(kubeconfig, credentials.Kubeconfig(url), 0600); !written)
    return written;
  progress("API server ... " + url);
  cluster.control =
      ControlServer::Start({.listener = std::move(sockets.control),
                            .nodes = cluster.nodes.get(),
                            .set_api = [&cluster](bool running) { SetApi(cluster, running); },
                            .down = [] { ::kill(::getpid(), SIGTERM); },
                            .kubeconfig = kubeconfig,
                            .image = options.image});
  return {};
}

// The first process of the cluster's namespaces.
int RunCluster(const DaemonOptions& options, Sockets sockets, const Progress& progress) {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);  // before any thread: they all inherit it
  Cluster cluster;
  const Status started = StartCluster(cluster, options, std::move(sockets), progress);
  if (!started) {
    progress("FAILED " + started.error().message);
    return 1;
  }
  progress("OK " + options.directory + "/kubeconfig");
  int number = 0;
  ::sigwait(&ends, &number);
  cluster.control.reset();
  cluster.controllers.reset();
  cluster.api.reset();
  return 0;
}

}  // namespace

pid_t RunningDaemon(const std::string& directory) {
  std::istringstream in(ReadFile(PidFile(directory)).value_or(""));
  pid_t pid = 0;
  std::string start;
  in >> pid >> start;
  return pid > 0 && !start.empty() && StartTimeOf(pid) == start ? pid : 0;
}

int RunDaemon(const DaemonOptions& options, const Progress& progress) {
  const auto fail = [&progress](const Error& error) {
    progress("FAILED " + error.message);
    return 1;
  };
  auto api = ListenOn("127.0.0.1", options.port);
  if (!api) return fail(api.error());
  auto control = ListenForControl(options.directory);
  if (!control) return fail(control.error());
  const std::string pid = std::to_string(::getpid()) + " " + StartTimeOf(::getpid());
  if (auto written = ReplaceFile(PidFile(options.directory), pid); !written)
    return fail(written.error());
  Sockets sockets{UniqueFd(*api), *std::move(control)};
  auto status = RunInNewSpace([&] { return RunCluster(options, std::move(sockets), progress); });
  ::unlink(PidFile(options.directory).c_str());
  ::unlink((options.directory + "/control.sock").c_str());
  if (!status) return fail(status.error());
  return *status;
}

}  // namespace pgo::local
