#include "adapters/local/node/log_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "adapters/local/node/log_format.h"

namespace pgo::local {
namespace {

// The last so many lines of a text.
std::string Tail(std::string text, std::int64_t lines) {
  if (lines < 0) return text;
  if (lines == 0) return {};
  std::size_t from = text.size();
  for (std::int64_t seen = 0; from > 0; --from) {
    if (text[from - 1] == '\n' && from != text.size() && ++seen >= lines) break;
  }
  return text.substr(from);
}

// Another file has taken the path.
bool Rotated(int fd, const std::string& path) {
  struct stat ours{}, there{};
  return ::fstat(fd, &ours) == 0 && ::stat(path.c_str(), &there) == 0 &&
         ours.st_ino != there.st_ino;
}

}  // namespace

LogFileReader::LogFileReader(std::string path, LogOptions options)
    : path_(std::move(path)), options_(std::move(options)), left_(options_.limit_bytes) {}

void LogFileReader::ReadFile() {
  while (true) {
    if (!file_.valid()) file_.Reset(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file_.valid()) return;
    char buffer[65536];
    ssize_t n = 0;
    while ((n = ::read(file_.get(), buffer, sizeof buffer)) > 0)
      pending_.append(buffer, static_cast<std::size_t>(n));
    if (!Rotated(file_.get(), path_)) return;
    file_.Reset();
  }
}

std::string LogFileReader::Render() {
  std::string out;
  std::size_t at = 0;
  for (std::size_t end = 0; (end = pending_.find('\n', at)) != std::string::npos; at = end + 1) {
    const auto line = ParseLogLine(std::string_view(pending_).substr(at, end - at));
    if (!line || (!options_.since.empty() && line->time < options_.since)) continue;
    if (options_.timestamps) out.append(line->time).append(" ");
    out += line->text;
    if (line->whole) out += '\n';
  }
  pending_.erase(0, at);
  return out;
}

std::string LogFileReader::Read() {
  if (Full()) return {};
  if (first_) pending_ = pgo::local::ReadFile(path_ + ".1").value_or("");
  ReadFile();
  std::string out = Render();
  if (first_) out = Tail(std::move(out), options_.tail_lines);
  first_ = false;
  if (left_ >= 0) {
    out.resize(std::min(out.size(), static_cast<std::size_t>(left_)));
    left_ -= static_cast<std::int64_t>(out.size());
  }
  return out;
}

}  // namespace pgo::local
