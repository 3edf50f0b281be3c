#include <unistd.h>

#include <algorithm>
#include <set>

#include "journal/query/bundle_file.h"
#include "journal/query/decoder.h"
#include "journal/query/file.h"

namespace pgo::journal {
namespace {

bool Keeps(const RecordView& record, const std::vector<std::string>& subjects) {
  return std::any_of(record.subjects.begin(), record.subjects.end(), [&](std::string_view one) {
    return std::find(subjects.begin(), subjects.end(), one) != subjects.end();
  });
}

// Which records a bundle carries: those asked for, and the bases that their payloads rest on.
class Selection {
 public:
  Selection(const Reader& reader, const ExportOptions& options, std::uint64_t first,
            std::uint64_t last)
      : reader_(reader),
        options_(options),
        first_(first),
        kept_(last < first ? 0 : last - first + 1) {}

  Status Collect() {
    if (kept_.empty()) return {};
    Status problem;
    const SeqRange range{first_, first_ + kept_.size() - 1};
    const Status walked = reader_.Frames(range, [&](const FrameView& frame) {
      for (std::size_t i = 0; i < frame.items.size() && problem; ++i) {
        if (!frame.items[i].leaf) problem = Take(frame.items[i].bytes, frame.header.first_seq + i);
      }
      return problem.has_value();
    });
    return problem ? walked : problem;
  }
  [[nodiscard]] bool Has(std::uint64_t seq) const {
    if (seq < first_) return before_.contains(seq);
    return seq - first_ < kept_.size() && kept_[seq - first_];
  }
  // Of what it has; `first` if nothing is older.
  [[nodiscard]] std::uint64_t Oldest() const { return before_.empty() ? first_ : *before_.begin(); }

 private:
  Status Take(std::string_view bytes, std::uint64_t seq) {
    const Result<RecordView> record = ViewRecord(bytes, seq);
    if (!record) return Fail(record.error());
    if (!MaySee(*record)) return {};
    if (!options_.subjects.empty() && !Keeps(*record, options_.subjects)) return {};
    std::vector<std::uint64_t> needed{seq};
    if (Status followed = FollowBases(record->base, needed); !followed) return followed;
    for (const std::uint64_t one : needed) Mark(one);
    return {};
  }
  // Adds what is not marked yet; leaves nothing needed if one of them may not be seen. Those that
  // were asked for come later or were marked before, and their own bases with them.
  Status FollowBases(std::uint64_t base, std::vector<std::uint64_t>& needed) {
    while (base != 0 && !Has(base)) {
      needed.push_back(base);
      const Result<std::optional<std::string>> bytes = StoredRecord(reader_, base);
      if (!bytes) return Fail(bytes.error());
      if (!*bytes) return {};  // elided where we read: no more can be carried than there is
      const Result<RecordView> record = ViewRecord(**bytes, base);
      if (!record) return Fail(record.error());
      if (!MaySee(*record)) {
        needed.clear();
        return {};
      }
      base = record->base;
    }
    return {};
  }
  [[nodiscard]] bool MaySee(const RecordView& record) const {
    return !options_.may_see || options_.may_see(record);
  }
  void Mark(std::uint64_t seq) {
    if (seq < first_) {
      before_.insert(seq);
    } else if (seq - first_ < kept_.size()) {
      kept_[seq - first_] = true;
    }
  }

