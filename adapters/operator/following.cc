#include "adapters/operator/following.h"

#include <ctime>
#include <filesystem>
#include <utility>

#include "adapters/operator/desk.h"
#include "adapters/operator/journal_port.h"
#include "adapters/operator/options.h"
#include "adapters/operator/standing.h"
#include "engine/base/overloaded.h"
#include "journal/query/bundle_file.h"
#include "journal/query/file.h"

namespace pgo {
namespace {

namespace fs = std::filesystem;

journal::FrameTime TimeNow() {
  return {static_cast<std::int64_t>(std::time(nullptr)) * kSecond, 0};
}

// A name in DIRECTORY/orphan that is free.
Result<std::string> FreeName(const std::string& directory, const std::string& name,
                             const std::string& ending) {
  const std::string folder = directory + "/orphan";
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return Fail(Code::kUnavailable, folder + ": " + error.message());
  std::string free = name + ending;
  for (int i = 2; fs::exists(folder + "/" + free, error); ++i) {
    free = name + "-" + std::to_string(i) + ending;
  }
  return free;
}

}  // namespace

Following::Following(Parts parts, Engine engine)
    : parts_(std::move(parts)),
      follower_(parts_.name),
      engine_(std::move(engine)),
      rebuilder_(std::make_unique<Rebuilder>(engine_)),
      decoder_(std::make_unique<journal::Decoder>(parts_.journal)) {}

Result<Following::Turn> Following::Ask(const LeaderSeen& leader) {
  const std::string target = follower_.Next(parts_.journal, leader);
  const http::Answer answer = parts_.ask(leader.address, target);
  const follow::Order order = follower_.Take(parts_.journal, answer.status, answer.body);
  return std::visit(Overloaded{[&](const follow::Append& append) {
                                 return Carry(append, answer.body.size() < replica::kBytesMax);
                               },
                               [&](const follow::CutBack& cut) { return Carry(cut, leader); },
                               [&](const follow::BeginAnew& begin) -> Result<Turn> {
                                 anew_ = begin;
                                 return Turn{true, false, false, begin.why};
                               },
                               [&](const follow::Again& again) -> Result<Turn> {
                                 const bool nothing_new = answer.status == 204;
                                 return Turn{false, nothing_new, again.at_once, again.why};
                               }},
                    order);
}

Result<Following::Turn> Following::Carry(const follow::Append& append, bool all) {
  const std::size_t segments = parts_.journal.SegmentCount();
  const auto appended = parts_.journal.AppendVerbatim(append.frames);
  if (!appended && appended.error().code == Code::kCorrupt) {
    return Turn{false, false, false,
                "what the leader sent is not used: " + appended.error().message};
  }
  if (!appended) return Fail(appended.error().In("append the leader's records"));
  if (Status folded = Fold(appended->first_seq, appended->last_seq); !folded) {
    return Fail(folded.error());
  }
  const bool looked =
      parts_.volume != nullptr && parts_.volume->Look({TimeNow().wall_us, BootMicros()});
  if (looked || parts_.journal.SegmentCount() != segments) {
    if (Status shrunk = Shrink(); !shrunk) return Fail(shrunk.error());
  }
  return Turn{true, all, true, ""};
}

Status Following::Shrink() {
  const auto dropped = parts_.journal.Retain(TimeNow());
  if (!dropped) return Fail(dropped.error());
  if (parts_.volume == nullptr) return {};
  return ShrinkTo(parts_.journal, parts_.volume->use(), TimeNow());
}

Status Following::Fold(std::uint64_t first, std::uint64_t last) {
  Status problem;
  const Status walked = parts_.journal.Frames({first, last}, [&](const journal::FrameView& frame) {
    const Now at{frame.header.wall_us, static_cast<std::int64_t>(frame.header.elapsed_us)};
    for (std::size_t i = 0; i < frame.items.size(); ++i) {
      auto record = decoder_->RecordAt(frame, i);
      if (!record) return problem = Fail(record.error()), false;
      rebuilder_->Feed(
          {frame.header.first_seq + i, (*record)->type, std::move((*record)->payload), at});
    }
    return true;
  });
  return problem ? walked : problem;
}

// As a bundle that verifies itself: from the first record that the leader has not, or from the
// earlier ones that these rest on.
Result<std::string> Following::KeepTail(std::uint64_t first) {
  const journal::JournalHead head = parts_.journal.Head();
  auto name = FreeName(parts_.directory, std::to_string(head.epoch), ".pgoj");
  if (!name) return Fail(name.error());
  journal::ExportOptions what;
  what.range = {first, head.seq};
  what.from_baseline = false;
  what.build = kBuild;
  what.created_wall_us = TimeNow().wall_us;
  const auto written =
      journal::ExportBundleFile(parts_.journal, what, parts_.directory + "/orphan/" + *name);
  if (!written) return Fail(written.error());
  return "orphan/" + *name;
}

Result<Following::Turn> Following::Carry(const follow::CutBack& cut, const LeaderSeen& leader) {
  const journal::JournalHead tail = parts_.journal.Head();
  if (cut.seq >= tail.seq) return Turn{false, false, true, ""};
  const auto kept = KeepTail(cut.seq + 1);
  if (!kept) return Turn{false, false, false, kept.error().In("keep the own tail").message};
  if (const Status done = parts_.journal.CutBack(cut.seq); !done) {
    if (done.error().code != Code::kInvalid) return Fail(done.error());
    follower_.AskAnew(done.error().message);
    return Turn{false, false, true, done.error().message};
  }
  auto rebuilt = Rebuild(parts_.journal);
  if (!rebuilt) return Fail(rebuilt.error());
  engine_ = *std::move(rebuilt);
  decoder_ = std::make_unique<journal::Decoder>(parts_.journal);
  static_cast<void>(
      parts_.ask(leader.address, OrphanTarget(parts_.name, leader, tail, cut.seq + 1, *kept)));
  return Turn{true, false, true,
              "records " + std::to_string(cut.seq + 1) + " to " + std::to_string(tail.seq) +
                  " of epoch " + std::to_string(tail.epoch) +
                  " are in nobody else's history; they are kept as " + *kept};
}

Result<std::string> SetAside(const std::string& directory, const follow::BeginAnew& order) {
  const std::string path = directory + "/journal";
  journal::JournalOptions how;
  how.create_if_missing = false;
  std::string kept;
  {
    const auto old = journal::Journal::Open(path, how);
    if (!old) return Fail(old.error());
    const journal::JournalHead head = (*old)->Head();
    const auto begin = (*old)->Begin();
    if (!begin) return Fail(begin.error());
    if (head.seq >= begin->first_seq) {
      kept = "journal-" + std::to_string(head.epoch) + "-" + std::to_string(head.seq);
    }
  }
  if (kept.empty()) {
    std::error_code error;
    fs::remove_all(path, error);
    if (error) return Fail(Code::kUnavailable, path + ": " + error.message());
  } else {
    const auto name = FreeName(directory, kept, "");
    if (!name) return Fail(name.error());
    kept = "orphan/" + *name;
    if (Status moved = journal::RenameDurably(path, directory + "/" + kept); !moved) {
      return Fail(moved.error());
    }
  }
  journal::JournalOptions fresh;
  fresh.new_id = order.id;
  fresh.new_seals = order.seals;
  const auto made = journal::Journal::Open(path, fresh);
  if (!made) return Fail(made.error());
  return kept;
}

}  // namespace pgo
