#include "journal/store/fence.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "journal/format/sha256.h"
#include "journal/format/wire.h"

namespace pgo::journal {
namespace {

constexpr std::string_view kManifest = "MANIFEST-";
constexpr std::size_t kFenceBytes = 32 + std::tuple_size_v<Hash>;

Result<std::string> ReadAll(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return Fail(Code::kCorrupt, "the file " + path + " is missing");
  }
  std::ifstream in(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (in.bad()) return Fail(Code::kUnavailable, path + ": cannot be read");
  return bytes;
}

}  // namespace

Result<ManifestFile> ReadManifestFile(const std::string& directory) {
  Result<std::string> current = ReadAll(directory + "/CURRENT");
  if (!current) return Fail(current.error());
  if (current->ends_with('\n')) current->pop_back();
  ManifestFile manifest;
  const char* end = current->data() + current->size();
  const char* digits = current->data() + std::min(kManifest.size(), current->size());
  const auto number = std::from_chars(digits, end, manifest.number);
  if (!current->starts_with(kManifest) || number.ec != std::errc() || number.ptr != end) {
    return Fail(Code::kCorrupt, "the file CURRENT names no manifest");
  }
  manifest.path = directory + "/" + *current;
  Result<std::string> bytes = ReadAll(manifest.path);
  if (!bytes) return Fail(bytes.error());
  manifest.bytes = *std::move(bytes);
  return manifest;
}

Fence FenceOf(const ManifestFile& manifest, std::uint64_t size) {
  return {manifest.number, size, Sha256Of(std::string_view(manifest.bytes).substr(0, size))};
}

Status CheckFence(const Fence& fence, const ManifestFile& manifest) {
  const std::string name = "its manifest " + std::to_string(manifest.number);
  if (manifest.number < fence.number) {
    return Fail(Code::kCorrupt, name + " is older than " + std::to_string(fence.number) +
                                    ", with which records were written");
  }
  if (manifest.number > fence.number) return {};  // a crash came before it was noted
  if (manifest.bytes.size() < fence.size) {
    return Fail(Code::kCorrupt, name + " has " + std::to_string(manifest.bytes.size()) +
                                    " bytes, had " + std::to_string(fence.size) +
                                    ": tables would be forgotten");
  }
  if (FenceOf(manifest, fence.size).digest == fence.digest) return {};
  return Fail(Code::kCorrupt, name + " is not what was written");
}

std::string EncodeFence(const Fence& fence) {
  std::string out;
  PutFixed(out, fence.number);
  PutFixed(out, fence.size);
  out += BytesOf(fence.digest);
  PutFixed(out, fence.log);
  PutFixed(out, fence.oldest_log);
  return out;
}

std::optional<Fence> ParseFence(std::string_view bytes) {
  if (bytes.size() != kFenceBytes) return std::nullopt;
  Fence fence;
  fence.number = GetFixed<std::uint64_t>(bytes, 0);
  fence.size = GetFixed<std::uint64_t>(bytes, 8);
  fence.digest = HashFrom(bytes.substr(16, fence.digest.size()));
  fence.log = GetFixed<std::uint64_t>(bytes, kFenceBytes - 16);
  fence.oldest_log = GetFixed<std::uint64_t>(bytes, kFenceBytes - 8);
  return fence;
}

}  // namespace pgo::journal
