#include "journal/store/log_check.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

#include "journal/format/wire.h"

namespace pgo::journal {
namespace {

// RocksDB's log: blocks of 32 KiB; a record never crosses one, but is cut into fragments.
//   fragment = u32 masked crc32c of (type | data) | u16 length | u8 type | data   (little endian)
constexpr std::size_t kBlockBytes = 32768;
constexpr std::size_t kFragmentHeadBytes = 7;
constexpr std::uint8_t kFragmentTypeMax = 4;  // full, first, middle, last; no recycled logs

std::array<std::uint32_t, 256> MakeTable() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
    table[i] = crc;
  }
  return table;
}

std::uint32_t MaskedCrc32c(std::string_view bytes) {
  static const std::array<std::uint32_t, 256> table = MakeTable();
  std::uint32_t crc = 0xffffffffU;
  for (const char byte : bytes) {
    crc = table[(crc ^ static_cast<unsigned char>(byte)) & 0xffU] ^ (crc >> 8U);
  }
  crc = ~crc;
  return ((crc >> 15U) | (crc << 17U)) + 0xa282ead8U;
}

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

Status CheckLogs(const std::string& directory) {
  std::error_code error;
  std::vector<std::filesystem::path> logs;
  std::filesystem::directory_iterator files(directory, error);
  for (; !error && files != std::filesystem::directory_iterator(); files.increment(error)) {
    if (files->path().extension() == ".log") logs.push_back(files->path());
  }
  if (error) return Fail(Code::kUnavailable, directory + ": " + error.message());
  for (const std::filesystem::path& log : logs) {
    if (Status checked = CheckLog(log); !checked) return checked;
  }
  return {};
}

}  // namespace pgo::journal
