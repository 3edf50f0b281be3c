#include "journal/testing/injuries/lossy_disk.h"

#include <algorithm>
#include <filesystem>

#include "journal/testing/injuries/files.h"

namespace pgo::journal::injuries {
namespace {

namespace fs = std::filesystem;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

class LossyFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  LossyFile(std::unique_ptr<rocksdb::FSWritableFile> file, LossyDisk& disk,
            std::shared_ptr<LossyDisk::Content> content)
      : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk), content_(std::move(content)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* context) override {
    const IOStatus allowed = disk_.Append(*content_, data);
    return allowed.ok() ? FSWritableFileOwnerWrapper::Append(data, options, context) : allowed;
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& /*info*/, IODebugContext* context) override {
    return Append(data, options, context);
  }
  IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    return disk_.SyncFile(*content_);
  }
  IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    return disk_.SyncFile(*content_);
  }
  // A hint, no promise.
  IOStatus RangeSync(std::uint64_t /*offset*/, std::uint64_t /*size*/, const IOOptions& /*options*/,
                     IODebugContext* /*context*/) override {
    return IOStatus::OK();
  }

 private:
  LossyDisk& disk_;
  std::shared_ptr<LossyDisk::Content> content_;
};

class LossyDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  LossyDirectory(std::unique_ptr<rocksdb::FSDirectory> directory, LossyDisk& disk)
      : FSDirectoryWrapper(std::move(directory)), disk_(disk) {}
  IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    return disk_.SyncDirectory();
  }
  IOStatus FsyncWithDirOptions(const IOOptions& /*options*/, IODebugContext* /*context*/,
                               const rocksdb::DirFsyncOptions& /*how*/) override {
    return disk_.SyncDirectory();
  }

 private:
  LossyDisk& disk_;
};

void Lay(std::string& bytes, std::size_t offset, std::string_view part) {
  if (bytes.size() < offset + part.size()) bytes.resize(offset + part.size(), '\0');
  bytes.replace(offset, part.size(), part);
}

}  // namespace

std::string LossyDisk::Content::All() const {
  std::string bytes = synced;
  for (const Write& write : unsynced) Lay(bytes, write.offset, write.bytes);
  return bytes;
}

LossyDisk::LossyDisk(std::string directory)
    : FileSystemWrapper(rocksdb::FileSystem::Default()), directory_(std::move(directory)) {
  Load();
}

std::string LossyDisk::Short(const std::string& path) const {
  return fs::path(path).filename().string();
}

void LossyDisk::Load() {
  const std::scoped_lock lock(mutex_);
  safe_.clear();
  changes_.clear();
  for (const std::string& name : FilesIn(directory_)) {
    auto content = std::make_shared<Content>();
    content->synced = ReadText(directory_ + "/" + name);
    safe_[name] = std::move(content);
  }
  live_ = safe_;
  off_ = false;
  left_ = UINT64_MAX;
}

void LossyDisk::CutAfter(std::uint64_t count) {
  const std::scoped_lock lock(mutex_);
  left_ = count;
  counted_ = std::this_thread::get_id();
}

void LossyDisk::CutNow() {
  const std::scoped_lock lock(mutex_);
  counted_ = std::this_thread::get_id();
  off_ = true;
}

bool LossyDisk::Off() const {
  const std::scoped_lock lock(mutex_);
  return off_;
}

// RocksDB's own threads are told nothing of the cut, as in a machine that is off: what they do
// after it has no effect. (Debian's build aborts over some errors that they would meet.)
IOStatus LossyDisk::Allow() {
  if (!off_ && std::this_thread::get_id() == counted_ && left_ != UINT64_MAX) {
    if (left_ == 0) off_ = true;
    if (left_ > 0) --left_;
  }
  const bool told = off_ && std::this_thread::get_id() == counted_;
  return told ? IOStatus::IOError("the power is off") : IOStatus::OK();
}

void LossyDisk::Apply(const Change& change, Names& names) {
  if (change.content != nullptr) {
    names[change.name] = change.content;
  } else if (change.to.empty()) {
    names.erase(change.name);
  } else if (const auto found = names.find(change.name); found != names.end()) {
    names[change.to] = found->second;
    names.erase(change.name);
  }
}

void LossyDisk::Record(Change change) {
  if (off_) return;
  Apply(change, live_);
  changes_.push_back(std::move(change));
}

IOStatus LossyDisk::Append(Content& content, const Slice& bytes) {
  const std::scoped_lock lock(mutex_);
  const bool was_on = !off_;
  const IOStatus allowed = Allow();
  std::size_t end = content.synced.size();
  if (!content.unsynced.empty()) {
    end = content.unsynced.back().offset + content.unsynced.back().bytes.size();
  }
  // The write under way when the power goes may have reached the disk, whole or in part.
  if (was_on) content.unsynced.push_back({end, bytes.ToString()});
  return allowed;
}

