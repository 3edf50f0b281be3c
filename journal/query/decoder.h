// Reading payloads that are stored as differences to earlier ones (codec 2).
//
// A chain of bases is at most kBasesMax long and always leads back, so reading ends; memory is
// bounded by the limits of record.h and the payloads kept. Not for several threads.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "journal/format/frame.h"
#include "journal/query/reader.h"

namespace pgo::journal {

class Decoder {
 public:
  // The stored bytes of one record; nothing if they are not carried.
  using Fetch = std::function<Result<std::optional<std::string>>(std::uint64_t seq)>;
  static constexpr std::size_t kKeptBytes = 64U << 20U;  // as the store has for writing

  // Payloads read lately are kept, up to `kept_bytes`, so that a walk over records in the order
  // named decodes each of them once.
  explicit Decoder(Fetch fetch, Order order = Order::kOldestFirst,
                   std::size_t kept_bytes = kKeptBytes);
  // Fetches from a reader, which must outlive it.
  explicit Decoder(const Reader& reader, Order order = Order::kOldestFirst);

  // The record with its payload. kCorrupt names the record, and its base if that is missing, is not
  // the one that the delta was made from, or lies behind more than kBasesMax others.
  Result<Record> Decode(std::string_view bytes, std::uint64_t seq);
  // Record number `index` of the frame; nothing if it is elided.
  Result<std::optional<Record>> RecordAt(const FrameView& frame, std::size_t index);
  // How many bases the record decoded last rests on.
  [[nodiscard]] std::size_t depth() const { return depth_; }

 private:
  struct Kept {
    std::uint64_t seq;
    std::string payload;
    std::size_t depth;    // bases behind it
    bool anchor = false;  // a later record than the next may rest on it too
    bool used = false;    // a record that rests on it was read
  };
  struct Link;
  bool Use(std::uint64_t base);
  Result<std::string> Payload(const RecordView& view);
  Result<std::vector<Link>> WalkBack(std::uint64_t base);
  const Kept* Find(std::uint64_t seq);
  void Keep(std::uint64_t seq, const std::string& payload, std::size_t depth);
  void Forget(std::uint64_t seq);

  Fetch fetch_;
  Order order_;
  std::size_t kept_bytes_max_;
  std::size_t kept_bytes_ = 0;
  std::size_t depth_ = 0;
  bool anchor_ = false;   // of the record decoded last
  std::list<Kept> kept_;  // used last first
  std::unordered_map<std::uint64_t, std::list<Kept>::iterator> by_seq_;
};

// The stored bytes of one record of a reader, for a Decoder.
Result<std::optional<std::string>> StoredRecord(const Reader& reader, std::uint64_t seq);

}  // namespace pgo::journal
