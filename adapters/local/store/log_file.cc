#include "adapters/local/store/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "engine/base/json.h"

namespace pgo::local {
namespace {

std::string Line(std::uint64_t version, const Key& key, const Json* object) {
  Json line = {{"v", version},
               {"g", key.resource.group},
               {"p", key.resource.plural},
               {"ns", key.ns},
               {"n", key.name}};
  if (object != nullptr) line["o"] = *object;
  return DumpJson(line) + "\n";
}

Status Failed(const std::string& what) {
  return Fail(Code::kUnavailable, what + ": " + std::strerror(errno));
}

Status Read(const std::string& path, Objects& objects, std::uint64_t& version) {
  std::ifstream in(path);
  std::string text;
  std::size_t number = 0;
  while (std::getline(in, text)) {
    ++number;
    const auto line = ParseJson(text);
    if (!line || !line->is_object()) {
      if (in.peek() == std::ifstream::traits_type::eof()) break;  // torn: it was never acknowledged
      return Fail(Code::kCorrupt, path + " line " + std::to_string(number) + " is not an object");
    }
    const Key key{{GetString(*line, {"g"}), GetString(*line, {"p"})},
                  GetString(*line, {"ns"}),
                  GetString(*line, {"n"})};
    version = std::max(version, static_cast<std::uint64_t>(GetInt(*line, {"v"})));
    if (key.name.empty()) continue;  // only the version
    if (const Json* object = Find(*line, "o")) {
      objects[key] = std::make_shared<const Json>(*object);
    } else {
      objects.erase(key);
    }
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<LogFile>> LogFile::Open(const std::string& directory, Objects& objects,
                                               std::uint64_t& version) {
  ::mkdir(directory.c_str(), 0700);
  const std::string path = directory + "/objects.jsonl";
  if (auto read = Read(path, objects, version); !read) return tl::unexpected(read.error());
  std::unique_ptr<LogFile> file(new LogFile(path, -1));
  if (auto compact = file->Compact(version, objects); !compact)
    return tl::unexpected(compact.error());
  return file;
}

LogFile::~LogFile() {
  if (fd_ >= 0) ::close(fd_);
}

Status LogFile::Append(std::uint64_t version, const Key& key, const Json* object,
                       const Objects& objects) {
  ++lines_;
  if (lines_ > 2000 && lines_ > 8 * objects.size()) return Compact(version, objects);
  return WriteAll(fd_, Line(version, key, object));
}

Status LogFile::Compact(std::uint64_t version, const Objects& objects) {
  const std::string next = path_ + ".next";
  const int fd = ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_APPEND, 0600);
  if (fd < 0) return Failed("open " + next);
  std::string bytes = Line(version, Key{}, nullptr);
  for (const auto& [key, object] : objects) bytes += Line(version, key, object.get());
  if (auto written = WriteAll(fd, bytes); !written) {
    ::close(fd);
    return written;
  }
  if (::rename(next.c_str(), path_.c_str()) != 0) {
    ::close(fd);
    return Failed("rename " + next);
  }
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
  lines_ = objects.size();
  return {};
}

Status LogFile::WriteAll(int fd, const std::string& bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed("write " + path_);
    done += static_cast<std::size_t>(n);
  }
  return {};
}

}  // namespace pgo::local
