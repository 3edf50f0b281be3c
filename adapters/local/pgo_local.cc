// pgo-local: a Kubernetes stand-in for laptops and tests that runs real containers. The command
// line.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "adapters/local/node/control.h"
#include "adapters/local/node/daemon.h"
#include "adapters/local/node/daemon_space.h"
#include "adapters/local/node/node_init.h"

namespace {

using namespace pgo;
using namespace pgo::local;

struct Arguments {
  std::string directory = "build/local";
  std::string image = "build/image/rootfs";
  int nodes = 3, port = 0;
  bool foreground = false, detach = false, purge = false, json = false;
  int node_grace_s = 40, eviction_s = 300;
  std::string verb, node, other;
  std::string ns = "default", pod, container;
  int signal = SIGKILL;
  std::string claim;
  std::int64_t leave_bytes = 0;
  std::vector<std::string> command;
};

int Complain(const std::string& message) {
  std::fprintf(stderr, "pgo-local: %s\n", message.c_str());
  return 2;
}

std::string Absolute(const std::string& path) {
  std::error_code error;
  const auto out = std::filesystem::absolute(path, error).lexically_normal();
  return error ? path : out.string();
}

// Shows one progress line; true if it was the last.
bool Show(const std::string& line, int& status) {
  if (line.starts_with("FAILED ")) {
    status = Complain(line.substr(7));
    return true;
  }
  const bool last = line.starts_with("OK ");
  std::printf("%s\n", last ? line.substr(3).c_str() : line.c_str());
  std::fflush(stdout);
  status = 0;
  return last;
}

// The daemon's first process: a session of its own, its output in a file.
[[noreturn]] void Detach(const DaemonOptions& options, int progress) {
  ::setsid();
  const std::string log = options.directory + "/pgo-local.log";
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(in, 0);
  ::dup2(out, 1);
  ::dup2(out, 2);
  std::_Exit(RunDaemon(options, [progress](const std::string& line) {
    WriteAll(progress, line + "\n");
    WriteAll(2, line + "\n");
  }));
}

int UpDetached(const DaemonOptions& options) {
  auto progress = MakePipe();
  if (!progress) return Complain(progress.error().message);
  const pid_t pid = ::fork();
  if (pid < 0) return Complain("fork failed");
  if (pid == 0) Detach(options, progress->write.get());
  progress->write.Reset();
  std::string buffered;
  char bytes[1024];
  int status = 0;
  while (true) {
    const ssize_t n = ::read(progress->read.get(), bytes, sizeof bytes);
    if (n <= 0) return Complain("it ended at once; see " + options.directory + "/pgo-local.log");
    buffered.append(bytes, static_cast<std::size_t>(n));
    for (std::size_t end = 0; (end = buffered.find('\n')) != std::string::npos;
         buffered.erase(0, end + 1)) {
      if (Show(buffered.substr(0, end), status)) return status;
    }
  }
}

int Up(const Arguments& arguments) {
  const DaemonOptions options{arguments.directory, Absolute(arguments.image), arguments.nodes,
                              arguments.port,      arguments.node_grace_s,    arguments.eviction_s};
  if (const pid_t pid = RunningDaemon(options.directory)) {
    std::fprintf(stderr, "pgo-local runs already (process %d)\n", pid);
    std::printf("%s/kubeconfig\n", options.directory.c_str());
    return 0;
  }
  if (const std::string missing = MissingRequirements(options.image); !missing.empty()) {
    return Complain("this machine lacks something:\n" + missing);
  }
  if (auto made = MakeDirs(options.directory); !made) return Complain(made.error().message);
  if (!arguments.foreground) return UpDetached(options);
  int status = 0;
  return RunDaemon(options, [&status](const std::string& line) { Show(line, status); });
}

// Containers' files may belong to users that only exist inside the namespaces.
int Purge(const std::string& directory) {
  auto done = RunInNewSpace([&directory] {
    for (const char* part : {"nodes", "store", "credentials", "kubeconfig", "pgo-local.log"}) {
      RemoveTree(directory + "/" + part);
    }
    return 0;
  });
  return done ? *done : Complain(done.error().message);
}

int Down(const Arguments& arguments) {
  if (const pid_t pid = RunningDaemon(arguments.directory)) {
    ::kill(pid, SIGTERM);
    for (int i = 0; i < 600 && RunningDaemon(arguments.directory) == pid; ++i) ::usleep(50'000);
    if (RunningDaemon(arguments.directory) == pid)
      return Complain("it does not end: kill -9 " + std::to_string(pid));
  } else {
    std::fprintf(stderr, "pgo-local does not run in %s\n", arguments.directory.c_str());
  }
  return arguments.purge ? Purge(arguments.directory) : 0;
}

Result<Json> Ask(const Arguments& arguments, const Json& request) {
  if (RunningDaemon(arguments.directory) == 0) {
    return Fail(Code::kUnavailable,
                "it does not run in " + arguments.directory + ": start it with 'pgo-local up'");
  }
  return AskDaemon(arguments.directory, request);
}

// "on, cut from the API server, node2"
std::string StateOf(const Json& node) {
  std::string state = !GetBool(node, {"powered"}) ? "off"
                      : GetBool(node, {"frozen"}) ? "frozen"
                                                  : "on";
  if (!GetBool(node, {"linked"})) return state + ", cut off";
  std::string cuts;
  if (!GetBool(node, {"api"})) cuts = "the API server";
  for (const Json& other : GetArray(node, {"cut_from"}))
    cuts += (cuts.empty() ? "" : ", ") + AsString(other);
  return cuts.empty() ? state : state + ", cut from " + cuts;
}

int ShowStatus(const Arguments& arguments) {
  auto answer = Ask(arguments, {{"op", "status"}});
  if (!answer) return Complain(answer.error().message);
  if (arguments.json) {
    std::printf("%s\n", DumpJson(*answer).c_str());
    return 0;
  }
  std::printf("kubeconfig  %s\nimage       %s\n", GetString(*answer, {"kubeconfig"}).c_str(),
              GetString(*answer, {"image"}).c_str());
  for (const Json& node : GetArray(*answer, {"nodes"})) {
    std::printf("%-11s %s\n", GetString(node, {"name"}).c_str(), StateOf(node).c_str());
  }
  return 0;
}

int Order(const Arguments& arguments, const Json& request) {
  const bool one_node = arguments.verb == "cut" || arguments.verb == "heal";
  if (GetString(request, {"op"}) == "api" && one_node == arguments.node.empty()) {
    return Complain(one_node ? "api " + arguments.verb + " needs a node: pgo-local api " +
                                   arguments.verb + " node1"
                             : "api " + arguments.verb + " is for all nodes: leave out \"" +
                                   arguments.node + "\", or use 'cut'");
  }
  auto answer = Ask(arguments, request);
  return answer ? 0 : Complain(answer.error().message);
}

int RunCommand(const Arguments& arguments) {
  if (arguments.command.empty()) return Complain("name a command: pgo-local run -- psql --version");
  if (RunningDaemon(arguments.directory) == 0)
    return Complain("it does not run: start it with 'pgo-local up'");
  Json env = {"PATH=/usr/lib/postgresql/17/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
              "LANG=C.UTF-8", "HOME=/tmp", "PYTHONUNBUFFERED=1"};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, "PG", 2) == 0 || std::strncmp(*entry, "TERM=", 5) == 0)
      env.push_back(*entry);
  }
  auto status = RunThroughDaemon(
      arguments.directory,
      {{"op", "run"}, {"argv", arguments.command}, {"env", env}, {"node", arguments.node}});
  return status ? *status : Complain(status.error().message);
}

