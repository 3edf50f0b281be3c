#include "adapters/kube/credentials.h"

#include <algorithm>
#include <ctime>

#include "adapters/kube/file.h"

namespace pgo::kube {
namespace {

constexpr std::chrono::seconds kFresh{60};

Status Fill(std::string& into, const std::string& text, const std::string& file) {
  if (file.empty()) {
    if (!text.empty()) into = text;
    return {};
  }
  auto read = ReadWholeFile(file);
  if (!read) return Fail(read.error());
  into = std::move(*read);
  return {};
}

}  // namespace

Status Credentials::Read(Credential& credential) const {
  const Config& c = config_;
  for (Status filled :
       {Fill(credential.token, c.token, c.token_file), Fill(credential.ca_pem, c.ca_pem, c.ca_file),
        Fill(credential.certificate_pem, c.certificate_pem, c.certificate_file),
        Fill(credential.key_pem, c.key_pem, c.key_file)}) {
    if (!filled) return filled;
  }
  std::erase_if(credential.token, [](char ch) { return ch == '\n' || ch == '\r' || ch == ' '; });
  return {};
}

Result<Credential> Credentials::Get() {
  const std::lock_guard lock(mu_);
  const auto now = Clock::now();
  if (kept_ && now < until_) return *kept_;
  Credential fresh;
  std::chrono::seconds good = kFresh;
  if (config_.plugin) {
    std::int64_t until_s = 0;
    auto printed = RunPlugin(config_, until_s);
    if (!printed) return Fail(printed.error());
    fresh = std::move(*printed);
    const std::int64_t left = until_s - static_cast<std::int64_t>(std::time(nullptr));
    good = until_s == 0 ? std::chrono::hours(24)
                        : std::chrono::seconds(std::max<std::int64_t>(left - 10, 1));
  }
  const Status read = Read(fresh);
  if (!read) {
    // A file that is being replaced may be missing for a moment.
    if (kept_) return *kept_;
    return Fail(read.error());
  }
  kept_ = std::move(fresh);
  read_ = now;
  until_ = now + good;
  return *kept_;
}

void Credentials::Refused() {
  const std::lock_guard lock(mu_);
  if (Clock::now() - read_ > std::chrono::seconds(1)) until_ = Clock::time_point();
}

}  // namespace pgo::kube
