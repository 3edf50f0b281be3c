// Container log files: a line each "TIME stdout F text", as container runtimes write them (CRI); P
// instead of F marks a piece of a line that is too long. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgo::local {

// Makes lines of the file from what a container wrote.
class LogFramer {
 public:
  // Whole lines; the rest is kept for the next call. `time`: now, as LogTime gives it.
  std::string Frame(std::string_view bytes, const std::string& time);
  // What is left at the end, as a line.
  std::string Rest(const std::string& time);

 private:
  std::string line_;
};

struct LogLine {
  std::string_view time, text;
  bool whole = true;
};
// Without the line feed. Nothing for what is not such a line.
std::optional<LogLine> ParseLogLine(std::string_view line);
// "2026-01-31T12:00:00.123456789Z": as text these sort as the times do.
std::string LogTime(std::int64_t wall_ns);

}  // namespace pgo::local
