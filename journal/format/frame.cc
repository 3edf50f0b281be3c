#include "journal/format/frame.h"

#include <algorithm>

#include "journal/format/sha256.h"
#include "journal/format/wire.h"

namespace pgo::journal {
namespace {

// The bytes of one record, its length included.
std::string_view SplitRecord(Cursor& cursor, std::string_view bytes) {
  const std::size_t start = cursor.offset();
  cursor.Bytes(kRecordBytesMax, "record");
  return cursor.ok() ? bytes.substr(start, cursor.offset() - start) : std::string_view();
}

Hash RootOfItems(const FrameView& frame) {
  if (frame.root) return *frame.root;
  std::vector<Hash> leaves;
  leaves.reserve(frame.items.size());
  for (const FrameView::Item& item : frame.items) {
    leaves.push_back(item.leaf ? *item.leaf : LeafOf(item.bytes));
  }
  return RootOf(leaves);
}

}  // namespace

std::string FrameName(const FrameHeader& header) {
  return "frame " + std::to_string(header.first_seq) + ".." + std::to_string(header.last_seq());
}

std::string EncodeHeader(const FrameHeader& header) {
  std::string out;
  out.reserve(kHeaderBytes);
  PutFixed(out, header.version);
  PutFixed(out, header.flags);
  PutFixed(out, header.n);
  PutFixed(out, header.len);
  PutFixed(out, header.first_seq);
  PutFixed(out, header.epoch);
  PutFixed(out, header.wall_us);
  PutFixed(out, header.elapsed_us);
  return out;
}

Result<FrameHeader> DecodeHeader(std::string_view bytes) {
  Cursor cursor(bytes);
  FrameHeader header;
  header.version = cursor.Fixed<std::uint8_t>("version");
  if (cursor.ok() && header.version != kFrameVersion) {
    cursor.Refuse("version", "it is not known to this program");
  }
  header.flags = cursor.Fixed<std::uint8_t>("flags");
  if ((header.flags & ~kFlagBaseline) != 0) cursor.Refuse("flags", "not known to this program");
  header.n = cursor.Fixed<std::uint16_t>("number of records");
  if (header.n == 0) cursor.Refuse("number of records", "it is zero");
  header.len = cursor.Fixed<std::uint32_t>("length");
  if (header.len > kFrameBytesMax) cursor.Refuse("length", "it is over its limit");
  header.first_seq = cursor.Fixed<std::uint64_t>("first seq");
  if (header.first_seq == 0 || header.first_seq > UINT64_MAX - header.n) {
    cursor.Refuse("first seq", "it is out of range");
  }
  header.epoch = cursor.Fixed<std::uint64_t>("epoch");
  header.wall_us = cursor.Fixed<std::int64_t>("wall time");
  header.elapsed_us = cursor.Fixed<std::uint64_t>("elapsed time");
  if (!cursor.ok()) return Fail(cursor.Problem().In("frame header"));
  return header;
}

Result<EncodedFrame> EncodeFrame(FrameHeader header, std::span<const Record> records,
                                 const Hash& before, const BaseOf& base_of) {
  if (records.empty()) return Fail(Code::kInvalid, "a frame holds at least one record");
  if (records.size() > kRecordsMax) return Fail(Code::kInvalid, "too many records for one frame");
  std::string body;
  std::vector<Hash> leaves;
  leaves.reserve(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    const std::uint64_t seq = header.first_seq + i;
    Result<std::string> bytes =
        EncodeRecord(records[i], seq, base_of ? base_of(records[i], seq) : std::nullopt);
    if (!bytes) return Fail(bytes.error());
    if (body.size() + bytes->size() > kFrameBytesMax) {
      return Fail(Code::kInvalid, "the records are too large for one frame");
    }
    leaves.push_back(LeafOf(*bytes));
    body += *bytes;
  }
  header.version = kFrameVersion;
  header.n = static_cast<std::uint16_t>(records.size());
  header.len = static_cast<std::uint32_t>(body.size());
  EncodedFrame frame;
  frame.header = header;
  frame.bytes = EncodeHeader(header);
  frame.chain = ChainOf(before, frame.bytes, RootOf(leaves));
  frame.bytes += body;
  frame.bytes += BytesOf(frame.chain);
  return frame;
}

Result<FrameView> ViewFrame(std::string_view bytes) {
  Result<FrameHeader> header = DecodeHeader(bytes.substr(0, kHeaderBytes));
  if (!header) return Fail(header.error());
  const std::string name = FrameName(*header);
  if (bytes.size() != kHeaderBytes + header->len + kChainBytes) {
    return Fail(Code::kCorrupt, name + ": it has " + std::to_string(bytes.size()) +
                                    " bytes, its header says " +
                                    std::to_string(kHeaderBytes + header->len + kChainBytes));
  }
  FrameView frame;
  frame.header = *header;
  frame.header_bytes = bytes.substr(0, kHeaderBytes);
  const std::string_view body = bytes.substr(kHeaderBytes, header->len);
  frame.items.reserve(std::min<std::size_t>(header->n, body.size()));
  Cursor cursor(body);
  for (std::size_t i = 0; i < header->n && cursor.ok(); ++i) {
    frame.items.push_back({SplitRecord(cursor, body), std::nullopt});
  }
  if (!cursor.ok()) {
    const std::uint64_t seq = header->first_seq + frame.items.size() - 1;
    return Fail(cursor.Problem().In(name + ": record " + std::to_string(seq)));
  }
  if (!cursor.AtEnd()) return Fail(Code::kCorrupt, name + ": bytes follow its last record");
  frame.chain = HashFrom(bytes.substr(bytes.size() - kChainBytes));
  return frame;
}

std::string StoredBytes(const FrameView& frame) {
  if (frame.root) return "";
  std::string bytes(frame.header_bytes);
  for (const FrameView::Item& item : frame.items) {
    if (item.leaf) return "";
    bytes += item.bytes;
  }
  return bytes += BytesOf(frame.chain);
}

Status CheckChain(const FrameView& frame, const Hash& before) {
  if (ChainOf(before, frame.header_bytes, RootOfItems(frame)) == frame.chain) return {};
  return Fail(Code::kCorrupt, FrameName(frame.header) +
                                  ": its hash is not the one it states: it was changed, or it "
                                  "does not follow the frame before it");
}

Result<std::optional<Record>> RecordAt(const FrameView& frame, std::size_t index) {
  if (frame.root || frame.items[index].leaf) return std::optional<Record>();
  Result<Record> record = DecodeRecord(frame.items[index].bytes, frame.header.first_seq + index);
  if (!record) return Fail(record.error());
  return std::optional<Record>(*std::move(record));
}

Status ChainWalk::Next(const FrameView& frame) {
  const FrameHeader& header = frame.header;
  if (header.first_seq != next_seq_) {
    return Fail(Code::kCorrupt, FrameName(header) + ": stands where record " +
                                    std::to_string(next_seq_) +
                                    " is due: frames are missing, repeated or out of order");
  }
  if (header.epoch < epoch_) {
    return Fail(Code::kCorrupt, FrameName(header) + ": its epoch " + std::to_string(header.epoch) +
                                    " is less than " + std::to_string(epoch_) + " before it");
  }
  if (Status chain = CheckChain(frame, chain_); !chain) return chain;
  next_seq_ = header.last_seq() + 1;
  epoch_ = header.epoch;
  chain_ = frame.chain;
  return {};
}

}  // namespace pgo::journal
