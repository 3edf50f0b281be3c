#include "adapters/local/node/partition.h"

#include <algorithm>
#include <cstdio>

#include "adapters/local/node/addresses.h"

namespace pgo::local {

void Partition::SetLink(int a, int b, bool up) {
  const std::pair<int, int> link = std::minmax(a, b);
  if (up) {
    links_.erase(link);
  } else {
    links_.insert(link);
  }
}

void Partition::SetApi(int node, bool up) {
  if (up) {
    api_.erase(node);
  } else {
    api_.insert(node);
  }
}

std::set<int> Partition::CutFrom(int node) const {
  std::set<int> out;
  for (const auto& [a, b] : links_) {
    if (a == node) out.insert(b);
    if (b == node) out.insert(a);
  }
  return out;
}

std::set<std::string> Partition::BlockedAt(int node) const {
  std::set<std::string> out;
  for (const int other : CutFrom(node)) {
    for (const char* direction : {"to ", "from "}) {
      out.insert(direction + NodeAddress(other) + "/32");
      if (other > 0) out.insert(direction + PodRange(other));
    }
  }
  if (!ApiCut(node)) return out;
  // By port: the proxies of Services answer from the same address.
  for (const auto& [address, port] :
       {std::pair{kControlAddress, kApiPort}, {kApiServiceAddress, 443}}) {
    const std::string host = std::string(address) + "/32", number = std::to_string(port);
    out.insert("to " + host + " ipproto tcp dport " + number);
    out.insert("from " + host + " ipproto tcp sport " + number);
  }
  return out;
}

int NodeOfAddress(const std::string& address) {
  int node = 0, host = 0;
  if (std::sscanf(address.c_str(), "10.201.%d.%d", &node, &host) == 2) return node;
  if (std::sscanf(address.c_str(), "10.200.0.%d", &host) == 1 && host >= 10) return host - 10;
  return -1;
}

}  // namespace pgo::local
