#include "adapters/operator/api.h"

#include <charconv>
#include <ctime>

#include "adapters/operator/options.h"
#include "adapters/operator/visible.h"
#include "engine/engine.h"
#include "journal/query/bundle_file.h"
#include "journal/query/place.h"

namespace pgo {
namespace {

constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

http::Response Text(unsigned status, std::string body) {
  return {status, "text/plain; charset=utf-8", std::move(body)};
}

http::Response Refuse(unsigned status, const std::string& why) {
  Json json = Json::object();
  json["error"] = why;
  return {status, "application/json", DumpJson(json) + "\n"};
}

http::Response Refuse(const Refusal& refusal) { return Refuse(refusal.status, refusal.why); }

std::string Query(const http::Request& request, const std::string& name) {
  const auto it = request.query.find(name);
  return it == request.query.end() ? "" : it->second;
}

// False if the text is there but no number.
bool ReadSeq(const std::string& text, std::uint64_t& out) {
  if (text.empty()) return true;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

http::Response Head(const journal::Journal& journal) {
  const auto head = journal.Head();
  Json json = Json::object();
  json["journalId"] = journal::HexOf(head.journal_id);
  json["epoch"] = head.epoch;
  json["seq"] = head.seq;
  json["chain"] = journal::HexOf(head.chain);
  json["build"] = kBuild;
  json["ruleset"] = kRuleset;
  return {200, "application/json", DumpJson(json) + "\n"};
}

http::Response Frames(const http::Request& request, const journal::Journal& journal,
                      const Access& access) {
  journal::ExportOptions options;
  if (!ReadSeq(Query(request, "from"), options.range.from) ||
      !ReadSeq(Query(request, "to"), options.range.to)) {
    return Refuse(400, "from and to are sequence numbers");
  }
  std::string word;
  for (const char c : Query(request, "subject") + ",") {
    if (c != ',') {
      word += c;
    } else if (!word.empty()) {
      options.subjects.push_back(std::exchange(word, ""));
    }
  }
  if (!access.all) {
    options.may_see = Visible(access);
    options.redactions.push_back("only namespace " + access.ns);
  }
  options.build = kBuild;
  options.created_wall_us = static_cast<std::int64_t>(std::time(nullptr)) * kSecond;
  http::Response response{200, "application/octet-stream", ""};
  const auto written = journal::ExportBundle(journal, options, [&](std::string_view bytes) {
    response.body.append(bytes);
    return Status();
  });
  if (!written)
    return Refuse(written.error().code == Code::kNotFound ? 404 : 500, written.error().message);
  return response;
}

// Who leads, how far this replica is behind, and, on the leader, how far the others are.
Json Replicas(const Standing& standing, const ReplicaDesk& desk, std::uint64_t head) {
  const Role role = standing.role();
  const std::int64_t now_us = BootMicros();
  Json json = {{"role", RoleName(role)}, {"name", role.name},
               {"leader", role.leader},  {"epoch", role.epoch},
               {"anchor", role.anchor},  {"behind_seconds", BehindSeconds(role, now_us)},
               {"why", role.why},        {"followers", Json::array()}};
  if (role.what != Role::What::kLeading) return json;
  for (const FollowerPosition& one : desk.Followers(now_us)) {
    json["followers"].push_back({{"name", one.name},
                                 {"seq", one.seq},
                                 {"lag_records", head > one.seq ? head - one.seq : 0},
                                 {"seen_seconds", (now_us - one.seen_us) / kSecond}});
  }
  return json;
}

http::Response PlaceIn(const http::Request& request, const journal::Journal& journal) {
  std::uint64_t at = 0;
  std::uint64_t seq = 0;
  const bool read = ReadSeq(Query(request, "at"), at) && ReadSeq(Query(request, "seq"), seq);
  if (!read || at > INT64_MAX || (at == 0) == (seq == 0)) {
    return Refuse(400, "either at, in microseconds since the Unix epoch, or seq must be given");
  }
  const auto place = seq != 0 ? journal::PlaceOfSeq(journal, seq)
                              : journal::PlaceOf(journal, static_cast<std::int64_t>(at));
  if (!place) return Refuse(500, place.error().message);
  Json json = Json::object();
  const auto put = [&json](const char* name, const journal::Place::Mark& mark) {
    json[name] = {{"seq", mark.seq}, {"wall_us", mark.wall_us}};
  };
  put("first", place->first);
  put("last", place->last);
  put("at", place->at);
  put("next", place->next);
  return {200, "application/json", DumpJson(json) + "\n"};
}

}  // namespace

http::Response AnswerApi(const http::Request& request, const Standing& standing,
                         const ReplicaDesk& desk, Guard& guard) {
  const auto asker = guard.Who(request);
  if (!asker) return Refuse(asker.error());
  if (request.path == "/version") {
    return {200, "application/json", std::string(R"({"version":")") + kBuild + "\"}\n"};
  }
  const auto access = guard.MayRead(*asker, Query(request, "namespace"));
  if (!access) return Refuse(access.error());
  const Standing::JournalPtr open = standing.journal();
  if (open == nullptr) return Refuse(503, "the journal is closed: " + standing.WhyStill());
  const journal::Journal& journal = *open;
  if (request.path == "/head") return Head(journal);
  if (request.path == "/frames") return Frames(request, journal, *access);
  if (request.path == "/place") return PlaceIn(request, journal);
  if (request.path == "/journal") {
    const auto status = journal.Describe();
    if (!status) return Refuse(500, status.error().message);
    Json json = *ParseJson(journal::StatusJson(*status));
    json["replication"] = Replicas(standing, desk, status->head.seq);
    return {200, "application/json", DumpJson(json) + "\n"};
  }
  return Refuse(404, "there are /version, /head, /journal, /place and /frames");
}

http::Response AnswerMetrics(const http::Request& request, OperatorMetrics& metrics,
                             const Standing& standing, Guard& guard) {
  if (request.path != "/metrics") return Text(404, "there is /metrics\n");
  const auto asker = guard.Who(request);
  if (!asker) return Text(asker.error().status, asker.error().why + "\n");
  if (const auto may = guard.MayScrape(*asker); !may) {
    return Text(may.error().status, may.error().why + "\n");
  }
  return {200, kMetricsType, metrics.Text(standing)};
}

http::Response AnswerHealth(const http::Request& request, OperatorMetrics& metrics,
                            const Standing& standing) {
  // Standing still is no reason to restart the process (the disk may be full, and it goes on by
  // itself when there is room), but it must not be called ready.
  if (request.path == "/healthz") return Text(200, "ok\n");
  if (request.path == "/readyz") {
    const auto journal = standing.journal();
    std::string why = standing.WhyStill();
    if (why.empty() && (journal == nullptr || journal->Poisoned()))
      why = "the journal refuses writes";
    if (!why.empty()) return Text(503, "standing still: " + why + "\n");
    const std::string blind = standing.WhyBlind();
    if (!blind.empty()) return Text(503, "not ready: " + blind + "\n");
    const Role role = standing.role();
    if (why = WhyNoStandby(role, BootMicros()); !why.empty()) return Text(503, why + "\n");
    if (role.what == Role::What::kFollowing)
      return Text(200, "ok\nfollowing " + role.leader + "\n");
    const std::string amnesia = standing.Amnesia();
    return Text(200, amnesia.empty() ? "ok\n"
                                     : "ok\nthis leadership began with amnesia: " + amnesia + "\n");
  }
  if (request.path != "/metrics") return Text(404, "there are /healthz, /readyz and /metrics\n");
  return {200, kMetricsType, metrics.Text(standing)};
}

}  // namespace pgo
