#include "engine/record.h"

#include "engine/event/codec.h"

namespace pgo {
namespace {

std::optional<ClusterKey> OwnerOf(const Payload& payload, const cluster::World& world) {
  if (const auto* e = std::get_if<Observed>(&payload)) {
    return cluster::World::ClusterOf(e->ref, e->object);
  }
  if (const auto* e = std::get_if<Gone>(&payload)) {
    const auto* known = world.Find(e->ref);
    if (known != nullptr) return cluster::World::ClusterOf(known->ref, known->object);
    if (e->ref.kind == "PostgresCluster") return ClusterKey{e->ref.ns, e->ref.name};
  }
  return std::nullopt;
}

}  // namespace

JournalRecord RecordOf(const Event& event, const cluster::World& world) {
  JournalRecord record;
  record.type = static_cast<std::uint64_t>(TypeOf(event.payload));
  record.subjects = SubjectsOf(event.payload, OwnerOf(event.payload, world));
  if (const auto* observed = std::get_if<Observed>(&event.payload)) record.rv = observed->rv;
  record.payload = EncodePayload(event.payload);
  return record;
}

JournalRecord RecordOf(const Decided& decided) {
  JournalRecord record;
  record.type = static_cast<std::uint64_t>(RecordType::kDecided);
  record.subjects = {"operator/Decided"};
  record.payload = DumpJson(ToJson(decided));
  return record;
}

JournalRecord RecordOf(const Action& action) {
  JournalRecord record;
  record.type = static_cast<std::uint64_t>(RecordType::kAction);
  record.causes = action.causes;
  record.subjects = {ClusterSubject({action.ns, action.cluster}), "action/" + action.id.value(),
                     ObjectSubject(TargetOf(action.command)), "room/" + action.room};
  record.payload = DumpJson(ActionToJson(action));
  return record;
}

std::vector<JournalRecord> BaselineOf(const Engine& engine, std::size_t part_bytes) {
  std::vector<JournalRecord> records;
  for (Json& part : engine.SaveParts(part_bytes)) {
    const Payload payload = Baseline{std::move(part)};
    JournalRecord record;
    record.type = static_cast<std::uint64_t>(RecordType::kBaseline);
    record.subjects = SubjectsOf(payload, std::nullopt);
    record.payload = EncodePayload(payload);
    records.push_back(std::move(record));
  }
  return records;
}

std::optional<Decided> DecodeDecided(std::string_view payload) {
  const auto json = ParseJson(payload);
  return json ? std::optional(FromJson<Decided>(*json)) : std::nullopt;
}

std::optional<Action> DecodeAction(std::string_view payload) {
  const auto json = ParseJson(payload);
  return json ? ActionFromJson(*json) : std::nullopt;
}

void Rebuilder::Feed(const StoredRecord& record) {
  if (record.type == static_cast<std::uint64_t>(RecordType::kDecided)) return;
  if (record.type == static_cast<std::uint64_t>(RecordType::kAction)) {
    const auto action = DecodeAction(record.payload);
    if (action) engine_.FoldAction(*action, Seq(record.seq), record.at);
    return;
  }
  auto payload = DecodePayload(record.type, record.payload);
  if (payload) engine_.FoldEvent({Seq(record.seq), record.at, *std::move(payload)});
}

}  // namespace pgo
