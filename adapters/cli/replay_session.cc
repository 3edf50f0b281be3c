#include "adapters/cli/replay_session.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "adapters/cli/journal_source.h"
#include "adapters/cli/replay_condition.h"
#include "adapters/cli/when.h"
#include "engine/event/codec.h"
#include "engine/record.h"
#include "journal/query/place.h"

namespace pgo::cli {
namespace {

using Words = std::vector<std::string>;

constexpr std::size_t kListed = 5;  // lines before and after the place

Words WordsOf(const std::string& command) {
  std::istringstream in(command);
  Words out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

std::string Rest(const Words& words, std::size_t from) {
  std::string out;
  for (std::size_t i = from; i < words.size(); ++i) out += (out.empty() ? "" : " ") + words[i];
  return out;
}

tl::unexpected<Error> Wrong(const std::string& what, const std::string& mend) {
  return Fail(Code::kInvalid, "\"" + what + "\": " + mend);
}

// "3" of "next 3".
Result<std::size_t> CountOf(const Words& words) {
  std::size_t count = 1;
  if (words.size() < 2) return count;
  const std::string& text = words[1];
  const auto read = std::from_chars(text.data(), text.data() + text.size(), count);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || count == 0) {
    return Wrong(text, "must be a number of steps; write for example 3");
  }
  return count;
}

// Signs of life, and outcomes as expected, are stopped at only when they themselves are named.
bool StopsAt(const HistoryLine& line, const std::string& word) {
  HistoryLine kind;
  kind.words = {line.kind};
  return IsOfKind(line, word) && !(line.heartbeat && IsOfKind(kind, word));
}

std::string SeqText(std::uint64_t seq) { return "#" + std::to_string(seq); }

}  // namespace

Result<ReplaySession> ReplaySession::Open(std::shared_ptr<journal::BundleFile> bundle,
                                          const std::string& cluster, const std::string& ns) {
  ReplaySession session;
  session.bundle_ = bundle;
  if (auto added = session.records_.Add(bundle); !added) return Fail(added.error());
  auto key = WhichCluster(session.records_, cluster, ns);
  if (!key) return Fail(key.error());
  session.cluster_ = *key;
  session.lines_ = LinesOf(session.records_, *key);
  session.first_ = bundle->manifest().first_seq;
  session.last_ = bundle->Head().seq;
  session.seq_ = session.came_from_ = session.first_ - 1;
  return session;
}

const std::vector<ReplaySession::Verb>& ReplaySession::Verbs() {
  using S = ReplaySession;
  static const std::vector<Verb> verbs{
      {"next", "n", "next [N]              the next line of the history, or N on", &S::Next},
      {"back", "b", "back [N]              the line before", &S::Back},
      {"run", "r", "run [#SEQ|TIME|end|start]  on to the next break, or to a record or time",
       &S::RunTo},
      {"until", "u",
       "until FIELD=VALUE     on until it is so (or !=): primary, timeline, a condition "
       "(Ready=False), "
       "a field (spec.instances[0].replicas=3)",
       &S::Until},
      {"break", "k",
       "break KIND [TEXT]     stop `run` at: a room (failover), reason (Fenced), action (Apply), "
       "record (Gone), object's kind (Pod); only lines that have TEXT",
       &S::AddBreak},
      {"breaks", "", "breaks                the breaks there are", &S::Breaks},
      {"delete", "", "delete N              a break", &S::DeleteBreak},
      {"state", "s", "state                 the cluster as it was known here", &S::State},
      {"diff", "d", "diff [#SEQ|TIME]      what changed since the last stop, or since then",
       &S::DiffFrom},
      {"why", "w", "why [#SEQ]            what the action here rests on, and what became of it",
       &S::WhyHere},
      {"show", "", "show [#SEQ]           the record as it was journaled (JSON)", &S::Show},
      {"list", "l", "list                  the lines around here", &S::List},
      {"help", "h", "help                  this", &S::ShowHelp},
      {"quit", "q", "quit                  (or Ctrl-D)", &S::Quit}};
  return verbs;
}

std::string ReplaySession::Help() {
  std::string text;
  for (const Verb& verb : Verbs()) text += std::string("  ") + verb.help + "\n";
  return text +
         "Short: the first letter (k for break). An empty line repeats the last step. Times as in\n"
         "2026-05-04 03:12:05, 03:12; numbers of records as #4127.\n";
}

std::string ReplaySession::Prompt() const {
  if (seq_ < first_) return cluster_.name + " (beginning)> ";
  const auto* entry = records_.Find(seq_);
  return cluster_.name + " " + SeqText(seq_) +
         (entry == nullptr ? "" : " " + ClockText(entry->wall_us)) + "> ";
}

Result<std::string> ReplaySession::Do(const std::string& command, const Output& out) {
  Words words = WordsOf(command);
  if (words.empty()) words = WordsOf(again_);
  if (words.empty()) return std::string();
  for (const Verb& verb : Verbs()) {
    if (words[0] != verb.name && (verb.brief[0] == '\0' || words[0] != verb.brief)) continue;
    auto said = (this->*verb.handler)(words, out);
    const std::string_view name = verb.name;
    const bool moves = name == "next" || name == "back" || name == "run" || name == "until";
    again_ = moves && said ? Rest(words, 0) : "";
    return said;
  }
  return Wrong(words[0], "must be a command; `help` lists them");
}

const HistoryLine* ReplaySession::LineAt(std::uint64_t seq) const {
  const auto it = std::ranges::lower_bound(lines_, seq, {}, &HistoryLine::seq);
  return it == lines_.end() || it->seq != seq ? nullptr : &*it;
}

std::string ReplaySession::LineText(const HistoryLine& line, const Output& out) const {
  std::string causes;
  for (const auto seq : line.causes) causes += " " + SeqText(seq);
  const bool decision = !line.causes.empty();
  return ClockText(line.wall_us) + "  " + out.Styled(Style::kDim, SeqText(line.seq)) + "  " +
         out.Styled(decision ? Style::kBold : Style::kPlain, line.kind + " " + line.what) + "  " +
         line.text + (causes.empty() ? "" : out.Styled(Style::kDim, "  because of" + causes)) +
         "\n";
}

std::string ReplaySession::Go(std::uint64_t seq, const Output& out) {
  came_from_ = seq_;
  seq_ = std::clamp(seq, first_ - 1, last_);
  if (const HistoryLine* line = LineAt(seq_)) return LineText(*line, out);
  if (seq_ < first_) return "at the beginning\n";
  return "at " + SeqText(seq_) + (seq_ == last_ ? ", the end of the bundle" : "") + "\n";
}

Result<std::string> ReplaySession::Next(const Words& words, const Output& out) {
  auto count = CountOf(words);
  if (!count) return Fail(count.error());
  std::string text;
  const std::uint64_t from = seq_;
  for (const HistoryLine& line : lines_) {
    if (line.seq <= from || line.heartbeat) continue;
    text += Go(line.seq, out);
    if (--*count == 0) break;
  }
  if (text.empty()) text = Go(last_, out);
  came_from_ = from;
  return text;
}

Result<std::string> ReplaySession::Back(const Words& words, const Output& out) {
  auto count = CountOf(words);
  if (!count) return Fail(count.error());
  for (auto line = lines_.rbegin(); line != lines_.rend(); ++line) {
    if (line->seq >= seq_ || line->heartbeat) continue;
    if (--*count == 0) return Go(line->seq, out);
  }
  return Go(first_ - 1, out);
}

bool ReplaySession::Stops(const HistoryLine& line) const {
  return std::ranges::any_of(breaks_, [&](const Break& b) {
    return StopsAt(line, b.kind) &&
           (b.about.empty() || line.text.find(b.about) != std::string::npos);
  });
}

Result<std::string> ReplaySession::RunTo(const Words& words, const Output& out) {
  if (words.size() > 1) {
    const std::string where = Rest(words, 1);
    if (where == "end") return Go(last_, out);
    if (where == "start") return Go(first_ - 1, out);
    const auto moment = ParseMoment("run", where, records_.last_wall_us());
    if (!moment) return Fail(moment.error());
    if (moment->seq != 0 && (moment->seq < first_ || moment->seq > last_)) {
      return Wrong(where,
                   "must be a record of this bundle: " + SeqText(first_) + " to " + SeqText(last_));
    }
    if (moment->seq != 0) return Go(moment->seq, out);
    const auto place = journal::PlaceOf(*bundle_, moment->wall_us);
    if (!place) return Fail(place.error());
    return Go(place->at.seq, out);
  }
  for (const HistoryLine& line : lines_) {
    if (line.seq > seq_ && Stops(line)) return Go(line.seq, out);
  }
  return std::string(breaks_.empty() ? "no break is set (break failover); "
                                     : "no further break; ") +
         Go(last_, out);
}

Result<std::string> ReplaySession::Until(const Words& words, const Output& out) {
  auto condition = ParseCondition(Rest(words, 1));
  if (!condition) return Fail(condition.error());
  Engine engine;
  if (seq_ >= first_) {
    auto past = At(seq_);
    if (past) engine = std::move(past->engine);
  }
  Rebuilder rebuilder(engine);
  std::uint64_t found = 0;
  Status read = journal::Iterate(*bundle_, {seq_ + 1, last_}, [&](const journal::Entry& e) {
    rebuilder.Feed({e.seq, e.record.type, e.record.payload,
                    Now{e.frame.wall_us, static_cast<std::int64_t>(e.frame.elapsed_us)}});
    if (e.record.type != static_cast<std::uint64_t>(RecordType::kObserved)) return true;
    if (Holds(*condition, engine.world(), cluster_)) found = e.seq;
    return found == 0;
  });
  if (!read) return Fail(read.error());
  if (found == 0) return "it is not so any more in this bundle; " + Go(last_, out);
  return Go(found, out);
}

Result<std::string> ReplaySession::AddBreak(const Words& words, const Output& out) {
  if (words.size() < 2) return Wrong("break", "needs a kind; write for example: break failover");
  const auto known = [&](const HistoryLine& line) { return StopsAt(line, words[1]); };
  const auto times = std::ranges::count_if(lines_, known);
  if (times == 0) {
    return Wrong(words[1], "no line of this history is of that kind; `list` shows some that are");
  }
  breaks_.push_back({words[1], Rest(words, 2)});
  return "break " + out.Styled(Style::kBold, std::to_string(breaks_.size())) + ": " +
         Count(static_cast<std::uint64_t>(times), "line") + " of that kind\n";
}

Result<std::string> ReplaySession::Breaks(const Words&, const Output&) {
  std::string text;
  for (std::size_t i = 0; i < breaks_.size(); ++i) {
    text += std::to_string(i + 1) + "  " + breaks_[i].kind + " " + breaks_[i].about + "\n";
  }
  return text.empty() ? "no break is set; write for example: break failover\n" : text;
}

Result<std::string> ReplaySession::DeleteBreak(const Words& words, const Output&) {
  auto which = CountOf(words);
  if (!which) return Fail(which.error());
  if (words.size() < 2 || *which > breaks_.size()) {
    return Wrong(Rest(words, 1), "must be the number of a break; `breaks` lists them");
  }
  breaks_.erase(breaks_.begin() + static_cast<std::ptrdiff_t>(*which) - 1);
  return std::string("removed\n");
}

Result<Past> ReplaySession::At(std::uint64_t seq) const {
  if (seq < first_) {
    return Fail(Code::kNotFound, "nothing is known before the first record; `next` goes there");
  }
  Moment moment;
  moment.seq = seq;
  return PastAt(*bundle_, moment, cluster_.name, cluster_.ns);
}

Result<std::string> ReplaySession::State(const Words&, const Output& out) {
  auto past = At(seq_);
  if (!past) return Fail(past.error());
  return StateText(*past, out);
}

Result<std::string> ReplaySession::DiffFrom(const Words& words, const Output& out) {
  std::uint64_t from = came_from_;
  if (words.size() > 1) {
    const auto moment = ParseMoment("diff", Rest(words, 1), records_.last_wall_us());
    if (!moment) return Fail(moment.error());
    from = moment->seq;
    if (from == 0) {
      const auto place = journal::PlaceOf(*bundle_, moment->wall_us);
      if (!place) return Fail(place.error());
      from = place->at.seq;
    }
  }
  auto before = At(from);
  if (!before) return Fail(before.error());
  auto after = At(seq_);
  if (!after) return Fail(after.error());
  return DiffText(*before, *after, out);
}

Result<std::string> ReplaySession::WhyHere(const Words& words, const Output& out) {
  std::uint64_t seq = seq_;
  if (words.size() > 1) {
    const auto moment = ParseMoment("why", words[1], records_.last_wall_us());
    if (!moment) return Fail(moment.error());
    seq = moment->seq;
  }
  const auto action = records_.ActionAt(seq);
  if (!action) {
    return Wrong(SeqText(seq), "is no action; `break action`, then `run`, stops at the next one");
  }
  std::string text = out.Styled(Style::kBold, action->sentence) + "\n";
  for (const std::uint64_t cause : action->causes) {
    const auto* entry = records_.Find(cause);
    text += "  because  " + out.Styled(Style::kDim, SeqText(cause)) + "  " +
            (entry == nullptr ? "" : ClockText(entry->wall_us) + "  ") +
            records_.DescribeAt(cause) + "\n";
  }
  const std::uint64_t outcome = records_.OutcomeOf(action->id, seq);
  text += "  outcome  " +
          (outcome == 0
               ? "none is recorded"
               : out.Styled(Style::kDim, SeqText(outcome)) + "  " + records_.DescribeAt(outcome)) +
          "\n";
  return text;
}

Result<std::string> ReplaySession::Show(const Words& words, const Output&) {
  std::uint64_t seq = seq_;
  if (words.size() > 1) {
    const auto moment = ParseMoment("show", words[1], records_.last_wall_us());
    if (!moment) return Fail(moment.error());
    seq = moment->seq;
  }
  auto entry = journal::At(*bundle_, seq);
  if (!entry) return Fail(entry.error());
  const auto json = ParseJson(entry->record.payload);
  return Pretty(json ? *json : Json(entry->record.payload));
}

Result<std::string> ReplaySession::List(const Words&, const Output& out) {
  std::vector<const HistoryLine*> worth;
  std::size_t here = 0;
  for (const HistoryLine& line : lines_) {
    if (line.heartbeat && line.seq != seq_) continue;
    if (line.seq <= seq_) here = worth.size();
    worth.push_back(&line);
  }
  std::string text;
  for (std::size_t i = here - std::min(here, kListed);
       i < std::min(worth.size(), here + kListed + 1); ++i) {
    text += (worth[i]->seq == seq_ ? "> " : "  ") + LineText(*worth[i], out);
  }
  return text;
}

Result<std::string> ReplaySession::ShowHelp(const Words&, const Output&) { return Help(); }

Result<std::string> ReplaySession::Quit(const Words&, const Output&) {
  ended_ = true;
  return std::string();
}

}  // namespace pgo::cli
