#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "adapters/local/node/node_init.h"
#include "adapters/local/node/sys.h"

namespace pgo::local {

void PauseMain(int go, const std::string& hostname, const std::string& address,
               const std::string& gateway) {
  ::prctl(PR_SET_NAME, "pause");
  ::sethostname(hostname.c_str(), hostname.size());
  ::setsid();
  char byte = 0;
  if (::read(go, &byte, 1) != 1) ::_exit(1);
  auto up = SetUpInterface("lo", "127.0.0.1", 8, "");
  if (up) up = SetUpInterface("eth0", address, 24, gateway);
  WriteAll(go, up ? "ok" : up.error().message);
  ::syscall(436 /* close_range */, 0U, ~0U, 0U);
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  while (true) {
    siginfo_t info;
    ::sigwaitinfo(&all, &info);
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
}

}  // namespace pgo::local
