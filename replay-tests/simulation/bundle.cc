// The journal of a run as a bundle (journal/format), for `pgo replay`, `pgo why` and the rest.
#include <fstream>

#include "engine/event/codec.h"
#include "journal/format/bundle.h"
#include "replay-tests/simulation/run.h"

namespace pgo::simulation {
namespace {

journal::Record RecordAt(const MemoryJournal& from, std::size_t i) {
  journal::Record out;
  out.type = static_cast<std::uint16_t>(from.records[i].type);
  out.schema = 1;
  out.causes = from.causes[i];
  out.subjects = from.subjects[i];
  out.rv = from.versions[i];
  out.payload = from.records[i].payload;
  return out;
}

}  // namespace

bool WriteBundle(const MemoryJournal& from, std::uint64_t seed, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  journal::BundleWriter writer([&](std::string_view bytes) -> Status {
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return file ? Status() : Fail(Code::kUnavailable, "cannot write " + path);
  });
  journal::Manifest manifest;
  for (std::size_t i = 0; i < manifest.journal_id.size(); ++i) {
    manifest.journal_id[i] = static_cast<std::uint8_t>(seed >> (8 * (i % 8)));
  }
  manifest.build = "simulation";
  manifest.created_wall_us = from.records.empty() ? 0 : from.records.back().at.wall_us;
  manifest.start_chain = journal::GenesisOf(manifest.journal_id);
  journal::Hash chain = manifest.start_chain;
  if (!writer.Begin(manifest)) return false;
  for (std::size_t f = 0; f < from.frames.size(); ++f) {
    const std::size_t end = f + 1 < from.frames.size() ? from.frames[f + 1] : from.records.size();
    std::vector<journal::Record> records;
    for (std::size_t i = from.frames[f]; i < end; ++i) records.push_back(RecordAt(from, i));
    const StoredRecord& first = from.records[from.frames[f]];
    journal::FrameHeader header;
    header.first_seq = first.seq;
    header.wall_us = first.at.wall_us;
    header.elapsed_us = static_cast<std::uint64_t>(first.at.elapsed_us);
    const bool baseline = first.type == static_cast<std::uint64_t>(RecordType::kBaseline);
    header.flags = baseline ? journal::kFlagBaseline : 0;
    const auto frame = journal::EncodeFrame(header, records, chain);
    if (!frame) return false;
    chain = frame->chain;
    const auto view = journal::ViewFrame(frame->bytes);
    if (!view || !writer.Add(*view)) return false;
  }
  return writer.End().has_value() && file.flush();
}

}  // namespace pgo::simulation
