// SQLite as a peer: durable inserts and indexed look-ups. Only where Debian's libsqlite3-dev was
// there at build time; else Open says so.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/result.h"

namespace pgo::bench {

class Sqlite {
 public:
  struct Row {
    std::uint64_t seq;
    std::string subject, payload;
  };
  // WAL mode, synchronous FULL; with `index`, one over subject, seq and payload.
  static Result<std::unique_ptr<Sqlite>> Open(const std::string& path, bool index);
  virtual ~Sqlite() = default;
  // One transaction, on disk when it returns.
  virtual bool Insert(const std::vector<Row>& rows) = 0;
  // Bytes of the payloads of the newest `count` rows of a subject; less than 0: it failed.
  virtual std::int64_t ReadLast(const std::string& subject, int count) = 0;
};

}  // namespace pgo::bench
