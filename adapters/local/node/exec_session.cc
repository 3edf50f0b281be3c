#include "adapters/local/node/exec_session.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <thread>

namespace pgo::local {
namespace {

constexpr int kRunning = -1000;
// Output that comes after the end, from what the command left behind, is waited for so long.
constexpr std::int64_t kLingerMs = 500;

class Streams : public CommandStreams, public std::enable_shared_from_this<Streams> {
 public:
  Status Start(const ExecRequest& request) {
    on_stdout_ = request.on_stdout;
    on_stderr_ = request.on_stderr;
    on_exit_ = request.on_exit;
    if (auto opened = request.terminal ? OpenTerminal(request) : OpenPipes(request); !opened)
      return opened;
    wake_.Reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    // The thread keeps the streams alive until the command's end is told.
    std::thread([self = shared_from_this()] { self->Run(); }).detach();
    return {};
  }

  Status OpenPipes(const ExecRequest& request) {
    auto in = MakePipe(), out = MakePipe(), err = MakePipe();
    if (!in || !out || !err) return FailErrno("pipes of a command");
    const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    their_in_ = request.has_stdin ? std::move(in->read)
                                  : UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (request.has_stdin) stdin_ = std::move(in->write);
    if (stdin_.valid()) ::fcntl(stdin_.get(), F_SETFL, O_NONBLOCK);
    stdout_ = std::move(out->read);
    stderr_ = std::move(err->read);
    their_out_ = std::move(out->write);
    their_err_ = std::move(err->write);
    return {};
  }

  // The command gets the other side of a new terminal, without a name in its own file system.
  Status OpenTerminal(const ExecRequest& request) {
    UniqueFd ours(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!ours.valid() || ::unlockpt(ours.get()) != 0) return FailErrno("a terminal");
    their_in_.Reset(::ioctl(ours.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    their_out_.Reset(::fcntl(their_in_.get(), F_DUPFD_CLOEXEC, 3));
    their_err_.Reset(::fcntl(their_in_.get(), F_DUPFD_CLOEXEC, 3));
    if (!their_err_.valid()) return FailErrno("a terminal");
    ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
    if (request.has_stdin) stdin_.Reset(::fcntl(ours.get(), F_DUPFD_CLOEXEC, 3));
    terminal_.Reset(::fcntl(ours.get(), F_DUPFD_CLOEXEC, 3));
    stdout_ = std::move(ours);
    return {};
  }

  std::vector<int> TheirFds() const override {
    return {their_in_.get(), their_out_.get(), their_err_.get()};
  }
  void CloseTheirs() override {
    their_in_.Reset();
    their_out_.Reset();
    their_err_.Reset();
  }
  void WriteStdin(std::string_view bytes) override {
    {
      const std::lock_guard lock(mu_);
      input_ += bytes;
    }
    Wake();
  }
  void CloseStdin() override {
    {
      const std::lock_guard lock(mu_);
      input_over_ = true;
    }
    Wake();
  }
  void Hold(bool held) override {
    held_ = held;
    Wake();
  }
  void Resize(int columns, int rows) override {
    winsize size{};
    size.ws_col = static_cast<unsigned short>(columns);
    size.ws_row = static_cast<unsigned short>(rows);
    if (terminal_.valid()) ::ioctl(terminal_.get(), TIOCSWINSZ, &size);
  }
  void Exited(int code) override {
    exit_ = code;
    Wake();
  }

 private:
  void Wake() {
    const std::uint64_t one = 1;
    static_cast<void>(::write(wake_.get(), &one, sizeof one));
  }

  void Run() {
    std::int64_t over_at = 0;
    while (true) {
      const bool held = held_ && (exit_ == kRunning || exit_ >= 0);
      if (!held && !stdout_.valid() && !stderr_.valid() && exit_ != kRunning) break;
      if (!held && exit_ != kRunning && over_at == 0) over_at = MonotonicMs() + kLingerMs;
      const std::int64_t left = over_at == 0 ? -1 : over_at - MonotonicMs();
      if (over_at != 0 && left <= 0) break;
      const bool writing = !held && FeedInput();
      pollfd polls[] = {{wake_.get(), POLLIN, 0},
                        {held ? -1 : stdout_.get(), POLLIN, 0},
                        {held ? -1 : stderr_.get(), POLLIN, 0},
                        {writing ? stdin_.get() : -1, POLLOUT, 0}};
      ::poll(polls, 4, static_cast<int>(left));
      std::uint64_t count = 0;
      static_cast<void>(::read(wake_.get(), &count, sizeof count));
      if (polls[1].revents != 0) Copy(stdout_, on_stdout_);
      if (polls[2].revents != 0) Copy(stderr_, on_stderr_);
    }
    if (on_exit_) on_exit_(exit_);
  }

  static void Copy(UniqueFd& from, const std::function<void(std::string_view)>& to) {
    char buffer[32768];
    const ssize_t n = ::read(from.get(), buffer, sizeof buffer);
    if (n > 0 && to) to({buffer, static_cast<std::size_t>(n)});
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) from.Reset();
  }

  // True while there is input that the command does not take yet.
  bool FeedInput() {
    const std::lock_guard lock(mu_);
    while (stdin_.valid() && !input_.empty()) {
      const ssize_t n = ::write(stdin_.get(), input_.data(), input_.size());
      if (n < 0 && errno == EAGAIN) return true;
      if (n < 0) {
        stdin_.Reset();
        break;
      }
      input_.erase(0, static_cast<std::size_t>(n));
    }
    if (input_over_) stdin_.Reset();
    return false;
  }

  UniqueFd terminal_;  // for its size; empty without one
  UniqueFd stdin_, stdout_, stderr_, wake_;
  UniqueFd their_in_, their_out_, their_err_;
  std::function<void(std::string_view)> on_stdout_, on_stderr_;
  std::function<void(int)> on_exit_;
  std::mutex mu_;
  std::string input_;
  bool input_over_ = false;
  std::atomic<int> exit_ = kRunning;
  std::atomic<bool> held_ = false;
};

}  // namespace

Result<std::shared_ptr<CommandStreams>> CommandStreams::Open(const ExecRequest& request) {
  auto streams = std::make_shared<Streams>();
  if (auto started = streams->Start(request); !started) return Fail(started.error());
  return streams;
}

}  // namespace pgo::local
