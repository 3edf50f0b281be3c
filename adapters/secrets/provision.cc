#include "adapters/secrets/provision.h"

#include <openssl/rand.h>

#include <algorithm>

#include "adapters/secrets/certificate.h"
#include "adapters/secrets/encoding.h"
#include "adapters/secrets/scram.h"
#include "engine/kube/names.h"

namespace pgo::secrets {
namespace {

constexpr const char* kRootCertificate = "root.crt";
constexpr const char* kRootKey = "root.key";
constexpr std::int64_t kLongest = 4096;

std::string Alphabet(const std::string& name) {
  std::string out;
  if (name == "AlphaNumeric") {
    for (char c = '0'; c <= '9'; ++c) out.push_back(c);
    for (char c = 'A'; c <= 'Z'; ++c) out.push_back(c);
    for (char c = 'a'; c <= 'z'; ++c) out.push_back(c);
    return out;
  }
  // As PGO: printable from '(' on, without the two that shells and connection strings trip over.
  for (char c = '('; c <= '~'; ++c) {
    if (c != '`' && c != '\\') out.push_back(c);
  }
  return out;
}

Result<std::string> RandomText(const Part& part) {
  const bool known =
      part.alphabet == "AlphaNumeric" || part.alphabet == "ASCII" || part.alphabet.empty();
  if (!known) return Fail(Code::kInvalid, "unknown alphabet " + part.alphabet);
  if (part.length < 1 || part.length > kLongest)
    return Fail(Code::kInvalid, "length must be 1 to 4096");
  const std::string alphabet = Alphabet(part.alphabet);
  // Bytes beyond the last multiple are drawn again, so that no letter is likelier than another.
  const unsigned int limit = 256 - 256 % static_cast<unsigned int>(alphabet.size());
  std::string out;
  while (out.size() < static_cast<std::size_t>(part.length)) {
    unsigned char byte = 0;
    if (RAND_bytes(&byte, 1) != 1) return Fail(Code::kUnavailable, "no random bytes");
    if (byte < limit) out.push_back(alphabet[byte % alphabet.size()]);
  }
  return out;
}

class Filler {
 public:
  Filler(const Values& existing, const std::map<std::string, Values>& issuers, std::int64_t now)
      : existing_(existing), issuers_(issuers), now_(now) {}

  Status Fill(const Part& part) {
    if (part.key.empty()) return Fail_("a part has no key");
    if (part.from == "literal") return Set(part.key, part.text);
    if (part.from == "generate") return Generate(part);
    if (part.from == "scram") return Scram(part);
    if (part.from == "template") return Template(part);
    if (part.from == "ca") return Authority(part);
    if (part.from == "leaf") return Leaf(part);
    if (part.from == "issuer") return Issuer(part);
    if (part.from == "concat") return Concat(part);
    return Fail_("unknown kind of part \"" + part.from + "\"");
  }
  Values Take() { return std::move(values_); }

 private:
  static tl::unexpected<Error> Fail_(const std::string& what) { return Fail(Code::kInvalid, what); }
  Status Set(const std::string& key, std::string value) {
    values_[key] = std::move(value);
    return {};
  }
  std::string Existing(const std::string& key) const {
    const auto it = existing_.find(key);
    return it == existing_.end() ? "" : it->second;
  }
  Result<std::string> Made(const std::string& key) const {
    const auto it = values_.find(key);
    if (it == values_.end()) return Fail_("\"" + key + "\" is not made before it is used");
    return it->second;
  }
  Result<KeyPair> IssuerOf(const Part& part) const {
    if (part.issuer.empty()) {
      auto certificate = Made(kRootCertificate);
      auto key = Made(kRootKey);
      if (!certificate || !key) return Fail_("there is no issuer");
      return KeyPair{*certificate, *key};
    }
    const auto it = issuers_.find(part.issuer);
    const bool there = it != issuers_.end() && it->second.contains(kRootCertificate);
    if (!there) return Fail(Code::kUnavailable, "issuer " + part.issuer + " is not there yet");
    const auto key = it->second.find(kRootKey);
    return KeyPair{it->second.find(kRootCertificate)->second,
                   key == it->second.end() ? "" : key->second};
  }

