// The engine's journal port on the journal store, and the rebuild of the engine from it.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"
#include "engine/ports/journal.h"
#include "journal/store/journal.h"

namespace pgo {

class StorePort final : public JournalPort {
 public:
  explicit StorePort(journal::Journal& journal) : journal_(journal) {}
  std::uint64_t NextSeq() const override { return journal_.NextSeq(); }
  Status Append(const std::vector<JournalRecord>& records, Now now, bool synced) override;
  Status Sync() override { return journal_.Sync(); }
  Status NewEpoch(std::int64_t epoch) override;

 private:
  journal::Journal& journal_;
};

// Folds everything that the reader has, from its start. kCorrupt names the damaged record.
Result<Engine> Rebuild(const journal::Reader& reader);

}  // namespace pgo
