#include "adapters/local/node/log_format.h"

#include <algorithm>

#include "adapters/local/node/sys.h"

namespace pgo::local {
namespace {

constexpr std::size_t kLineMax = 16 * 1024;

std::string Line(const std::string& time, char tag, std::string_view text) {
  std::string out = time + " stdout ";
  out += tag;
  out += ' ';
  out += text;
  return out + "\n";
}

}  // namespace

std::string LogFramer::Frame(std::string_view bytes, const std::string& time) {
  std::string out;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::size_t size = std::min({end, bytes.size(), kLineMax - line_.size()});
    line_ += bytes.substr(0, size);
    bytes.remove_prefix(size);
    const bool whole = !bytes.empty() && bytes.front() == '\n';
    if (!whole && line_.size() < kLineMax) break;
    if (whole) bytes.remove_prefix(1);
    out += Line(time, whole ? 'F' : 'P', line_);
    line_.clear();
  }
  return out;
}

std::string LogFramer::Rest(const std::string& time) {
  std::string out = line_.empty() ? std::string() : Line(time, 'P', line_);
  line_.clear();
  return out;
}

std::optional<LogLine> ParseLogLine(std::string_view line) {
  const std::size_t time = line.find(' ');
  if (time == std::string_view::npos) return std::nullopt;
  const std::size_t stream = line.find(' ', time + 1);
  if (stream == std::string_view::npos || line.size() < stream + 3 || line[stream + 2] != ' ')
    return std::nullopt;
  const char tag = line[stream + 1];
  if (tag != 'F' && tag != 'P') return std::nullopt;
  return LogLine{line.substr(0, time), line.substr(stream + 3), tag == 'F'};
}

std::string LogTime(std::int64_t wall_ns) {
  const std::string text = Rfc3339(wall_ns / 1'000'000);  // "…:00Z"
  return text.substr(0, text.size() - 1) + "." +
         std::to_string(1'000'000'000 + wall_ns % 1'000'000'000).substr(1) + "Z";
}

}  // namespace pgo::local
