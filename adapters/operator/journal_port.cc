#include "adapters/operator/journal_port.h"

#include "engine/record.h"

namespace pgo {

Status StorePort::Append(const std::vector<JournalRecord>& records, Now now, bool synced) {
  std::vector<journal::Record> stored;
  stored.reserve(records.size());
  for (const JournalRecord& record : records) {
    journal::Record out;
    out.type = static_cast<std::uint16_t>(record.type);
    out.schema = 1;
    out.causes = record.causes;
    out.subjects = record.subjects;
    out.rv = record.rv;
    out.payload = record.payload;
    stored.push_back(std::move(out));
  }
  const auto appended =
      journal_.Append(stored, {now.wall_us, static_cast<std::uint64_t>(now.elapsed_us)},
                      synced ? journal::Durability::kSynced : journal::Durability::kDeferred);
  if (!appended) return Fail(appended.error().In("append to the journal"));
  return {};
}

Status StorePort::NewEpoch(std::int64_t epoch) {
  const auto wanted = static_cast<std::uint64_t>(epoch);
  if (wanted <= journal_.Head().epoch) return {};
  return journal_.NewEpoch(wanted);
}

Result<Engine> Rebuild(const journal::Reader& reader) {
  Engine engine;
  Rebuilder rebuilder(engine);
  const auto status = journal::Iterate(reader, {}, [&](const journal::Entry& entry) {
    rebuilder.Feed({entry.seq,
                    entry.record.type,
                    entry.record.payload,
                    {entry.frame.wall_us, static_cast<std::int64_t>(entry.frame.elapsed_us)}});
    return true;
  });
  if (!status) return Fail(status.error().In("rebuild from the journal"));
  return engine;
}

}  // namespace pgo
