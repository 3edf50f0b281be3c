#include "adapters/local/api/handlers.h"

#include <algorithm>

#include "adapters/local/api/body.h"
#include "adapters/local/api/events.h"
#include "adapters/local/api/table.h"
#include "adapters/local/store/meta.h"
#include "adapters/local/store/schema.h"

namespace pgo::local {
namespace {

std::string ManagerName(const Request& request) {
  const std::string asked = request.Query("fieldManager");
  if (!asked.empty()) return asked;
  const std::string name = request.user_agent.substr(0, request.user_agent.find('/'));
  return name.empty() ? "unknown" : name;
}

WriteOptions OptionsOf(const Request& request, const Target& target) {
  return {.field_manager = ManagerName(request),
          .subresource = target.subresource,
          .version = target.version,
          .force = request.QueryTrue("force"),
          .dry_run = request.Query("dryRun") == "All"};
}

TableRequest TableRequestOf(const Request& request, const Target& target, std::uint64_t version) {
  return {*target.type, target.version, request.Query("includeObject"), version};
}

Reply ReplyOf(const Answer<Json>& answer, const Request& request, const Target& target,
              int code = 200) {
  if (!answer) return ErrorReply(answer.error());
  Json shown = Shown(*target.type, target.version, *answer);
  if (WantsTable(request))
    return JsonReply(code, TableOf(TableRequestOf(request, target, VersionOf(shown)),
                                   Json::array({std::move(shown)})));
  return JsonReply(code, shown);
}

Answer<void> CheckTyped(const Json& body, const Target& target) {
  const std::string version = GetString(body, {"apiVersion"}), kind = GetString(body, {"kind"});
  const std::string expected = target.type->ApiVersion(target.version);
  if (!version.empty() && version != expected) {
    return tl::unexpected(BadRequest("the API version in the data (" + version +
                                     ") does not match the expected API version (" + expected +
                                     ")"));
  }
  if (!kind.empty() && kind != target.type->kind) {
    return tl::unexpected(BadRequest("the kind in the data (" + kind +
                                     ") does not match the expected kind (" + target.type->kind +
                                     ")"));
  }
  const std::string ns = GetString(body, {"metadata", "namespace"});
  if (!ns.empty() && target.type->namespaced && ns != target.ns) {
    return tl::unexpected(
        BadRequest("the namespace of the provided object does not match the namespace "
                   "sent on the request"));
  }
  const std::string name = NameOf(body);
  if (!target.name.empty() && !name.empty() && name != target.name) {
    return tl::unexpected(BadRequest("the name of the object (" + name +
                                     ") does not match the name on the URL (" + target.name + ")"));
  }
  return {};
}

// fieldValidation=Strict refuses what would be dropped.
Answer<void> CheckStrict(const Json& body, const Request& request, const Target& target) {
  const auto schema = target.type->schemas.find(target.version);
  if (request.Query("fieldValidation") != "Strict" || schema == target.type->schemas.end())
    return {};
  Json copy = body;
  std::string text;
  for (const std::string& path : Prune(copy, schema->second)) {
    text += (text.empty() ? "" : ", ") + std::string("unknown field \"") + path + "\"";
  }
  if (text.empty()) return {};
  return tl::unexpected(BadRequest(target.type->kind + " in version \"" + target.version +
                                   "\" cannot be handled as a " + target.type->kind +
                                   ": strict decoding error: " + text));
}

Answer<Json> TypedBody(const Request& request, const Target& target) {
  auto body = ReadBody(request.body);
  if (!body) return body;
  if (!body->is_object())
    return tl::unexpected(BadRequest("the body of the request is not an object"));
  if (auto ok = CheckTyped(*body, target); !ok) return tl::unexpected(ok.error());
  if (auto ok = CheckStrict(*body, request, target); !ok) return tl::unexpected(ok.error());
  if (target.type->kept_as != target.type->resource) RenameEventFields(*body, EventForm::kCore);
  return body;
}

std::optional<PatchType> PatchTypeOf(const std::string& content_type) {
  const std::string media = content_type.substr(0, content_type.find(';'));
  if (media == "application/json-patch+json") return PatchType::kJson;
  if (media == "application/merge-patch+json") return PatchType::kMerge;
  if (media == "application/strategic-merge-patch+json") return PatchType::kStrategicMerge;
  if (media == "application/apply-patch+yaml" || media == "application/apply-patch+cbor")
    return PatchType::kApply;
  return std::nullopt;
}

// A deletion says it in its body or in the query.
bool OnlyTried(const Request& request) {
  if (request.Query("dryRun") == "All") return true;
  const auto options = ReadBody(request.body);
  if (!options) return false;
  const Json& asked = GetArray(*options, {"dryRun"});
  return std::find(asked.begin(), asked.end(), "All") != asked.end();
}

Answer<DeletePreconditions> PreconditionsOf(const Request& request) {
  DeletePreconditions out;
  Json options = Json::object();
  if (!request.body.empty()) {
    auto body = ReadBody(request.body);
    if (!body) return tl::unexpected(body.error());
    options = *std::move(body);
  }
  const std::string uid = GetString(options, {"preconditions", "uid"});
  const std::string version = GetString(options, {"preconditions", "resourceVersion"});
  if (!uid.empty()) out.uid = uid;
  if (!version.empty()) out.resource_version = version;
  if (const Json* grace = Find(options, "gracePeriodSeconds");
      grace != nullptr && grace->is_number()) {
    out.grace_period_seconds = AsInt(*grace);
  }
  if (const std::string text = request.Query("gracePeriodSeconds"); !text.empty()) {
    out.grace_period_seconds = std::strtoll(text.c_str(), nullptr, 10);
  }
  out.propagation_policy =
      GetString(options, {"propagationPolicy"}, request.Query("propagationPolicy"));
  if (GetBool(options, {"orphanDependents"})) out.propagation_policy = "Orphan";
  return out;
}

Json ScaleObject(const Json& object) {
  std::string selector;
  for (const auto& [key, value] : GetObject(object, {"spec", "selector", "matchLabels"}).items()) {
    selector += (selector.empty() ? "" : ",") + key + "=" + AsString(value);
  }
  const Json& metadata = GetObject(object, {"metadata"});
  return {
      {"kind", "Scale"},
      {"apiVersion", "autoscaling/v1"},
      {"metadata",
       {{"name", NameOf(object)},
        {"namespace", GetString(metadata, {"namespace"})},
        {"uid", UidOf(object)},
        {"resourceVersion", GetString(metadata, {"resourceVersion"})},
        {"creationTimestamp", GetString(metadata, {"creationTimestamp"})}}},
      {"spec", {{"replicas", GetInt(object, {"spec", "replicas"})}}},
      {"status", {{"replicas", GetInt(object, {"status", "replicas"})}, {"selector", selector}}}};
}

Reply Success(const Target& target, const Json& object) {
  Json details = {
      {"name", NameOf(object)}, {"kind", target.type->resource.plural}, {"uid", UidOf(object)}};
  if (!target.type->resource.group.empty()) details["group"] = target.type->resource.group;
  return JsonReply(200, {{"kind", "Status"},
                         {"apiVersion", "v1"},
                         {"metadata", Json::object()},
                         {"status", "Success"},
                         {"details", std::move(details)}});
}

}  // namespace

void RequestCounts::Add(const std::string& verb, const std::string& resource,
                        const std::string& user_agent) {
  std::lock_guard lock(mu_);
  ++counts_[{verb, resource, user_agent}];
}

Json RequestCounts::Report() const {
  std::lock_guard lock(mu_);
  Json out = Json::array();
  for (const auto& [key, count] : counts_) {
    const auto& [verb, resource, agent] = key;
    out.push_back({{"verb", verb}, {"resource", resource}, {"userAgent", agent}, {"count", count}});
  }
  return {{"requests", std::move(out)}};
}

std::string VerbOf(const Request& request, const Target& target) {
  if (request.method == "GET") {
    if (!target.name.empty() && !request.QueryTrue("watch")) return "get";
    return request.QueryTrue("watch") ? "watch" : "list";
  }
  if (request.method == "POST") return "create";
  if (request.method == "PUT") return "update";
  if (request.method == "PATCH") return "patch";
  if (request.method == "DELETE") return target.name.empty() ? "deletecollection" : "delete";
  return request.method;
}

Json Shown(const TypeInfo& type, const std::string& version, Json object) {
  object["apiVersion"] = type.ApiVersion(version);
  if (type.kept_as != type.resource) RenameEventFields(object, EventForm::kNew);
  return object;
}

Answer<Selector> SelectorOf(const Request& request, const Target& target) {
  std::string fields = request.Query("fieldSelector");
  if (!target.name.empty())
    fields += (fields.empty() ? "" : ",") + ("metadata.name=" + target.name);
  auto selector = Selector::Parse(request.Query("labelSelector"), fields);
  if (!selector) return tl::unexpected(BadRequest(selector.error().message));
  return *std::move(selector);
}

Reply Handlers::Handle(const Request& request, const Target& target) {
  if (target.subresource == "scale" && target.type->has_scale) return Scale(request, target);
  const bool plain = target.subresource.empty() ||
                     (target.subresource == "status" && target.type->has_status) ||
                     (target.subresource == "finalize" && target.type->kind == "Namespace");
  if (!plain) return PodOrAccountVerb(request, target);
  const std::string verb = VerbOf(request, target);
  if (verb == "get") return Get(request, target);
  if (verb == "list") return List(request, target);
  if (verb == "create" && target.name.empty()) return Create(request, target);
  if (verb == "update" && !target.name.empty()) return Update(request, target);
  if (verb == "patch" && !target.name.empty()) return Patch(request, target);
  if (verb == "delete") return Delete(request, target);
  if (verb == "deletecollection") return DeleteCollection(request, target);
  return ErrorReply({405, "MethodNotAllowed",
                     "the server does not allow this method on the requested resource", nullptr});
}

Reply Handlers::Get(const Request& request, const Target& target) {
  return ReplyOf(store_.Get(target.key()), request, target);
}

Reply Handlers::List(const Request& request, const Target& target) {
  const auto selector = SelectorOf(request, target);
  if (!selector) return ErrorReply(selector.error());
  auto [objects, version] = store_.List(target.type->kept_as, target.ns);
  const auto asked = std::strtoull(request.Query("resourceVersion").c_str(), nullptr, 10);
  if (asked > version) return ErrorReply(TooLarge(asked, version));
  Json items = Json::array();
  for (Json& object : objects) {
    if (!selector->Matches(object)) continue;
    items.push_back(Shown(*target.type, target.version, std::move(object)));
  }
  if (WantsTable(request))
    return JsonReply(200, TableOf(TableRequestOf(request, target, version), items));
  if (!target.type->custom) {  // Kubernetes leaves these out of the items of its own types
    for (Json& item : items) {
      item.erase("kind");
      item.erase("apiVersion");
    }
  }
  return JsonReply(200, {{"kind", target.type->kind + "List"},
                         {"apiVersion", target.type->ApiVersion(target.version)},
                         {"metadata", {{"resourceVersion", std::to_string(version)}}},
                         {"items", std::move(items)}});
}

Reply Handlers::Create(const Request& request, const Target& target) {
  Target where = target;
  auto body = ReadBody(request.body);
  if (!body) return ErrorReply(body.error());
  if (where.type->namespaced && where.ns.empty())
    where.ns = GetString(*body, {"metadata", "namespace"}, "default");
  body = TypedBody(request, where);
  if (!body) return ErrorReply(body.error());
  if (!GetString(*body, {"metadata", "resourceVersion"}).empty()) {
    return ErrorReply(BadRequest("resourceVersion should not be set on objects to be created"));
  }
  return ReplyOf(
      store_.Create(where.type->kept_as, where.ns, *std::move(body), OptionsOf(request, where)),
      request, where, 201);
}

Reply Handlers::Update(const Request& request, const Target& target) {
  auto body = TypedBody(request, target);
  if (!body) return ErrorReply(body.error());
  return ReplyOf(store_.Update(target.key(), *std::move(body), OptionsOf(request, target)), request,
                 target);
}

Reply Handlers::Patch(const Request& request, const Target& target) {
  const auto type = PatchTypeOf(request.content_type);
  if (!type) {
    return ErrorReply(
        {415, "UnsupportedMediaType",
         "the body of the request was in an unknown format - accepted media types include: "
         "application/json-patch+json, application/merge-patch+json, "
         "application/strategic-merge-patch+json, application/apply-patch+yaml",
         nullptr});
  }
  const bool apply = *type == PatchType::kApply;
  if (apply && request.Query("fieldManager").empty()) {
    return ErrorReply(
        {422, "Invalid",
         "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required "
         "for apply patch",
         nullptr});
  }
  auto body = apply ? TypedBody(request, target) : ReadBody(request.body);
  if (!body) return ErrorReply(body.error());
  if (*type == PatchType::kMerge) {
    if (auto ok = CheckStrict(*body, request, target); !ok) return ErrorReply(ok.error());
  }
  if (!apply && target.type->kept_as != target.type->resource)
    RenameEventFields(*body, EventForm::kCore);
  const bool existed = !apply || store_.Get(target.key()).has_value();
  return ReplyOf(store_.Patch(target.key(), *type, *body, OptionsOf(request, target)), request,
                 target, existed ? 200 : 201);
}

Reply Handlers::Delete(const Request& request, const Target& target) {
  const auto preconditions = PreconditionsOf(request);
  if (!preconditions) return ErrorReply(preconditions.error());
  if (OnlyTried(request)) return Get(request, target);
  auto gone = store_.Delete(target.key(), *preconditions);
  if (!gone) return ErrorReply(gone.error());
  const auto left = store_.Get(target.key());
  if (left && UidOf(*left) == UidOf(*gone)) return ReplyOf(left, request, target);
  return target.type->kind == "Pod" ? ReplyOf(gone, request, target) : Success(target, *gone);
}

Reply Handlers::DeleteCollection(const Request& request, const Target& target) {
  const auto selector = SelectorOf(request, target);
  if (!selector) return ErrorReply(selector.error());
  const auto preconditions = PreconditionsOf(request);
  if (!preconditions) return ErrorReply(preconditions.error());
  if (OnlyTried(request)) return List(request, target);
  Json items = Json::array();
  for (const Json& object : store_.List(target.type->kept_as, target.ns).first) {
    if (!selector->Matches(object)) continue;
    const Key key{target.type->kept_as, GetString(object, {"metadata", "namespace"}),
                  NameOf(object)};
    auto gone = store_.Delete(key, *preconditions);
    if (gone) items.push_back(Shown(*target.type, target.version, *std::move(gone)));
  }
  return JsonReply(200, {{"kind", target.type->kind + "List"},
                         {"apiVersion", target.type->ApiVersion(target.version)},
                         {"metadata", {{"resourceVersion", std::to_string(store_.Version())}}},
                         {"items", std::move(items)}});
}

Reply Handlers::Scale(const Request& request, const Target& target) {
  auto object = store_.Get(target.key());
  if (!object) return ErrorReply(object.error());
  if (request.method == "GET") return JsonReply(200, ScaleObject(*object));
  auto body = ReadBody(request.body);
  if (!body) return ErrorReply(body.error());
  Json scale = ScaleObject(*object);
  if (request.method == "PATCH") {
    scale.merge_patch(*body);
  } else {
    scale = *std::move(body);
  }
  WriteOptions options = OptionsOf(request, target);
  Json change = {{"spec", {{"replicas", GetInt(scale, {"spec", "replicas"})}}}};
  const std::string version = GetString(scale, {"metadata", "resourceVersion"});
  if (!version.empty()) change["metadata"] = {{"resourceVersion", version}};
  options.subresource = "";
  auto written = store_.Patch(target.key(), PatchType::kMerge, change, options);
  return written ? JsonReply(200, ScaleObject(*written)) : ErrorReply(written.error());
}

Reply Handlers::PodOrAccountVerb(const Request& request, const Target& target) {
  if (target.type->kind == "Pod" && target.subresource == "eviction" && request.method == "POST") {
    auto gone = store_.Delete(target.key(), {});
    return gone ? JsonReply(201, {{"kind", "Status"},
                                  {"apiVersion", "v1"},
                                  {"status", "Success"},
                                  {"code", 201}})
                : ErrorReply(gone.error());
  }
  if (target.type->kind == "ServiceAccount" && target.subresource == "token" &&
      request.method == "POST") {
    if (auto account = store_.Get(target.key()); !account) return ErrorReply(account.error());
    return JsonReply(201, {{"kind", "TokenRequest"},
                           {"apiVersion", "authentication.k8s.io/v1"},
                           {"status",
                            {{"token", credentials_.TokenFor(target.ns, target.name)},
                             {"expirationTimestamp", "2099-01-01T00:00:00Z"}}}});
  }
  return ErrorReply({404, "NotFound", "the server could not find the requested resource", nullptr});
}

}  // namespace pgo::local
