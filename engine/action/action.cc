#include "engine/action/action.h"

#include "engine/base/overloaded.h"

namespace pgo {
namespace {

// The written form of an action but for its command.
struct Envelope {
  ActionId id;
  std::string ns, cluster, room;
  Reason reason = Reason::kNone;
  std::string sentence;
  std::vector<std::uint64_t> causes;
  std::string goal;
  std::int64_t attempt = 1;
  bool once = false;
  std::int64_t retry_after_us = 0;
  std::int64_t timeout_ms = 10'000;
  Json facts;
  PGO_FIELDS(Envelope, id, ns, cluster, room, reason, sentence, causes, goal, attempt, once,
             retry_after_us, timeout_ms, facts)
};

template <typename... Ts>
bool ReadCommand(std::string_view name, const Json& json, std::variant<Ts...>& out) {
  return ((Ts::kName == name ? (out = FromJson<Ts>(json), true) : false) || ...);
}

}  // namespace

std::string_view CommandName(const Command& command) {
  return std::visit([](const auto& c) { return std::decay_t<decltype(c)>::kName; }, command);
}

const kube::ObjectRef& TargetOf(const Command& command) {
  return std::visit(Overloaded{[](const Notice& c) -> const kube::ObjectRef& { return c.about; },
                               [](const auto& c) -> const kube::ObjectRef& { return c.ref; }},
                    command);
}

Json ActionToJson(const Action& a) {
  Json json = ToJson(Envelope{a.id, a.ns, a.cluster, a.room, a.reason, a.sentence, a.causes, a.goal,
                              a.attempt, a.once, a.retry_after_us, a.timeout_ms, a.facts});
  json["kind"] = std::string(CommandName(a.command));
  json["command"] = std::visit([](const auto& c) { return ToJson(c); }, a.command);
  return json;
}

std::optional<Action> ActionFromJson(const Json& json) {
  auto e = FromJson<Envelope>(json);
  Action action{std::move(e.id),
                std::move(e.ns),
                std::move(e.cluster),
                std::move(e.room),
                e.reason,
                std::move(e.sentence),
                std::move(e.causes),
                std::move(e.goal),
                e.attempt,
                e.once,
                e.retry_after_us,
                e.timeout_ms,
                std::move(e.facts),
                {}};
  if (!ReadCommand(GetString(json, {"kind"}), GetObject(json, {"command"}), action.command)) {
    return std::nullopt;
  }
  return action;
}

}  // namespace pgo
