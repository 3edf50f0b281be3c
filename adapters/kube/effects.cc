#include "adapters/kube/effects.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <chrono>

#include "adapters/kube/credentials.h"
#include "adapters/kube/file.h"
#include "adapters/kube/words.h"
#include "engine/base/overloaded.h"

namespace pgo::kube {
namespace {

// What is sent must be answered this long before leadership ends.
constexpr std::int64_t kMarginMs = 500;
constexpr std::int64_t kAnchorMs = 5000;
constexpr const char* kLost = "this replica no longer leads";
constexpr std::size_t kLongestMessage = 500;

std::int64_t WallUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Secret values, wiped however their use ends.
struct Wiped {
  Wiped() = default;
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() {
    for (std::string& text : texts) OPENSSL_cleanse(text.data(), text.size());
    OPENSSL_cleanse(call.input.data(), call.input.size());
  }
  std::vector<std::string> texts;
  ExecCall call;
};

std::string Message(const Error& error) {
  const std::string text = error.message.substr(0, kLongestMessage);
  return LooksLikeCredential(text) ? CodeName(error.code) : text;
}

Done DoneOf(const ActionId& id, const Error& error) {
  return Done{id, OutcomeOf(error.code), Message(error), Json()};
}

}  // namespace

KubeEffects::KubeEffects(Client& client, const Redactor& redactor, EventSink& sink,
                         EffectsOptions options)
    : client_(client),
      redactor_(redactor),
      sink_(sink),
      options_(std::move(options)),
      writes_(std::make_unique<Lanes>(options_.write_threads, [this](Action& a) { Run(a); })),
      commands_(std::make_unique<Lanes>(options_.exec_threads, [this](Action& a) { Run(a); })) {}

KubeEffects::~KubeEffects() {
  Halt();
  commands_.reset();
  writes_.reset();
}

void KubeEffects::Submit(Action action) {
  if (halted_) {
    return Abandon(action, kLost);
  }
  const std::string target = TargetOf(action.command).Text();
  if (std::holds_alternative<Exec>(action.command)) {
    commands_->Put(target, std::move(action));
  } else {
    const bool notice = std::holds_alternative<Notice>(action.command);
    writes_->Put(notice ? "Event about " + target : target, std::move(action));
  }
}

void KubeEffects::Halt() {
  halted_ = true;
  for (const auto& lane : {writes_.get(), commands_.get()}) {
    for (const Action& action : lane->Drain()) Abandon(action, kLost);
  }
}

void KubeEffects::Resume() { halted_ = false; }

bool KubeEffects::WaitIdle(std::int64_t most_ms) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(most_ms);
  const auto left = [&] {
    return std::max(std::chrono::milliseconds(0),
                    std::chrono::duration_cast<std::chrono::milliseconds>(
                        end - std::chrono::steady_clock::now()));
  };
  return writes_->WaitIdle(left()) && commands_->WaitIdle(left());
}

void KubeEffects::Abandon(const Action& action, const std::string& why) {
  sink_.Post({Done{action.id, Outcome::kAbandoned, "not sent: " + why, Json()}});
}

std::int64_t KubeEffects::TimeoutMs(const Action& action) const {
  if (!options_.remaining_us) return action.timeout_ms;
  return std::min(action.timeout_ms, options_.remaining_us() / 1000 - kMarginMs);
}

void KubeEffects::Run(Action& action) {
  const bool anchored = halted_ || !options_.write_anchor || !NeedsAnchor(action.command) ||
                        options_.write_anchor(std::min(TimeoutMs(action), kAnchorMs));
  if (halted_ || TimeoutMs(action) <= 0) return Abandon(action, kLost);
  if (!anchored) return Abandon(action, "the journal's head could not be written to the Lease");
  Ending ending = Carry(action);
  std::vector<Payload> events;
  if (ending.seen) events.emplace_back(std::move(*ending.seen));
  events.emplace_back(std::move(ending.done));
  sink_.Post(std::move(events));
}

KubeEffects::Ending KubeEffects::Carry(Action& action) {
  return std::visit(
      Overloaded{
          [&](const Apply& a) { return Write(action, a.ref, ApplyRequest(a.ref, a.object)); },
          [&](const Patch& p) {
            return Write(action, p.ref, PatchRequest(p.ref, p.patch, p.subresource, p.uid, p.rv));
          },
          [&](const Delete& d) {
            return Write(action, d.ref, DeleteRequest(d.ref, {d.uid, d.rv, d.grace_s}), false);
          },
          [&](const Provision& p) { return Fill(action, p); },
          [&](const Exec& e) { return RunCommand(action, e); },
          [&](const Notice& n) { return Announce(action, n); }},
      action.command);
}

