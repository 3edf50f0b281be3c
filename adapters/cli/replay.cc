// `pgo replay`: a bundle frame by frame, step by step, and the proof that every decision in it can
// be made again.
#include <unistd.h>

#include <chrono>
#include <iostream>

#include "adapters/cli/facts.h"
#include "adapters/cli/journal_source.h"
#include "adapters/cli/replay_session.h"
#include "adapters/cli/replaying.h"
#include "adapters/cli/verbs.h"
#include "engine/event/codec.h"
#include "engine/replay.h"
#include "journal/query/decoder.h"

namespace pgo::cli {
namespace {

std::string Seqs(const journal::FrameHeader& header) {
  const std::string first = "#" + std::to_string(header.first_seq);
  return header.n == 1 ? first : first + ".." + std::to_string(header.last_seq());
}

// What the records of one frame are, in a line: events first, then what was done.
std::string FrameText(const journal::FrameView& frame, journal::Decoder& decoder) {
  std::string text;
  std::size_t elided = frame.root ? frame.header.n : 0;
  const auto add = [&text](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
  for (std::size_t i = 0; i < frame.items.size(); ++i) {
    const auto record = decoder.RecordAt(frame, i);
    if (!record) {
      add(record.error().message);
    } else if (!*record) {
      ++elided;
    } else if ((*record)->type == static_cast<std::uint64_t>(RecordType::kAction)) {
      const auto action = DecodeAction((*record)->payload);
      add(action ? "→ " + std::string(CommandName(action->command)) + " " +
                       TargetOf(action->command).Text() + " (" +
                       std::string(NameOf(action->reason)) + ")"
                 : "→ an action that this build does not know");
    } else if ((*record)->type != static_cast<std::uint64_t>(RecordType::kDecided)) {
      const std::string name = RecordTypeName((*record)->type);
      const bool object =
          !(*record)->subjects.empty() && !(*record)->subjects[0].starts_with("operator/");
      add(name + (object ? " " + (*record)->subjects[0] : ""));
    }
  }
  if (elided > 0) add(Count(elided, "record") + " elided");
  return text.empty() ? "nothing decided" : text;
}

Status PrintFrames(const journal::BundleFile& bundle, const Common& common, Console& console) {
  const bool json = common.output == "json";
  Json all = Json::array();
  journal::Decoder decoder(bundle);
  Status read = bundle.Frames({}, [&](const journal::FrameView& frame) {
    const auto& h = frame.header;
    if (json) {
      all.push_back({{"first_seq", h.first_seq},
                     {"last_seq", h.last_seq()},
                     {"epoch", h.epoch},
                     {"time", WallText(h.wall_us)},
                     {"text", FrameText(frame, decoder)},
                     {"chain", journal::HexOf(frame.chain)}});
    } else {
      console.out.Line(TimeText(h.wall_us) + "  " + Pad(Seqs(h), 14) + "  " +
                       FrameText(frame, decoder));
    }
    return true;
  });
  if (read && json) console.out.Print(Pretty(all));
  return read;
}

struct Proof {
  VerifyResult result;
  std::int64_t took_us = 0;
};

// Feeds every record to the engine.
Result<Proof> Replayed(const journal::BundleFile& bundle, Console& console) {
  const auto begin = std::chrono::steady_clock::now();
  Proof proof;
  Verifier verifier;
  Percent progress(console.err, "replaying");
  auto fed = FeedAll(bundle, "so its decisions cannot be made again", progress,
                     [&](const StoredRecord& record) { verifier.Feed(record); });
  if (!fed) return Fail(fed.error());
  proof.result = verifier.Finish();
  const auto took = std::chrono::steady_clock::now() - begin;
  proof.took_us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  return proof;
}

// " (it rests on #12 Pod/postgres/hippo-0, …)"
std::string CausesText(const journal::BundleFile& bundle,
                       const std::vector<std::uint64_t>& causes) {
  std::string text;
  for (const std::uint64_t seq : causes) {
    const auto entry = journal::At(bundle, seq);
    text += (text.empty() ? "; it rests on #" : ", #") + std::to_string(seq);
    if (entry && !entry->record.subjects.empty()) text += " " + entry->record.subjects.front();
  }
  return text;
}

Json ProofJson(const Proof& proof, const journal::BundleFile& bundle) {
  const VerifyResult& r = proof.result;
  Json out = {{"events", r.events},
              {"actions", r.actions},
              {"decisions", r.decisions},
              {"leader_terms", r.terms},
              {"ruleset", r.ruleset},
              {"build", r.build},
              {"replay_verified", r.Exact()},
              {"chain", journal::HexOf(bundle.Head().chain)},
              {"milliseconds", proof.took_us / 1000}};
  if (!r.Exact()) {
    out["first_difference_seq"] = r.first_bad.value();
    out["difference"] = r.difference;
    out["field"] = r.field;
    out["causes"] = r.causes;
  }
  return out;
}

Status PrintProof(const journal::BundleFile& bundle, const Common& common, Console& console) {
  auto proof = Replayed(bundle, console);
  if (!proof) return Fail(proof.error());
  const VerifyResult& r = proof->result;
  if (common.output == "json") console.out.Print(Pretty(ProofJson(*proof, bundle)));
  if (!r.Exact()) {
    return Fail(Code::kConflict, "record #" + std::to_string(r.first_bad.value()) + ": " +
                                     r.difference + CausesText(bundle, r.causes));
  }
  if (common.output == "json") return {};
  console.out.Line(Count(r.events, "event") + ", " + Count(r.actions, "action") + ", " +
                   Count(r.terms, "leader term") +
                   ": every decision reproduced byte for byte. Chain intact to head " +
                   ShortHash(bundle.Head().chain) + ". " + DurationText(proof->took_us));
  return {};
}

// Commands one after another. Typed ones may be wrong; given ones end it with their error.
Status Step(const Replay& options, const Common& common,
            std::shared_ptr<journal::BundleFile> bundle, Console& console) {
  auto session = ReplaySession::Open(std::move(bundle), options.which, common.ns);
  if (!session) return Fail(session.error());
  for (const std::string& command : options.commands) {
    auto said = session->Do(command, console.out);
    if (!said) return Fail(said.error());
    console.out.Print(*said);
  }
  if (!options.commands.empty()) return {};
  const bool typed = isatty(STDIN_FILENO) == 1 && console.out.terminal();
  if (typed) console.out.Line("Type help for the commands.");
  std::string line;
  while (!session->ended()) {
    if (typed) console.out.Print(session->Prompt());
    if (!std::getline(std::cin, line)) break;
    auto said = session->Do(line, console.out);
    if (!said && !typed) return Fail(said.error());
    console.out.Print(said ? *said : "pgo: " + said.error().message + "\n");
  }
  if (typed && !session->ended()) console.out.Print("\n");
  return {};
}

bool Steps(const Replay& options, const Console& console) {
  return options.interactive || !options.commands.empty() ||
         (console.out.terminal() && isatty(STDIN_FILENO) == 1);
}

}  // namespace

Status Run(const Replay& options, const Common& common, Console& console) {
  auto bundle = OpenBundle(options.bundle);
  if (!bundle) return Fail(bundle.error());
  const bool lists = options.verify || !common.output.empty();
  if (!lists && Steps(options, console)) return Step(options, common, *bundle, console);
  return options.verify ? PrintProof(**bundle, common, console)
                        : PrintFrames(**bundle, common, console);
}

}  // namespace pgo::cli
