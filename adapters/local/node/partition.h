// What nodes cannot reach although their links are up: other nodes, or the API server. Both ways.
// Pure: who carries it out is NodeProcess::SetBlocked and ServiceProxy::SetSevered.
#pragma once

#include <set>
#include <string>
#include <utility>

namespace pgo::local {

// Nodes by number, as in addresses.h; 0 is the clients'.
class Partition {
 public:
  void SetLink(int a, int b, bool up);
  void SetApi(int node, bool up);

  [[nodiscard]] bool ApiCut(int node) const { return api_.contains(node); }
  [[nodiscard]] std::set<int> CutFrom(int node) const;
  // Pairs whose smaller number comes first.
  [[nodiscard]] const std::set<std::pair<int, int>>& links() const { return links_; }
  // What is dropped within the node's own network, as selectors of ip-rule(8): packets to and from
  // the other side, so that neither hears anything.
  [[nodiscard]] std::set<std::string> BlockedAt(int node) const;

 private:
  std::set<std::pair<int, int>> links_;
  std::set<int> api_;
};

// The node that an address belongs to, its own or one of its pods'; -1 if it is none's.
int NodeOfAddress(const std::string& address);

}  // namespace pgo::local
