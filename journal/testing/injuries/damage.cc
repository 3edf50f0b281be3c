#include "journal/testing/injuries/damage.h"

#include <algorithm>
#include <filesystem>

#include "journal/testing/injuries/files.h"

namespace pgo::journal::injuries {
namespace {

namespace fs = std::filesystem;

// How often a file is chosen; what RocksDB never reads back is left alone most of the time.
unsigned Weight(const std::string& name) {
  if (name.ends_with(".log") || name.ends_with(".sst")) return 12;
  if (name.starts_with("MANIFEST")) return 24;
  if (name == "CURRENT") return 4;
  return 1;
}

std::string Choose(const std::vector<std::string>& names, Random& random) {
  unsigned total = 0;
  for (const std::string& name : names) total += Weight(name);
  if (total == 0) return "";
  unsigned at = static_cast<unsigned>(random() % total);
  for (const std::string& name : names) {
    if (at < Weight(name)) return name;
    at -= Weight(name);
  }
  return "";
}

std::string Noise(std::size_t size, Random& random) {
  const bool zeros = random() % 3 == 0;
  std::string out(size, '\0');
  for (char& byte : out) byte = zeros ? '\0' : static_cast<char>(random());
  return out;
}

// A place in the file; often near its end, where logs grow and where tables have their footer.
std::size_t Place(std::size_t size, Random& random) {
  const std::size_t near = std::min<std::size_t>(size, 600);
  return random() % 3 == 0 ? size - 1 - random() % near : random() % size;
}

void DamageBytes(std::string& bytes, std::size_t at, Damage damage, Random& random) {
  const std::size_t size =
      std::min(bytes.size() - at, 1 + random() % (random() % 2 == 0 ? 16 : 4096));
  switch (damage) {
    case Damage::kFlipBit:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8)));
      break;
    case Damage::kFlipByte:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 + random() % 255));
      break;
    case Damage::kZeroBlock:
      bytes.replace(at, size, size, '\0');
      break;
    case Damage::kNoiseBlock:
      bytes.replace(at, size, Noise(size, random));
      break;
    case Damage::kCut:
      bytes.resize(at);
      break;
    case Damage::kExtend:
      bytes += random() % 4 == 0 ? bytes.substr(at, size) : Noise(size, random);
      break;
    case Damage::kInsert:
      bytes.insert(at, Noise(size, random));
      break;
    case Damage::kRemoveBytes:
      bytes.erase(at, size);
      break;
    case Damage::kRepeatBytes:
      bytes.insert(at, bytes.substr(at, size));
      break;
    case Damage::kDeleteFile:
    case Damage::kDuplicateFile:
    case Damage::kSwapFiles:
    case Damage::kOlderFile:
    case Damage::kOlderVolume:
      break;
  }
}

std::string ChangeFile(const std::string& directory, const std::string& name, Damage damage,
                       Random& random) {
  std::string bytes = ReadText(directory + "/" + name);
  if (bytes.empty()) bytes = "x";
  const std::size_t at = Place(bytes.size(), random);
  DamageBytes(bytes, at, damage, random);
  WriteText(directory + "/" + name, bytes);
  return name + " at " + std::to_string(at);
}

std::string DuplicateFile(const std::string& directory, const std::string& name, Random& random) {
  const std::string ending = fs::path(name).extension().string();
  const std::string number = std::to_string(1 + random() % 60);
  const std::string to =
      std::string(6 - std::min<std::size_t>(6, number.size()), '0') + number + ending;
  WriteText(directory + "/" + to, ReadText(directory + "/" + name));
  return name + " as " + to;
}

std::string SwapFiles(const std::string& directory, const std::string& one, Random& random) {
  std::vector<std::string> like;
  for (const std::string& name : FilesIn(directory)) {
    const bool same = fs::path(name).extension() == fs::path(one).extension();
    if (name != one && (same || random() % 8 == 0)) like.push_back(name);
  }
  if (like.empty()) return one + " with none";
  const std::string& other = like[random() % like.size()];
  const std::string bytes = ReadText(directory + "/" + one);
  WriteText(directory + "/" + one, ReadText(directory + "/" + other));
  WriteText(directory + "/" + other, bytes);
  return one + " with " + other;
}

// Puts files back that an earlier copy holds, under the name they have there.
std::string OlderFile(const std::string& directory, const std::string& older, Random& random) {
  const std::string name = Choose(FilesIn(older), random);
  if (name.empty()) return "none";
  WriteText(directory + "/" + name, ReadText(older + "/" + name));
  return name + " of " + fs::path(older).filename().string();
}

}  // namespace

const char* NameOf(Damage damage) {
  constexpr const char* kNames[] = {"flip-bit",     "flip-byte",   "zero-block",     "noise-block",
                                    "cut",          "extend",      "insert",         "remove-bytes",
                                    "repeat-bytes", "delete-file", "duplicate-file", "swap-files",
                                    "older-file",   "older-volume"};
  return kNames[static_cast<std::size_t>(damage)];
}

std::string Injure(const std::string& directory, const std::vector<std::string>& older,
                   Damage damage, Random& random) {
  const std::string name = Choose(FilesIn(directory), random);
  std::string where = name;
  switch (damage) {
    case Damage::kDeleteFile:
      RemoveFile(directory + "/" + name);
      break;
    case Damage::kDuplicateFile:
      where = DuplicateFile(directory, name, random);
      break;
    case Damage::kSwapFiles:
      where = SwapFiles(directory, name, random);
      break;
    case Damage::kOlderFile:
      where = older.empty() ? "none" : OlderFile(directory, older[random() % older.size()], random);
      break;
    case Damage::kOlderVolume:
      where = older.empty() ? "none" : older[random() % older.size()];
      if (!older.empty()) CopyDirectory(where, directory);
      break;
    default:
      where = ChangeFile(directory, name, damage, random);
      break;
  }
  return std::string(NameOf(damage)) + " " + where;
}

}  // namespace pgo::journal::injuries
