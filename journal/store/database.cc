#include "journal/store/database.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

#include "journal/format/frame.h"
#include "journal/store/keys.h"
#include "journal/store/log_check.h"
#include "journal/store/settings.h"
#include "journal/store/table_check.h"

namespace pgo::journal {
namespace {

constexpr const char* kMend =
    "; no record was dropped. Keep the directory, then salvage a copy of it or restore a bundle";

// Refuses early, so that the checks before the open do not read files that a process is changing.
rocksdb::Status ProbeLock(rocksdb::Env* env, const std::string& directory) {
  if (env == nullptr) env = rocksdb::Env::Default();
  rocksdb::FileLock* lock = nullptr;
  const rocksdb::Status locked = env->LockFile(directory + "/LOCK", &lock);
  return locked.ok() ? env->UnlockFile(lock) : locked;
}

// What lies in the directory, before RocksDB touches it.
struct Listing {
  bool current = false;  // RocksDB's pointer to its manifest
  bool log = false;      // a write-ahead log
  std::uint64_t newest_log = 0;
  bool table = false;
};

// Of a file's name; 0 if it is none.
std::uint64_t NumberOf(const std::string& name) {
  std::uint64_t number = 0;
  std::from_chars(name.data(), name.data() + name.size(), number);
  return number;
}

Result<Listing> List(const std::string& directory) {
  Listing listing;
  std::error_code error;
  if (!std::filesystem::exists(directory, error)) return listing;
  std::filesystem::directory_iterator files(directory, error);
  if (error) return Fail(Code::kUnavailable, directory + ": " + error.message());
  for (; !error && files != std::filesystem::directory_iterator(); files.increment(error)) {
    const auto path = files->path();
    listing.current = listing.current || path.filename() == "CURRENT";
    if (path.extension() == ".log") {
      listing.log = true;
      listing.newest_log = std::max(listing.newest_log, NumberOf(path.stem().string()));
    }
    listing.table = listing.table || path.extension() == ".sst";
  }
  if (error) return Fail(Code::kUnavailable, directory + ": " + error.message());
  return listing;
}

Error OpenError(const rocksdb::Status& status, const std::string& directory) {
  const std::string text = status.ToString();
  if (text.find("While lock file") != std::string::npos ||
      text.find("lock hold by") != std::string::npos) {
    return {Code::kUnavailable, "another process has this journal open (lock " + directory +
                                    "/LOCK): stop it, or ask it for a bundle"};
  }
  Error error = FromRocks(status);
  if (error.code == Code::kCorrupt) {
    error.message = "the journal is damaged: " + error.message + kMend;
  }
  return error;
}

}  // namespace

Error FromRocks(const rocksdb::Status& status) {
  const bool missing = status.IsNotFound() || status.IsPathNotFound();
  const bool damage = status.IsCorruption() || missing || status.IsInvalidArgument();
  return {damage ? Code::kCorrupt : Code::kUnavailable, status.ToString()};
}

Database::Database(std::string directory)
    : directory_(std::move(directory)), blocks_(NewBlockCache()) {}

Database::~Database() {
  if (db_ == nullptr) return;
  segments_.clear();
  latest_.reset();
  families_.clear();
  db_->Close();
}

Result<std::unique_ptr<Database>> Database::Open(const std::string& directory,
                                                 const DatabaseOptions& options,
                                                 const std::shared_ptr<Latch>& latch) {
  std::unique_ptr<Database> database(new Database(directory));
  Status step = database->OpenFamilies(options, latch);
  if (step) step = database->EnsureIdentity(options);
  if (step) step = database->EnsureLatest();
  if (step) step = database->CollectSeals();
  if (step) step = database->DropSealed();
  if (step) step = database->CollectSegments();
  database->families_.clear();
  if (!step) return Fail(step.error().In("journal " + directory));
  return database;
}

Status Database::OpenFamilies(const DatabaseOptions& options, const std::shared_ptr<Latch>& latch) {
  rocksdb::DBOptions settings = DatabaseSettings(options.env, latch);
  if (options.cut_damaged_log) {
    settings.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  }
  const Result<std::vector<std::string>> names = FamilyNames(settings, options);
  if (!names) return Fail(names.error());
  if (Status fence = ProbeFence(settings, *names); !fence) return fence;
  if (const Result<Listing> files = List(directory_)) newest_log_before_ = files->newest_log;
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string& name : *names) families.emplace_back(name, FamilySettings(blocks_));
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const rocksdb::Status opened = rocksdb::DB::Open(settings, directory_, families, &handles, &db);
  if (!opened.ok()) return Fail(OpenError(opened, directory_));
  db_.reset(db);
  for (rocksdb::ColumnFamilyHandle* handle : handles) Hold(handle);
  return {};
}

