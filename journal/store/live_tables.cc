#include "journal/store/live_tables.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <string_view>

#include "journal/format/wire.h"
#include "journal/store/log_check.h"

namespace pgo::journal {
namespace {

// The manifest is a log as the write-ahead log is: fragments in blocks of 32 KiB.
constexpr std::size_t kBlockBytes = 32768;
constexpr std::size_t kHeadBytes = 7;
constexpr std::uint8_t kFull = 1, kFirst = 2, kLast = 4;

// Tags of a VersionEdit.
enum Tag : std::uint64_t {
  kComparator = 1,
  kLogNumber = 2,
  kNextFileNumber = 3,
  kLastSequence = 4,
  kDeletedFile = 6,
  kPrevLogNumber = 9,
  kMinLogNumberToKeep = 10,
  kNewFile4 = 103,
  kColumnFamily = 200,
  kColumnFamilyAdd = 201,
  kColumnFamilyDrop = 202,
  kMaxColumnFamily = 203,
  kInAtomicGroup = 300,
  kSafeToIgnore = 1U << 13U,  // and above: one string each
};
constexpr std::uint64_t kEndOfFields = 1;

// Takes numbers and strings off the front of an edit; what is missing makes it bad.
class Edit {
 public:
  explicit Edit(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] bool more() const { return good_ && !bytes_.empty(); }
  [[nodiscard]] bool good() const { return good_; }
  void Spoil() { good_ = false; }
  std::uint64_t Number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if (byte < 0x80) return value;
    }
    good_ = false;
    return 0;
  }
  void Text() {
    const std::uint64_t size = Number();
    if (!good_ || size > bytes_.size()) return Spoil();
    bytes_.remove_prefix(static_cast<std::size_t>(size));
  }

 private:
  std::string_view bytes_;
  bool good_ = true;
};

class Tables {
 public:
  // False if the edit is not understood.
  bool Take(std::string_view bytes) {
    Edit edit(bytes);
    std::uint64_t family = 0;
    std::set<std::uint64_t> made, gone;
    bool dropped = false;
    while (edit.more()) {
      const std::uint64_t tag = edit.Number();
      if (tag == kColumnFamily) {
        family = edit.Number();
      } else if (tag == kColumnFamilyDrop) {
        dropped = true;
      } else if (tag == kNewFile4) {
        made.insert(NewFile(edit));
      } else if (tag == kDeletedFile) {
        edit.Number();  // its level
        gone.insert(edit.Number());
      } else {
        Skip(tag, edit);
      }
    }
    if (!edit.good()) return false;
    auto& tables = families_[family];
    for (const auto number : gone) tables.erase(number);
    tables.merge(made);
    if (dropped) families_.erase(family);
    return true;
  }
  [[nodiscard]] std::set<std::uint64_t> All() const {
    std::set<std::uint64_t> out;
    for (const auto& [family, tables] : families_) out.insert(tables.begin(), tables.end());
    return out;
  }

 private:
  static std::uint64_t NewFile(Edit& edit) {
    edit.Number();  // level
    const std::uint64_t number = edit.Number();
    edit.Number();  // size
    edit.Text();    // smallest key
    edit.Text();    // largest key
    edit.Number();  // smallest sequence number
    edit.Number();  // largest
    while (edit.good() && edit.Number() != kEndOfFields) edit.Text();
    return number;
  }
  static void Skip(std::uint64_t tag, Edit& edit) {
    switch (tag) {
      case kComparator:
      case kColumnFamilyAdd:
        return edit.Text();
      case kLogNumber:
      case kNextFileNumber:
      case kLastSequence:
      case kPrevLogNumber:
      case kMinLogNumberToKeep:
      case kMaxColumnFamily:
      case kInAtomicGroup:
        edit.Number();
        return;
      default:
        return (tag & kSafeToIgnore) != 0 ? edit.Text() : edit.Spoil();
    }
  }

  std::map<std::uint64_t, std::set<std::uint64_t>> families_;
};

// The fragment at `at`, or nothing where the manifest's intact part ends.
std::string_view FragmentAt(std::string_view file, std::size_t at) {
  const std::size_t left = std::min(kBlockBytes - at % kBlockBytes, file.size() - at);
  if (left < kHeadBytes) return {};
  const std::size_t size = kHeadBytes + GetFixed<std::uint16_t>(file, at + 4);
  if (size > left) return {};
  const std::string_view fragment = file.substr(at, size);
  const bool intact = GetFixed<std::uint32_t>(fragment, 0) == MaskedCrc32c(fragment.substr(6));
  return intact ? fragment : std::string_view();
}

}  // namespace

std::optional<std::set<std::uint64_t>> LiveTables(const std::string& directory) {
  std::string name;
  if (std::ifstream current(directory + "/CURRENT"); !std::getline(current, name)) return {};
  std::ifstream in(directory + "/" + name, std::ios::binary);
  const std::string file{std::istreambuf_iterator<char>(in), {}};
  Tables tables;
  std::string edit;
  for (std::size_t at = 0; at < file.size();) {
    if (kBlockBytes - at % kBlockBytes < kHeadBytes) {  // padding
      at += kBlockBytes - at % kBlockBytes;
      continue;
    }
    const std::string_view fragment = FragmentAt(file, at);
    if (fragment.empty()) break;
    const auto type = static_cast<std::uint8_t>(fragment[6]);
    if (type == kFull || type == kFirst) edit.clear();
    edit += fragment.substr(kHeadBytes);
    if ((type == kFull || type == kLast) && !tables.Take(edit)) return {};
    if (type > kLast) return {};
    at += fragment.size();
  }
  return file.empty() ? std::nullopt : std::optional(tables.All());
}

}  // namespace pgo::journal