  const Reader& reader_;
  const ExportOptions& options_;
  const std::uint64_t first_;
  std::vector<bool> kept_;  // a bit a record
  std::set<std::uint64_t> before_;
};

// The frame with the records that were not selected reduced to leaves, or all to a root.
FrameView Reduce(const FrameView& frame, const Selection& selection) {
  FrameView out = frame;
  std::vector<Hash> leaves;
  bool any = false;
  for (std::size_t i = 0; i < out.items.size(); ++i) {
    FrameView::Item& item = out.items[i];
    if (item.leaf) {
      leaves.push_back(*item.leaf);
      continue;
    }
    leaves.push_back(LeafOf(item.bytes));
    const bool keep = selection.Has(frame.header.first_seq + i);
    any = any || keep;
    if (!keep) item = {{}, leaves.back()};
  }
  if (!any && !out.root) {
    out.root = RootOf(leaves);
    out.items.clear();
  }
  return out;
}

// The frame that holds `seq` starts here; at or behind the reader's begin.
Result<Reader::Start> FrameStart(const Reader& reader, const Reader::Start& begin,
                                 std::uint64_t seq) {
  Reader::Start start = begin;
  const Status found = reader.Frames({seq, seq}, [&](const FrameView& frame) {
    start.first_seq = frame.header.first_seq;
    return false;
  });
  if (!found) return Fail(found.error());
  if (start.first_seq == begin.first_seq) return begin;
  const std::uint64_t last = start.first_seq - 1;  // of the frame before: its chain is needed
  const Status before = reader.Frames({last, last}, [&](const FrameView& frame) {
    start.chain = frame.chain;
    return false;
  });
  if (!before) return Fail(before.error());
  return start;
}

Result<Reader::Start> FindStart(const Reader& reader, const ExportOptions& options) {
  const Result<Reader::Start> begin = reader.Begin();
  if (!begin) return Fail(begin.error());
  if (Status kept = CheckKept(begin->first_seq, {}, options.range); !kept) {
    return Fail(kept.error());
  }
  const std::uint64_t from = std::min(options.range.from, reader.Head().seq);
  if (from <= begin->first_seq) return begin;
  return options.from_baseline ? reader.Baseline(from) : FrameStart(reader, *begin, from);
}

Manifest ManifestOf(const Reader& reader, const ExportOptions& options,
                    const Reader::Start& start) {
  Manifest manifest;
  manifest.journal_id = reader.Head().journal_id;
  manifest.build = options.build;
  manifest.first_seq = start.first_seq;
  manifest.start_chain = start.chain;
  manifest.created_wall_us = options.created_wall_us;
  manifest.subjects = options.subjects;
  manifest.redactions = options.redactions;
  return manifest;
}

}  // namespace

Result<BundleFooter> ExportBundle(const Reader& reader, const ExportOptions& options,
                                  const Sink& sink) {
  const std::uint64_t last = std::min(options.range.to, reader.Head().seq);
  Result<Reader::Start> start = FindStart(reader, options);
  if (!start) return Fail(start.error());
  // From a baseline on nothing is missing; from elsewhere bases may lie before.
  Selection selection(reader, options, start->first_seq, last);
  const bool selective = !options.subjects.empty() || options.may_see || !options.from_baseline;
  if (Status got = selective ? selection.Collect() : Status(); !got) return Fail(got.error());
  if (selection.Oldest() < start->first_seq) {
    const Result<Reader::Start> begin = reader.Begin();
    if (!begin) return Fail(begin.error());
    start = FrameStart(reader, *begin, selection.Oldest());
    if (!start) return Fail(start.error());
  }
  BundleWriter writer(sink);
  Status problem = writer.Begin(ManifestOf(reader, options, *start));
  if (!problem) return Fail(problem.error());
  const Status walked = reader.Frames({start->first_seq, last}, [&](const FrameView& frame) {
    problem = writer.Add(selective ? Reduce(frame, selection) : frame);
    if (problem && options.progress && !options.progress(frame.header.last_seq(), last)) {
      problem = Fail(Code::kUnavailable, "interrupted");
    }
    return problem.has_value();
  });
  if (!problem) return Fail(problem.error());
  if (!walked) return Fail(walked.error());
  return writer.End();
}

Result<BundleFooter> ExportBundleFile(const Reader& reader, const ExportOptions& options,
                                      const std::string& path) {
  const std::string partial = path + ".partial";
  ::unlink(partial.c_str());  // left by an interrupted export
  const Result<File> file = File::Create(partial);
  if (!file) return Fail(file.error());
  Result<BundleFooter> footer =
      ExportBundle(reader, options, [&](std::string_view bytes) { return file->Write(bytes); });
  Status done = footer ? file->Sync() : Fail(footer.error());
  if (done) done = RenameDurably(partial, path);
  if (done) return footer;
  ::unlink(partial.c_str());
  return Fail(done.error());
}

}  // namespace pgo::journal
