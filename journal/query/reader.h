// Reading a journal, wherever it lives: the operator's own store or a bundle file. Queries are
// written once, over this interface.
//
// Readers serve only what is durable. All calls may run on any thread, at the same time as the
// writer of a store, unless an implementation says otherwise. Callbacks run on the caller's thread;
// views given to them die when they return.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "engine/base/result.h"
#include "journal/format/frame.h"

namespace pgo::journal {

struct JournalHead {
  JournalId journal_id{};
  std::uint64_t epoch = 0;
  std::uint64_t seq = 0;  // of the last record; 0: none
  Hash chain{};           // after the frame that ends with `seq`

  bool operator==(const JournalHead&) const = default;
};

// Both ends included. From 1 (or 0) on means: from the first one kept.
struct SeqRange {
  std::uint64_t from = 1;
  std::uint64_t to = UINT64_MAX;
};

enum class Order : std::uint8_t { kOldestFirst, kNewestFirst };

// One record in its place.
struct Entry {
  std::uint64_t seq = 0;
  FrameHeader frame;
  Record record;
};

// Answers whether to go on.
using FrameCallback = std::function<bool(const FrameView& frame)>;
using EntryCallback = std::function<bool(const Entry& entry)>;

// Older records may be gone, by retention or because a bundle begins later. Asking for them is
// kNotFound and names the first one kept, here as in all calls with a range: never "nothing".
class Reader {
 public:
  virtual ~Reader() = default;

  [[nodiscard]] virtual JournalHead Head() const = 0;
  // Where the readable part starts: seq of its first record and the chain before it. An empty
  // journal starts at 1 with its genesis.
  struct Start {
    std::uint64_t first_seq = 1;
    Hash chain{};
  };
  [[nodiscard]] virtual Result<Start> Begin() const = 0;

  // Where folding from empty may begin to reach the state after `seq`: at the newest baseline that
  // ends at or before it, else at Begin(). Of a store, kNotFound if `seq` is no longer kept.
  [[nodiscard]] virtual Result<Start> Baseline(std::uint64_t seq) const = 0;

  // Frames that hold a seq of the range, in order, each checked to follow the one before and to
  // hash to its chain (the first one after what is stored before it).
  virtual Status Frames(SeqRange range, const FrameCallback& callback) const = 0;

  // Records of the range that name the subject, in the order asked for.
  virtual Status BySubject(std::string_view subject, SeqRange range, Order order,
                           const EntryCallback& callback) const = 0;
};

// kNotFound if the range names records before the first one kept, of that wall time if known.
Status CheckKept(std::uint64_t first_kept, const std::optional<std::int64_t>& wall_us,
                 SeqRange range);

// Records of the range, in order; elided ones are passed over.
Status Iterate(const Reader& reader, SeqRange range, const EntryCallback& callback);

// The record with this seq; kNotFound if it is not there or elided.
Result<Entry> At(const Reader& reader, std::uint64_t seq);

}  // namespace pgo::journal
