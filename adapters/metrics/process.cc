#include "adapters/metrics/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace pgo::metrics {
namespace {

// Fields of /proc/self/stat behind the name, which may hold blanks; the first is number 3 of
// proc(5).
std::vector<std::string> StatFields() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const auto end = line.rfind(')');
  std::vector<std::string> fields;
  if (end == std::string::npos) return fields;
  std::istringstream rest(line.substr(end + 1));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

double BootSeconds() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return 0;
}

double OpenDescriptors() {
  std::error_code error;
  double count = 0;
  std::filesystem::directory_iterator entries("/proc/self/fd", error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    ++count;
  }
  return count - 1;  // the one that reads the folder
}

}  // namespace

Process::Process(Registry& registry)
    : cpu_(registry.Counter("process_cpu_seconds_total",
                            "Processor time used, of user and system, in seconds.")),
      resident_(registry.Gauge("process_resident_memory_bytes", "Memory in RAM, in bytes.")),
      virtual_(registry.Gauge("process_virtual_memory_bytes", "Memory mapped, in bytes.")),
      descriptors_(registry.Gauge("process_open_fds", "Open file descriptors.")),
      descriptors_max_(registry.Gauge("process_max_fds", "Most file descriptors allowed.")),
      threads_(registry.Gauge("process_threads", "Threads.")),
      started_(registry.Gauge("process_start_time_seconds",
                              "When the process started, in seconds since the Unix epoch.")) {}

void Process::Refresh() {
  // Numbers of proc(5): 14 utime, 15 stime, 20 num_threads, 22 starttime, 23 vsize, 24 rss.
  const auto fields = StatFields();
  if (fields.size() < 22) return;
  const auto number = [&](std::size_t which) { return std::stod(fields[which - 3]); };
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  cpu_.Set({}, (number(14) + number(15)) / ticks);
  threads_.Set({}, number(20));
  started_.Set({}, BootSeconds() + number(22) / ticks);
  virtual_.Set({}, number(23));
  resident_.Set({}, number(24) * static_cast<double>(sysconf(_SC_PAGESIZE)));
  descriptors_.Set({}, OpenDescriptors());
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    descriptors_max_.Set({}, static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace pgo::metrics
