#include "adapters/local/store/meta.h"

#include <openssl/rand.h>

#include <chrono>
#include <cstdlib>

#include "engine/base/ids.h"

namespace pgo::local {
namespace {

constexpr std::string_view kSuffixAlphabet = "bcdfghjklmnpqrstvwxz2456789";

StatusError About(int code, std::string reason, std::string message, const Resource& resource,
                  const std::string& name) {
  Json details = {{"name", name}, {"kind", resource.plural}};
  if (!resource.group.empty()) details["group"] = resource.group;
  return {code, std::move(reason), std::move(message), std::move(details)};
}

}  // namespace

std::int64_t NowMicros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string NowText() { return WallSeconds(NowMicros()); }

std::string NewUuid() {
  unsigned char bytes[16];
  RAND_bytes(bytes, sizeof bytes);
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out.push_back('-');
    out.push_back(kHex[bytes[i] >> 4]);
    out.push_back(kHex[bytes[i] & 15]);
  }
  return out;
}

std::string Base64(std::string_view bytes) {
  constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto at = [&](std::size_t n) -> unsigned {
      return n < bytes.size() ? static_cast<unsigned char>(bytes[n]) : 0U;
    };
    const unsigned triple = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    out.push_back(kLetters[triple >> 18]);
    out.push_back(kLetters[(triple >> 12) & 63]);
    out.push_back(i + 1 < bytes.size() ? kLetters[(triple >> 6) & 63] : '=');
    out.push_back(i + 2 < bytes.size() ? kLetters[triple & 63] : '=');
  }
  return out;
}

std::string RandomSuffix(int n) {
  std::string out;
  for (int i = 0; i < n; ++i) {
    unsigned char byte = 0;
    RAND_bytes(&byte, 1);
    out.push_back(kSuffixAlphabet[byte % kSuffixAlphabet.size()]);
  }
  return out;
}

Json& Meta(Json& object) {
  Json& meta = object["metadata"];
  if (!meta.is_object()) meta = Json::object();
  return meta;
}

std::string NameOf(const Json& object) { return GetString(object, {"metadata", "name"}); }
std::string UidOf(const Json& object) { return GetString(object, {"metadata", "uid"}); }

std::uint64_t VersionOf(const Json& object) {
  return std::strtoull(GetString(object, {"metadata", "resourceVersion"}).c_str(), nullptr, 10);
}

bool Deleting(const Json& object) {
  const Json* at = Find(object, {"metadata", "deletionTimestamp"});
  return at != nullptr && !at->is_null();
}

bool HasFinalizers(const Json& object) {
  return !GetArray(object, {"metadata", "finalizers"}).empty();
}

std::string QualifiedName(const Resource& resource) {
  return resource.group.empty() ? resource.plural : resource.plural + "." + resource.group;
}

StatusError NotFound(const Resource& resource, const std::string& name) {
  return About(404, "NotFound", QualifiedName(resource) + " \"" + name + "\" not found", resource,
               name);
}

StatusError AlreadyExists(const Resource& resource, const std::string& name) {
  return About(409, "AlreadyExists", QualifiedName(resource) + " \"" + name + "\" already exists",
               resource, name);
}

StatusError Conflict(const Resource& resource, const std::string& name, const std::string& why) {
  return About(
      409, "Conflict",
      "Operation cannot be fulfilled on " + QualifiedName(resource) + " \"" + name + "\": " + why,
      resource, name);
}

StatusError BadRequest(const std::string& message) { return {400, "BadRequest", message, nullptr}; }

StatusError Expired(std::uint64_t asked, std::uint64_t oldest) {
  return {
      410, "Expired",
      "too old resource version: " + std::to_string(asked) + " (" + std::to_string(oldest) + ")",
      nullptr};
}

StatusError TooLarge(std::uint64_t asked, std::uint64_t newest) {
  const std::string text = "Too large resource version";
  Json causes = Json::array({Json{{"reason", "ResourceVersionTooLarge"}, {"message", text}}});
  return {504, "Timeout",
          text + ": " + std::to_string(asked) + ", current: " + std::to_string(newest),
          Json{{"causes", std::move(causes)}, {"retryAfterSeconds", 1}}};
}

}  // namespace pgo::local
