#include "adapters/local/node/node_commands.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

#include "adapters/local/node/sys.h"

namespace pgo::local {
namespace {

class Session : public ExecSession {
 public:
  Session(std::shared_ptr<CommandStreams> streams, std::function<void()> leave)
      : streams_(std::move(streams)), leave_(std::move(leave)) {}
  ~Session() override { leave_(); }
  void WriteStdin(std::string_view bytes) override { streams_->WriteStdin(bytes); }
  void CloseStdin() override { streams_->CloseStdin(); }
  void Resize(int columns, int rows) override { streams_->Resize(columns, rows); }

 private:
  std::shared_ptr<CommandStreams> streams_;
  std::function<void()> leave_;
};

}  // namespace

NodeCommands::~NodeCommands() {
  for (auto& [id, command] : commands_) {
    if (command.streams) command.streams->Exited(-1);
    if (command.done) command.done(-1, "the node is gone");
  }
}

Result<std::unique_ptr<ExecSession>> NodeCommands::Exec(const std::string& container_id,
                                                        ProcessSpec process,
                                                        const ExecRequest& request) {
  auto streams = CommandStreams::Open(request);
  if (!streams) return Fail(streams.error());
  const std::string id = "exec-" + std::to_string(++count_);
  process.argv = request.argv;
  process.terminal = request.terminal;
  if (request.terminal) process.env.insert(process.env.begin(), "TERM=xterm");
  inbox_->Post([this, id, container_id, process, streams = *streams] {
    commands_[id] = {.streams = streams, .done = nullptr};
    host_.send(
        {{"op", "exec"}, {"id", id}, {"container", container_id}, {"process", ToJson(process)}},
        streams->TheirFds());
    streams->CloseTheirs();
  });
  return std::make_unique<Session>(
      *streams, [inbox = inbox_, id, this] { inbox->Post([this, id] { Abandon(id); }); });
}

std::string NodeCommands::Run(ClientProcess client) {
  const std::string id = "run-" + std::to_string(++count_) + "-" + std::to_string(::getpid());
  ContainerSpec spec{.image = host_.cluster->image, .directory = ClientDirectory(id)};
  spec.process = {.argv = std::move(client.argv),
                  .env = std::move(client.env),
                  .cwd = "/tmp",
                  .uid = 26,
                  .gid = 26};
  static_cast<void>(MakeDirs(spec.directory));
  WriteClientHosts(id);
  spec.mounts.push_back({spec.directory + "/hosts", "/etc/hosts", true});
  std::vector<int> fds;
  for (const int fd : {client.in, client.out, client.err}) fds.push_back(::dup(fd));
  inbox_->Post([this, id, spec, fds, done = std::move(client.done)] {
    commands_[id] = {.streams = nullptr, .done = done};
    host_.send({{"op", "start"}, {"id", id}, {"pod", ""}, {"spec", ToJson(spec)}}, fds);
    for (const int fd : fds) ::close(fd);
  });
  return id;
}

void NodeCommands::Handle(const std::string& id, const Json& event) {
  const auto it = commands_.find(id);
  const std::string kind = GetString(event, {"event"});
  if (it == commands_.end() || kind == "started") return;
  const bool failed = kind == "start_failed";
  const std::string message = failed ? GetString(event, {"message"}) : "";
  const int code = failed ? 126 : static_cast<int>(GetInt(event, {"code"}));
  const Command command = std::move(it->second);
  commands_.erase(it);
  if (command.streams) command.streams->Exited(code);
  if (!command.done) return;
  command.done(failed ? -1 : code, message);
  RemoveTree(ClientDirectory(id));
}

void NodeCommands::NamesChanged() {
  for (const auto& [id, command] : commands_) {
    if (command.done) WriteClientHosts(id);
  }
}

void NodeCommands::SetConnected(bool connected) {
  connected_ = connected;
  for (auto& [id, command] : commands_) {
    if (command.streams) command.streams->Hold(!connected);
    if (connected && command.abandoned) Abandon(id);
  }
}

void NodeCommands::Abandon(const std::string& id) {
  const auto it = commands_.find(id);
  if (it == commands_.end()) return;
  it->second.abandoned = true;
  if (connected_) host_.send({{"op", "kill"}, {"id", id}, {"signal", SIGKILL}}, {});
}

std::string NodeCommands::ClientDirectory(const std::string& id) const {
  return host_.directory + "/clients/" + id;
}

// In place, like a pod's: the client has it mounted.
void NodeCommands::WriteClientHosts(const std::string& id) const {
  const std::string path = ClientDirectory(id) + "/hosts";
  std::string text = "127.0.0.1\tlocalhost\n" + host_.cluster->hosts("default");
  const std::size_t old = ReadFile(path).value_or("").size();
  if (old > text.size()) text.append(old - text.size(), '\n');
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  WriteAll(fd.get(), text);
}

}  // namespace pgo::local
