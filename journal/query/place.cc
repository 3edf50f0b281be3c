#include "journal/query/place.h"

#include <optional>

namespace pgo::journal {
namespace {

struct Span {
  Place::Mark first, last;  // of one frame
};

// The frame that holds the record.
Result<Span> FrameOf(const Reader& reader, std::uint64_t seq) {
  std::optional<Span> found;
  const Status walked = reader.Frames({seq, seq}, [&](const FrameView& frame) {
    const FrameHeader& h = frame.header;
    found = Span{{h.first_seq, h.wall_us}, {h.last_seq(), h.wall_us}};
    return false;
  });
  if (!walked) return Fail(walked.error());
  if (!found) return Fail(Code::kNotFound, "record " + std::to_string(seq) + " is not kept here");
  return *found;
}

struct Ends {
  Span oldest, newest;
};

// Nothing if the journal is empty.
Result<std::optional<Ends>> EndsOf(const Reader& reader) {
  const auto begin = reader.Begin();
  if (!begin) return Fail(begin.error());
  const std::uint64_t last = reader.Head().seq;
  if (last < begin->first_seq) return std::optional<Ends>();
  auto oldest = FrameOf(reader, begin->first_seq);
  if (!oldest) return Fail(oldest.error());
  auto newest = FrameOf(reader, last);
  if (!newest) return Fail(newest.error());
  return std::optional(Ends{*oldest, *newest});
}

Place PlaceAt(const Ends& ends, Place::Mark at, Place::Mark next) {
  return {ends.oldest.first, ends.newest.last, at, next};
}

}  // namespace

Result<Place> PlaceOf(const Reader& reader, std::int64_t wall_us) {
  const auto ends = EndsOf(reader);
  if (!ends) return Fail(ends.error());
  if (!*ends) return Place{};
  Span low = (*ends)->oldest;   // not later than the moment
  Span high = (*ends)->newest;  // later
  if (high.last.wall_us <= wall_us) return PlaceAt(**ends, high.last, {});
  if (low.first.wall_us > wall_us) return PlaceAt(**ends, {}, low.first);
  while (low.last.seq + 1 < high.first.seq) {
    const std::uint64_t span = high.first.seq - low.last.seq;
    const auto middle = FrameOf(reader, low.last.seq + span / 2);
    if (!middle) return Fail(middle.error());
    (middle->first.wall_us <= wall_us ? low : high) = *middle;
  }
  return PlaceAt(**ends, low.last, high.first);
}

Result<Place> PlaceOfSeq(const Reader& reader, std::uint64_t seq) {
  const auto ends = EndsOf(reader);
  if (!ends) return Fail(ends.error());
  if (!*ends) return Place{};
  if (seq < (*ends)->oldest.first.seq) return PlaceAt(**ends, {}, (*ends)->oldest.first);
  if (seq > (*ends)->newest.last.seq) return PlaceAt(**ends, (*ends)->newest.last, {});
  const auto frame = FrameOf(reader, seq);
  if (!frame) return Fail(frame.error());
  const Place::Mark at{seq, frame->first.wall_us};
  if (seq == (*ends)->newest.last.seq) return PlaceAt(**ends, at, {});
  const auto after = FrameOf(reader, seq + 1);
  if (!after) return Fail(after.error());
  return PlaceAt(**ends, at, {seq + 1, after->first.wall_us});
}

}  // namespace pgo::journal
