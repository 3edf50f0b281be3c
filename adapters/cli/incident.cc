// `pgo incident export`: a part of the operator's journal as one file.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "adapters/cli/journal_source.h"
#include "adapters/cli/kube_access.h"
#include "adapters/cli/verbs.h"
#include "adapters/cli/when.h"
#include "engine/event/codec.h"

namespace pgo::cli {
namespace {

struct Window {
  std::int64_t since = INT64_MIN, until = INT64_MAX;
};

Result<Window> WindowOf(const IncidentExport& options) {
  Window window;
  if (!options.since.empty()) {
    auto since = ParseWhen("--since", options.since, WallNow());
    if (!since) return Fail(since.error());
    window.since = *since;
  }
  if (!options.until.empty()) {
    auto until = ParseWhen("--until", options.until, WallNow());
    if (!until) return Fail(until.error());
    window.until = *until;
  }
  return window;
}

// The seqs of the time, read off frame headers: a bundle that carries no record is mostly those.
Result<journal::SeqRange> RangeOf(OperatorClient& client, const Window& window,
                                  const std::string& ns) {
  journal::SeqRange range{0, 0};
  if (window.since == INT64_MIN && window.until == INT64_MAX) return range;
  const TemporaryFile headers;
  FramesQuery query;
  query.subjects = {"none/none/none"};
  query.ns = ns;
  if (auto got = client.Download(query, headers.path()); !got) return Fail(got.error());
  auto bundle = OpenBundle(headers.path());
  if (!bundle) return Fail(bundle.error().In("what the operator sent"));
  Status read = (*bundle)->Frames({}, [&](const journal::FrameView& frame) {
    if (frame.header.wall_us > window.until) return false;
    if (range.from == 0 && frame.header.wall_us >= window.since)
      range.from = frame.header.first_seq;
    range.to = frame.header.last_seq();
    return true;
  });
  if (!read) return Fail(read.error());
  if (range.from == 0 || range.to < range.from) {
    return Fail(Code::kNotFound,
                "nothing is recorded between " + TimeText(window.since) + " and " +
                    TimeText(window.until == INT64_MAX ? WallNow() : window.until));
  }
  return range;
}

Status CheckFree(const std::string& file) {
  if (access(file.c_str(), F_OK) != 0) return {};
  return Fail(Code::kConflict,
              "--file: \"" + file + "\": must not exist; choose another name or remove it");
}

// The file appears under its name only when it is whole and verified.
Result<std::shared_ptr<journal::BundleFile>> FetchTo(OperatorClient& client,
                                                     const FramesQuery& query,
                                                     const std::string& file) {
  const std::string part = file + ".part";
  std::remove(part.c_str());
  const RemovedOnSignal removal(part);
  if (auto got = client.Download(query, part); !got) return Fail(got.error());
  auto bundle = OpenBundle(part);
  if (!bundle) {
    std::remove(part.c_str());
    return Fail(bundle.error().In("what the operator sent"));
  }
  if (std::rename(part.c_str(), file.c_str()) != 0) {
    return Fail(Code::kUnavailable, "write " + file + ": " + std::strerror(errno));
  }
  return bundle;
}

// A name that was never there is a slip: the file would tell of others.
Status CheckTold(const journal::BundleFile& bundle, const std::string& subject,
                 const std::string& file) {
  bool told = false;
  Status read = bundle.BySubject(subject, {}, journal::Order::kNewestFirst, [&](const auto&) {
    told = true;
    return false;
  });
  if (!read || told) return read;
  std::remove(file.c_str());
  return Fail(Code::kNotFound, subject +
                                   ": no record of that time names it; `pgo show cluster "
                                   "--all` lists the clusters there are, -n chooses the "
                                   "namespace. Nothing was written");
}

}  // namespace

Status Run(const IncidentExport& options, const Common& asked, Console& console) {
  Common common = asked;
  const std::string file = options.file.empty() ? options.cluster + ".pgoj" : options.file;
  if (auto free = CheckFree(file); !free) return free;
  auto window = WindowOf(options);
  if (!window) return Fail(window.error());
  auto address = FindOperator(common);
  if (!address) return Fail(address.error());
  OperatorClient client(*std::move(address));
  if (common.ns.empty()) common.ns = DefaultNamespace(common);
  const std::string enough = options.only_cluster ? common.ns : "";
  auto range = RangeOf(client, *window, enough);
  if (!range) return Fail(range.error());
  FramesQuery query{{}, range->from, range->to, enough};
  const std::string subject = ClusterSubject({common.ns, options.cluster});
  if (options.only_cluster) query.subjects = {subject, "operator/Started", "operator/Leading"};
  auto bundle = FetchTo(client, query, file);
  if (!bundle) return Fail(bundle.error());
  if (auto told = CheckTold(**bundle, subject, file); !told) return told;
  const auto& footer = (*bundle)->footer();
  if (common.output == "json") {
    console.out.Print(Pretty({{"file", file},
                              {"first_seq", (*bundle)->manifest().first_seq},
                              {"last_seq", footer.last_seq},
                              {"frames", footer.frames},
                              {"records", footer.records},
                              {"chain", journal::HexOf(footer.chain)}}));
    return {};
  }
  console.out.Line(file + ": " + Count(footer.frames, "frame") + ", " +
                   Count(footer.records, "record") + " (#" +
                   std::to_string((*bundle)->manifest().first_seq) + " to #" +
                   std::to_string(footer.last_seq) + "), chain intact");
  return {};
}

}  // namespace pgo::cli
