// The names of the cluster, kept up to date from the store (hosts.h says which).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "adapters/local/store.h"

namespace pgo::local {

// Any thread.
class NameBook {
 public:
  // `on_change` is called on the store's thread after names changed.
  NameBook(Store& store, std::function<void()> on_change);
  // Hosts-file lines as of a namespace.
  std::string HostsFor(const std::string& ns);

 private:
  void Forget();

  Store& store_;
  std::function<void()> on_change_;
  std::mutex mu_;
  std::map<std::string, std::string> cache_;  // by namespace
  std::uint64_t generation_ = 0;
  std::vector<std::shared_ptr<void>> subscriptions_;
};

}  // namespace pgo::local
