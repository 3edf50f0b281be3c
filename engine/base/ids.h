// Strong names for the numbers and keys of the engine. Explicit both ways: no value turns into
// another kind by itself.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pgo {

template <typename T, typename Tag>
class Named {
 public:
  using Value = T;
  constexpr Named() = default;
  constexpr explicit Named(T value) : value_(std::move(value)) {}
  [[nodiscard]] constexpr const T& value() const { return value_; }
  auto operator<=>(const Named&) const = default;

 private:
  T value_{};
};

// Place of an event or action in the journal; 0 is none, the first is 1.
using Seq = Named<std::uint64_t, struct SeqTag>;
// Name of an action, the same in every attempt to say the same thing (engine/action/action.h).
using ActionId = Named<std::string, struct ActionIdTag>;
// PostgreSQL's timeline; 0 is unknown.
using Timeline = Named<std::uint32_t, struct TimelineTag>;

// A position in the write-ahead log; shown as PostgreSQL does: "0/5000148".
using Lsn = Named<std::uint64_t, struct LsnTag>;
std::string LsnText(Lsn lsn);
// Reads "0/5000148"; nothing if it is not one.
std::optional<Lsn> ParseLsn(std::string_view text);

struct ClusterKey {
  std::string ns, name;
  auto operator<=>(const ClusterKey&) const = default;
  [[nodiscard]] std::string Text() const { return ns + "/" + name; }
};

// Moment of an event, stamped once on arrival. wall: microseconds since the Unix epoch, for people,
// schedules and certificates. elapsed: CLOCK_BOOTTIME microseconds, for durations; it starts anew
// with the machine, so it is compared only between events of one `Started`.
struct Now {
  std::int64_t wall_us = 0;
  std::int64_t elapsed_us = 0;
  auto operator<=>(const Now&) const = default;
};

inline constexpr std::int64_t kSecond = 1'000'000;  // in microseconds

// "2026-05-04T03:12:05.118Z"; and to whole seconds as Kubernetes writes times.
std::string WallText(std::int64_t wall_us);
std::string WallSeconds(std::int64_t wall_us);
// RFC 3339 in UTC, with or without a fraction; nothing if it is not one.
std::optional<std::int64_t> ParseWall(std::string_view text);

}  // namespace pgo
