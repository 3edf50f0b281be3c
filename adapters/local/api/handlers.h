// The API's verbs over the store, apart from connections: everything but streams.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>

#include "adapters/local/api/request.h"
#include "adapters/local/store/selector.h"

namespace pgo::local {

// How often each verb was asked for, by resource and client. Any thread.
class RequestCounts {
 public:
  void Add(const std::string& verb, const std::string& resource, const std::string& user_agent);
  [[nodiscard]] Json Report() const;

 private:
  mutable std::mutex mu_;
  std::map<std::tuple<std::string, std::string, std::string>, std::int64_t> counts_;
};

// The verb of Kubernetes' RBAC: "get", "list", "watch", "create", "update", "patch", "delete".
std::string VerbOf(const Request& request, const Target& target);

// Any thread.
class Handlers {
 public:
  Handlers(MemoryStore& store, const Credentials& credentials)
      : store_(store), credentials_(credentials) {}

  // Everything but watch, exec and log.
  Reply Handle(const Request& request, const Target& target);

 private:
  Reply Get(const Request& request, const Target& target);
  Reply List(const Request& request, const Target& target);
  Reply Create(const Request& request, const Target& target);
  Reply Update(const Request& request, const Target& target);
  Reply Patch(const Request& request, const Target& target);
  Reply Delete(const Request& request, const Target& target);
  Reply DeleteCollection(const Request& request, const Target& target);
  Reply Scale(const Request& request, const Target& target);
  Reply PodOrAccountVerb(const Request& request, const Target& target);

  MemoryStore& store_;
  const Credentials& credentials_;
};

// The object as a client of this version sees it.
Json Shown(const TypeInfo& type, const std::string& version, Json object);
// The selectors of a list or watch, and a name if the path has one.
Answer<Selector> SelectorOf(const Request& request, const Target& target);

}  // namespace pgo::local
