#include "adapters/local/node/limited_disk.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace pgo::local {
namespace {

bool IsDisk(const std::string& directory) {
  struct statfs info{};
  return ::statfs(directory.c_str(), &info) == 0 && info.f_type == TMPFS_MAGIC;
}

std::string FillFile(const std::string& directory) { return directory + "/.pgo-local-fill"; }

Status NoDisk(const std::string& directory) {
  return Fail(Code::kConflict, "the volume at " + directory +
                                   " has no size of its own: claim it with storageClassName: "
                                   "limited");
}

}  // namespace

Status ShareMounts(const std::string& directory) {
  if (auto made = MakeDirs(directory); !made) return made;
  if (::mount(directory.c_str(), directory.c_str(), nullptr, MS_BIND, nullptr) != 0 ||
      ::mount(nullptr, directory.c_str(), nullptr, MS_SHARED, nullptr) != 0)
    return FailErrno("share mounts below " + directory);
  return {};
}

void UnshareMounts(const std::string& directory) { ::umount2(directory.c_str(), MNT_DETACH); }

Status MountDisk(const std::string& directory, std::int64_t bytes) {
  if (auto made = MakeDirs(directory); !made) return made;
  struct statfs info{};
  const bool there = IsDisk(directory);
  if (there && ::statfs(directory.c_str(), &info) == 0 &&
      static_cast<std::int64_t>(info.f_blocks) * info.f_bsize == bytes)
    return {};
  const std::string options = "mode=0777,size=" + std::to_string(bytes);
  if (::mount("tmpfs", directory.c_str(), "tmpfs",
              MS_NOSUID | MS_NODEV | (there ? MS_REMOUNT : 0UL), options.c_str()) != 0)
    return FailErrno("a volume of " + std::to_string(bytes) + " bytes at " + directory);
  return {};
}

void UnmountDisk(const std::string& directory) {
  if (IsDisk(directory)) ::umount2(directory.c_str(), MNT_DETACH);
}

Status FillDisk(const std::string& directory, std::int64_t leave_bytes) {
  if (!IsDisk(directory)) return NoDisk(directory);
  if (auto freed = FreeDisk(directory); !freed) return freed;
  struct statfs info{};
  ::statfs(directory.c_str(), &info);
  const std::int64_t free = static_cast<std::int64_t>(info.f_bavail) * info.f_bsize;
  const UniqueFd file(::open(FillFile(directory).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid()) return FailErrno("fill " + directory);
  if (free <= leave_bytes) return {};
  const int failed = ::posix_fallocate(file.get(), 0, free - leave_bytes);
  // Somebody was faster with the last pages: it is as full as it can be.
  if (failed == 0 || failed == ENOSPC) return {};
  errno = failed;
  return FailErrno("fill " + directory);
}

Status FreeDisk(const std::string& directory) {
  if (!IsDisk(directory)) return NoDisk(directory);
  if (::unlink(FillFile(directory).c_str()) != 0 && errno != ENOENT)
    return FailErrno("free " + directory);
  return {};
}

}  // namespace pgo::local