  Status Generate(const Part& part) {
    std::string kept = Existing(part.key);
    if (!kept.empty()) return Set(part.key, std::move(kept));
    auto made = RandomText(part);
    return made ? Set(part.key, std::move(*made)) : Status(Fail(made.error()));
  }
  Status Scram(const Part& part) {
    auto password = Made(part.text);
    if (!password) return Fail(password.error());
    std::string kept = Existing(part.key);
    if (Verifies(kept, *password)) return Set(part.key, std::move(kept));
    auto made = NewScramVerifier(*password);
    return made ? Set(part.key, std::move(*made)) : Status(Fail(made.error()));
  }
  Status Template(const Part& part) {
    std::string out;
    const std::string& text = part.text;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t open = std::min(text.find('{', at), text.size());
      out.append(text, at, open - at);
      if (open == text.size()) break;
      const std::size_t close = text.find('}', open);
      if (close == std::string::npos) return Fail_("a brace is not closed");
      std::string key = text.substr(open + 1, close - open - 1);
      const bool url = key.ends_with(":url");
      if (url) key.resize(key.size() - 4);
      auto value = Made(key);
      if (!value) return Fail(value.error());
      out += url ? PercentEncode(*value) : *value;
      at = close + 1;
    }
    return Set(part.key, std::move(out));
  }
  Status SetPair(const Part& part, KeyPair pair) {
    values_[part.key_of] = std::move(pair.key);
    return Set(part.key, std::move(pair.certificate));
  }
  Status Authority(const Part& part) {
    if (part.key_of.empty()) return Fail_("no key for the private key");
    KeyPair kept{Existing(part.key), Existing(part.key_of)};
    if (AuthorityFits(kept, part.cn, now_)) return SetPair(part, std::move(kept));
    auto made = MakeAuthority(part.cn, now_);
    return made ? SetPair(part, std::move(*made)) : Status(Fail(made.error()));
  }
  Status Leaf(const Part& part) {
    if (part.key_of.empty()) return Fail_("no key for the private key");
    auto issuer = IssuerOf(part);
    if (!issuer) return Fail(issuer.error());
    const LeafRequest request{part.cn, part.sans};
    KeyPair kept{Existing(part.key), Existing(part.key_of)};
    if (LeafFits(kept, request, issuer->certificate, now_)) return SetPair(part, std::move(kept));
    auto made = MakeLeaf(request, *issuer, now_);
    return made ? SetPair(part, std::move(*made)) : Status(Fail(made.error()));
  }
  Status Issuer(const Part& part) {
    auto issuer = IssuerOf(part);
    return issuer ? Set(part.key, std::move(issuer->certificate)) : Status(Fail(issuer.error()));
  }
  Status Concat(const Part& part) {
    std::string out;
    for (const std::string& key : part.sans) {
      auto value = Made(key);
      if (!value) return Fail(value.error());
      out += *value;
      if (!out.empty() && out.back() != '\n') out += '\n';
    }
    return Set(part.key, std::move(out));
  }

  const Values& existing_;
  const std::map<std::string, Values>& issuers_;
  const std::int64_t now_;
  Values values_;
};

Values ValuesOf(const Json& secret) {
  Values out;
  for (const auto& [key, value] : GetObject(secret, {"data"}).items()) {
    if (auto decoded = DecodeBase64(AsString(value))) out[key] = std::move(*decoded);
  }
  return out;
}

Result<std::map<std::string, Values>> ReadIssuers(const std::vector<Part>& parts,
                                                  const ReadSecret& read) {
  std::map<std::string, Values> out;
  for (const Part& part : parts) {
    if (part.issuer.empty() || out.contains(part.issuer)) continue;
    const auto slash = part.issuer.find('/');
    if (slash == std::string::npos)
      return Fail(Code::kInvalid, "issuer \"" + part.issuer + "\" is not namespace/name");
    auto secret = read({"Secret", part.issuer.substr(0, slash), part.issuer.substr(slash + 1)});
    if (!secret && secret.error().code == Code::kNotFound) {
      return Fail(Code::kUnavailable, "issuer " + part.issuer + " is not there yet");
    }
    if (!secret) return Fail(secret.error().In("read issuer " + part.issuer));
    out[part.issuer] = ValuesOf(*secret);
  }
  return out;
}

}  // namespace

Result<Values> FillParts(const std::vector<Part>& parts, const Values& existing,
                         const std::map<std::string, Values>& issuers, std::int64_t now_wall_us) {
  Filler filler(existing, issuers, now_wall_us);
  for (const Part& part : parts) {
    const Status filled = filler.Fill(part);
    if (!filled) return Fail(filled.error().In("part " + part.key));
  }
  return filler.Take();
}

std::int64_t EarliestEnd(const std::vector<Part>& parts, const Values& values) {
  std::int64_t earliest = 0;
  for (const Part& part : parts) {
    if (part.from != "ca" && part.from != "leaf") continue;
    const auto it = values.find(part.key);
    const auto end = it == values.end() ? std::nullopt : NotAfter(it->second);
    if (end && (earliest == 0 || *end < earliest)) earliest = *end;
  }
  return earliest;
}

Result<Json> MakeSecret(const Provision& provision, const ReadSecret& read,
                        std::int64_t now_wall_us) {
  auto live = read(provision.ref);
  if (!live && live.error().code != Code::kNotFound) return Fail(live.error());
  auto issuers = ReadIssuers(provision.parts, read);
  if (!issuers) return Fail(issuers.error());
  auto values =
      FillParts(provision.parts, live ? ValuesOf(*live) : Values{}, *issuers, now_wall_us);
  if (!values) return Fail(values.error());
  Json secret = provision.object.is_object() ? provision.object : Json::object();
  secret["apiVersion"] = "v1";
  secret["kind"] = "Secret";
  Put(secret, {"metadata", "name"}, provision.ref.name);
  Put(secret, {"metadata", "namespace"}, provision.ref.ns);
  Put(secret, {"metadata", "annotations", kube::kRecipeAnnotation}, provision.recipe);
  const std::int64_t end = EarliestEnd(provision.parts, *values);
  if (end != 0)
    Put(secret, {"metadata", "annotations", kube::kNotAfterAnnotation}, WallSeconds(end));
  Json data = Json::object();
  for (const auto& [key, value] : *values) data[key] = EncodeBase64(value);
  secret["data"] = std::move(data);
  return secret;
}

}  // namespace pgo::secrets
