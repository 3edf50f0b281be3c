#include "journal/store/salvage.h"

#include <filesystem>

#include "journal/query/file.h"
#include "journal/store/database.h"
#include "journal/store/fence.h"
#include "journal/store/log_check.h"

namespace pgo::journal {
namespace {

namespace fs = std::filesystem;

Status CopyFiles(const std::string& from, const std::string& to) {
  std::error_code error;
  if (!fs::create_directory(to, error)) {
    return Fail(Code::kConflict, to + ": " + (error ? error.message() : "it exists"));
  }
  fs::directory_iterator files(from, error);
  for (; !error && files != fs::directory_iterator(); files.increment(error)) {
    if (files->path().filename() == "LOCK" || !files->is_regular_file()) continue;
    fs::copy_file(files->path(), fs::path(to) / files->path().filename(), error);
    if (error) break;
  }
  return error ? Fail(Code::kUnavailable, "copy " + from + ": " + error.message()) : Status();
}

Status SyncFiles(const std::string& directory) {
  std::error_code error;
  fs::directory_iterator files(directory, error);
  for (; !error && files != fs::directory_iterator(); files.increment(error)) {
    const Result<File> file = File::OpenForReading(files->path().string());
    if (!file) return Fail(file.error());
    if (Status synced = file->Sync(); !synced) return synced;
  }
  if (error) return Fail(Code::kUnavailable, directory + ": " + error.message());
  return {};
}

// A power loss may tear the manifest's last entry, which nothing acknowledged rests on yet (the
// fence says so at the next open). RocksDB passes over a missing end, but not over a broken one.
Status CutManifest(const std::string& copy) {
  const Result<ManifestFile> manifest = ReadManifestFile(copy);
  if (!manifest) return Fail(manifest.error());
  const std::optional<std::size_t> torn = TornAt(manifest->bytes);
  if (!torn) return {};
  std::error_code error;
  fs::resize_file(manifest->path, *torn, error);
  return error ? Fail(Code::kUnavailable, manifest->path + ": " + error.message()) : Status();
}

// Lets RocksDB drop what is behind the first damage of the copy's log.
Status CutLog(const std::string& copy) {
  DatabaseOptions options;
  options.create_if_missing = false;
  options.cut_damaged_log = true;
  const auto latch = std::make_shared<Latch>();
  const Result<std::unique_ptr<Database>> database = Database::Open(copy, options, latch);
  if (!database) return Fail(database.error());
  return {};
}

}  // namespace

Result<std::unique_ptr<Journal>> SalvageCopy(const std::string& directory,
                                             const std::string& copy) {
  if (Status copied = CopyFiles(directory, copy); !copied) return Fail(copied.error());
  JournalOptions options;
  options.create_if_missing = false;
  options.verify_all = true;
  Status step = CutManifest(copy);
  if (step) step = CutLog(copy);
  Result<std::unique_ptr<Journal>> journal = Fail(Code::kInternal, "not opened");
  if (step) {
    journal = Journal::Open(copy, options);
    step = journal ? SyncFiles(copy) : Fail(journal.error());
  }
  if (step) return journal;
  std::error_code ignored;
  fs::remove_all(copy, ignored);
  return Fail(step.error().In("salvage"));
}

Result<std::string> AdoptSalvaged(const std::string& directory, const std::string& copy) {
  std::error_code error;
  std::string kept = directory + ".damaged";
  for (int i = 2; fs::exists(kept, error); ++i) kept = directory + ".damaged-" + std::to_string(i);
  if (Status moved = RenameDurably(directory, kept); !moved) return Fail(moved.error());
  if (Status moved = RenameDurably(copy, directory); !moved) return Fail(moved.error());
  return kept;
}

}  // namespace pgo::journal
