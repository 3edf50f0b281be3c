// `pgo-operator journal status`: looking after the journal of a stopped operator.
#include <array>
#include <cstdio>
#include <ctime>

#include "adapters/operator/operator.h"
#include "engine/base/ids.h"
#include "journal/store/journal.h"

namespace pgo {
namespace {

Result<std::unique_ptr<journal::Journal>> OpenStopped(const Options& options) {
  journal::JournalOptions how;
  how.create_if_missing = false;
  auto opened = journal::Journal::Open(options.data_directory + "/journal", how);
  if (!opened) return Fail(opened.error().In("journal of " + options.data_directory));
  return opened;
}

std::string TimeText(std::int64_t wall_us) {
  const auto seconds = static_cast<std::time_t>(wall_us / kSecond);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

std::string BytesText(std::uint64_t bytes) {
  std::array<char, 32> text{};
  const auto value = static_cast<double>(bytes);
  if (bytes < 10'000) {
    std::snprintf(text.data(), text.size(), "%.0f B", value);
  } else if (bytes < 10'000'000) {
    std::snprintf(text.data(), text.size(), "%.1f kB", value / 1e3);
  } else {
    std::snprintf(text.data(), text.size(), "%.1f MB", value / 1e6);
  }
  return text.data();
}

void PrintSegments(const journal::JournalStatus& status) {
  std::printf("%-8s %12s %12s  %-20s  %-20s %10s\n", "SEGMENT", "FROM", "TO", "SINCE", "UNTIL",
              "SIZE");
  for (const journal::SegmentStatus& one : status.segments) {
    const bool empty = one.first_seq == 0;
    std::printf("%04u     %12llu %12llu  %-20s  %-20s %10s%s\n", one.number,
                static_cast<unsigned long long>(one.first_seq),
                static_cast<unsigned long long>(one.last_seq),
                empty ? "-" : TimeText(one.first_wall_us).c_str(),
                empty ? "-" : TimeText(one.last_wall_us).c_str(), BytesText(one.bytes).c_str(),
                one.active ? "  active" : "");
  }
}

}  // namespace

Status ShowJournal(const Options& options) {
  const auto opened = OpenStopped(options);
  if (!opened) return Fail(opened.error());
  const auto status = (*opened)->Describe();
  if (!status) return Fail(status.error());
  if (options.json) {
    std::printf("%s\n", journal::StatusJson(*status).c_str());
    return {};
  }
  std::printf("journal %s: records %llu..%llu, epoch %llu, head %s, %s on disk\n",
              journal::HexOf(status->head.journal_id).c_str(),
              static_cast<unsigned long long>(status->first_seq),
              static_cast<unsigned long long>(status->head.seq),
              static_cast<unsigned long long>(status->head.epoch),
              journal::HexOf(status->head.chain).c_str(), BytesText(status->disk_bytes).c_str());
  PrintSegments(*status);
  return {};
}

}  // namespace pgo
