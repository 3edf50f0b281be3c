#include "adapters/operator/standing.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

namespace pgo {

void Standing::Work(JournalPtr journal) {
  const std::scoped_lock lock(mutex_);
  journal_ = std::move(journal);
  why_still_.clear();
}

void Standing::Still(const std::string& why) {
  const std::scoped_lock lock(mutex_);
  why_still_ = why;
}

void Standing::Close() {
  JournalPtr last;  // closed outside of the lock
  const std::scoped_lock lock(mutex_);
  last = std::move(journal_);
}

void Standing::SetAmnesia(const std::string& why) {
  const std::scoped_lock lock(mutex_);
  amnesia_ = why;
}

Standing::JournalPtr Standing::journal() const {
  const std::scoped_lock lock(mutex_);
  return journal_;
}

std::string Standing::WhyStill() const {
  const std::scoped_lock lock(mutex_);
  return why_still_;
}

std::string Standing::Amnesia() const {
  const std::scoped_lock lock(mutex_);
  return amnesia_;
}

void ForgetCached(const std::string& directory) {
  std::error_code error;
  std::filesystem::directory_iterator files(directory, error);
  for (; !error && files != std::filesystem::directory_iterator(); files.increment(error)) {
    const int file = ::open(files->path().c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) continue;
    static_cast<void>(::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED));
    ::close(file);
  }
}

}  // namespace pgo