// The families of an existing journal, or the one that RocksDB makes; the directory then exists.
Result<std::vector<std::string>> Database::FamilyNames(const rocksdb::DBOptions& settings,
                                                       const DatabaseOptions& options) const {
  const Result<Listing> files = List(directory_);
  if (!files) return Fail(files.error());
  if (!files->current && (files->log || files->table)) {
    return Fail(Code::kCorrupt, "the file CURRENT is missing: this is not made anew over records");
  }
  if (!files->current && !options.create_if_missing) {
    return Fail(Code::kNotFound, "there is no journal");
  }
  std::vector<std::string> names{rocksdb::kDefaultColumnFamilyName};
  if (files->current) {
    rocksdb::Status listed = ProbeLock(options.env, directory_);
    if (listed.ok()) listed = rocksdb::DB::ListColumnFamilies(settings, directory_, &names);
    if (!listed.ok()) return Fail(OpenError(listed, directory_));
    // RocksDB itself takes a missing newest log for an empty one.
    if (names.size() > 1 && !files->log) {
      return Fail(Code::kCorrupt, "its write-ahead log is missing");
    }
    Status files_whole = CheckTables(directory_);
    if (files_whole && !options.cut_damaged_log) files_whole = CheckLogs(directory_);
    if (!files_whole) return Fail(files_whole.error().code, files_whole.error().message + kMend);
  } else {
    std::error_code error;
    std::filesystem::create_directories(directory_, error);
    if (error) return Fail(Code::kUnavailable, error.message());
  }
  return names;
}

// Before the open proper, which removes tables that the manifest does not name. What cannot be read
// here is for the open to say.
Status Database::ProbeFence(rocksdb::DBOptions settings,
                            const std::vector<std::string>& names) const {
  if (std::find(names.begin(), names.end(), kLatestFamily) == names.end()) return {};
  const Result<ManifestFile> manifest = ReadManifestFile(directory_);
  if (!manifest) return Fail(manifest.error());
  settings.listeners.clear();
  const std::vector<rocksdb::ColumnFamilyDescriptor> families{
      {rocksdb::kDefaultColumnFamilyName, FamilySettings(blocks_)},
      {kLatestFamily, FamilySettings(blocks_)}};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::OpenForReadOnly(settings, directory_, families, &handles, &opened);
  if (!status.ok()) return Fail(OpenError(status, directory_));
  const std::unique_ptr<rocksdb::DB> db(opened);
  std::string bytes;
  const rocksdb::Status got = db->Get(rocksdb::ReadOptions(), handles[1], kFenceKey, &bytes);
  for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle);
  if (got.IsNotFound()) return {};  // written by an earlier release
  if (!got.ok()) return Fail(OpenError(got, directory_));
  const std::optional<Fence> fence = ParseFence(bytes);
  if (!fence) return Fail(Code::kCorrupt, std::string("its fence cannot be read") + kMend);
  const Status checked = CheckFence(*fence, *manifest);
  if (checked) return {};
  return Fail(checked.error().code, "the journal is damaged: " + checked.error().message + kMend);
}

Result<Fence> Database::MakeFence(bool opened) const {
  std::vector<std::string> files;
  std::uint64_t size = 0;
  const rocksdb::Status listed = db_->GetLiveFiles(files, &size, false);
  if (!listed.ok()) return Fail(FromRocks(listed));
  const Result<ManifestFile> manifest = ReadManifestFile(directory_);
  if (!manifest) return Fail(manifest.error());
  Fence fence = FenceOf(*manifest, std::min<std::uint64_t>(size, manifest->bytes.size()));
  if (!opened) return fence;
  std::unique_ptr<rocksdb::LogFile> log;
  const rocksdb::Status got = db_->GetCurrentWalFile(&log);
  if (!got.ok()) return Fail(FromRocks(got));
  fence.log = log->LogNumber();
  fence.oldest_log = newest_log_before_ + 1;  // older ones were moved into tables
  return fence;
}

