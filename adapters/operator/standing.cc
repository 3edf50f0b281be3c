#include "adapters/operator/standing.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "engine/base/ids.h"

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

void Standing::SetRole(const Role& role) {
  const std::scoped_lock lock(mutex_);
  role_ = role;
}

Role Standing::role() const {
  const std::scoped_lock lock(mutex_);
  return role_;
}

std::string_view RoleName(const Role& role) {
  switch (role.what) {
    case Role::What::kWaiting:
      return "waiting";
    case Role::What::kFollowing:
      return "follower";
    case Role::What::kLeading:
      return "leader";
  }
  return "";
}

std::int64_t BehindSeconds(const Role& role, std::int64_t now_us) {
  if (role.what == Role::What::kLeading) return 0;
  return role.in_step_us == 0 ? -1 : std::max<std::int64_t>(now_us - role.in_step_us, 0) / kSecond;
}

std::string WhyNoStandby(const Role& role, std::int64_t now_us) {
  constexpr std::int64_t kPatienceS = 15;
  if (role.broken) return role.why;
  if (role.what != Role::What::kFollowing) return "";
  const std::int64_t behind = BehindSeconds(role, now_us);
  if (behind >= 0 && behind <= kPatienceS) return "";
  return "following " + role.leader +
         (behind < 0 ? ", and has not got all of its records yet"
                     : ", and was last in step " + std::to_string(behind) + " s ago") +
         (role.why.empty() ? "" : ": " + role.why);
}

std::int64_t BootMicros() {
  timespec at{};
  ::clock_gettime(CLOCK_BOOTTIME, &at);
  return static_cast<std::int64_t>(at.tv_sec) * kSecond + at.tv_nsec / 1000;
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

bool Standing::SetAbsent(const std::string& kind, bool absent) {
  const std::scoped_lock lock(mutex_);
  return absent ? absent_.insert(kind).second : absent_.erase(kind) > 0;
}

std::string Standing::WhyBlind() const {
  const std::scoped_lock lock(mutex_);
  if (absent_.empty()) return "";
  std::string kinds;
  for (const std::string& kind : absent_) kinds += (kinds.empty() ? "" : ", ") + kind;
  return "the API server knows no " + kinds +
         (absent_.contains("PostgresCluster")
              ? ": install its definition (kubectl apply --server-side -f "
                "crds/postgrescluster.yaml, or the Helm chart)"
              : "") +
         "; it goes on by itself then";
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
