#include "adapters/log/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "engine/base/overloaded.h"

namespace pgo::log {
namespace {

constexpr std::size_t kQueueMax = 8192;
bool g_debug = false;

std::string Describe(const Payload& payload) {
  return std::visit(
      Overloaded{
          [](const Observed& e) { return "observed " + e.ref.Text() + " rv " + e.rv; },
          [](const Gone& e) { return "gone " + e.ref.Text(); },
          [](const Listed& e) {
            return "listed " + e.kind + (e.gap ? " after a gap" : "") + ", " +
                   std::to_string(e.keys.size()) + " objects";
          },
          [](const Done& e) {
            return "done " + e.action.value() + " " + std::string(NameOf(e.outcome)) +
                   (e.message.empty() ? "" : ": " + e.message);
          },
          [](const Leading& e) {
            return std::string(e.leading ? "leading" : "not leading") + ", epoch " +
                   std::to_string(e.epoch) + (e.why.empty() ? "" : ": " + e.why) +
                   (e.amnesia.empty() ? ""
                                      : "; AMNESIA: " + e.amnesia +
                                            ": everything is observed afresh before anything is "
                                            "disrupted");
          },
          [](const Contact& e) {
            return std::string(e.ok ? "the API server answers" : "the API server does not answer") +
                   " (" + e.what + ")";
          },
          [](const Started& e) { return "started build " + e.build; },
          [](const OrphanedTail& e) {
            return "replica " + e.replica + " keeps records " + std::to_string(e.first_seq) +
                   " to " + std::to_string(e.last_seq) + " of epoch " + std::to_string(e.epoch) +
                   ", which nobody else had, as " + e.kept;
          },
          [](const Ticked& e) {
            return "ticked" + (e.paused_us != 0 ? " after a pause of " +
                                                      std::to_string(e.paused_us / 1000) + " ms"
                                                : std::string());
          },
          [](const auto& e) { return std::string(std::decay_t<decltype(e)>::kName); }},
      payload);
}

bool Loud(const Payload& payload) {
  if (const auto* done = std::get_if<Done>(&payload)) return done->outcome != Outcome::kOk;
  return std::holds_alternative<Leading>(payload) || std::holds_alternative<Contact>(payload) ||
         std::holds_alternative<Started>(payload) || std::holds_alternative<OrphanedTail>(payload);
}

}  // namespace

void Start(bool debug) {
  g_debug = debug;
  spdlog::init_thread_pool(kQueueMax, 1);
  auto logger = std::make_shared<spdlog::async_logger>(
      "pgo", std::make_shared<spdlog::sinks::stderr_sink_mt>(), spdlog::thread_pool(),
      spdlog::async_overflow_policy::overrun_oldest);
  spdlog::set_default_logger(logger);
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %-5l %v", spdlog::pattern_time_type::utc);
  spdlog::set_level(debug ? spdlog::level::debug : spdlog::level::info);
}

void Stop() { spdlog::shutdown(); }

void Frame(const std::vector<Event>& events, const StepResult& step) {
  for (const Event& event : events) {
    if (!g_debug && !Loud(event.payload)) continue;
    spdlog::log(Loud(event.payload) ? spdlog::level::info : spdlog::level::debug, "#{} {}",
                event.seq.value(), Describe(event.payload));
  }
  std::uint64_t seq = step.decided.up_to.value() + 2;
  for (const Action& action : step.actions) {
    spdlog::info("#{} {}/{} {} {} {}: {}", seq++, action.ns, action.cluster, action.room,
                 CommandName(action.command), NameOf(action.reason), action.sentence);
  }
}

void Info(std::string_view message) { spdlog::info(message); }
void Warn(std::string_view message) { spdlog::warn(message); }
void Error(std::string_view message) { spdlog::error(message); }

}  // namespace pgo::log
