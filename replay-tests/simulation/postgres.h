// What PostgreSQL leaves on a volume: a timeline with its ancestors, and how far it was written.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace pgo::simulation {

// Where an ancestor ended: the child forked there.
struct Fork {
  std::uint32_t timeline = 0;
  std::uint64_t end = 0;
};

// A commit by its place: the only name it needs.
struct Commit {
  std::uint32_t timeline = 0;
  std::uint64_t lsn = 0;
};

struct Disk {
  bool initialized = false;
  std::string system_identifier;
  std::uint32_t timeline = 0;
  std::uint64_t lsn = 0;  // written and flushed
  std::vector<Fork> history;

  [[nodiscard]] bool Holds(const Commit& commit) const {
    if (!initialized) return false;
    if (commit.timeline == timeline) return commit.lsn <= lsn;
    return std::ranges::any_of(history, [&](const Fork& f) {
      return f.timeline == commit.timeline && commit.lsn <= f.end;
    });
  }
  // Whether this one can go on from what it has by streaming from the other: nothing of it is
  // missing there.
  [[nodiscard]] bool IsPrefixOf(const Disk& other) const {
    return system_identifier == other.system_identifier && other.Holds({timeline, lsn});
  }
};

}  // namespace pgo::simulation
