#include "journal/store/log_check.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

#include "journal/format/wire.h"
#include "journal/store/fence.h"
#include "journal/store/keys.h"

namespace pgo::journal {
namespace {

std::array<std::uint32_t, 256> MakeTable() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
    table[i] = crc;
  }
  return table;
}

// RocksDB's log: blocks of 32 KiB; a record never crosses one, but is cut into fragments.
//   fragment = u32 masked crc32c of (type | data) | u16 length | u8 type | data   (little endian)
constexpr std::size_t kBlockBytes = 32768;
constexpr std::size_t kFragmentHeadBytes = 7;
constexpr std::uint8_t kFragmentTypeMax = 4;  // full, first, middle, last; no recycled logs

// Size of the fragment that starts here; 0 if none can.
std::size_t FragmentBytes(std::string_view block, std::size_t at) {
  if (block.size() - at < kFragmentHeadBytes) return 0;
  const auto type = static_cast<std::uint8_t>(block[at + 6]);
  const std::size_t size = kFragmentHeadBytes + GetFixed<std::uint16_t>(block, at + 4);
  const bool fits = type >= 1 && type <= kFragmentTypeMax && size <= block.size() - at;
  return fits ? size : 0;
}

bool IsIntact(std::string_view block, std::size_t at) {
  const std::size_t size = FragmentBytes(block, at);
  return size != 0 &&
         GetFixed<std::uint32_t>(block, at) == MaskedCrc32c(block.substr(at + 6, size - 6));
}

// Where the walk over the fragments of a block stops before its end; npos if it does not.
std::size_t StopOf(std::string_view block) {
  std::size_t at = 0;
  while (at < block.size()) {
    const std::size_t size = FragmentBytes(block, at);
    if (size == 0) return at;
    at += size;
  }
  return std::string_view::npos;
}

std::string LogName(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(6 - std::min<std::size_t>(6, digits.size()), '0') + digits;
}

// Reads one log a block at a time and follows the numbers of its writes.
//   write = u64 number of its first entry | u32 entries | …      (over one or more fragments)
class WriteOrder {
 public:
  // The fence that an open began this log with, if it did.
  static std::optional<Fence> BegunWith(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::string head(kFragmentHeadBytes + kWriteHeadBytes + kFenceEntryMax, '\0');
    in.read(head.data(), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(in.gcount()));
    if (!IsIntact(head, 0)) return std::nullopt;
    const std::string_view write = std::string_view(head).substr(0, FragmentBytes(head, 0));
    const std::size_t key = write.find(std::string("\x05") + kFenceKey);  // its length, then itself
    if (key == std::string_view::npos || key + 7 > write.size()) return std::nullopt;
    const auto fence = ParseFence(write.substr(key + 7));
    const bool own = fence && path.stem() == LogName(fence->log);  // not a copy of another log
    return own ? fence : std::nullopt;
  }

  Status Read(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return Fail(Code::kUnavailable, path.string() + ": cannot be read");
    std::string block(kBlockBytes, '\0');
    Status status;
    for (std::uint64_t start = 0; status && in; start += kBlockBytes) {
      in.read(block.data(), static_cast<std::streamsize>(block.size()));
      const auto got = static_cast<std::size_t>(in.gcount());
      status = Block(std::string_view(block).substr(0, got), path.filename().string(), start);
    }
    return status;
  }

 private:
  Status Block(std::string_view block, const std::string& name, std::uint64_t start) {
    std::size_t size = 0;
    for (std::size_t at = 0; at < block.size(); at += size) {
      size = FragmentBytes(block, at);
      if (size == 0) return {};  // the rest is for RocksDB to judge
      const auto type = static_cast<std::uint8_t>(block[at + 6]);
      if (type != kFull && type != kFirst) continue;
      if (size < kFragmentHeadBytes + kWriteHeadBytes) continue;
      const auto number = GetFixed<std::uint64_t>(block, at + kFragmentHeadBytes);
      const auto entries = GetFixed<std::uint32_t>(block, at + kFragmentHeadBytes + 8);
      if (number < next_ && IsIntact(block, at)) {
        return Fail(Code::kCorrupt, "the journal is damaged: in the write-ahead log " + name +
                                        " the write at offset " + std::to_string(start + at) +
                                        " stands there a second time");
      }
      if (number >= next_) next_ = number + entries;
    }
    return {};
  }

