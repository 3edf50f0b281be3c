#include "adapters/cli/story_text.h"

#include <algorithm>

namespace pgo::cli {
namespace {

using Kind = Episode::Kind;

constexpr std::string_view kIndent = "           ";  // under the first word of a part

std::string Mark(std::uint64_t seq) { return "#" + std::to_string(seq); }

std::string Who(const std::string& pod) { return pod.empty() ? "(nobody)" : pod; }

std::string TimelineText(const Episode& e) {
  if (e.timeline == 0) return "";
  if (e.timeline_from == 0 || e.timeline_from == e.timeline) {
    return ", timeline " + std::to_string(e.timeline);
  }
  return ", timeline " + std::to_string(e.timeline_from) + " → " + std::to_string(e.timeline);
}

std::string Title(const Episode& e) {
  switch (e.kind) {
    case Kind::kFirstPrimary:
      return Who(e.to) + TimelineText(e);
    case Kind::kBlocked:
      return e.from.empty() ? e.cluster.name : e.from;
    case Kind::kUnderWay:
    case Kind::kAbandoned:
      return e.from.empty() ? e.cluster.name : e.from + " → " + Who(e.to);
    case Kind::kRollout:
    case Kind::kRestart:
    case Kind::kReload:
    case Kind::kScaleDown:
    case Kind::kRestore:
    case Kind::kVolumeGrowth:
      return e.from.empty() ? e.cluster.name : e.from;
    default:
      if (e.from == e.to) return e.to + " again" + TimelineText(e);
      return Who(e.from) + " → " + Who(e.to) + TimelineText(e);
  }
}

std::string Part(const Output& out, std::string_view name, const std::string& text) {
  return "  " + out.Styled(Style::kBold, Pad(name, 7)) + "  " + text + "\n";
}

std::string CitationText(const Output& out, const Citation& c, std::size_t width) {
  const std::string mark = out.Styled(Style::kDim, Pad(Mark(c.seq), width));
  const std::string time = c.wall_us == 0 ? Pad("", 12) : ClockText(c.wall_us);
  return std::string(kIndent) + (c.depth > 1 ? "  " : "") + mark + "  " + time + "  " + c.text +
         "\n";
}

std::string Relative(std::int64_t us) {
  return (us < 0 ? "-" : "+") + DurationText(us < 0 ? -us : us);
}

std::string StepLine(const Output& out, const Episode& e, const Step& step, std::size_t width) {
  const std::string mark = out.Styled(Style::kDim, Pad(Mark(step.seq), width));
  std::string text = Pad(Relative(step.wall_us - e.wall_us), 9) + "  " + mark + "  " + step.text;
  if (!step.is_action) return text + out.Styled(Style::kDim, "  (seen)");
  if (step.outcome_seq == 0) return text + out.Styled(Style::kWarn, "  (no outcome recorded)");
  const Style style = step.outcome.starts_with("Ok") ? Style::kGood : Style::kWarn;
  return text + "  " + out.Styled(style, step.outcome) + " " +
         Relative(step.outcome_us - step.wall_us) + " " +
         out.Styled(Style::kDim, Mark(step.outcome_seq));
}

std::size_t MarkWidth(const Episode& e) {
  std::uint64_t largest = std::max(e.seq, e.end_seq);
  for (const Step& step : e.steps) largest = std::max(largest, step.seq);
  return Mark(largest).size();
}

// The end's sentence, taken apart at its clauses: nothing is added, nothing said twice.
struct End {
  std::string result, took, lost;
};

End EndOf(const Episode& e) {
  End end;
  for (std::size_t at = 0; at < e.result.size();) {
    const std::size_t next = std::min(e.result.find("; ", at), e.result.size());
    const std::string clause = e.result.substr(at, next - at);
    at = next + 2;
    if (clause.starts_with("synchronous:") || clause.starts_with("asynchronous:")) {
      end.lost = clause;
    } else if (clause.find(" from the last renewal seen ") != std::string::npos) {
      end.took = clause;
    } else {
      end.result += (end.result.empty() ? "" : "; ") + clause;
    }
  }
  if (!end.took.empty() && e.last_sign_us != 0) {
    end.took += "; decided after " + DurationText(e.wall_us - e.last_sign_us);
  }
  if (!e.lost.empty()) {
    end.lost = e.lost + " " + Mark(e.lost_seq);
  } else if (end.lost.starts_with("asynchronous:")) {
    end.lost += "; no such report is among these records";
  }
  return end;
}

std::string Steps(const Output& out, const Episode& e) {
  std::string text;
  const std::size_t width = MarkWidth(e);
  for (const Step& step : e.steps) {
    const std::string line = StepLine(out, e, step, width);
    text += text.empty() ? Part(out, "steps", line) : std::string(kIndent) + line + "\n";
  }
  return text;
}

Json CitationsJson(const Episode& e) {
  Json out = Json::array();
  for (const Citation& c : e.citations) {
    Json one = {{"seq", c.seq}, {"text", c.text}, {"depth", c.depth}};
    if (c.wall_us != 0) one["time"] = WallText(c.wall_us);
    out.push_back(std::move(one));
  }
  return out;
}

Json StepsJson(const Episode& e) {
  Json out = Json::array();
  for (const Step& s : e.steps) {
    Json one = {
        {"seq", s.seq}, {"time", WallText(s.wall_us)}, {"text", s.text}, {"seen", !s.is_action}};
    if (s.outcome_seq != 0) {
      one["outcome"] = s.outcome;
      one["outcome_seq"] = s.outcome_seq;
      one["outcome_time"] = WallText(s.outcome_us);
    }
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

std::string EpisodeText(const Episode& e, const Output& out) {
  const bool good = e.kind == Kind::kSwitchover || e.kind == Kind::kFirstPrimary ||
                    (IsOperation(e.kind) && !e.result.starts_with("given up"));
  std::string text = TimeText(e.wall_us) + "  " +
                     out.Styled(good ? Style::kGood : Style::kBad, KindWord(e.kind)) + "  " +
                     out.Styled(Style::kBold, Title(e)) + "  " +
                     out.Styled(Style::kDim, Mark(e.seq)) + "\n";
  if (!e.because.empty()) text += Part(out, "because", e.because + " " + Mark(e.because_seq));
  if (e.because.empty()) text += Part(out, "because", e.result + " " + Mark(e.seq));
  std::size_t width = 0;
  for (const Citation& c : e.citations) width = std::max(width, Mark(c.seq).size());
  for (const Citation& c : e.citations) text += CitationText(out, c, width);
  if (!e.chosen.empty()) text += Part(out, "chosen", e.chosen);
  text += Steps(out, e);
  const End end = EndOf(e);
  if (!end.took.empty()) text += Part(out, "took", end.took);
  if (!end.lost.empty()) text += Part(out, "lost", end.lost);
  if (!e.because.empty() && !end.result.empty()) {
    text += Part(out, "result", end.result + " " + Mark(e.end_seq));
  }
  if (IsOperation(e.kind) && e.took_ms >= 0) {
    text += Part(out, "took", DurationText(e.took_ms * 1000));
  }
  if (e.kind == Kind::kUnderWay || (IsOperation(e.kind) && e.end_seq == 0)) {
    text += Part(out, "result", "not known: the records end before it does");
  }
  return text;
}

Json EpisodeJson(const Episode& e) {
  Json out = Json::object();
  out["kind"] = std::string(KindWord(e.kind));
  out["cluster"] = e.cluster.Text();
  out["seq"] = e.seq;
  out["time"] = WallText(e.wall_us);
  if (e.end_seq != 0) {
    out["end_seq"] = e.end_seq;
    out["end_time"] = WallText(e.end_us);
  }
  out["from"] = e.from;
  out["to"] = e.to;
  if (e.timeline_from != 0) out["timeline_from"] = e.timeline_from;
  if (e.timeline != 0) out["timeline"] = e.timeline;
  out["evidence_class"] = e.evidence_class;
  out["reason"] = std::string(NameOf(e.reason));
  out["synchronous"] = e.synchronous;
  out["because"] = e.because;
  out["chosen"] = e.chosen;
  out["result"] = e.result;
  out["lost"] = e.lost;
  if (e.took_ms >= 0) out["took_ms"] = e.took_ms;
  out["citations"] = CitationsJson(e);
  out["steps"] = StepsJson(e);
  return out;
}

}  // namespace pgo::cli
