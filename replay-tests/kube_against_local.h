// pgo-local's API server on loopback and the Kubernetes adapter's parts against it.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <thread>

#include "adapters/kube/client.h"
#include "adapters/kube/contact.h"
#include "adapters/kube/credentials.h"
#include "adapters/kube/effects.h"
#include "adapters/kube/elector.h"
#include "adapters/kube/file.h"
#include "adapters/kube/gate.h"
#include "adapters/kube/watcher.h"
#include "adapters/local/api/server.h"
#include "adapters/secrets/provision.h"
#include "engine/kube/names.h"

namespace pgo {

using namespace std::chrono_literals;
constexpr auto kPatience = 20s;

// Everything that was posted; waits for what is to come.
class Inbox : public EventSink {
 public:
  void Post(std::vector<Payload> events) override {
    const std::lock_guard lock(mu_);
    for (Payload& event : events) all_.push_back(std::move(event));
    news_.notify_all();
  }
  template <typename T>
  std::optional<T> Wait(const std::function<bool(const T&)>& wanted) {
    std::unique_lock lock(mu_);
    std::optional<T> found;
    news_.wait_for(lock, kPatience, [&] {
      for (const Payload& event : all_) {
        const T* at = std::get_if<T>(&event);
        if (at != nullptr && wanted(*at)) found = *at;
      }
      return found.has_value();
    });
    return found;
  }
  std::string Dump() {
    const std::lock_guard lock(mu_);
    std::string out;
    for (const Payload& event : all_) {
      std::visit(
          [&](const auto& e) { out += std::string(e.kName) + " " + DumpJson(ToJson(e)) + "\n"; },
          event);
    }
    return out;
  }
  void Clear() {
    const std::lock_guard lock(mu_);
    all_.clear();
  }

 private:
  std::mutex mu_;
  std::condition_variable news_;
  std::vector<Payload> all_;
};

// A container whose commands are: echo (prints its input), fail (exit 3, complains with its input),
// json (prints a JSON line), hang.
class FakeRuntime : public local::Runtime {
 public:
  struct Session : local::ExecSession {
    explicit Session(local::ExecRequest the_request) : request(std::move(the_request)) {
      if (!request.has_stdin && request.argv.back() != "hang") Session::CloseStdin();
    }
    void WriteStdin(std::string_view bytes) override {
      input += bytes;
      if (request.argv[0] != "bash" || input.size() < std::stoul(request.argv[4])) return;
      CloseStdin();  // head -c N
    }
    void CloseStdin() override {
      const std::string verb = request.argv.back();
      if (verb == "echo") request.on_stdout(input);
      if (verb == "json") request.on_stdout("noise\n{\"lsn\":\"0/5000148\"}\n");
      if (verb == "fail") request.on_stderr("refused: " + input);
      request.on_exit(verb == "fail" ? 3 : 0);
    }
    local::ExecRequest request;
    std::string input;
  };
  Result<std::unique_ptr<local::ExecSession>> Exec(local::ExecRequest request) override {
    if (request.container == "gone") return Fail(Code::kNotFound, "container not found (\"gone\")");
    return std::make_unique<Session>(std::move(request));
  }
  Result<std::unique_ptr<local::LogReader>> OpenLog(local::LogOptions) override {
    return Fail(Code::kInternal, "none");
  }
  Status PowerOff(const std::string&) override { return {}; }
  Status PowerOn(const std::string&) override { return {}; }
  Status SetLink(const std::string&, bool) override { return {}; }
  Status SetFrozen(const std::string&, bool) override { return {}; }
};

struct KubeAgainstLocal : testing::Test {
  KubeAgainstLocal() {
    char name[] = "/tmp/kube-local-XXXXXX";
    folder = ::mkdtemp(name);
    store = *local::MemoryStore::Open({});
    secrets_of_server = *local::Credentials::Open(folder + "/pki", {});
    const int fd = *local::ListenOn("127.0.0.1", 0);
    url = "https://127.0.0.1:" + std::to_string(local::PortOf(fd));
    local::ServerOptions options;
    options.listen_fds = {fd};
    options.runtime = &runtime;
    server = *local::ApiServer::Start(options, *store, *secrets_of_server);
    std::ofstream(folder + "/kubeconfig") << secrets_of_server->Kubeconfig(url);
    auto config = kube::LoadKubeconfig({folder + "/kubeconfig", ""});
    EXPECT_TRUE(config) << config.error().message;
    credentials = std::make_shared<kube::Credentials>(*config);
    client = std::make_unique<kube::Client>(credentials, "pgo-operator/test");
  }
  ~KubeAgainstLocal() override {
    client.reset();
    server.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }

  static Json Object(const std::string& kind, const std::string& name) {
    Json out = {{"apiVersion", kube::ApiVersion(*kube::FindKind(kind))}, {"kind", kind}};
    Put(out, {"metadata", "name"}, name);
    Put(out, {"metadata", "namespace"}, "default");
    Put(out, {"metadata", "labels", kube::kLabelCluster}, "hippo");
    return out;
  }
  static kube::ObjectRef Ref(const std::string& kind, const std::string& name) {
    return {kind, "default", name};
  }
  static Json Pod(const std::string& name) {
    Json pod = Object("Pod", name);
    pod["spec"] = {{"containers",
                    {{{"name", "database"}, {"image", "i"}}, {{"name", "gone"}, {"image", "i"}}}}};
    return pod;
  }
  kube::Reply Apply(const std::string& kind, const std::string& name, const Json& object) {
    return client->Do(kube::ApplyRequest(Ref(kind, name), object));
  }
  Action Act(Command command, std::int64_t timeout_ms = 10'000) {
    Action action;
    action.id = ActionId("action-" + std::to_string(++actions));
    action.reason = Reason::kCreating;
    action.sentence = "because";
    action.timeout_ms = timeout_ms;
    action.command = std::move(command);
    return action;
  }
  Done DoneOf(kube::KubeEffects& effects, Action action) {
    const ActionId id = action.id;
    effects.Submit(std::move(action));
    auto done = inbox.Wait<Done>([&](const Done& d) { return d.action == id; });
    EXPECT_TRUE(done) << inbox.Dump();
    return done.value_or(Done{});
  }
  kube::EffectsOptions Filling() {
    kube::EffectsOptions options;
    options.provision = [](const Provision& p, const kube::EffectsOptions::ReadSecret& read) {
      return secrets::MakeSecret(p, read, 1'790'000'000 * kSecond);
    };
    return options;
  }

  std::string folder, url;
  int actions = 0;
  FakeRuntime runtime;
  std::unique_ptr<local::MemoryStore> store;
  std::unique_ptr<local::Credentials> secrets_of_server;
  std::unique_ptr<local::ApiServer> server;
  std::shared_ptr<kube::Credentials> credentials;
  std::unique_ptr<kube::Client> client;
  kube::Redactor redactor{"key"};
  Inbox inbox;
  kube::Gate gate{inbox};
};

}  // namespace pgo
