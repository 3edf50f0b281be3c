#include "adapters/cli/journal_source.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "adapters/cli/kube_access.h"
#include "adapters/cli/output.h"
#include "adapters/cli/past.h"
#include "engine/event/codec.h"
#include "journal/query/place.h"

namespace pgo::cli {
namespace {

// Records about the operator itself, which every story may need.
const std::vector<std::string> kOperatorSubjects{"operator/Started", "operator/Leading",
                                                 "operator/Contact", "operator/Ticked",
                                                 "operator/OrphanedTail"};

// How far behind a moment is looked for what was found out about it.
constexpr std::uint64_t kLookAhead = 1000;

// A moment outside of what is recorded is not answered by its nearest record.
Status CheckCovered(const journal::Place& place, const Moment& moment, bool ended) {
  if (place.last.seq == 0) return Fail(Code::kNotFound, "nothing is recorded");
  const std::string asked =
      moment.seq != 0 ? "#" + std::to_string(moment.seq) : TimeText(moment.wall_us);
  if (place.at.seq == 0) {
    return Fail(Code::kNotFound, "the records begin at " + MarkText(place.first) +
                                     ": nothing is known of " + asked + ", which is before");
  }
  const bool beyond = moment.seq != 0 ? moment.seq > place.last.seq
                                      : ended && moment.wall_us >= place.last.wall_us + kSecond;
  if (!beyond) return {};
  return Fail(Code::kNotFound, "the records end at " + MarkText(place.last) +
                                   ": nothing is known of " + asked + ", which is after");
}

Result<journal::Place> PlaceIn(const journal::Reader& reader, const Moment& moment) {
  return moment.seq != 0 ? journal::PlaceOfSeq(reader, moment.seq)
                         : journal::PlaceOf(reader, moment.wall_us);
}

journal::Place::Mark MarkOf(const Json& json, const char* name) {
  return {static_cast<std::uint64_t>(GetInt(json, {name, "seq"})), GetInt(json, {name, "wall_us"})};
}

}  // namespace

TemporaryFile::TemporaryFile() {
  const char* base = std::getenv("TMPDIR");
  directory_ = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/pgo-XXXXXX";
  if (mkdtemp(directory_.data()) == nullptr) directory_.clear();
  path_ = directory_ + "/frames.pgoj";
  removal_ = std::make_unique<RemovedOnSignal>(path_, directory_);
}

TemporaryFile::~TemporaryFile() {
  if (directory_.empty()) return;
  unlink(path_.c_str());
  rmdir(directory_.c_str());
}

Result<std::shared_ptr<journal::BundleFile>> OpenBundle(const std::string& path) {
  auto opened = journal::BundleFile::Open(path);
  if (opened) return std::shared_ptr<journal::BundleFile>(std::move(*opened));
  Error error = opened.error();
  if (error.message.find(path) == std::string::npos) error = error.In(path);
  if (error.code == Code::kCorrupt) {
    error.message += "; nothing of it is used: fetch it again with `pgo incident export`";
  }
  return Fail(std::move(error));
}

Result<JournalSource> JournalSource::Open(const std::string& bundle, const Common& common) {
  JournalSource source;
  source.bundle_path_ = bundle;
  if (!bundle.empty()) return source;
  auto address = FindOperator(common);
  if (!address) return Fail(address.error());
  source.client_ = std::make_shared<OperatorClient>(*std::move(address));
  source.ns_ = DefaultNamespace(common);
  return source;
}

Result<std::shared_ptr<journal::BundleFile>> JournalSource::Fetch(const FramesQuery& query) {
  const TemporaryFile file;
  if (auto fetched = client_->Download(query, file.path()); !fetched) return Fail(fetched.error());
  // The file stays open after its name is gone.
  auto opened = OpenBundle(file.path());
  if (!opened) return Fail(opened.error().In("what the operator sent"));
  return *opened;
}

Result<Records> JournalSource::Read(const std::vector<std::string>& subjects) {
  FramesQuery query;
  query.subjects = subjects;
  query.ns = ns_;
  if (!subjects.empty()) {
    query.subjects.insert(query.subjects.end(), kOperatorSubjects.begin(), kOperatorSubjects.end());
  }
  auto reader = is_bundle() ? OpenBundle(bundle_path_) : Fetch(query);
  if (!reader) return Fail(reader.error());
  Records records;
  if (auto added = records.Add(*reader); !added) return Fail(added.error());
  return records;
}

Status JournalSource::Complete(Records& records, journal::SeqRange range) {
  if (is_bundle()) return {};  // there is no more to have
  auto reader = Fetch({{}, range.from, range.to, ns_});
  if (!reader) return Fail(reader.error());
  return records.Add(*reader);
}

Result<std::shared_ptr<journal::BundleFile>> JournalSource::Around(const Moment& moment) {
  if (is_bundle()) {
    if (auto end = End(); !end) return Fail(end.error());  // opens it
    const auto place = PlaceIn(*bundle_, moment);
    if (!place) return Fail(place.error());
    if (auto covered = CheckCovered(*place, moment, true); !covered) return Fail(covered.error());
    return bundle_;
  }
  const auto json = client_->Get(moment.seq != 0 ? "/place?seq=" + std::to_string(moment.seq)
                                                 : "/place?at=" + std::to_string(moment.wall_us));
  if (!json) return Fail(json.error());
  const journal::Place place{MarkOf(*json, "first"), MarkOf(*json, "last"), MarkOf(*json, "at"),
                             MarkOf(*json, "next")};
  if (auto covered = CheckCovered(place, moment, false); !covered) return Fail(covered.error());
  return Fetch({{}, place.at.seq, std::min(place.at.seq + kLookAhead, place.last.seq)});
}

Result<std::int64_t> JournalSource::End() {
  if (!is_bundle()) return WallNow();
  if (bundle_ == nullptr) {
    auto bundle = OpenBundle(bundle_path_);
    if (!bundle) return Fail(bundle.error());
    bundle_ = *bundle;
  }
  const auto place = journal::PlaceOfSeq(*bundle_, bundle_->Head().seq);
  if (!place) return Fail(place.error());
  return place->at.wall_us;
}

std::string NamespaceFor(const JournalSource& source, const Common& common) {
  return source.is_bundle() ? common.ns : DefaultNamespace(common);
}

Result<ClusterKey> WhichCluster(const Records& records, const std::string& name,
                                const std::string& ns) {
  std::vector<ClusterKey> fitting;
  std::string all;
  for (const ClusterKey& key : records.Clusters()) {
    all += (all.empty() ? "" : ", ") + key.Text();
    if (!name.empty() && key.name != name) continue;
    if (!ns.empty() && key.ns != ns) continue;
    fitting.push_back(key);
  }
  if (fitting.size() == 1) return fitting.front();
  if (fitting.empty()) {
    return Fail(Code::kNotFound,
                "no record speaks of cluster " + (ns.empty() ? "" : ns + "/") +
                    (name.empty() ? "(any)" : name) +
                    (all.empty() ? "; the records name no cluster" : "; they name: " + all));
  }
  return Fail(Code::kInvalid,
              "several clusters fit: " + all + "; say which, with its namespace (-n)");
}

}  // namespace pgo::cli
