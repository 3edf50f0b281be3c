#include "journal/store/status.h"

#include <filesystem>

#include "engine/base/json.h"
#include "journal/store/journal_state.h"

namespace pgo::journal {
namespace {

std::uint64_t BytesOf(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
  std::uint64_t total = 0;
  for (const char* name : {"rocksdb.live-sst-files-size", "rocksdb.cur-size-all-mem-tables"}) {
    std::uint64_t bytes = 0;
    if (db.GetIntProperty(family, name, &bytes)) total += bytes;
  }
  return total;
}

Result<SegmentStatus> StatusOf(rocksdb::DB& db, const Segment& segment) {
  SegmentStatus out;
  out.number = segment.number;
  out.first_seq = segment.first_seq;
  out.first_wall_us = segment.first_wall_us;
  out.bytes = BytesOf(db, segment.records.get()) + BytesOf(db, segment.index.get());
  if (segment.first_seq == 0) return out;
  FrameCursor cursor(db, {segment});
  for (const bool last : {false, true}) {
    const Result<bool> found = last ? cursor.SeekLast() : cursor.SeekHolding(segment.first_seq);
    if (!found) return Fail(found.error());
    if (!*found) return Fail(Code::kCorrupt, "its frames are missing");
    const Result<FrameView> frame = cursor.Frame();
    if (!frame) return Fail(frame.error());
    if (!last) out.baseline = (frame->header.flags & kFlagBaseline) != 0;
    out.last_seq = frame->header.last_seq();
    out.last_wall_us = frame->header.wall_us;
  }
  return out;
}

// Files come and go while RocksDB works: what vanished meanwhile counts nothing.
std::uint64_t DiskBytes(const std::string& directory) {
  std::uint64_t total = 0;
  std::error_code error;
  std::filesystem::directory_iterator files(directory, error);
  for (; !error && files != std::filesystem::directory_iterator(); files.increment(error)) {
    std::error_code ignored;
    const std::uintmax_t size = files->file_size(ignored);
    if (!ignored) total += size;
  }
  return total;
}

Json SegmentJson(const SegmentStatus& segment) {
  Json json = Json::object();
  json["number"] = segment.number;
  json["first_seq"] = segment.first_seq;
  json["last_seq"] = segment.last_seq;
  json["first_wall_us"] = segment.first_wall_us;
  json["last_wall_us"] = segment.last_wall_us;
  json["bytes"] = segment.bytes;
  json["baseline"] = segment.baseline;
  json["active"] = segment.active;
  return json;
}

}  // namespace

Result<JournalStatus> Journal::Describe() const {
  JournalStatus out;
  const State::Published now = state_->Look();
  out.directory = state_->database->directory();
  out.head = now.durable;
  out.first_seq = now.begin.first_seq;
  out.seals = *now.seals;
  for (const Segment& segment : *now.segments) {
    Result<SegmentStatus> one = StatusOf(state_->database->db(), segment);
    if (!one) return Fail(one.error().In("segment " + std::to_string(segment.number)));
    out.segments.push_back(*one);
  }
  out.segments.back().active = true;
  out.disk_bytes = DiskBytes(out.directory);
  out.poisoned = Poisoned();
  return out;
}

std::string StatusJson(const JournalStatus& status) {
  Json json = Json::object();
  json["directory"] = status.directory;
  json["journal_id"] = HexOf(status.head.journal_id);
  json["epoch"] = status.head.epoch;
  json["seq"] = status.head.seq;
  json["chain"] = HexOf(status.head.chain);
  json["first_seq"] = status.first_seq;
  json["disk_bytes"] = status.disk_bytes;
  json["segments"] = Json::array();
  for (const SegmentStatus& segment : status.segments) {
    json["segments"].push_back(SegmentJson(segment));
  }
  json["seals"] = Json::array();
  for (const Seal& seal : status.seals) json["seals"].push_back(*ParseJson(SealJson(seal)));
  if (status.poisoned) json["refuses_writes_since"] = status.poisoned->message;
  return DumpJson(json);
}

}  // namespace pgo::journal
