// One frame is one commit: the records that became durable together, and the hash that chains them
// to everything before.
//
//   frame  = header[40] | record * n | chain[32]
//   header = u8 version | u8 flags | u16 n | u32 len | u64 first_seq | u64 epoch | i64 wall_us
//          | u64 elapsed_us                                  (little endian; len: bytes of records)
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "journal/format/hash.h"
#include "journal/format/record.h"

namespace pgo::journal {

inline constexpr std::uint8_t kFrameVersion = 1;
inline constexpr std::size_t kHeaderBytes = 40;
inline constexpr std::size_t kChainBytes = 32;
inline constexpr std::size_t kRecordsMax = 65535;          // of one frame
inline constexpr std::size_t kFrameBytesMax = 64U << 20U;  // of all records of one frame

// Flags of a frame; permanent. Unknown ones are refused.
inline constexpr std::uint8_t kFlagBaseline = 1;  // opens a segment: the state all else folds from

struct FrameHeader {
  std::uint8_t version = kFrameVersion;
  std::uint8_t flags = 0;
  std::uint16_t n = 0;           // records, at least 1
  std::uint32_t len = 0;         // bytes of the records together
  std::uint64_t first_seq = 0;   // number of the first record; the first of a journal is 1
  std::uint64_t epoch = 0;       // grows with each leadership
  std::int64_t wall_us = 0;      // since the Unix epoch
  std::uint64_t elapsed_us = 0;  // CLOCK_BOOTTIME

  [[nodiscard]] std::uint64_t last_seq() const { return first_seq + n - 1; }
  bool operator==(const FrameHeader&) const = default;
};

std::string EncodeHeader(const FrameHeader& header);  // kHeaderBytes
// Refuses unknown versions and flags, n == 0, lengths over the limit, seqs that overflow.
Result<FrameHeader> DecodeHeader(std::string_view bytes);

struct EncodedFrame {
  std::string bytes;
  FrameHeader header;  // with n and len filled in
  Hash chain{};
};

// What a record may be stored as a difference to; asked once for each, in order. The payload's
// bytes stay until the next call.
using BaseOf = std::function<std::optional<Base>(const Record& record, std::uint64_t seq)>;

// Takes epoch, flags, first_seq and times from `header`. kInvalid if a record cannot be encoded
// (the message names its seq) or the frame would be too large.
Result<EncodedFrame> EncodeFrame(FrameHeader header, std::span<const Record> records,
                                 const Hash& before, const BaseOf& base_of = {});

// A frame as read. In a bundle some records may be elided: only their leaf is carried; or all of
// them: only the root is.
struct FrameView {
  struct Item {
    std::string_view bytes;    // of the record; empty: elided
    std::optional<Hash> leaf;  // carried instead of the bytes
  };
  FrameHeader header;
  std::string_view header_bytes;
  std::vector<Item> items;   // header.n of them, or none if `root` is set
  std::optional<Hash> root;  // carried instead of all records
  Hash chain{};              // as stated by the frame; CheckChain proves it
};

// Splits a whole frame as written by EncodeFrame. Views point into `bytes`. kCorrupt names seq and
// offset. Records are split, not decoded; the chain is not checked.
Result<FrameView> ViewFrame(std::string_view bytes);

// A whole frame's bytes as EncodeFrame wrote them; "" if something of it is elided.
std::string StoredBytes(const FrameView& frame);

// kCorrupt, naming the frame by its seqs, unless the frame's records and header hash to its stated
// chain after `before`.
Status CheckChain(const FrameView& frame, const Hash& before);

// Follows frames one after another and proves that each continues the one before.
class ChainWalk {
 public:
  ChainWalk(std::uint64_t first_seq, const Hash& before) : next_seq_(first_seq), chain_(before) {}
  // kCorrupt unless the frame is the next one: seq, epoch and hash. Moves on only if it is.
  Status Next(const FrameView& frame);

  [[nodiscard]] std::uint64_t next_seq() const { return next_seq_; }
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  [[nodiscard]] const Hash& chain() const { return chain_; }

 private:
  std::uint64_t next_seq_;
  std::uint64_t epoch_ = 0;
  Hash chain_;
};

// Decodes record number `index` of the frame; nothing if it is elided. kCorrupt of a delta, which
// only a Decoder reads (query/decoder.h).
Result<std::optional<Record>> RecordAt(const FrameView& frame, std::size_t index);

// "frame 7..9", for messages.
std::string FrameName(const FrameHeader& header);

}  // namespace pgo::journal
