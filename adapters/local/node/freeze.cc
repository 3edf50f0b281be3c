#include "adapters/local/node/freeze.h"

#include <dirent.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "adapters/local/node/sys.h"

namespace pgo::local {
namespace {

constexpr std::int64_t kPatienceMs = 2000;

// The state letter of /proc/PID/stat (proc_pid_stat(5)); 'X' if it is gone.
char StateOf(const char* pid) {
  const std::string stat = ReadFile(std::string("/proc/") + pid + "/stat").value_or("");
  const std::size_t name_end = stat.rfind(')');
  return name_end == std::string::npos || name_end + 2 >= stat.size() ? 'X' : stat[name_end + 2];
}

// Whether every process but the caller is as wanted; the dead ones do not count. `patient`: one
// that waits in the kernel (for a child it forked to start, for a disk) is not stopped yet.
bool AllAre(bool frozen, bool patient) {
  DIR* proc = ::opendir("/proc");
  if (proc == nullptr) return false;
  bool all = true;
  while (const dirent* entry = ::readdir(proc)) {
    const pid_t pid = std::atoi(entry->d_name);
    if (pid <= 0 || pid == ::getpid()) continue;
    const char state = StateOf(entry->d_name);
    if (state == 'Z' || state == 'X' || (state == 'D' && !patient)) continue;
    all = all && (state == 'T') == frozen;
  }
  ::closedir(proc);
  return all;
}

}  // namespace

bool SetAllFrozen(bool frozen) {
  const std::int64_t deadline = MonotonicMs() + kPatienceMs;
  do {
    // What was being forked at one pass is there at the next.
    ::kill(-1, frozen ? SIGSTOP : SIGCONT);
    if (AllAre(frozen, true)) return true;
    ::usleep(1000);
  } while (MonotonicMs() < deadline);
  return AllAre(frozen, false);
}

}  // namespace pgo::local
