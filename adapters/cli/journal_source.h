// Where journal verbs read from: a bundle file, or the running operator's API.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/cli/arguments.h"
#include "adapters/cli/interrupt.h"
#include "adapters/cli/operator_client.h"
#include "adapters/cli/records.h"
#include "adapters/cli/when.h"
#include "journal/query/bundle_file.h"

namespace pgo::cli {

// A bundle, verified as it is opened. Errors say which record or byte range is damaged.
Result<std::shared_ptr<journal::BundleFile>> OpenBundle(const std::string& path);

class JournalSource {
 public:
  // `bundle` "" means the operator.
  static Result<JournalSource> Open(const std::string& bundle, const Common& common);

  // Records that name one of the subjects and those about the operator itself; a bundle gives all.
  Result<Records> Read(const std::vector<std::string>& subjects);
  // Adds all records of the range, if the source holds more than `records` has.
  Status Complete(Records& records, journal::SeqRange range);
  // What is needed to rebuild the state at a moment: from a baseline before it to a little after
  // it, so that what was found out later about that moment is there. kNotFound if the records start
  // later, or (of a bundle, or by number) end before.
  Result<std::shared_ptr<journal::BundleFile>> Around(const Moment& moment);
  // What "now" means: the present, or the end of the bundle. Microseconds.
  Result<std::int64_t> End();
  [[nodiscard]] bool is_bundle() const { return !bundle_path_.empty(); }

 private:
  Result<std::shared_ptr<journal::BundleFile>> Fetch(const FramesQuery& query);

  std::string bundle_path_;
  std::string ns_;  // what is asked about: enough for who may see no other
  std::shared_ptr<journal::BundleFile> bundle_;  // once it was opened
  std::shared_ptr<OperatorClient> client_;
};

// The cluster that is meant: by name, or the only one that the records name. Its namespace is
// `common.ns` if that is set, else that of the only cluster with this name, else `otherwise`.
Result<ClusterKey> WhichCluster(const Records& records, const std::string& name,
                                const std::string& ns);

// The namespace to look in: of a bundle that of -n alone, "" if it was not given.
std::string NamespaceFor(const JournalSource& source, const Common& common);

// A name in TMPDIR (or /tmp) that is taken by no file; the file is removed with the object.
class TemporaryFile {
 public:
  TemporaryFile();
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string directory_, path_;
  std::unique_ptr<RemovedOnSignal> removal_;
};

}  // namespace pgo::cli