  static constexpr std::uint8_t kFull = 1, kFirst = 2;
  static constexpr std::size_t kFenceEntryMax = 128;
  static constexpr std::size_t kWriteHeadBytes = 12;
  std::uint64_t next_ = 0;
};

Status CheckLog(const std::filesystem::path& path) {
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(path, error);
  std::ifstream in(path, std::ios::binary);
  if (error || !in) return Fail(Code::kUnavailable, path.string() + ": cannot be read");
  if (size == 0) return {};
  const std::uint64_t start = (size - 1) / kBlockBytes * kBlockBytes;  // of the last block
  std::string block(static_cast<std::size_t>(size - start), '\0');
  in.seekg(static_cast<std::streamoff>(start));
  in.read(block.data(), static_cast<std::streamsize>(block.size()));
  if (!in) return Fail(Code::kUnavailable, path.string() + ": cannot be read");
  const std::size_t stop = StopOf(block);
  if (stop == std::string_view::npos) return {};
  for (std::size_t at = stop + 1; at + kFragmentHeadBytes <= block.size(); ++at) {
    if (!IsIntact(block, at)) continue;
    return Fail(Code::kCorrupt, "the journal is damaged: in the write-ahead log " +
                                    path.filename().string() + " the record at offset " +
                                    std::to_string(start + stop) +
                                    " is broken while the one at offset " +
                                    std::to_string(start + at) + " is intact");
  }
  return {};
}

}  // namespace

std::uint32_t MaskedCrc32c(std::string_view bytes) {
  static const std::array<std::uint32_t, 256> table = MakeTable();
  std::uint32_t crc = 0xffffffffU;
  for (const char byte : bytes) {
    crc = table[(crc ^ static_cast<unsigned char>(byte)) & 0xffU] ^ (crc >> 8U);
  }
  crc = ~crc;
  return ((crc >> 15U) | (crc << 17U)) + 0xa282ead8U;
}

std::optional<std::size_t> TornAt(std::string_view log) {
  std::optional<std::size_t> torn;
  for (std::size_t start = 0; start < log.size(); start += kBlockBytes) {
    const std::string_view block = log.substr(start, kBlockBytes);
    std::size_t at = 0;
    while (!torn && at + kFragmentHeadBytes <= block.size()) {
      if (!IsIntact(block, at)) torn = start + at;
      at += std::max<std::size_t>(FragmentBytes(block, at), 1);
    }
    for (; torn && at + kFragmentHeadBytes <= block.size(); ++at) {
      if (IsIntact(block, at)) return std::nullopt;
    }
  }
  return torn;
}

Status CheckLogs(const std::string& directory) {
  std::error_code error;
  std::vector<std::filesystem::path> logs;
  std::filesystem::directory_iterator files(directory, error);
  for (; !error && files != std::filesystem::directory_iterator(); files.increment(error)) {
    if (files->path().extension() == ".log") logs.push_back(files->path());
  }
  if (error) return Fail(Code::kUnavailable, directory + ": " + error.message());
  std::sort(logs.begin(), logs.end());
  // A removal that a power loss undid brings a log back; RocksDB passes over it, and so do we.
  std::string oldest;
  for (const std::filesystem::path& log : logs) {
    if (const auto fence = WriteOrder::BegunWith(log)) oldest = LogName(fence->oldest_log);
  }
  WriteOrder order;
  for (const std::filesystem::path& log : logs) {
    if (log.stem().string() < oldest) continue;
    if (Status checked = CheckLog(log); !checked) return checked;
    if (Status checked = order.Read(log); !checked) return checked;
  }
  return {};
}

}  // namespace pgo::journal
