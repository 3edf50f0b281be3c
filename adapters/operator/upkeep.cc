// `pgo-operator journal status|retention|compact`: looking after the journal of a stopped operator.
#include <unistd.h>

#include <array>
#include <cstdio>
#include <ctime>

#include "adapters/operator/operator.h"
#include "engine/base/ids.h"
#include "journal/store/journal.h"

namespace pgo {
namespace {

journal::Retention RetentionOf(const Options& options) {
  journal::Retention out;
  out.bytes_max = options.journal_bytes_max;
  out.age_max_us = options.journal_age_max_us;
  return out;
}

Result<std::unique_ptr<journal::Journal>> OpenStopped(const Options& options) {
  journal::JournalOptions how;
  how.create_if_missing = false;
  how.retention = RetentionOf(options);
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

journal::FrameTime NowTime() {
  return {static_cast<std::int64_t>(std::time(nullptr)) * kSecond, 0};
}

void PrintRetention(const journal::JournalStatus& before, std::size_t count,
                    const Options& options) {
  std::uint64_t bytes = 0;
  Json going = Json::array();
  for (std::size_t i = 0; i < count; ++i) {
    const journal::SegmentStatus& one = before.segments[i];
    bytes += one.bytes;
    going.push_back({{"segment", one.number},
                     {"first_seq", one.first_seq},
                     {"last_seq", one.last_seq},
                     {"last_wall_us", one.last_wall_us},
                     {"bytes", one.bytes}});
  }
  if (options.json) {
    const Json json = {{"applied", options.apply}, {"bytes", bytes}, {"segments", going}};
    std::printf("%s\n", DumpJson(json).c_str());
    return;
  }
  if (count == 0) std::printf("nothing is beyond the bounds\n");
  for (std::size_t i = 0; i < count; ++i) {
    const journal::SegmentStatus& one = before.segments[i];
    std::printf("segment %04u, records %llu..%llu until %s, %s: %s\n", one.number,
                static_cast<unsigned long long>(one.first_seq),
                static_cast<unsigned long long>(one.last_seq), TimeText(one.last_wall_us).c_str(),
                BytesText(one.bytes).c_str(), options.apply ? "given up" : "would go");
  }
  if (count > 0 && !options.apply) std::printf("nothing was changed; to do it, say --apply\n");
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
  if (!status->seals.empty()) {
    std::printf("records 1..%llu were given up, last on %s; %zu seals prove the chain\n",
                static_cast<unsigned long long>(status->first_seq - 1),
                TimeText(status->seals.back().dropped_wall_us).c_str(), status->seals.size());
  }
  PrintSegments(*status);
  return {};
}

Status RetainJournal(const Options& options) {
  const journal::Retention retention = RetentionOf(options);
  if (retention.bytes_max == 0 && retention.age_max_us == 0) {
    return Fail(Code::kInvalid,
                "journal retention: --journal-max-bytes or --journal-max-age must be given");
  }
  const auto opened = OpenStopped(options);
  if (!opened) return Fail(opened.error());
  const auto before = (*opened)->Describe();
  if (!before) return Fail(before.error());
  auto count = (*opened)->Expired(retention, NowTime());
  if (!count) return Fail(count.error());
  if (options.apply) {
    const auto dropped = (*opened)->Retain(NowTime());
    if (!dropped) return Fail(dropped.error());
    count = dropped->size();
  }
  PrintRetention(*before, *count, options);
  return {};
}

Status CompactJournal(const Options& options) {
  const auto opened = OpenStopped(options);
  if (!opened) return Fail(opened.error());
  const auto before = (*opened)->Describe();
  if (!before) return Fail(before.error());
  const bool terminal = isatty(STDERR_FILENO) != 0;
  const Status packed = (*opened)->Compact([&](std::uint32_t segment) {
    if (terminal) std::fprintf(stderr, "\rsegment %04u", segment);
    return true;
  });
  if (terminal) std::fprintf(stderr, "\r            \r");
  if (!packed) return Fail(packed.error());
  const auto after = (*opened)->Describe();
  if (!after) return Fail(after.error());
  std::printf("%zu segments packed: %s on disk, %s before\n", before->segments.size() - 1,
              BytesText(after->disk_bytes).c_str(), BytesText(before->disk_bytes).c_str());
  return {};
}

}  // namespace pgo