void Database::Hold(rocksdb::ColumnFamilyHandle* family) {
  families_.emplace_back(family, [db = db_.get()](rocksdb::ColumnFamilyHandle* one) {
    db->DestroyColumnFamilyHandle(one);
  });
}

Family Database::FindFamily(const std::string& name) const {
  const auto found = std::find_if(families_.begin(), families_.end(),
                                  [&](const Family& family) { return family->GetName() == name; });
  return found == families_.end() ? nullptr : *found;
}

bool Database::HasSegments() const {
  return std::any_of(families_.begin(), families_.end(), [](const Family& family) {
    return ParseFamilyName(family->GetName(), kRecordsSuffix) ||
           ParseFamilyName(family->GetName(), kIndexSuffix);
  });
}

Result<Family> Database::CreateFamily(const std::string& name) {
  rocksdb::ColumnFamilyHandle* family = nullptr;
  const rocksdb::Status created = db_->CreateColumnFamily(FamilySettings(blocks_), name, &family);
  if (!created.ok()) return Fail(FromRocks(created));
  Hold(family);
  return families_.back();
}

// With the seals, or not at all.
Status Database::EnsureIdentity(const DatabaseOptions& options) {
  std::string json;
  rocksdb::Status got = db_->Get(rocksdb::ReadOptions(), kIdentityKey, &json);
  if (got.IsNotFound()) {
    if (HasSegments()) return Fail(Code::kCorrupt, "its identity is missing");
    json = IdentityJson(options.new_id);
    rocksdb::WriteBatch batch(0, 0, kProtectionBytes, 0);
    batch.Put(kIdentityKey, json);
    for (const Seal& seal : options.new_seals) {
      batch.Put(kSealPrefix + FamilyName(seal.segment, ""), SealJson(seal));
    }
    got = db_->Write(WriteSettings(true), &batch);
    // In a table the identity survives the loss of the log, which then shows.
    if (got.ok()) got = db_->Flush(rocksdb::FlushOptions());
  }
  if (!got.ok()) return Fail(FromRocks(got));
  const std::optional<JournalId> id = ParseIdentity(json);
  if (!id) return Fail(Code::kCorrupt, "its identity is not of a version known to this program");
  journal_id_ = *id;
  return {};
}

Status Database::EnsureLatest() {
  latest_ = FindFamily(kLatestFamily);
  if (latest_ != nullptr) return {};
  if (HasSegments()) return Fail(Code::kCorrupt, "its column family latest is missing");
  const Result<Family> created = CreateFamily(kLatestFamily);
  if (!created) return Fail(created.error());
  latest_ = *created;
  return {};
}

Status Database::CollectSegments() {
  std::set<std::uint32_t> numbers;
  for (const Family& family : families_) {
    for (const char* suffix : {kRecordsSuffix, kIndexSuffix}) {
      if (const auto number = ParseFamilyName(family->GetName(), suffix)) numbers.insert(*number);
    }
  }
  const auto first_number = static_cast<std::uint32_t>(seals_.size() + 1);
  std::uint32_t expected = first_number;
  for (const std::uint32_t number : numbers) {
    if (number != expected++) {
      return Fail(Code::kCorrupt, "segment " + FamilyName(expected - 1, "") + " is missing");
    }
    Segment segment{number, FindFamily(FamilyName(number, kRecordsSuffix)),
                    FindFamily(FamilyName(number, kIndexSuffix))};
    if (Status filled = FillSegment(segment); !filled) return filled;
    segments_.push_back(segment);
  }
  const Result<Reader::Start> start = StartAfter(journal_id_, seals_);
  if (!start) return Fail(start.error());
  const Result<bool> holds = HoldsFrames();
  if (!holds) return Fail(holds.error());
  if (!seals_.empty() && *holds &&
      (segments_.empty() || segments_[0].first_seq != start->first_seq)) {
    return Fail(Code::kCorrupt, "segment " + FamilyName(first_number, "") +
                                    " does not begin with record " +
                                    std::to_string(start->first_seq) + ", behind the last seal");
  }
  if (!segments_.empty()) return {};
  Result<Segment> first = AddSegment(first_number);
  if (!first) return Fail(first.error());
  segments_.push_back(*first);
  return {};
}

