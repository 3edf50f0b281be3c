#include "adapters/cli/interrupt.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>

namespace pgo::cli {
namespace {

constexpr std::size_t kPathMax = 4096;

struct Slot {
  std::atomic<int> state{0};  // 0 free, 1 being filled, 2 in use
  char file[kPathMax] = {};
  char directory[kPathMax] = {};
};
std::array<Slot, 8> slots;

// Nothing here but what signal-safety(7) allows.
void End(int signal) {
  for (Slot& slot : slots) {
    if (slot.state.load() != 2) continue;
    unlink(slot.file);
    if (slot.directory[0] != '\0') rmdir(slot.directory);
  }
  _exit(128 + signal);
}

}  // namespace

void EndOnSignals() {
  struct sigaction action = {};
  action.sa_handler = End;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

RemovedOnSignal::RemovedOnSignal(const std::string& file, const std::string& directory)
    : slot_(-1) {
  if (file.size() >= kPathMax || directory.size() >= kPathMax) return;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    int free = 0;
    if (!slots[i].state.compare_exchange_strong(free, 1)) continue;
    std::memcpy(slots[i].file, file.c_str(), file.size() + 1);
    std::memcpy(slots[i].directory, directory.c_str(), directory.size() + 1);
    slots[i].state.store(2);
    slot_ = static_cast<int>(i);
    return;
  }
}

RemovedOnSignal::~RemovedOnSignal() {
  if (slot_ >= 0) slots[static_cast<std::size_t>(slot_)].state.store(0);
}

}  // namespace pgo::cli