// The verbs of a subcommand, each with what it does, and examples.
CLI::Option* AddVerb(CLI::App* to, Arguments& a, const std::vector<const char*>& rows,
                     const char* examples) {
  std::string footer = "\nVerbs:\n";
  std::vector<std::string> verbs;
  for (const std::string row : rows) {
    footer += "  " + row + "\n";
    verbs.push_back(row.substr(0, row.find(' ')));
  }
  to->footer(footer + "\nExamples:\n" + examples);
  return to->add_option("verb", a.verb)->required()->check(CLI::IsMember(verbs));
}

void AddNodeFaults(CLI::App& app, Arguments& a) {
  auto* node = app.add_subcommand("node", "what can happen to a node")->fallthrough();
  AddVerb(node, a,
          {"power-off   the link goes down, then every process dies at once",
           "power-on    boots it, with the disk it had",
           "cut         pulls its cable: everything on it goes on, nobody hears it",
           "heal        puts the cable back",
           "freeze      stops every process of it, its kubelet too; connections stay open",
           "thaw        lets them go on",
           "report-off  its cloud says that it is off: the out-of-service taint",
           "report-on   takes that back"},
          "  pgo-local node power-off node1\n  pgo-local node report-off node1\n"
          "  pgo-local node freeze node2");
  node->add_option("node", a.node, "\"node1\", ...")->required();
  auto* link =
      app.add_subcommand("link", "two nodes stop hearing each other, only they")->fallthrough();
  AddVerb(link, a,
          {"cut   drops what they send each other, without a word", "heal  lets it through again"},
          "  pgo-local link cut node1 node2\n"
          "  pgo-local link cut node1 client      # where 'pgo-local run' runs");
  link->add_option("node", a.node)->required();
  link->add_option("other", a.other)->required();
}

