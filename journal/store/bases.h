// The newest payloads of the active segment, so that the next ones can be stored as differences.
//
// What a record resembles is the one before it of the same type and first subject; every
// kBasesStep-th of such a row rests on the one a whole step before instead, so that reading a
// record goes back over few others. At least every kBasesMax-th of a row is stored whole. Bounded
// by bytes: what was used longest ago is
// forgotten first, and its next version is stored whole. For the writer's thread alone.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "journal/format/record.h"

namespace pgo::journal {

inline constexpr std::size_t kBasesStep = 8;

class Bases {
 public:
  explicit Bases(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // What the record may be stored as a difference to; from now on it is itself the newest of its
  // row. The payload's bytes stay until the next call.
  std::optional<Base> Next(const Record& record, std::uint64_t seq);
  // A record that is stored already, behind `depth` bases. Newest first: of each row the first one
  // told is kept, and nothing once memory is full; false then.
  bool Learn(const Record& record, std::uint64_t seq, std::size_t depth);
  [[nodiscard]] bool Knows(std::uint16_t type, std::string_view subject) const;
  void Clear();

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Version {
    std::uint64_t seq = 0;
    std::size_t depth = 0;  // bases behind it, at most
    std::string payload;
  };
  struct Row {
    std::string key;
    Version newest;
    std::size_t place = 0;          // of the newest: how many of the row since one that was whole
    std::optional<Version> anchor;  // the one whose place is the last full step before the newest's
  };
  Base Rest(Row& row);
  static std::string KeyOf(std::uint16_t type, std::string_view subject);
  static std::size_t BytesOf(const Row& row);
  void Shrink();

  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::string given_;    // what the last Base points into
  std::list<Row> rows_;  // used last first
  std::unordered_map<std::string, std::list<Row>::iterator> by_key_;
};

}  // namespace pgo::journal
