#include "adapters/operator/replication.h"

#include <algorithm>
#include <map>
#include <utility>

#include "adapters/kube/requests.h"
#include "adapters/secrets/encoding.h"

namespace pgo {
namespace {

constexpr const char* kPeerName = "pgo-replica";
constexpr const char* kMend =
    "; the operator's Role in its own namespace must allow get, create and update of secrets";

std::vector<Part> Recipe() {
  Part ca;
  ca.key = "root.crt";
  ca.key_of = "root.key";
  ca.from = "ca";
  ca.cn = "pgo-operator-replicas-ca";
  Part leaf;
  leaf.key = "tls.crt";
  leaf.key_of = "tls.key";
  leaf.from = "leaf";
  leaf.cn = kPeerName;
  leaf.sans = {kPeerName};
  Part redaction;
  redaction.key = "redaction";
  redaction.from = "generate";
  redaction.length = 43;
  redaction.alphabet = "AlphaNumeric";
  return {ca, leaf, redaction};
}

std::map<std::string, std::string> ValuesOf(const Json& secret) {
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : GetObject(secret, {"data"}).items()) {
    if (const auto text = secrets::DecodeBase64(AsString(value))) out[key] = *text;
  }
  return out;
}

Json Filled(Json secret, const std::map<std::string, std::string>& values) {
  secret["data"] = Json::object();
  for (const auto& [key, value] : values) secret["data"][key] = secrets::EncodeBase64(value);
  return secret;
}

Error Refused(const kube::ObjectRef& ref, const Error& error) {
  Error out = error.In("Secret " + ref.ns + "/" + ref.name + " of the replicas");
  if (out.code == Code::kDenied) out.message += kMend;
  return out;
}

Json NewSecret(const kube::ObjectRef& ref) {
  return {{"apiVersion", "v1"},
          {"kind", "Secret"},
          {"type", "Opaque"},
          {"metadata", {{"name", ref.name}, {"namespace", ref.ns}}}};
}

}  // namespace

Status ReadListen(const std::string& text, http::ServerOptions& out) {
  const auto colon = text.rfind(':');
  std::string host = text.substr(0, colon);
  const std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (host.starts_with("[") && host.ends_with("]")) host = host.substr(1, host.size() - 2);
  int number = 0;
  for (const char c : port)
    number = c >= '0' && c <= '9' && number < 65536 ? number * 10 + c - '0' : 65536;
  if (host.empty() || port.empty() || number > 65535) {
    return Fail(Code::kInvalid,
                "listen address " + text + ": must be ADDRESS:PORT, as 127.0.0.1:8443");
  }
  out.address = host;
  out.port = static_cast<std::uint16_t>(number);
  return {};
}

Result<std::string> ReplicaAddress(const Options& options, std::uint16_t port) {
  std::string host = options.replica_address;
  if (host.empty()) host = options.replica_listen.substr(0, options.replica_listen.rfind(':'));
  if (host.empty() || host == "0.0.0.0" || host == "[::]" || host == "::") {
    return Fail(Code::kInvalid, "replica-listen " + options.replica_listen +
                                    ": it is on all addresses, so --replica-address must say "
                                    "under which the other replicas reach it");
  }
  const auto colons = std::count(host.begin(), host.end(), ':');
  if (host.starts_with("[") ? !host.ends_with("]") : colons == 1) return host;  // with a port
  if (colons > 1 && !host.starts_with("[")) host = "[" + host + "]";
  return host + ":" + std::to_string(port);
}

Result<ReplicaSecret> LoadReplicaSecret(kube::Client& client, const kube::ObjectRef& ref,
                                        const FillSecret& fill, const std::string& redaction_key,
                                        bool may_make) {
  const kube::Reply read = client.Do(kube::GetRequest(ref));
  const bool absent = read.http == 404;
  if (!read.ok() && !absent) return Fail(Refused(ref, *read.error));
  if (absent && !may_make) {
    return Fail(Code::kNotFound,
                "waiting for the leader to make Secret " + ref.ns + "/" + ref.name);
  }
  std::map<std::string, std::string> existing = ValuesOf(read.body);
  if (absent) existing["redaction"] = redaction_key;
  auto filled = fill(Recipe(), existing);
  if (!filled) return Fail(filled.error().In("make the replicas' Secret"));
  if (absent || *filled != existing) {
    const Json wanted = Filled(absent ? NewSecret(ref) : read.body, *filled);
    const kube::Reply written =
        client.Do(absent ? kube::CreateRequest(ref, wanted) : kube::UpdateRequest(ref, wanted));
    // Another replica was quicker: what it made is read the next time.
    if (!written.ok()) return Fail(Refused(ref, *written.error));
  }
  auto& values = *filled;
  return ReplicaSecret{values["root.crt"], values["tls.crt"], values["tls.key"],
                       values["redaction"]};
}

Result<std::unique_ptr<Replication>> Replication::Start(const Options& options,
                                                        const ReplicaSecret& secret,
                                                        ReplicaDesk& desk,
                                                        const Standing& standing) {
  std::unique_ptr<Replication> out(new Replication());
  http::ServerOptions how;
  if (auto read = ReadListen(options.replica_listen, how); !read) return Fail(read.error());
  how.certificate = secret.certificate;
  how.private_key = secret.private_key;
  how.client_authority = secret.authority;
  auto server = http::Server::Start(how, [&desk, &standing](const http::Request& request) {
    return desk.Answer(request, standing);
  });
  if (!server) return Fail(server.error().In("replicas"));
  out->server_ = *std::move(server);
  auto address = ReplicaAddress(options, out->server_->Port());
  if (!address) return Fail(address.error());
  out->address_ = *std::move(address);
  out->redaction_key_ = secret.redaction_key;
  out->client_ = std::make_unique<http::Client>(
      http::ClientOptions{secret.authority, secret.certificate, secret.private_key, kPeerName});
  return out;
}

}  // namespace pgo
