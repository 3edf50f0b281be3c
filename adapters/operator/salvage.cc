#include "journal/store/salvage.h"

#include <cstdio>
#include <filesystem>

#include "adapters/operator/anchor.h"
#include "adapters/operator/operator.h"

namespace pgo {
namespace {

namespace fs = std::filesystem;

// Nothing if the copy may take the journal's place.
Status Judge(const journal::Journal& copy, const Options& options) {
  const std::string ends = "what is left ends with record " + std::to_string(copy.Head().seq);
  const std::string mend = "; to go on with it, say --accept-loss";
  if (options.anchor.empty()) {
    if (options.accept_loss) return {};
    return Fail(Code::kInvalid, ends +
                                    ", and without --anchor nobody knows if more was "
                                    "acknowledged" +
                                    mend);
  }
  const auto anchors = ReadAnchors(options.anchor);
  if (!anchors) return Fail(Code::kInvalid, "--" + anchors.error().message);
  const auto anchor = AnchorOf(*anchors, copy.Head().journal_id);
  const auto verdict = journal::CompareAnchor(copy, anchor);
  if (!verdict) return Fail(verdict.error());
  switch (*verdict) {
    case journal::AnchorVerdict::kHolds:
      return {};
    case journal::AnchorVerdict::kForeign:
      return Fail(Code::kConflict, "the anchor is another journal's, or another history's");
    case journal::AnchorVerdict::kBehind:
    case journal::AnchorVerdict::kExpired:
      if (options.accept_loss) return {};
      return Fail(Code::kConflict, ends + ", the anchor names record " +
                                       std::to_string(anchor.seq) +
                                       ": acknowledged records are missing" + mend);
  }
  return {};
}

}  // namespace

Status SalvageJournal(const Options& options) {
  const std::string directory = options.data_directory + "/journal";
  const std::string copy = directory + ".salvaged";
  journal::JournalOptions how;
  how.create_if_missing = false;
  if (const auto whole = journal::Journal::Open(directory, how); whole) {
    return Fail(Code::kInvalid, "journal " + directory + " opens as it is: nothing to salvage");
  } else if (whole.error().code != Code::kCorrupt) {
    return Fail(whole.error());
  }
  std::error_code ignored;
  fs::remove_all(copy, ignored);  // left by an interrupted run
  auto salvaged = journal::SalvageCopy(directory, copy);
  if (!salvaged) return Fail(salvaged.error());
  const std::uint64_t last = (*salvaged)->Head().seq;
  const Status may = Judge(**salvaged, options);
  salvaged->reset();
  if (!may) {
    fs::remove_all(copy, ignored);
    return may;
  }
  const auto kept = journal::AdoptSalvaged(directory, copy);
  if (!kept) return Fail(kept.error());
  std::printf("journal %s goes on after record %llu; the damaged one is kept as %s\n",
              directory.c_str(), static_cast<unsigned long long>(last), kept->c_str());
  return {};
}

}  // namespace pgo
