#include "journal/store/table_check.h"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include "journal/format/wire.h"
#include "journal/store/live_tables.h"
#include "journal/store/log_check.h"

namespace pgo::journal {
namespace {

// table  = block* | footer
// block  = bytes | u8 compression | u32 checksum of both
// footer = u8 checksum type | handles of two blocks, padded[40] | u32 version | u64 magic
// handle = varint offset | varint size                      (of the bytes of a block)
constexpr std::size_t kFooterBytes = 53;
constexpr std::size_t kTrailerBytes = 5;
constexpr std::uint64_t kMagic = 0x88e241b785f4cff7;
constexpr std::uint8_t kNone = 0, kCrc32c = 1, kChecksumTypeMax = 4;
constexpr std::uint64_t kBlockMax = 16U << 20U;  // of the blocks looked at here

// What RocksDB accepts as a number, which need not be in its shortest form.
std::optional<std::uint64_t> TakeVarint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

class Table {
 public:
  Table(std::ifstream in, std::uint64_t size) : in_(std::move(in)), size_(size) {}

  // Nothing if it is whole; else what is damaged.
  std::string Damage() {
    const std::string footer = Read(size_ - kFooterBytes, kFooterBytes);
    if (footer.size() != kFooterBytes) return "";  // for RocksDB to judge
    if (GetFixed<std::uint64_t>(footer, kFooterBytes - 8) != kMagic) return "";
    const auto type = static_cast<std::uint8_t>(footer[0]);
    if (type == kNone || type > kChecksumTypeMax) return "says that its blocks carry no checksum";
    if (type != kCrc32c) return "";  // of an earlier release
    std::string_view handle = std::string_view(footer).substr(1);
    const auto index = Block(handle);
    if (!index) return "has a damaged index of its properties";
    const auto place = HandleOf(*index, "rocksdb.properties");
    if (!place) return "names no properties";
    std::string_view properties = *place;
    return Block(properties) ? "" : "has damaged properties";
  }

 private:
  std::string Read(std::uint64_t at, std::uint64_t count) {
    std::string bytes(static_cast<std::size_t>(count), '\0');
    in_.clear();
    in_.seekg(static_cast<std::streamoff>(at));
    in_.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(in_.gcount()));
    return bytes;
  }

  // The bytes of a block whose checksum is right.
  std::optional<std::string> Block(std::string_view& handle) {
    const auto at = TakeVarint(handle);
    const auto size = at ? TakeVarint(handle) : std::nullopt;
    if (!size || *size > kBlockMax || *at > size_ || *size + kTrailerBytes > size_ - *at) return {};
    std::string bytes = Read(*at, *size + kTrailerBytes);
    if (bytes.size() != *size + kTrailerBytes) return {};
    const auto checked = std::string_view(bytes).substr(0, bytes.size() - 4);
    if (MaskedCrc32c(checked) != GetFixed<std::uint32_t>(bytes, bytes.size() - 4)) return {};
    bytes.resize(*size);
    return bytes;
  }

  // entry = varint shared | varint rest | varint size of value | rest of key | value
  static std::optional<std::string> HandleOf(std::string_view block, std::string_view wanted) {
    std::string key;
    while (!block.empty()) {
      const auto shared = TakeVarint(block);
      const auto rest = TakeVarint(block);
      const auto size = TakeVarint(block);
      if (!shared || !rest || !size || *shared > key.size()) return {};
      if (*rest > block.size() || *size > block.size() - *rest) return {};
      key = key.substr(0, *shared) + std::string(block.substr(0, *rest));
      if (key == wanted) return std::string(block.substr(*rest, *size));
      block.remove_prefix(*rest + *size);
    }
    return {};
  }

  std::ifstream in_;
  std::uint64_t size_;
};

Status CheckTable(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) return Fail(Code::kUnavailable, path.string() + ": cannot be read");
  const auto size = static_cast<std::uint64_t>(in.tellg());
  if (size < kFooterBytes) return {};
  const std::string damage = Table(std::move(in), size).Damage();
  if (damage.empty()) return {};
  return Fail(Code::kCorrupt,
              "the journal is damaged: the table " + path.filename().string() + " " + damage);
}

}  // namespace

Status CheckTables(const std::string& directory) {
  const auto live = LiveTables(directory);
  std::error_code error;
  std::filesystem::directory_iterator files(directory, error);
  for (; !error && files != std::filesystem::directory_iterator(); files.increment(error)) {
    if (files->path().extension() != ".sst") continue;
    // One that was being written when the power went is nobody's.
    if (live && !live->contains(std::strtoull(files->path().stem().c_str(), nullptr, 10))) continue;
    if (Status checked = CheckTable(files->path()); !checked) return checked;
  }
  return error ? Fail(Code::kUnavailable, directory + ": " + error.message()) : Status();
}

}  // namespace pgo::journal