void AddFaults(CLI::App& app, Arguments& a) {
  AddNodeFaults(app, a);
  auto* api =
      app.add_subcommand("api", "the API server goes away, for all or for one node")->fallthrough();
  AddVerb(api, a,
          {"stop   it refuses connections; those there are cut", "start  it is back",
           "cut    one node, its kubelet and its pods, and the API server stop hearing each other",
           "heal   they do again"},
          "  pgo-local api stop\n  pgo-local api cut node1\n  pgo-local api heal node1");
  api->add_option("node", a.node, "for cut and heal");
  auto* disk = app.add_subcommand("disk", "a volume runs full")->fallthrough();
  AddVerb(disk, a,
          {"fill  takes all that is free: writing fails with \"No space left on device\"",
           "free  gives it back"},
          "  pgo-local disk fill hippo-00-abcd-pgdata\n"
          "  pgo-local disk fill hippo-00-abcd-pgdata --leave 1048576\n"
          "  pgo-local disk free hippo-00-abcd-pgdata\n\n"
          "It needs a claim with storageClassName: limited, whose volume is as large as it asks.");
  disk->add_option("claim", a.claim, "a PersistentVolumeClaim")->required();
  disk->add_option("-n,--namespace", a.ns)->capture_default_str();
  disk->add_option("--leave", a.leave_bytes, "bytes that stay free")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  auto* pod = app.add_subcommand("pod", "what can happen to a pod")->fallthrough();
  AddVerb(pod, a,
          {"kill-container  its first process gets a signal, SIGKILL unless told otherwise"},
          "  pgo-local pod kill-container hippo-00-abcd-0 database\n"
          "  pgo-local pod kill-container web-0 main --namespace team-a --signal 15\n\n"
          "A pod's object is removed at once by: kubectl delete pod POD --force --grace-period=0");
  pod->add_option("pod", a.pod)->required();
  pod->add_option("container", a.container)->required();
  pod->add_option("-n,--namespace", a.ns)->capture_default_str();
  pod->add_option("--signal", a.signal, "its number")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
}

