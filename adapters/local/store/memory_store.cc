#include "adapters/local/store/memory_store.h"

#include <algorithm>
#include <deque>
#include <mutex>

#include "adapters/local/store/deletion.h"
#include "adapters/local/store/hub.h"
#include "adapters/local/store/log_file.h"
#include "adapters/local/store/meta.h"
#include "adapters/local/store/prepare.h"
#include "engine/base/ids.h"

namespace pgo::local {
namespace {

using ObjectPtr = std::shared_ptr<const Json>;

const Resource kDefinitions{"apiextensions.k8s.io", "customresourcedefinitions"};
const Resource kNamespaces{"", "namespaces"};
const Resource kServices{"", "services"};

class Impl final : public MemoryStore {
 public:
  explicit Impl(StoreOptions options) : options_(std::move(options)) {}
  Status Load();

  Answer<Json> Get(const Key& key) const override;
  std::pair<std::vector<Json>, std::uint64_t> List(const Resource& resource,
                                                   const std::string& ns) const override;
  Answer<Json> Create(const Resource& resource, const std::string& ns, Json object,
                      const WriteOptions& options) override;
  Answer<Json> Update(const Key& key, Json object, const WriteOptions& options) override;
  Answer<Json> Patch(const Key& key, PatchType type, const Json& patch,
                     const WriteOptions& options) override;
  Answer<Json> Delete(const Key& key, const DeletePreconditions& preconditions) override;
  Answer<Json> Mutate(const Key& key, const std::string& subresource,
                      const std::function<bool(Json&)>& mutate) override;
  std::shared_ptr<void> Subscribe(const Resource& resource,
                                  std::function<void(const Change&)> on_change) override;
  std::shared_ptr<const TypeTable> Types() const override;
  std::uint64_t Version() const override;
  Answer<std::shared_ptr<void>> Watch(const Resource& resource, const std::string& ns,
                                      std::optional<std::uint64_t> since,
                                      std::function<void(const WatchItem&)> on_item) override;
  std::uint64_t Settled() const override { return std::max(hub_.Settled(), opened_at_); }

 private:
  // All below: the lock is held.
  ObjectPtr Lookup(const Key& key) const;
  Answer<std::shared_ptr<const TypeInfo>> TypeOf(const Resource& resource) const;
  Answer<void> CheckNamespace(const TypeInfo& type, const std::string& ns) const;
  WriteContext Context(const TypeInfo& type, const WriteOptions& write) const;
  Answer<Json> Insert(const Key& key, Json object, bool dry_run);
  Answer<Json> Replace(const TypeInfo& type, const Key& key, const ObjectPtr& old, Json object,
                       bool dry_run);
  Answer<Json> Remove(const Key& key, const ObjectPtr& old, Json last);
  Answer<void> Commit(ChangeType type, const Key& key, ObjectPtr object, ObjectPtr previous);
  void Orphan(const std::string& uid);
  void RebuildTypes();

