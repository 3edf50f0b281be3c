#include "adapters/cli/pager.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>

namespace pgo::cli {
namespace {

bool Installed(const std::string& program) {
  const char* path = std::getenv("PATH");
  const std::string all = path == nullptr ? "/usr/bin:/bin" : path;
  for (std::size_t from = 0; from <= all.size();) {
    const std::size_t to = std::min(all.find(':', from), all.size());
    const std::string file = all.substr(from, to - from) + "/" + program;
    if (access(file.c_str(), X_OK) == 0) return true;
    from = to + 1;
  }
  return false;
}

std::string Wanted() {
  const char* named = std::getenv("PAGER");
  if (named != nullptr) return std::string(named) == "cat" ? "" : named;
  return Installed("less") ? "less" : "";
}

[[noreturn]] void Become(const std::string& command, int input) {
  dup2(input, STDIN_FILENO);
  close(input);
  setenv("LESS", "FRX", 0);  // what the person has set goes before
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGPIPE, SIG_DFL);
  execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
  _exit(127);
}

}  // namespace

Pager::Pager(Output& out) : out_(out) {
  const std::string command = out.terminal() ? Wanted() : "";
  int ends[2] = {-1, -1};
  if (command.empty() || pipe2(ends, O_CLOEXEC) != 0) return;
  child_ = fork();
  if (child_ == 0) Become(command, ends[0]);
  close(ends[0]);
  if (child_ < 0 || (pipe_ = fdopen(ends[1], "w")) == nullptr) {
    close(ends[1]);
    return;
  }
  std::signal(SIGINT, SIG_IGN);  // it is the pager's while it runs
  out_.Redirect(pipe_);
}

Pager::~Pager() {
  if (child_ <= 0) return;
  if (pipe_ != nullptr) {
    out_.Redirect(stdout);
    std::fclose(pipe_);
  }
  while (waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace pgo::cli
