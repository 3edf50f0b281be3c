// What the room remembers: the answers to what it asked before anything was stopped. A successor
// without them asks again; everything else stands in ConfigMap c-intent.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/fields.h"

namespace pgo::rooms::restores {

struct Answer {
  std::string key;        // what was asked: RequestKey
  Json result;            // as printed
  std::uint64_t seq = 0;  // of the answer
  PGO_FIELDS(Answer, key, result, seq)
};

struct Memory {
  Answer check;   // what the repository has
  Answer safety;  // whether the newest WAL is in it
  PGO_FIELDS(Memory, check, safety)
};

}  // namespace pgo::rooms::restores