// A deletion answers with the object's last state, which would read as if it still were: its end is
// told by the watch.
KubeEffects::Ending KubeEffects::Write(const Action& action, const ObjectRef& ref, Request request,
                                       bool answers_object) {
  request.timeout_ms = TimeoutMs(action);
  const Reply reply = client_.Do(request);
  if (reply.NoContact() && options_.on_no_answer) options_.on_no_answer();
  if (!reply.ok()) return {DoneOf(action.id, *reply.error), std::nullopt};
  Ending ending{Done{action.id, Outcome::kOk, "", Json()}, std::nullopt};
  if (answers_object && GetString(reply.body, {"metadata", "name"}) == ref.name) {
    ending.seen = Observed{ref, GetString(reply.body, {"metadata", "uid"}),
                           GetString(reply.body, {"metadata", "resourceVersion"}),
                           redactor_.Redact(ref.kind, reply.body)};
  }
  return ending;
}

Result<Json> KubeEffects::ReadObject(const ObjectRef& ref, std::int64_t timeout_ms) {
  Request request = GetRequest(ref);
  request.timeout_ms = timeout_ms;
  Reply reply = client_.Do(request);
  if (reply.NoContact() && options_.on_no_answer) options_.on_no_answer();
  if (!reply.ok()) return Fail(*reply.error);
  return std::move(reply.body);
}

KubeEffects::Ending KubeEffects::Fill(const Action& action, const Provision& provision) {
  if (!options_.provision) {
    return {DoneOf(action.id, {Code::kInvalid, "nothing here fills recipes"}), std::nullopt};
  }
  const std::int64_t timeout_ms = TimeoutMs(action);
  auto secret = options_.provision(
      provision, [&](const ObjectRef& ref) { return ReadObject(ref, timeout_ms); });
  if (!secret) return {DoneOf(action.id, secret.error()), std::nullopt};
  if (TimeoutMs(action) <= 0) {
    return {Done{action.id, Outcome::kAbandoned, "not sent: leadership ends", Json()},
            std::nullopt};
  }
  return Write(action, provision.ref, ApplyRequest(provision.ref, *secret));
}

KubeEffects::Ending KubeEffects::Announce(const Action& action, const Notice& notice) {
  const Json object = NoticeObject(action, notice, options_.instance, WallUs());
  const ObjectRef ref{"Event", GetString(object, {"metadata", "namespace"}),
                      GetString(object, {"metadata", "name"})};
  Ending ending = Write(action, ref, CreateRequest(ref, object), false);
  if (ending.done.outcome == Outcome::kConflict)
    ending.done = Done{action.id, Outcome::kOk, "", Json()};
  return ending;
}

// The input with its placeholders filled, in one pass: what a value holds is no placeholder.
Result<std::string> KubeEffects::Resolve(const Exec& exec, std::int64_t timeout_ms,
                                         std::vector<std::string>& values) {
  for (const SecretRef& ref : exec.secrets) {
    auto secret = ReadObject({"Secret", ref.ns, ref.name}, timeout_ms);
    if (!secret) return Fail(Code::kUnavailable, secret.error().message);
    auto value = DecodeBase64(GetString(*secret, {"data", ref.key}));
    if (!value || value->empty()) {
      return Fail(Code::kUnavailable,
                  "Secret " + ref.ns + "/" + ref.name + " has no key " + ref.key);
    }
    values.push_back(std::move(*value));
  }
  std::string out;
  for (std::size_t at = 0; at < exec.input.size();) {
    std::size_t next = exec.input.size(), which = exec.secrets.size();
    for (std::size_t i = 0; i < exec.secrets.size(); ++i) {
      const std::string& placeholder = exec.secrets[i].placeholder;
      const std::size_t found =
          placeholder.empty() ? std::string::npos : exec.input.find(placeholder, at);
      if (found < next) {
        next = found;
        which = i;
      }
    }
    out.append(exec.input, at, next - at);
    if (which == exec.secrets.size()) break;
    out += values[which];
    at = next + exec.secrets[which].placeholder.size();
  }
  return out;
}

KubeEffects::Ending KubeEffects::RunCommand(const Action& action, const Exec& exec) {
  const std::int64_t timeout_ms = TimeoutMs(action);
  const auto began = std::chrono::steady_clock::now();
  // Exec knows no preconditions: a new pod of the same name is told apart by looking first.
  auto pod = ReadObject(exec.ref, timeout_ms);
  if (!pod) return {DoneOf(action.id, pod.error()), std::nullopt};
  if (!exec.uid.empty() && GetString(*pod, {"metadata", "uid"}) != exec.uid) {
    return {DoneOf(action.id, {Code::kConflict, exec.ref.Text() + " is another pod by now"}),
            std::nullopt};
  }
  Wiped secret;
  auto input = Resolve(exec, timeout_ms, secret.texts);
  if (!input) return {DoneOf(action.id, input.error()), std::nullopt};
  const auto used = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - began);
  secret.call = {exec.ref.ns,       exec.ref.name,
                 exec.container,    exec.argv,
                 std::move(*input), std::max<std::int64_t>(timeout_ms - used.count(), 1)};
  auto result = RunExec(*client_.credentials(), client_.user_agent(), secret.call);
  if (result) return {DoneOfCommand(action.id, *result, exec.ref.Text()), std::nullopt};
  const Error& error = result.error();
  const std::string words = PlainWords(error.message, exec.ref.Text());
  return {DoneOf(action.id, {error.code, words}), std::nullopt};
}

}  // namespace pgo::kube
