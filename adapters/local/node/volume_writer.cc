#include "adapters/local/node/volume_writer.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <set>

namespace pgo::local {
namespace {

namespace fs = std::filesystem;

constexpr int kDirectoryMode = 0755;

// The data directory's files as they are now; a missing one has none.
VolumeFiles Present(const std::string& directory, std::optional<std::uint32_t> group) {
  VolumeFiles out;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(directory, error)) {
    struct stat info{};
    if (::lstat(entry.path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    const auto bytes = ReadFile(entry.path());
    const int extra = group && info.st_gid == *group ? 0440 : 0;
    out[fs::relative(entry.path(), directory, error)] = {
        bytes.value_or(""), static_cast<int>(info.st_mode & 07777) | extra};
  }
  return out;
}

Status WriteOne(const std::string& path, const VolumeFile& file,
                std::optional<std::uint32_t> group) {
  const std::string parent = path.substr(0, path.rfind('/'));
  if (auto made = MakeDirs(parent, kDirectoryMode); !made) return made;
  if (auto written = WriteFile(path, file.bytes, 0600); !written) return written;
  const mode_t mode = static_cast<mode_t>(file.mode);
  if (group && ::chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0)
    return FailErrno("group of " + path);
  if (::chmod(path.c_str(), mode) != 0) return FailErrno("mode of " + path);
  return {};
}

// One link per first path element; those that are gone are removed.
Status LinkElements(const std::string& directory, const VolumeFiles& files) {
  std::set<std::string> elements;
  for (const auto& [path, file] : files) elements.insert(path.substr(0, path.find('/')));
  for (const std::string& element : elements) {
    const std::string link = directory + "/" + element;
    if (::symlink(("..data/" + element).c_str(), link.c_str()) != 0 && errno != EEXIST) {
      return FailErrno("link " + link);
    }
  }
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("..") && !elements.contains(name)) ::unlink(entry.path().c_str());
  }
  return {};
}

}  // namespace

Status WriteVolume(const std::string& directory, const VolumeFiles& asked,
                   std::optional<std::uint32_t> group) {
  VolumeFiles files = asked;
  if (group) {
    for (auto& [path, file] : files) file.mode |= 0440;
  }
  const std::string data = directory + "/..data";
  char old[256] = {};
  const ssize_t length = ::readlink(data.c_str(), old, sizeof old - 1);
  if (length > 0 && Present(directory + "/" + old, group) == files) return {};
  if (auto made = MakeDirs(directory, kDirectoryMode); !made) return made;
  std::string next = directory + "/..data_XXXXXX";
  if (::mkdtemp(next.data()) == nullptr) return FailErrno("new version of " + directory);
  ::chmod(next.c_str(), kDirectoryMode);
  for (const auto& [path, file] : files) {
    if (auto written = WriteOne(next + "/" + path, file, group); !written) return written;
  }
  const std::string link = directory + "/..data_tmp", name = next.substr(next.rfind('/') + 1);
  ::unlink(link.c_str());
  if (::symlink(name.c_str(), link.c_str()) != 0) return FailErrno("link " + link);
  if (::rename(link.c_str(), data.c_str()) != 0) return FailErrno("swap " + data);
  if (length > 0) RemoveTree(directory + "/" + old);
  return LinkElements(directory, files);
}

void GiveToGroup(const std::string& directory, std::uint32_t group, bool only_if_root_differs) {
  const auto give = [group](const std::string& path) {
    struct stat info{};
    if (::lstat(path.c_str(), &info) != 0 || S_ISLNK(info.st_mode)) return;
    const bool is_directory = S_ISDIR(info.st_mode);
    const mode_t mode = (info.st_mode & 07777) | (is_directory ? 02770U : 0660U);
    if (info.st_gid != group)
      static_cast<void>(::chown(path.c_str(), static_cast<uid_t>(-1), group));
    if (mode != (info.st_mode & 07777)) ::chmod(path.c_str(), mode);
  };
  struct stat root{};
  if (::stat(directory.c_str(), &root) != 0) return;
  if (only_if_root_differs && root.st_gid == group && (root.st_mode & 02770) == 02770) return;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(directory, error)) give(entry.path());
  give(directory);
}

}  // namespace pgo::local
