// One journal record: what was observed or done, with its causes and the subjects it concerns.
// This file is bytes only. The payload is opaque here; types and sources get their names elsewhere.
//
//   record = varint len | varint type | varint schema | varint codec | varint source
//          | varint base | causes | subjects | rv | payload
//
// `len` counts the bytes behind itself. The layout is permanent: docs/journal-format.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace pgo::journal {

// How a payload is stored. Permanent numbers.
enum class Codec : std::uint8_t {
  kRaw = 0,
  kZstd = 1,   // one zstd frame with content size and checksum, no dictionary
  kDelta = 2,  // the same with the payload of record `base` as prefix: what changed since then
};

// Limits of what is written and of what a reader accepts, so that no input makes it allocate more.
inline constexpr std::size_t kPayloadBytesMax = 16U << 20U;                     // uncompressed
inline constexpr std::size_t kRecordBytesMax = kPayloadBytesMax + (8U << 20U);  // stored
inline constexpr std::size_t kSubjectsMax = 4096;
inline constexpr std::size_t kSubjectBytesMax = 1024;
inline constexpr std::size_t kCausesMax = 65536;
inline constexpr std::size_t kVersionBytesMax = 256;
inline constexpr unsigned kZstdWindowLogMax = 23;  // 8 MiB
// Of deltas: how many records a reader may have to go back, and how large each payload may be.
inline constexpr std::size_t kBasesMax = 64;
inline constexpr std::size_t kDeltaPayloadBytesMax = 2U << 20U;  // uncompressed, and of its base
inline constexpr std::size_t kDeltaPayloadBytesMin = 64;

struct Record {
  std::uint16_t type = 0;    // what kind of event or action; permanent numbers, named elsewhere
  std::uint16_t schema = 0;  // version of the payload's layout
  std::uint16_t source = 0;  // who reported it; permanent numbers, named elsewhere
  std::vector<std::uint64_t> causes;  // seqs of earlier records: each >= 1 and < this record's seq
  // What it concerns, the first above all: a record may be stored as its difference to an earlier
  // one of the same type and first subject. Not empty, no NUL byte in one.
  std::vector<std::string> subjects;
  std::string rv;       // Kubernetes' resourceVersion, or empty
  std::string payload;  // uncompressed

  bool operator==(const Record&) const = default;
};

// An earlier record whose payload resembles the new one's.
struct Base {
  std::uint64_t seq = 0;
  std::string_view payload;  // uncompressed
};

// Bytes of the record with number `seq`. zstd is used where it saves space, the difference to
// `base` where that saves more. kInvalid if a field is over its limit or a cause does not precede
// the record.
Result<std::string> EncodeRecord(const Record& record, std::uint64_t seq,
                                 const std::optional<Base>& base = {});

// Everything but the payload, which stays compressed. For walks that do not look into payloads.
struct RecordView {
  std::uint16_t type = 0;
  std::uint16_t schema = 0;
  std::uint16_t source = 0;
  Codec codec = Codec::kRaw;
  std::uint64_t base = 0;  // seq of the record that a delta rests on, less than its own; 0: none
  std::vector<std::uint64_t> causes;
  std::vector<std::string_view> subjects;  // into the bytes given
  std::string_view rv;                     // into the bytes given
  std::string_view stored_payload;         // into the bytes given
};

// Reads exactly one record from all of `bytes`. Total: any bytes give a record or kCorrupt with the
// offset. Memory is bounded by the limits above.
Result<RecordView> ViewRecord(std::string_view bytes, std::uint64_t seq);
// The record with its payload; kCorrupt of a delta, which cannot be read alone (query/decoder.h).
Result<Record> DecodeRecord(std::string_view bytes, std::uint64_t seq);

// The payload of a viewed record, uncompressed. A delta needs its base's payload and is refused
// (kCorrupt) without it or with another one, which zstd's checksum tells.
Result<std::string> DecodePayload(const RecordView& view,
                                  const std::optional<std::string_view>& base = {});
// Everything but the payload.
Record RecordOf(const RecordView& view);

}  // namespace pgo::journal