IOStatus LossyDisk::SyncFile(Content& content) {
  const std::scoped_lock lock(mutex_);
  const IOStatus allowed = Allow();
  if (!allowed.ok()) return allowed;
  if (off_) return allowed;
  for (const Change& change : changes_) {
    if (change.content.get() == &content) Apply(change, safe_);
  }
  std::erase_if(changes_, [&](const Change& one) { return one.content.get() == &content; });
  content.synced = content.All();
  content.unsynced.clear();
  return allowed;
}

IOStatus LossyDisk::SyncDirectory() {
  const std::scoped_lock lock(mutex_);
  const IOStatus allowed = Allow();
  if (!allowed.ok()) return allowed;
  if (off_) return allowed;
  safe_ = live_;
  changes_.clear();
  return allowed;
}

IOStatus LossyDisk::NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    IODebugContext* context) {
  auto content = std::make_shared<Content>();
  {
    const std::scoped_lock lock(mutex_);
    if (IOStatus allowed = Allow(); !allowed.ok()) return allowed;
    Record({Short(name), "", content});
  }
  IOStatus made = FileSystemWrapper::NewWritableFile(name, options, file, context);
  if (made.ok()) *file = std::make_unique<LossyFile>(std::move(*file), *this, std::move(content));
  return made;
}

IOStatus LossyDisk::ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       IODebugContext* context) {
  ContentPtr content;
  {
    const std::scoped_lock lock(mutex_);
    if (IOStatus allowed = Allow(); !allowed.ok()) return allowed;
    content = live_[Short(name)];
    if (content == nullptr) {
      content = std::make_shared<Content>();
      Record({Short(name), "", content});
    }
  }
  IOStatus made = FileSystemWrapper::ReopenWritableFile(name, options, file, context);
  if (made.ok()) *file = std::make_unique<LossyFile>(std::move(*file), *this, std::move(content));
  return made;
}

IOStatus LossyDisk::NewDirectory(const std::string& name, const IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 IODebugContext* context) {
  IOStatus made = FileSystemWrapper::NewDirectory(name, options, directory, context);
  if (made.ok()) *directory = std::make_unique<LossyDirectory>(std::move(*directory), *this);
  return made;
}

IOStatus LossyDisk::DeleteFile(const std::string& name, const IOOptions& options,
                               IODebugContext* context) {
  {
    const std::scoped_lock lock(mutex_);
    if (IOStatus allowed = Allow(); !allowed.ok()) return allowed;
    Record({Short(name), "", nullptr});
  }
  return FileSystemWrapper::DeleteFile(name, options, context);
}

IOStatus LossyDisk::RenameFile(const std::string& from, const std::string& to,
                               const IOOptions& options, IODebugContext* context) {
  {
    const std::scoped_lock lock(mutex_);
    if (IOStatus allowed = Allow(); !allowed.ok()) return allowed;
    Record({Short(from), Short(to), nullptr});
  }
  return FileSystemWrapper::RenameFile(from, to, options, context);
}

// File systems with a journal lose the newest changes of names; others lose any.
LossyDisk::Names LossyDisk::Survivors(Random& random) const {
  Names names = safe_;
  const bool in_order = random() % 3 != 0;
  const std::size_t kept = random() % (changes_.size() + 1);
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    if (in_order ? i < kept : random() % 2 == 0) Apply(changes_[i], names);
  }
  return names;
}

std::string LossyDisk::Torn(const Content& content, Random& random) {
  constexpr std::size_t kSector = 512;
  std::string all = content.All();
  const std::size_t safe = content.synced.size();
  if (all.size() <= safe) return all;
  const std::size_t cut = safe + random() % (all.size() - safe + 1);
  switch (random() % 5) {
    case 0:
      return content.synced;
    case 1:
      return all;
    case 2:  // torn at any byte
      return all.substr(0, cut);
    case 3:  // the length was written, the bytes were not
      return all.substr(0, cut) + std::string(all.size() - cut, '\0');
    default:  // any sectors of it, in any order
      for (std::size_t at = safe; at < all.size(); at = (at / kSector + 1) * kSector) {
        const std::size_t end = std::min(all.size(), (at / kSector + 1) * kSector);
        if (random() % 2 == 0)
          std::fill_n(all.begin() + static_cast<std::ptrdiff_t>(at), end - at, '\0');
      }
      return all;
  }
}

void LossyDisk::Restart(Random& random) {
  {
    const std::scoped_lock lock(mutex_);
    const Names names = Survivors(random);
    for (const std::string& name : FilesIn(directory_)) RemoveFile(directory_ + "/" + name);
    for (const auto& [name, content] : names) {
      if (content != nullptr) WriteText(directory_ + "/" + name, Torn(*content, random));
    }
  }
  Load();
}

}  // namespace pgo::journal::injuries
