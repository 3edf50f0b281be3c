#include <unistd.h>

#include <algorithm>

#include "journal/query/bundle_file.h"
#include "journal/query/file.h"

namespace pgo::journal {
namespace {

bool Keeps(const RecordView& record, const std::vector<std::string>& subjects) {
  return std::any_of(record.subjects.begin(), record.subjects.end(), [&](std::string_view one) {
    return std::find(subjects.begin(), subjects.end(), one) != subjects.end();
  });
}

// The frame with the records that no wanted subject names reduced to leaves, or all to a root.
Result<FrameView> Reduce(const FrameView& frame, const std::vector<std::string>& subjects) {
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
    const Result<RecordView> record = ViewRecord(item.bytes, frame.header.first_seq + i);
    if (!record) return Fail(record.error());
    const bool keep = Keeps(*record, subjects);
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
  const Result<Reader::Start> start = FindStart(reader, options);
  if (!start) return Fail(start.error());
  BundleWriter writer(sink);
  Status problem = writer.Begin(ManifestOf(reader, options, *start));
  if (!problem) return Fail(problem.error());
  const Status walked = reader.Frames({start->first_seq, last}, [&](const FrameView& frame) {
    const Result<FrameView> reduced =
        options.subjects.empty() ? Result<FrameView>(frame) : Reduce(frame, options.subjects);
    problem = reduced ? writer.Add(*reduced) : Fail(reduced.error());
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