// Whether anything was ever appended: a copy begins with the seals of what it does not hold.
Result<bool> Database::HoldsFrames() const {
  std::string head;
  const rocksdb::Status got = db_->Get(rocksdb::ReadOptions(), latest_.get(), kHeadKey, &head);
  if (!got.ok() && !got.IsNotFound()) return Fail(FromRocks(got));
  return got.ok();
}

// Finds where a segment starts. One that a crash left half made (empty) is completed.
Status Database::FillSegment(Segment& segment) {
  const std::string name = FamilyName(segment.number, "");
  if (segment.records == nullptr) {
    return Fail(Code::kCorrupt, "the records of segment " + name + " are missing");
  }
  const std::unique_ptr<rocksdb::Iterator> frames(
      db_->NewIterator(rocksdb::ReadOptions(), segment.records.get()));
  frames->SeekToFirst();
  if (!frames->status().ok()) return Fail(FromRocks(frames->status()));
  if (frames->Valid()) {
    const Result<FrameHeader> header =
        DecodeHeader(frames->value().ToStringView().substr(0, kHeaderBytes));
    if (!header) return Fail(header.error().In("segment " + name));
    segment.first_seq = header->first_seq;
    segment.first_wall_us = header->wall_us;
  }
  if (segment.index != nullptr) return {};
  if (frames->Valid()) return Fail(Code::kCorrupt, "the index of segment " + name + " is missing");
  const auto created = CreateFamily(FamilyName(segment.number, kIndexSuffix));
  if (!created) return Fail(created.error());
  segment.index = *created;
  return {};
}

Result<Segment> Database::AddSegment(std::uint32_t number) {
  Segment segment{number};
  const auto records = CreateFamily(FamilyName(number, kRecordsSuffix));
  if (!records) return Fail(records.error());
  const auto index = CreateFamily(FamilyName(number, kIndexSuffix));
  if (!index) return Fail(index.error());
  segment.records = *records;
  segment.index = *index;
  // Readers must hold the last of it once it is dropped.
  std::erase(families_, *records);
  std::erase(families_, *index);
  return segment;
}

Status Database::DropSegment(const Segment& segment) {
  if (Status dropped = DropFamily(segment.index); !dropped) return dropped;
  return DropFamily(segment.records);
}

Status Database::DropFamily(const Family& family) {
  const rocksdb::Status dropped = db_->DropColumnFamily(family.get());
  return dropped.ok() ? Status() : Fail(FromRocks(dropped));
}

Status Database::WriteSeal(const Seal& seal) {
  rocksdb::Status put =
      db_->Put(WriteSettings(true), kSealPrefix + FamilyName(seal.segment, ""), SealJson(seal));
  if (put.ok()) put = db_->Flush(rocksdb::FlushOptions());
  return put.ok() ? Status() : Fail(FromRocks(put));
}

Status Database::CollectSeals() {
  const std::string prefix = kSealPrefix;
  const std::unique_ptr<rocksdb::Iterator> seals(db_->NewIterator(rocksdb::ReadOptions()));
  for (seals->Seek(prefix); seals->Valid() && seals->key().starts_with(prefix); seals->Next()) {
    Result<Seal> seal = ParseSeal(seals->value().ToStringView());
    if (!seal) return Fail(seal.error());
    seals_.push_back(*std::move(seal));
  }
  if (!seals->status().ok()) return Fail(FromRocks(seals->status()));
  // Names sort by number only as long as they have four digits.
  std::ranges::sort(seals_, {}, &Seal::segment);
  const Result<Reader::Start> start = StartAfter(journal_id_, seals_);
  return start ? Status() : Fail(start.error());
}

// What a crash left of segments whose seals are durable.
Status Database::DropSealed() {
  const std::vector<Family> families = families_;
  for (const Family& family : families) {
    auto number = ParseFamilyName(family->GetName(), kRecordsSuffix);
    if (!number) number = ParseFamilyName(family->GetName(), kIndexSuffix);
    if (!number || *number > seals_.size()) continue;
    if (Status dropped = DropFamily(family); !dropped) return dropped;
    std::erase(families_, family);
  }
  return {};
}

}  // namespace pgo::journal
