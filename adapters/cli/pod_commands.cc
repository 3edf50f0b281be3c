#include "adapters/cli/pod_commands.h"

#include <future>

#include "engine/kube/names.h"
#include "engine/postgres/parameters.h"

namespace pgo::cli {
namespace {

constexpr const char* kTimeoutSeconds = "5";

std::string LastLine(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

Answers AskAll(Kube& kube, const std::map<std::string, PodCommand>& questions) {
  std::map<std::string, std::future<Result<CommandOutput>>> asked;
  for (const auto& [name, command] : questions) {
    asked[name] = std::async(std::launch::async, [&kube, &command] { return kube.Exec(command); });
  }
  Answers answers;
  for (auto& [name, answer] : asked) answers.emplace(name, answer.get());
  return answers;
}

PodCommand PsqlIn(const Snapshot& snapshot, const std::string& pod,
                  const std::vector<std::string>& statements) {
  PodCommand command{snapshot.view.key.ns, pod, std::string(kube::kDatabaseContainer), {}};
  command.argv = {"timeout",
                  "--signal=INT",
                  kTimeoutSeconds,
                  "psql",
                  "--no-psqlrc",
                  "--quiet",
                  "--tuples-only",
                  "--no-align",
                  "--set=ON_ERROR_STOP=1",
                  "--username=postgres",
                  "--dbname=postgres",
                  "--host=" + std::string(postgres::kSocketDirectory),
                  "--port=" + std::to_string(snapshot.view.spec().port)};
  for (const std::string& statement : statements) command.argv.push_back("--command=" + statement);
  return command;
}

std::string ProblemOf(const Result<CommandOutput>& answer) {
  if (!answer) return answer.error().message;
  if (answer->code == 0) return "";
  if (answer->code == kInterrupted)
    return std::string("no answer within ") + kTimeoutSeconds + " s";
  const std::string said = LastLine(answer->err.empty() ? answer->out : answer->err);
  return said.empty() ? "exit status " + std::to_string(answer->code) : said;
}

Result<Json> JsonAnswer(const Result<CommandOutput>& answer) {
  if (!answer) return Fail(answer.error());
  const std::string problem = ProblemOf(answer);
  if (!problem.empty()) return Fail(Code::kUnavailable, problem);
  auto json = ParseJson(answer->out);
  if (!json) return Fail(Code::kUnavailable, "the answer is not JSON: " + LastLine(answer->out));
  return *std::move(json);
}

std::optional<std::string> PodToAsk(const Snapshot& snapshot) {
  if (const auto* primary = snapshot.view.Primary()) return primary->pod->name;
  for (const auto& [name, instance] : snapshot.view.instances) {
    if (instance.pod && instance.pod->database_running && !instance.pod->deleting) {
      return instance.pod->name;
    }
  }
  return std::nullopt;
}

}  // namespace pgo::cli
