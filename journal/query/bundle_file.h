// Bundles as files: opening one for queries, and making one from any reader.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "journal/format/bundle.h"
#include "journal/query/reader.h"

namespace pgo::journal {

// A bundle opened for queries. Open verifies all of it first; a torn, truncated or edited one is
// refused with the frame or the byte range named. Later calls read the file again, one frame at a
// time, and check each chain again.
class BundleFile final : public Reader {
 public:
  static Result<std::unique_ptr<BundleFile>> Open(const std::string& path);
  ~BundleFile() override;

  [[nodiscard]] const Manifest& manifest() const;
  [[nodiscard]] const BundleFooter& footer() const;

  [[nodiscard]] JournalHead Head() const override;
  [[nodiscard]] Result<Start> Begin() const override;
  [[nodiscard]] Result<Start> Baseline(std::uint64_t seq) const override;
  Status Frames(SeqRange range, const FrameCallback& callback) const override;
  Status BySubject(std::string_view subject, SeqRange range, Order order,
                   const EntryCallback& callback) const override;

 private:
  struct State;
  explicit BundleFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct ExportOptions {
  SeqRange range;
  // Keep only records that name one of these; the others are carried as leaves or roots, so the
  // chain still verifies. Empty: keep all. Records whose payloads the kept ones rest on (codec 2)
  // are kept as well, though they may name none of these.
  std::vector<std::string> subjects;
  // Whether the one who gets the bundle may see this record; null: all. Asked once of each record
  // that is walked over, in order, and again of bases that lie before. One that rests on a base
  // that may not be seen is left out as well.
  std::function<bool(const RecordView& record)> may_see;
  // Start at the latest baseline at or before range.from, so that the bundle folds from empty. Else
  // at the frame of range.from, or at the earlier one of the oldest base that is needed.
  bool from_baseline = true;
  std::string build;
  std::int64_t created_wall_us = 0;
  std::vector<std::string> redactions;
  std::function<bool(std::uint64_t seq, std::uint64_t last_seq)> progress;  // false interrupts
};

// Writes a bundle of the reader's range to the sink.
Result<BundleFooter> ExportBundle(const Reader& reader, const ExportOptions& options,
                                  const Sink& sink);
// The same into a file, which appears under its name only when complete and synced.
Result<BundleFooter> ExportBundleFile(const Reader& reader, const ExportOptions& options,
                                      const std::string& path);

}  // namespace pgo::journal
