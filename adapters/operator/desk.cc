#include "adapters/operator/desk.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "adapters/operator/options.h"
#include "journal/format/bundle.h"
#include "journal/query/verify.h"

namespace pgo {
namespace {

using journal::FrameView;

constexpr std::uint64_t kWaitMsMax = 5000;
constexpr std::int64_t kRecentUs = 5 * kSecond;

std::string TextOf(const http::Request& request, const std::string& name) {
  const auto it = request.query.find(name);
  return it == request.query.end() ? "" : it->second;
}

std::uint64_t NumberOf(const http::Request& request, const std::string& name) {
  const std::string text = TextOf(request, name);
  std::uint64_t out = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() ? out : 0;
}

http::Response Refuse(unsigned status, const char* reason, const std::string& why) {
  const Json json = {{"reason", reason}, {"error", why}};
  return {status, "application/json", DumpJson(json) + "\n"};
}

http::Response Given(const Json& json) { return {200, "application/json", DumpJson(json) + "\n"}; }

bool SameCommit(const journal::FrameHeader& a, const journal::FrameHeader& b) {
  return a.epoch == b.epoch && a.wall_us == b.wall_us && a.elapsed_us == b.elapsed_us;
}

// What follows a record, as a bundle, up to the end of the commit that passes replica::kBytesMax.
Result<std::string> BundleBehind(const journal::Journal& journal,
                                 const journal::JournalHead& after) {
  std::string bytes;
  journal::BundleWriter writer([&](std::string_view more) {
    bytes.append(more);
    return Status();
  });
  journal::Manifest manifest;
  manifest.journal_id = after.journal_id;
  manifest.build = kBuild;
  manifest.first_seq = after.seq + 1;
  manifest.start_chain = after.chain;
  Status problem = writer.Begin(manifest);
  if (!problem) return Fail(problem.error());
  journal::FrameHeader last;
  const journal::SeqRange range{after.seq + 1, journal.Head().seq};
  const Status walked = journal.Frames(range, [&](const FrameView& frame) {
    if (bytes.size() > replica::kBytesMax && !SameCommit(last, frame.header)) return false;
    last = frame.header;
    problem = writer.Add(frame);
    return problem.has_value();
  });
  if (!problem) return Fail(problem.error());
  if (!walked) return Fail(walked.error());
  const auto footer = writer.End();
  if (!footer) return Fail(footer.error());
  return bytes;
}

}  // namespace

void ReplicaDesk::Lead(std::int64_t epoch, OnOrphan on_orphan) {
  const std::scoped_lock lock(telling_, mutex_);
  epoch_ = epoch;
  on_orphan_ = std::move(on_orphan);
  followers_.clear();
}

void ReplicaDesk::EndLeading() {
  const std::scoped_lock lock(telling_, mutex_);
  epoch_ = 0;
  on_orphan_ = {};
  ++news_;
  changed_.notify_all();
}

void ReplicaDesk::Notify() {
  const std::scoped_lock lock(mutex_);
  ++news_;
  changed_.notify_all();
}

void ReplicaDesk::Seen(const std::string& name, std::uint64_t seq) {
  const std::scoped_lock lock(mutex_);
  constexpr std::size_t kMost = 32;
  if (name.empty() || (followers_.size() >= kMost && !followers_.contains(name))) return;
  followers_[name] = {name, seq, BootMicros()};
  changed_.notify_all();
}

std::vector<FollowerPosition> ReplicaDesk::Followers(std::int64_t now_us) const {
  const std::scoped_lock lock(mutex_);
  std::vector<FollowerPosition> out;
  for (const auto& [name, position] : followers_) {
    if (now_us - position.seen_us < kForgetUs) out.push_back(position);
  }
  return out;
}

bool ReplicaDesk::WaitFollowed(std::uint64_t seq, std::int64_t most_ms) {
  std::unique_lock lock(mutex_);
  const auto recent = [&](const auto& entry) {
    return BootMicros() - entry.second.seen_us < kRecentUs;
  };
  if (std::ranges::none_of(followers_, recent)) return false;
  return changed_.wait_for(lock, std::chrono::milliseconds(most_ms), [&] {
    return std::ranges::any_of(followers_,
                               [&](const auto& entry) { return entry.second.seq >= seq; });
  });
}

http::Response ReplicaDesk::Start(const journal::Journal& journal) const {
  const auto status = journal.Describe();
  if (!status) return Refuse(500, "Failed", status.error().message);
  Json json = {{"journal_id", journal::HexOf(status->head.journal_id)}};
  json["seals"] = Json::array();
  for (const journal::Seal& seal : status->seals) {
    json["seals"].push_back(*ParseJson(journal::SealJson(seal)));
  }
  return Given(json);
}

http::Response ReplicaDesk::Frames(const http::Request& request, const journal::Journal& journal) {
  journal::JournalHead after;
  const auto id = journal::ParseJournalId(TextOf(request, "journal"));
  const auto chain = journal::ParseHash(TextOf(request, "chain"));
  if (!id || !chain) return Refuse(400, "Invalid", "journal and chain are hexadecimal");
  after.journal_id = *id;
  after.chain = *chain;
  after.seq = NumberOf(request, "after");
  if (*id != journal.Head().journal_id) {
    return Refuse(409, replica::kOtherJournal,
                  "the leader's journal is " + journal::HexOf(journal.Head().journal_id));
  }
  const auto verdict = journal::CompareAnchor(journal, after);
  if (!verdict) return Refuse(500, "Failed", verdict.error().message);
  if (*verdict == journal::AnchorVerdict::kExpired) {
    return Refuse(410, replica::kGone, "the leader's records begin later");
  }
  if (*verdict != journal::AnchorVerdict::kHolds) {
    return Refuse(409, replica::kForked,
                  "the leader's journal does not hold record " + std::to_string(after.seq));
  }
  Seen(TextOf(request, "replica"), after.seq);
  {
    std::unique_lock lock(mutex_);
    const std::int64_t epoch = epoch_;
    const auto wait = std::chrono::milliseconds(std::min(NumberOf(request, "wait"), kWaitMsMax));
    changed_.wait_for(lock, wait,
                      [&] { return epoch_ != epoch || journal.Head().seq > after.seq; });
    if (epoch_ != epoch) return Refuse(409, replica::kNotLeading, "its leadership has ended");
  }
  if (journal.Head().seq == after.seq) return {204, "application/octet-stream", ""};
  auto bundle = BundleBehind(journal, after);
  if (!bundle) return Refuse(500, "Failed", bundle.error().message);
  return {200, "application/octet-stream", *std::move(bundle)};
}

http::Response ReplicaDesk::Points(const http::Request& request,
                                   const journal::Journal& journal) const {
  const auto begin = journal.Begin();
  if (!begin) return Refuse(500, "Failed", begin.error().message);
  const std::uint64_t to = std::min(NumberOf(request, "to"), journal.Head().seq);
  const std::uint64_t before = begin->first_seq - 1;  // the copy may begin there
  if (to < before) return Refuse(410, replica::kGone, "the leader's records begin later");
  // A frame has at least one record, so so many records hold as many points at most.
  const std::uint64_t from =
      std::max(begin->first_seq, to < replica::kPointsMax ? 1 : to - replica::kPointsMax + 1);
  std::vector<Json> points;
  if (from == begin->first_seq) {
    points.push_back({{"seq", before}, {"chain", journal::HexOf(begin->chain)}});
  }
  const Status walked = journal.Frames({from, to}, [&](const FrameView& frame) {
    if (frame.header.last_seq() > to) return false;
    points.push_back({{"seq", frame.header.last_seq()}, {"chain", journal::HexOf(frame.chain)}});
    return true;
  });
  if (!walked) return Refuse(500, "Failed", walked.error().message);
  Json json = {{"from", from}, {"points", Json::array()}};
  for (auto point = points.rbegin(); point != points.rend(); ++point) {
    json["points"].push_back(*point);
  }
  return Given(json);
}

http::Response ReplicaDesk::Orphan(const http::Request& request) {
  OrphanedTail tail;
  tail.replica = TextOf(request, "replica");
  tail.epoch = static_cast<std::int64_t>(NumberOf(request, "of"));
  tail.first_seq = static_cast<std::int64_t>(NumberOf(request, "first"));
  tail.last_seq = static_cast<std::int64_t>(NumberOf(request, "last"));
  tail.chain = TextOf(request, "chain");
  tail.kept = TextOf(request, "kept");
  constexpr std::size_t kLongest = 256;
  if (tail.replica.size() > kLongest || tail.chain.size() > kLongest ||
      tail.kept.size() > kLongest || tail.last_seq < tail.first_seq) {
    return Refuse(400, "Invalid", "a tail has a first and a last record, and short names");
  }
  const std::scoped_lock lock(telling_);
  if (on_orphan_) on_orphan_(std::move(tail));
  return {204, "application/octet-stream", ""};
}

http::Response ReplicaDesk::Answer(const http::Request& request, const Standing& standing) {
  const auto open = standing.journal();
  {
    const std::scoped_lock lock(mutex_);
    const auto meant = static_cast<std::int64_t>(NumberOf(request, "epoch"));
    if (open == nullptr || epoch_ == 0 || meant != epoch_) {
      return Refuse(409, replica::kNotLeading,
                    "this replica does not lead in epoch " + std::to_string(meant));
    }
  }
  if (request.path == "/replica/frames") return Frames(request, *open);
  if (request.path == "/replica/points") return Points(request, *open);
  if (request.path == "/replica/start") return Start(*open);
  if (request.path == "/replica/orphan") return Orphan(request);
  return Refuse(404, "NotFound", "there are frames, points, start and orphan");
}

}  // namespace pgo
