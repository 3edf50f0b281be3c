// `pgo replay` and `pgo verify`: a bundle frame by frame, the proof that it is whole, and the proof
// that every decision in it can be made again.
#include <chrono>

#include "adapters/cli/facts.h"
#include "adapters/cli/journal_source.h"
#include "adapters/cli/verbs.h"
#include "engine/event/codec.h"
#include "engine/replay.h"
#include "journal/query/decoder.h"
#include "journal/query/verify.h"

namespace pgo::cli {
namespace {

std::string Short(const journal::Hash& chain) {
  const std::string hex = journal::HexOf(chain);
  return hex.substr(0, 4) + "…" + hex.substr(hex.size() - 4);
}

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
  std::uint64_t elided = 0, first_elided = 0;
  std::int64_t took_us = 0;
};

// Feeds every record to the engine. A bundle that leaves records out cannot be replayed.
Result<Proof> Replayed(const journal::BundleFile& bundle) {
  const auto begin = std::chrono::steady_clock::now();
  Proof proof;
  Verifier verifier;
  journal::Decoder decoder(bundle);
  Status problem;
  Status read = bundle.Frames({}, [&](const journal::FrameView& frame) {
    if (frame.root) proof.elided += frame.header.n;
    if (proof.elided > 0 && proof.first_elided == 0) proof.first_elided = frame.header.first_seq;
    for (std::size_t i = 0; i < frame.items.size(); ++i) {
      auto record = decoder.RecordAt(frame, i);
      if (!record) {
        problem = Fail(record.error());
        return false;
      }
      const std::uint64_t seq = frame.header.first_seq + i;
      if (!*record) {
        ++proof.elided;
        if (proof.first_elided == 0) proof.first_elided = seq;
        continue;
      }
      verifier.Feed(
          {seq, (*record)->type, std::move((*record)->payload),
           Now{frame.header.wall_us, static_cast<std::int64_t>(frame.header.elapsed_us)}});
    }
    return proof.elided == 0;
  });
  if (!problem) return Fail(problem.error());
  if (!read) return Fail(read.error());
  proof.result = verifier.Finish();
  const auto took = std::chrono::steady_clock::now() - begin;
  proof.took_us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  return proof;
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
  }
  return out;
}

Status PrintProof(const journal::BundleFile& bundle, const Common& common, Console& console) {
  auto proof = Replayed(bundle);
  if (!proof) return Fail(proof.error());
  if (proof->elided > 0) {
    return Fail(
        Code::kInvalid,
        "this bundle leaves records out (the first in frame #" +
            std::to_string(proof->first_elided) +
            "), so its decisions cannot be made again; its chain is intact. Export it without "
            "--only-cluster to replay it");
  }
  const VerifyResult& r = proof->result;
  if (common.output == "json") console.out.Print(Pretty(ProofJson(*proof, bundle)));
  if (!r.Exact()) {
    return Fail(Code::kConflict,
                "record #" + std::to_string(r.first_bad.value()) + ": " + r.difference);
  }
  if (common.output == "json") return {};
  console.out.Line(Count(r.events, "event") + ", " + Count(r.actions, "action") + ", " +
                   Count(r.terms, "leader term") +
                   ": every decision reproduced byte for byte. Chain intact to head " +
                   Short(bundle.Head().chain) + ". " + DurationText(proof->took_us));
  return {};
}

}  // namespace

Status Run(const Replay& options, const Common& common, Console& console) {
  auto bundle = OpenBundle(options.bundle);
  if (!bundle) return Fail(bundle.error());
  return options.verify ? PrintProof(**bundle, common, console)
                        : PrintFrames(**bundle, common, console);
}

Status Run(const VerifyFile& options, const Common& common, Console& console) {
  auto bundle = OpenBundle(options.bundle);
  if (!bundle) return Fail(bundle.error());
  auto report = journal::Verify(**bundle);
  if (!report) return Fail(report.error().In(options.bundle));
  if (common.output == "json") {
    console.out.Print(Pretty({{"first_seq", report->first_seq},
                              {"last_seq", report->head.seq},
                              {"frames", report->frames},
                              {"records", report->records},
                              {"elided", report->elided},
                              {"journal_id", journal::HexOf(report->head.journal_id)},
                              {"chain", journal::HexOf(report->head.chain)}}));
    return {};
  }
  console.out.Line(
      Count(report->frames, "frame") + ", " + Count(report->records, "record") + " (#" +
      std::to_string(report->first_seq) + " to #" + std::to_string(report->head.seq) + ")" +
      (report->elided == 0 ? ""
                           : ", " + Count(report->elided, "record") + " proven by hash alone") +
      ": whole. Chain intact to head " + Short(report->head.chain));
  return {};
}

}  // namespace pgo::cli
