// Finding credentials in free-form values by how they look.
#include <algorithm>
#include <array>
#include <cctype>

#include "adapters/kube/redact.h"

namespace pgo::kube {
namespace {

constexpr std::string_view kMask = "***";

std::string Lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// Names of members whose text is a credential. References keep theirs: secretName, key of a
// secretKeyRef, topologyKey, serviceAccountToken.
bool NamesCredential(std::string_view name) {
  constexpr std::array kAnywhere{"password",   "passwd",   "passfile",    "passphrase",
                                 "pgpass",     "conninfo", "private_key", "private-key",
                                 "credential", "apikey",   "api_key",     "access_key",
                                 "secret_key", "bearer",   "radiussecret"};
  constexpr std::array kAtEnd{"-key",   "-secret", "-token",  "-pass",  "_secret",
                              "_token", "_pass",   ".secret", ".token", ".pass"};
  const std::string lower = Lower(name);
  if (lower == "password_encryption") return false;  // PostgreSQL's name of a method
  return std::ranges::any_of(kAnywhere,
                             [&](const char* word) { return lower.find(word) != lower.npos; }) ||
         std::ranges::any_of(kAtEnd, [&](const char* word) { return lower.ends_with(word); });
}

// pgBackRest's options: "repo1-s3-key", "repo1-s3-key-secret", "repo1-cipher-pass", …; but
// "repo1-s3-key-type" says how keys are got ("auto", "web-id") and is none.
bool NamesRepositoryCredential(std::string_view name) {
  constexpr std::array kWords{"-key", "-secret", "-token", "-pass"};
  const std::string lower = Lower(name);
  if (lower.ends_with("-key-type")) return false;
  return std::ranges::any_of(kWords,
                             [&](const char* word) { return lower.find(word) != lower.npos; });
}

// "scheme://user:password@host"
bool HasPasswordInUrl(std::string_view text) {
  for (std::size_t at = text.find("://"); at != text.npos; at = text.find("://", at + 3)) {
    const std::string_view rest = text.substr(at + 3);
    const std::size_t end = std::min(rest.find_first_of("/?# \t\n\"'"), rest.size());
    const std::string_view authority = rest.substr(0, end);
    const std::size_t sign = authority.rfind('@');
    if (sign != authority.npos && authority.substr(0, sign).find(':') != authority.npos)
      return true;
    // A password may itself hold a slash, unescaped: then the sign stands behind it.
    const std::size_t later =
        rest.substr(0, std::min(rest.find_first_of(" \t\n\"'"), rest.size())).find('@');
    if (later != rest.npos && rest.substr(0, later).find(':') < rest.find('/')) {
      const std::size_t colon = rest.find(':');
      const bool port = colon + 1 < rest.size() &&
                        std::isdigit(static_cast<unsigned char>(rest[colon + 1])) != 0 &&
                        rest.find_first_not_of("0123456789", colon + 1) == rest.find('/');
      if (!port) return true;
    }
  }
  return false;
}

bool HasAssignment(const std::string& lower, std::string_view word) {
  for (std::size_t at = lower.find(word); at != lower.npos; at = lower.find(word, at + 1)) {
    std::size_t next = at + word.size();
    while (next < lower.size() && (lower[next] == ' ' || lower[next] == '"' || lower[next] == '\''))
      ++next;
    if (next < lower.size() && (lower[next] == '=' || lower[next] == ':')) return true;
    // SQL: PASSWORD 'text'
    const std::size_t literal = lower.find_first_not_of(" \t\n", at + word.size());
    if (literal != lower.npos && literal > at + word.size() && lower[literal] == '\'') return true;
  }
  return false;
}

// "--repo1-s3-key=…", alone or among others: a command's options as one text.
bool HasCredentialOption(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \t\n\"'", at), text.size());
    const std::string_view word = text.substr(at, end - at);
    const std::string_view name = word.substr(0, std::min(word.find('='), word.size()));
    if (name.starts_with("--") && NamesRepositoryCredential(name)) return true;
    at = end + 1;
  }
  return false;
}

void Mask(Json& value, bool repository, int depth) {
  if (depth > 200) {
    value = nullptr;
    return;
  }
  if (value.is_string()) {
    if (LooksLikeCredential(*value.get_ptr<std::string*>())) value = kMask;
  } else if (value.is_array()) {
    for (Json& item : value) {
      if (item.is_string() && HasCredentialOption(*item.get_ptr<std::string*>())) item = kMask;
      Mask(item, repository, depth + 1);
    }
  } else if (value.is_object()) {
    for (auto it = value.begin(); it != value.end(); ++it) {
      const bool named =
          NamesCredential(it.key()) || (repository && NamesRepositoryCredential(it.key()));
      if (named && it->is_primitive() && !it->is_boolean() && !it->is_null()) {
        *it = kMask;
      } else {
        Mask(*it, repository || it.key() == "global", depth + 1);
      }
    }
  }
}

}  // namespace

bool LooksLikeCredential(std::string_view text) {
  if (text.size() < 8) return false;
  const std::string lower = Lower(text);
  for (const char* word : {"password", "passwd", "pgpassword", "passphrase"}) {
    if (HasAssignment(lower, word)) return true;
  }
  return lower.find("private key-----") != lower.npos || HasPasswordInUrl(text) ||
         lower.find("scram-sha-256$") != lower.npos ||
         lower.find("authorization: bearer") != lower.npos;
}

void MaskCredentials(Json& value) { Mask(value, false, 0); }

}  // namespace pgo::kube