  StoreOptions options_;
  mutable std::mutex mu_;
  Objects objects_;
  std::uint64_t version_ = 0;
  std::uint64_t opened_at_ = 0;
  std::uint64_t oldest_ = 0;  // watches can begin after this version
  std::deque<Change> window_;
  std::shared_ptr<const TypeTable> types_;
  std::unique_ptr<LogFile> log_;
  Hub hub_;
};

Status Impl::Load() {
  if (!options_.directory.empty()) {
    auto log = LogFile::Open(options_.directory, objects_, version_);
    if (!log) return tl::unexpected(log.error().In("open the store"));
    log_ = *std::move(log);
  }
  if (version_ == 0) version_ = 1;
  oldest_ = opened_at_ = version_;
  RebuildTypes();
  for (const char* name : {"default", "kube-system", "kube-public", "kube-node-lease"}) {
    if (Get({kNamespaces, "", name})) continue;
    auto made =
        Create(kNamespaces, "", {{"metadata", {{"name", name}}}}, {.field_manager = "pgo-local"});
    if (!made) return Fail(Code::kInternal, made.error().message);
  }
  return {};
}

ObjectPtr Impl::Lookup(const Key& key) const {
  const auto it = objects_.find(key);
  return it == objects_.end() ? nullptr : it->second;
}

Answer<std::shared_ptr<const TypeInfo>> Impl::TypeOf(const Resource& resource) const {
  const auto it = types_->find(resource);
  if (it != types_->end()) return it->second;
  return tl::unexpected(
      StatusError{404, "NotFound", "the server could not find the requested resource", nullptr});
}

Answer<void> Impl::CheckNamespace(const TypeInfo& type, const std::string& ns) const {
  if (!type.namespaced) return {};
  const ObjectPtr found = Lookup({kNamespaces, "", ns});
  if (found == nullptr) return tl::unexpected(NotFound(kNamespaces, ns));
  if (!Deleting(*found)) return {};
  return tl::unexpected(StatusError{
      403,
      "Forbidden",
      type.resource.plural + " is forbidden: unable to create new content in namespace " + ns +
          " because it is being terminated",
      {{"causes", {{{"reason", "NamespaceTerminating"}, {"field", "metadata.namespace"}}}}}});
}

WriteContext Impl::Context(const TypeInfo& type, const WriteOptions& write) const {
  const auto ip_taken = [this](const std::string& address) {
    for (auto it = objects_.lower_bound({kServices, "", ""});
         it != objects_.end() && it->first.resource == kServices; ++it) {
      if (GetString(*it->second, {"spec", "clusterIP"}) == address) return true;
    }
    return false;
  };
  const auto can_expand = [this](const std::string& storage_class) {
    const ObjectPtr found = Lookup({{"storage.k8s.io", "storageclasses"}, "", storage_class});
    return found != nullptr && GetBool(*found, {"allowVolumeExpansion"});
  };
  return {type, options_, write, ip_taken, can_expand};
}

Answer<Json> Impl::Get(const Key& key) const {
  std::lock_guard lock(mu_);
  const ObjectPtr found = Lookup(key);
  if (found == nullptr) return tl::unexpected(NotFound(key.resource, key.name));
  return *found;
}

std::pair<std::vector<Json>, std::uint64_t> Impl::List(const Resource& resource,
                                                       const std::string& ns) const {
  std::vector<ObjectPtr> found;
  std::uint64_t version = 0;
  {
    std::lock_guard lock(mu_);
    version = version_;
    for (auto it = objects_.lower_bound({resource, ns, ""});
         it != objects_.end() && it->first.resource == resource &&
         (ns.empty() || it->first.ns == ns);
         ++it) {
      found.push_back(it->second);
    }
  }
  std::vector<Json> out;
  out.reserve(found.size());
  for (const ObjectPtr& object : found) out.push_back(*object);
  return {std::move(out), version};
}

Answer<Json> Impl::Create(const Resource& resource, const std::string& ns, Json object,
                          const WriteOptions& options) {
  std::lock_guard lock(mu_);
  const auto type = TypeOf(resource);
  if (!type) return tl::unexpected(type.error());
  if (auto ok = CheckNamespace(**type, ns); !ok) return tl::unexpected(ok.error());
  const Key named{resource, (*type)->namespaced ? ns : "", NameOf(object)};
  if (!named.name.empty() && Lookup(named))
    return tl::unexpected(AlreadyExists(resource, named.name));
  auto ready = PrepareCreate(Context(**type, options), ns, std::move(object), false);
  if (!ready) return ready;
  const Key key{resource, named.ns, NameOf(*ready)};
  return Insert(key, *std::move(ready), options.dry_run);
}

Answer<Json> Impl::Insert(const Key& key, Json object, bool dry_run) {
  if (Lookup(key)) return tl::unexpected(AlreadyExists(key.resource, key.name));
  if (dry_run) return object;
  Meta(object)["resourceVersion"] = std::to_string(version_ + 1);
  auto made = std::make_shared<const Json>(std::move(object));
  if (auto done = Commit(ChangeType::kAdded, key, made, nullptr); !done)
    return tl::unexpected(done.error());
  return *made;
}

Answer<Json> Impl::Update(const Key& key, Json object, const WriteOptions& options) {
  std::lock_guard lock(mu_);
  const auto type = TypeOf(key.resource);
  if (!type) return tl::unexpected(type.error());
  const ObjectPtr old = Lookup(key);
  if (old == nullptr) return tl::unexpected(NotFound(key.resource, key.name));
  auto ready = PrepareUpdate(Context(**type, options), *old, std::move(object), false);
  if (!ready) return ready;
  return Replace(**type, key, old, *std::move(ready), options.dry_run);
}

Answer<Json> Impl::Replace(const TypeInfo& type, const Key& key, const ObjectPtr& old, Json object,
                           bool dry_run) {
  if (dry_run) return object;
  if (ReadyToGo(type, object)) return Remove(key, old, std::move(object));
  if (object == *old) return object;
  Meta(object)["resourceVersion"] = std::to_string(version_ + 1);
  auto next = std::make_shared<const Json>(std::move(object));
  if (auto done = Commit(ChangeType::kModified, key, next, old); !done)
    return tl::unexpected(done.error());
  return *next;
}

Answer<Json> Impl::Patch(const Key& key, PatchType patch_type, const Json& patch,
                         const WriteOptions& options) {
  std::lock_guard lock(mu_);
  const auto type = TypeOf(key.resource);
  if (!type) return tl::unexpected(type.error());
  const ObjectPtr old = Lookup(key);
  const bool apply = patch_type == PatchType::kApply;
  const WriteContext context = Context(**type, options);
  if (old == nullptr) {
    if (!apply || !options.subresource.empty() ||
        !GetString(patch, {"metadata", "resourceVersion"}).empty()) {
      return tl::unexpected(NotFound(key.resource, key.name));
    }
    if (!UidOf(patch).empty()) {
      return tl::unexpected(Conflict(key.resource, key.name,
                                     "uid mismatch: the provided object specified uid " +
                                         UidOf(patch) + ", and no existing object was found"));
    }
    if (auto ok = CheckNamespace(**type, key.ns); !ok) return tl::unexpected(ok.error());
  }
  auto patched = PreparePatch(context, key, old.get(), patch_type, patch);
  if (!patched) return patched;
  auto ready = old == nullptr ? PrepareCreate(context, key.ns, *std::move(patched), true)
                              : PrepareUpdate(context, *old, *std::move(patched), apply);
  if (!ready) return ready;
  if (old == nullptr) return Insert(key, *std::move(ready), options.dry_run);
  return Replace(**type, key, old, *std::move(ready), options.dry_run);
}

Answer<Json> Impl::Delete(const Key& key, const DeletePreconditions& preconditions) {
  std::lock_guard lock(mu_);
  const auto type = TypeOf(key.resource);
  if (!type) return tl::unexpected(type.error());
  const ObjectPtr old = Lookup(key);
  if (old == nullptr) return tl::unexpected(NotFound(key.resource, key.name));
  if (auto ok = CheckDeletion(key.resource, *old, preconditions); !ok)
    return tl::unexpected(ok.error());
  if (preconditions.propagation_policy == "Orphan") Orphan(UidOf(*old));
  Json object = *old;
  ApplyPropagation(preconditions.propagation_policy, object);
  MarkDeleting(**type, object, GraceOf(**type, object, preconditions.grace_period_seconds));
  return Replace(**type, key, old, std::move(object), false);
}

Answer<Json> Impl::Remove(const Key& key, const ObjectPtr& old, Json last) {
  Meta(last)["resourceVersion"] = std::to_string(version_ + 1);
  auto gone = std::make_shared<const Json>(std::move(last));
  if (auto done = Commit(ChangeType::kDeleted, key, gone, old); !done)
    return tl::unexpected(done.error());
  return *gone;
}

void Impl::Orphan(const std::string& uid) {
  std::vector<std::pair<Key, ObjectPtr>> owned;
  for (const auto& [key, object] : objects_) {
    for (const Json& owner : GetArray(*object, {"metadata", "ownerReferences"})) {
      if (GetString(owner, {"uid"}) == uid) owned.emplace_back(key, object);
    }
  }
  for (const auto& [key, object] : owned) {
    Json next = *object;
    Json rest = Json::array();
    for (const Json& owner : GetArray(next, {"metadata", "ownerReferences"})) {
      if (GetString(owner, {"uid"}) != uid) rest.push_back(owner);
    }
    Meta(next)["ownerReferences"] = std::move(rest);
    Meta(next)["resourceVersion"] = std::to_string(version_ + 1);
    static_cast<void>(
        Commit(ChangeType::kModified, key, std::make_shared<const Json>(std::move(next)), object));
  }
}

Answer<void> Impl::Commit(ChangeType type, const Key& key, ObjectPtr object, ObjectPtr previous) {
  if (type == ChangeType::kDeleted) {
    objects_.erase(key);
  } else {
    objects_[key] = object;
  }
  ++version_;
  if (log_ != nullptr) {
    const auto written = log_->Append(
        version_, key, type == ChangeType::kDeleted ? nullptr : object.get(), objects_);
    if (!written)
      return tl::unexpected(StatusError{500, "InternalError", written.error().message, nullptr});
  }
  window_.push_back({type, version_, key, std::move(object), std::move(previous)});
  if (key.resource == kDefinitions) RebuildTypes();
  hub_.Publish(window_.back());
  while (window_.size() > options_.window) {
    oldest_ = window_.front().resource_version;
    window_.pop_front();
  }
  return {};
}

void Impl::RebuildTypes() {
  auto table = std::make_shared<TypeTable>(BuiltInTypes());
  for (auto it = objects_.lower_bound({kDefinitions, "", ""});
       it != objects_.end() && it->first.resource == kDefinitions; ++it) {
    if (auto type = TypeOfDefinition(*it->second)) table->insert_or_assign(type->resource, type);
  }
  types_ = std::move(table);
}

Answer<Json> Impl::Mutate(const Key& key, const std::string& subresource,
                          const std::function<bool(Json&)>& mutate) {
  WriteOptions options{.field_manager = "pgo-local", .subresource = subresource};
  while (true) {
    auto object = Get(key);
    if (!object || !mutate(*object)) return object;
    auto written = Update(key, *std::move(object), options);
    if (written || written.error().http_code != 409) return written;
  }
}

std::shared_ptr<void> Impl::Subscribe(const Resource& resource,
                                      std::function<void(const Change&)> on_change) {
  std::lock_guard lock(mu_);
  return hub_.Add(resource, "", {},
                  [call = std::move(on_change)](const WatchItem& item) { call(item.change); });
}

std::shared_ptr<const TypeTable> Impl::Types() const {
  std::lock_guard lock(mu_);
  return types_;
}

std::uint64_t Impl::Version() const {
  std::lock_guard lock(mu_);
  return version_;
}

Answer<std::shared_ptr<void>> Impl::Watch(const Resource& resource, const std::string& ns,
                                          std::optional<std::uint64_t> since,
                                          std::function<void(const WatchItem&)> on_item) {
  std::lock_guard lock(mu_);
  std::vector<WatchItem> first;
  if (!since) {
    const bool all = resource.plural.empty();
    for (auto it = all ? objects_.begin() : objects_.lower_bound({resource, ns, ""});
         it != objects_.end() && (all || it->first.resource == resource) &&
         (ns.empty() || it->first.ns == ns);
         ++it) {
      first.push_back(
          {{ChangeType::kAdded, VersionOf(*it->second), it->first, it->second, nullptr}, true});
    }
    first.push_back({{ChangeType::kAdded, version_, {resource, ns, ""}, nullptr, nullptr}, true});
  } else {
    if (*since < oldest_) return tl::unexpected(Expired(*since, oldest_));
    for (const Change& change : window_) {
      if (change.resource_version > *since && change.key.resource == resource &&
          (ns.empty() || change.key.ns == ns)) {
        first.push_back({change, false});
      }
    }
  }
  return hub_.Add(resource, ns, std::move(first), std::move(on_item));
}

}  // namespace

Result<std::unique_ptr<MemoryStore>> MemoryStore::Open(StoreOptions options) {
  auto store = std::make_unique<Impl>(std::move(options));
  if (auto loaded = store->Load(); !loaded) return tl::unexpected(loaded.error());
  return store;
}

}  // namespace pgo::local
