#include "adapters/operator/follower.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <optional>
#include <utility>

#include "adapters/operator/desk.h"
#include "engine/base/json.h"
#include "journal/format/bundle.h"

namespace pgo {
namespace {

using follow::Again;
using follow::Order;

constexpr int kSearchesMax = 64;  // times kPointsMax ends of frames
constexpr std::uint64_t kWaitMs = 1000;

std::string Escaped(const std::string& text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.') {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
    }
  }
  return out;
}

std::string Target(const char* what, const std::string& name, const LeaderSeen& leader) {
  return std::string("/replica/") + what + "?replica=" + Escaped(name) +
         "&epoch=" + std::to_string(leader.epoch);
}

journal::Source SourceOf(const std::string& bytes) {
  return
      [&bytes, at = std::size_t{0}](char* buffer, std::size_t size) mutable -> Result<std::size_t> {
        const std::size_t count = std::min(size, bytes.size() - at);
        std::memcpy(buffer, bytes.data() + at, count);
        at += count;
        return count;
      };
}

// Whether a frame of the journal ends there with that chain, or the journal begins behind it.
bool Holds(const journal::Reader& own, std::uint64_t seq, const journal::Hash& chain) {
  const auto begin = own.Begin();
  if (!begin || seq + 1 < begin->first_seq || seq > own.Head().seq) return false;
  if (seq + 1 == begin->first_seq) return chain == begin->chain;
  bool holds = false;
  const Status walked = own.Frames({seq, seq}, [&](const journal::FrameView& frame) {
    holds = frame.header.last_seq() == seq && frame.chain == chain;
    return false;
  });
  return walked && holds;
}

}  // namespace

std::string OrphanTarget(const std::string& name, const LeaderSeen& leader,
                         const journal::JournalHead& tail, std::uint64_t first_seq,
                         const std::string& kept) {
  return Target("orphan", name, leader) + "&of=" + std::to_string(tail.epoch) +
         "&first=" + std::to_string(first_seq) + "&last=" + std::to_string(tail.seq) +
         "&chain=" + journal::HexOf(tail.chain) + "&kept=" + Escaped(kept);
}

std::string Follower::Next(const journal::Reader& own, const LeaderSeen& leader) {
  if (!(leader == leader_)) {
    leader_ = leader;
    doing_ = Doing::kPull;
  }
  if (doing_ == Doing::kAskStart) return Target("start", name_, leader_);
  if (doing_ == Doing::kSearch) {
    return Target("points", name_, leader_) + "&to=" + std::to_string(search_to_);
  }
  const journal::JournalHead head = own.Head();
  return Target("frames", name_, leader_) + "&journal=" + journal::HexOf(head.journal_id) +
         "&after=" + std::to_string(head.seq) + "&chain=" + journal::HexOf(head.chain) +
         "&wait=" + std::to_string(kWaitMs);
}

Order Follower::Take(const journal::Reader& own, unsigned status, const std::string& body) {
  if (status == 204) return Again{true, ""};
  if (status != 200) return TakeRefusal(own, status, body);
  switch (doing_) {
    case Doing::kPull:
      return TakeFrames(own, body);
    case Doing::kSearch:
      return TakePoints(own, body);
    case Doing::kAskStart:
      return TakeStart(body);
  }
  return Again{};
}

Order Follower::AskStart(std::string why) {
  doing_ = Doing::kAskStart;
  why_anew_ = std::move(why);
  return Again{true, why_anew_};
}

Order Follower::TakeRefusal(const journal::Reader& own, unsigned status, const std::string& body) {
  const auto json = ParseJson(body);
  const std::string reason = json ? GetString(*json, {"reason"}) : "";
  const std::string why = json ? GetString(*json, {"error"}) : "";
  const bool pulled = std::exchange(doing_, Doing::kPull) == Doing::kPull;
  if (status == 0) return Again{false, body};
  if (reason == replica::kForked && pulled) {
    doing_ = Doing::kSearch;
    search_to_ = own.Head().seq;
    searches_ = 0;
    return Again{true, why};
  }
  if (reason == replica::kOtherJournal || reason == replica::kGone) return AskStart(why);
  return Again{false, why.empty() ? "the leader answered " + std::to_string(status) : why};
}

Order Follower::TakeFrames(const journal::Reader& own, const std::string& body) const {
  const journal::JournalHead head = own.Head();
  follow::Append append;
  std::uint64_t epoch = head.epoch;
  journal::BundleVisitor visitor;
  visitor.manifest = [&](const journal::Manifest& manifest) -> Status {
    if (manifest.journal_id == head.journal_id && manifest.first_seq == head.seq + 1 &&
        manifest.start_chain == head.chain) {
      return {};
    }
    return Fail(Code::kCorrupt, "it does not continue record " + std::to_string(head.seq));
  };
  visitor.frame = [&](const journal::FrameView& frame, std::uint64_t) -> Status {
    append.frames.push_back(journal::StoredBytes(frame));
    if (append.frames.back().empty() || frame.header.epoch < epoch) {
      return Fail(Code::kCorrupt, "records are left out of it, or its epoch is of the past");
    }
    epoch = frame.header.epoch;
    return {};
  };
  const auto read = journal::ReadBundle(SourceOf(body), visitor);
  if (!read) return Again{false, "what the leader sent is not used: " + read.error().message};
  if (append.frames.empty()) return Again{true, ""};
  return append;
}

Order Follower::TakePoints(const journal::Reader& own, const std::string& body) {
  const auto json = ParseJson(body);
  if (!json) return Again{false, "what the leader sent is not JSON"};
  for (const Json& point : GetArray(*json, {"points"})) {
    const auto seq = static_cast<std::uint64_t>(GetInt(point, {"seq"}));
    const auto chain = journal::ParseHash(GetString(point, {"chain"}));
    if (!chain || !Holds(own, seq, *chain)) continue;
    doing_ = Doing::kPull;
    return follow::CutBack{seq};
  }
  const auto from = static_cast<std::uint64_t>(GetInt(*json, {"from"}));
  const auto begin = own.Begin();
  const bool more = from > 1 && begin && from > begin->first_seq && from <= search_to_;
  if (!more || ++searches_ == kSearchesMax) {
    return AskStart("the leader's journal has no record in common that is kept");
  }
  search_to_ = from - 1;
  return Again{true, ""};
}

Order Follower::TakeStart(const std::string& body) {
  doing_ = Doing::kPull;
  const auto json = ParseJson(body);
  if (!json) return Again{false, "what the leader sent is not JSON"};
  follow::BeginAnew order;
  order.why = why_anew_;
  const auto id = journal::ParseJournalId(GetString(*json, {"journal_id"}));
  if (!id) return Again{false, "the leader's journal has no id"};
  order.id = *id;
  for (const Json& one : GetArray(*json, {"seals"})) {
    const auto seal = journal::ParseSeal(DumpJson(one));
    if (!seal) return Again{false, "a seal of the leader's: " + seal.error().message};
    order.seals.push_back(*seal);
  }
  const auto start = journal::StartAfter(order.id, order.seals);
  if (!start) return Again{false, "the leader's seals: " + start.error().message};
  return order;
}

}  // namespace pgo