void AddRun(CLI::App& app, Arguments& a) {
  auto* run = app.add_subcommand(
      "run", "run a command in the cluster's network, with the image as its root");
  run->footer(
      "\nExamples:\n  pgo-local run -- psql \"$URI\"      (of Secret hippo-pguser-hippo)\n  "
      "pgo-local run "
      "--node node2 -- ip addr");
  run->add_option("--directory", a.directory, "where the cluster keeps its state");
  run->add_option("--node", a.node, "from that node; else from outside of all");
  run->add_option("command", a.command, "what to run, after --");
}

void AddCommands(CLI::App& app, Arguments& a) {
  app.add_option("--directory", a.directory, "where the cluster keeps its state")
      ->capture_default_str();
  auto* up =
      app.add_subcommand("up", "start a cluster; prints the path of its kubeconfig")->fallthrough();
  up->footer(
      "\nExamples:\n  pgo-local up\n  pgo-local up --nodes 5 --directory /tmp/five\n  export "
      "KUBECONFIG=$(pgo-local up | tail -1)");
  up->add_option("--nodes", a.nodes, "how many")->check(CLI::Range(1, 50))->capture_default_str();
  up->add_option("--image", a.image, "root file system of every container")->capture_default_str();
  up->add_option("--port", a.port, "of the API server on 127.0.0.1; 0 takes a free one")
      ->check(CLI::Range(0, 65535));
  up->add_option("--node-grace", a.node_grace_s,
                 "seconds of silence after which a node is not ready (Ready Unknown, tainted)")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  up->add_option("--eviction", a.eviction_s,
                 "seconds that pods tolerate such a node, unless they say otherwise themselves")
      ->check(CLI::Range(0, 86400))
      ->capture_default_str();
  auto* foreground =
      up->add_flag("--foreground", a.foreground, "stay until Ctrl-C, then end the cluster");
  up->add_flag("--detach", a.detach, "run in the background (the default)")->excludes(foreground);
  auto* down = app.add_subcommand("down", "end the cluster; its state stays for the next 'up'")
                   ->fallthrough();
  down->footer("\nExamples:\n  pgo-local down\n  pgo-local down --purge");
  down->add_flag("--purge", a.purge, "delete its state as well");
  auto* status = app.add_subcommand("status", "what runs")->fallthrough();
  status->footer("\nExample:\n  pgo-local status --json");
  status->add_flag("--json", a.json, "for programs");
  AddFaults(app, a);
  AddRun(app, a);
}

// The request of a fault; nothing for other subcommands.
std::optional<Json> FaultOf(const CLI::App& app, const Arguments& a) {
  if (app.got_subcommand("node")) return Json{{"op", "node"}, {"verb", a.verb}, {"node", a.node}};
  if (app.got_subcommand("link"))
    return Json{{"op", "link"}, {"verb", a.verb}, {"node", a.node}, {"other", a.other}};
  if (app.got_subcommand("api")) return Json{{"op", "api"}, {"verb", a.verb}, {"node", a.node}};
  if (app.got_subcommand("disk")) {
    return Json{{"op", "disk"},
                {"verb", a.verb},
                {"namespace", a.ns},
                {"claim", a.claim},
                {"leave", a.leave_bytes}};
  }
  if (!app.got_subcommand("pod")) return std::nullopt;
  return Json{{"op", "pod"},  {"verb", a.verb},           {"namespace", a.ns},
              {"pod", a.pod}, {"container", a.container}, {"signal", a.signal}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "internal-node") == 0) return NodeInitMain(argv[2], 3);
  Arguments a;
  CLI::App app(
      "A Kubernetes stand-in in one process that runs real containers, for laptops and tests.\n"
      "Every subcommand has --help with examples.",
      "pgo-local");
  app.require_subcommand(1);
  AddCommands(app, a);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  a.directory = Absolute(a.directory);
  if (app.got_subcommand("up")) return Up(a);
  if (app.got_subcommand("down")) return Down(a);
  if (app.got_subcommand("status")) return ShowStatus(a);
  if (const auto fault = FaultOf(app, a)) return Order(a, *fault);
  return RunCommand(a);
}
