#include "journal/format/record.h"

#include <optional>
#include <utility>

#include "journal/format/payload.h"
#include "journal/format/wire.h"

namespace pgo::journal {
namespace {

std::uint64_t ZigZag(std::uint64_t difference) {
  return (difference << 1U) ^ (0U - (difference >> 63U));
}
std::uint64_t UnZigZag(std::uint64_t coded) { return (coded >> 1U) ^ (0U - (coded & 1U)); }

Status CheckLimits(const Record& record, std::uint64_t seq) {
  if (record.payload.size() > kPayloadBytesMax) return Fail(Code::kInvalid, "payload too large");
  if (record.subjects.size() > kSubjectsMax) return Fail(Code::kInvalid, "too many subjects");
  if (record.causes.size() > kCausesMax) return Fail(Code::kInvalid, "too many causes");
  if (record.rv.size() > kVersionBytesMax) return Fail(Code::kInvalid, "rv too long");
  for (const std::string& subject : record.subjects) {
    if (subject.empty()) return Fail(Code::kInvalid, "a subject is empty");
    if (subject.size() > kSubjectBytesMax) return Fail(Code::kInvalid, "a subject is too long");
    if (subject.find('\0') != std::string::npos) {
      return Fail(Code::kInvalid, "a subject holds a NUL byte");
    }
  }
  for (const std::uint64_t cause : record.causes) {
    if (cause == 0 || cause >= seq) {
      return Fail(Code::kInvalid, "cause " + std::to_string(cause) + " does not precede it");
    }
  }
  return {};
}

void ReadCauses(Cursor& cursor, std::uint64_t seq, RecordView& view) {
  const std::uint64_t count = cursor.Varint(kCausesMax, "number of causes");
  std::uint64_t before = seq;
  for (std::uint64_t i = 0; i < count && cursor.ok(); ++i) {
    const std::uint64_t cause = before - UnZigZag(cursor.Varint(UINT64_MAX, "cause"));
    if (cause == 0 || cause >= seq) cursor.Refuse("cause", "it does not precede the record");
    view.causes.push_back(cause);
    before = cause;
  }
}

void ReadSubjects(Cursor& cursor, RecordView& view) {
  const std::uint64_t count = cursor.Varint(kSubjectsMax, "number of subjects");
  for (std::uint64_t i = 0; i < count && cursor.ok(); ++i) {
    const std::string_view subject = cursor.Bytes(kSubjectBytesMax, "subject");
    if (subject.empty()) cursor.Refuse("subject", "it is empty");
    if (subject.find('\0') != std::string_view::npos) cursor.Refuse("subject", "it holds NUL");
    view.subjects.push_back(subject);
  }
}

struct Packed {
  Codec codec = Codec::kRaw;
  std::string bytes;  // nothing if raw
};

Packed Pack(const std::string& payload, const std::optional<Base>& base) {
  if (base) {
    if (auto delta = CompressDelta(payload, base->payload)) {
      return {Codec::kDelta, *std::move(delta)};
    }
  }
  if (auto whole = Compress(payload)) return {Codec::kZstd, *std::move(whole)};
  return {};
}

void ReadBase(Cursor& cursor, std::uint64_t seq, RecordView& view) {
  const std::uint64_t distance = cursor.Varint(UINT64_MAX, "base");
  if (!cursor.ok()) return;
  if (view.codec != Codec::kDelta) {
    if (distance != 0) cursor.Refuse("base", "only a delta has one");
    return;
  }
  if (distance == 0 || distance >= seq) cursor.Refuse("base", "it does not precede the record");
  view.base = seq - distance;
}

}  // namespace

Result<std::string> EncodeRecord(const Record& record, std::uint64_t seq,
                                 const std::optional<Base>& base) {
  if (Status limits = CheckLimits(record, seq); !limits) {
    return Fail(limits.error().In("record " + std::to_string(seq)));
  }
  const Packed packed = Pack(record.payload, base);
  std::string body;
  PutVarint(body, record.type);
  PutVarint(body, record.schema);
  PutVarint(body, static_cast<std::uint64_t>(packed.codec));
  PutVarint(body, record.source);
  PutVarint(body, packed.codec == Codec::kDelta ? seq - base->seq : 0);
  PutVarint(body, record.causes.size());
  std::uint64_t before = seq;
  for (const std::uint64_t cause : record.causes) {
    PutVarint(body, ZigZag(before - cause));
    before = cause;
  }
  PutVarint(body, record.subjects.size());
  for (const std::string& subject : record.subjects) PutBytes(body, subject);
  PutBytes(body, record.rv);
  body += packed.codec == Codec::kRaw ? record.payload : packed.bytes;
  if (body.size() > kRecordBytesMax) {
    return Fail(Code::kInvalid, "record " + std::to_string(seq) + ": too large");
  }
  std::string out;
  PutBytes(out, body);
  return out;
}

Result<RecordView> ViewRecord(std::string_view bytes, std::uint64_t seq) {
  Cursor cursor(bytes);
  const std::uint64_t len = cursor.Varint(kRecordBytesMax, "length");
  if (cursor.ok() && len != bytes.size() - cursor.offset()) {
    cursor.Refuse("record", "its length is not the one it states");
  }
  RecordView view;
  view.type = static_cast<std::uint16_t>(cursor.Varint(UINT16_MAX, "type"));
  view.schema = static_cast<std::uint16_t>(cursor.Varint(UINT16_MAX, "schema"));
  const std::uint64_t codec = cursor.Varint(UINT8_MAX, "codec");
  if (codec > static_cast<std::uint64_t>(Codec::kDelta)) {
    cursor.Refuse("codec", "it is not known to this version");
  }
  view.codec = static_cast<Codec>(codec);
  view.source = static_cast<std::uint16_t>(cursor.Varint(UINT16_MAX, "source"));
  ReadBase(cursor, seq, view);
  ReadCauses(cursor, seq, view);
  ReadSubjects(cursor, view);
  view.rv = cursor.Bytes(kVersionBytesMax, "rv");
  view.stored_payload = cursor.Rest();
  if (view.codec == Codec::kRaw && view.stored_payload.size() > kPayloadBytesMax) {
    cursor.Refuse("payload", "it is over its limit");
  }
  if (view.codec == Codec::kDelta && view.stored_payload.size() > kDeltaPayloadBytesMax) {
    cursor.Refuse("payload", "it is over the limit of a delta");
  }
  if (!cursor.ok()) return Fail(cursor.Problem().In("record " + std::to_string(seq)));
  return view;
}

Result<std::string> DecodePayload(const RecordView& view,
                                  const std::optional<std::string_view>& base) {
  if (view.codec == Codec::kRaw) return std::string(view.stored_payload);
  if (view.codec == Codec::kZstd) return Decompress(view.stored_payload);
  const std::string name = "record " + std::to_string(view.base);
  if (!base) return Fail(Code::kCorrupt, "payload is a delta and needs " + name + ", its base");
  Result<std::string> payload = DecompressDelta(view.stored_payload, *base);
  if (payload) return payload;
  return Fail(Code::kCorrupt, payload.error().message + "; it was changed, or " + name +
                                  " is not the base that it was made from");
}

Record RecordOf(const RecordView& view) {
  Record record;
  record.type = view.type;
  record.schema = view.schema;
  record.source = view.source;
  record.causes = view.causes;
  record.subjects.assign(view.subjects.begin(), view.subjects.end());
  record.rv = view.rv;
  return record;
}

Result<Record> DecodeRecord(std::string_view bytes, std::uint64_t seq) {
  const Result<RecordView> view = ViewRecord(bytes, seq);
  if (!view) return Fail(view.error());
  Result<std::string> payload = DecodePayload(*view);
  if (!payload) {
    const std::size_t offset = bytes.size() - view->stored_payload.size();
    return Fail(payload.error().In("record " + std::to_string(seq) + ": at offset " +
                                   std::to_string(offset)));
  }
  Record record = RecordOf(*view);
  record.payload = *std::move(payload);
  return record;
}

}  // namespace pgo::journal
