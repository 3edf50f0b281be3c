#include "adapters/operator/identity.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "engine/base/json.h"

namespace pgo {
namespace {

namespace fs = std::filesystem;

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Under its name only when whole and synced; mode 0600.
Status WriteFile(const std::string& path, const std::string& bytes) {
  const std::string temporary = path + ".new";
  const int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return Fail(Code::kUnavailable, "write " + path + ": " + std::strerror(errno));
  const bool written =
      write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  const bool synced = fsync(file) == 0;
  close(file);
  if (!written || !synced || rename(temporary.c_str(), path.c_str()) != 0) {
    return Fail(Code::kUnavailable, "write " + path + ": " + std::strerror(errno));
  }
  return {};
}

std::vector<Part> Recipe() {
  const auto random = [](const char* key, std::int64_t length) {
    Part part;
    part.key = key;
    part.from = "generate";
    part.length = length;
    part.alphabet = "AlphaNumeric";
    return part;
  };
  Part ca;
  ca.key = "root.crt";
  ca.key_of = "root.key";
  ca.from = "ca";
  ca.cn = "pgo-operator-api-ca";
  Part leaf;
  leaf.key = "tls.crt";
  leaf.key_of = "tls.key";
  leaf.from = "leaf";
  leaf.cn = "pgo-operator";
  leaf.sans = {"localhost", "127.0.0.1", "pgo-operator"};
  return {ca, leaf, random("token", 40), random("name", 8), random("redaction", 43)};
}

}  // namespace

Result<Identity> LoadIdentity(const std::string& directory, const FillSecret& fill) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error)
    return Fail(Code::kUnavailable, "data directory " + directory + ": " + error.message());
  const std::string path = directory + "/identity.json";
  std::map<std::string, std::string> existing;
  if (fs::exists(path, error)) {
    const auto json = ParseJson(ReadFile(path));
    if (!json) return Fail(Code::kCorrupt, path + " is not JSON: delete it, and a new one is made");
    for (const auto& [key, value] : json->items()) existing[key] = AsString(value);
  }
  auto filled = fill(Recipe(), existing);
  if (!filled) return Fail(filled.error().In("make the identity"));
  if (*filled != existing) {
    Json json = Json::object();
    for (const auto& [key, value] : *filled) json[key] = value;
    if (auto status = WriteFile(path, DumpJson(json)); !status) return Fail(status.error());
  }
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  auto& f = *filled;
  return Identity{std::string(host.data()) + "_" + f["name"],
                  f["root.crt"],
                  f["tls.crt"],
                  f["tls.key"],
                  f["token"],
                  f["redaction"]};
}

Status Announce(const std::string& directory, const Identity& identity, const std::string& url) {
  const std::string base = fs::absolute(directory).string();
  if (auto s = WriteFile(base + "/api-ca.crt", identity.ca); !s) return s;
  if (auto s = WriteFile(base + "/api-token", identity.token); !s) return s;
  Json json = Json::object();
  json["url"] = url;
  json["ca_file"] = base + "/api-ca.crt";
  json["token_file"] = base + "/api-token";
  return WriteFile(base + "/operator.json", DumpJson(json) + "\n");
}

}  // namespace pgo
