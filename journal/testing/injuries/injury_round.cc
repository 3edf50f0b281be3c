#include <algorithm>

#include "journal/testing/injuries/damage.h"
#include "journal/testing/injuries/rounds.h"

namespace pgo::journal::injuries {
namespace {

constexpr std::uint64_t kRoundsPerVolume = 150;

Verdict Detected(const char* stage, const Error& error) {
  // A disk that cannot give its bytes is told as such; nothing else may be said of damage.
  const bool named =
      !error.message.empty() && (error.code == Code::kCorrupt || error.code == Code::kUnavailable);
  if (named) return {Outcome::kDetected, "", stage, error.message, {}};
  return {Outcome::kWrong,
          "",
          stage,
          std::string("damage is told as ") + CodeName(error.code) + ": " + error.message,
          {}};
}

Verdict Wrong(const std::string& what) { return {Outcome::kWrong, "", "", what, {}}; }

}  // namespace

const char* NameOf(Outcome outcome) {
  constexpr const char* kNames[] = {"detected", "harmless", "past-anchor", "kept", "lost", "wrong"};
  return kNames[static_cast<std::size_t>(outcome)];
}

void Rounds::MakeVolume(std::uint64_t number) {
  volume_ = Volume();
  volume_.number = number;
  volume_.script = Script(Mix(seed_, 1'000'000 + number));
  volume_.directory = scratch_ + "/volume";
  RemoveTree(volume_.directory);
  Random random(Mix(seed_, 2'000'000 + number));
  const std::uint64_t lives = 1 + random() % 5;
  for (std::uint64_t life = 0; life < lives; ++life) {
    if (life > 0) {
      volume_.older.push_back(scratch_ + "/older-" + std::to_string(life));
      CopyDirectory(volume_.directory, volume_.older.back());
    }
    JournalOptions options;
    options.new_id = volume_.script.Id();
    auto journal = Journal::Open(volume_.directory, options);
    for (std::uint64_t i = 5 + random() % 40; journal && i > 0; --i) {
      const auto written = WriteNext(**journal, volume_.script);
      if (written) volume_.ledger.Add(*written);
    }
    if (journal && (*journal)->Sync()) {
      Acknowledged last = volume_.ledger.all().rbegin()->second;
      last.durable = true;
      volume_.ledger.Add(last);
    }
  }
}

// Opens the directory as the operator does, asks everything, and compares with what was written.
Verdict Rounds::Judge(const std::string& directory, const JournalHead& anchor, Random& random) {
  JournalOptions options;
  options.create_if_missing = false;
  auto journal = Journal::Open(directory, options);
  if (!journal) return Detected("open", journal.error());
  const auto verdict = CompareAnchor(**journal, anchor);
  if (!verdict) return Detected("anchor", verdict.error());
  const std::uint64_t last = (*journal)->Head().seq;
  if (*verdict == AnchorVerdict::kBehind || *verdict == AnchorVerdict::kForeign) {
    return {Outcome::kDetected, "", "anchor", "ends with record " + std::to_string(last), {}};
  }
  if (*verdict == AnchorVerdict::kExpired) return Wrong("the anchor is said to have expired");
  const Model model(volume_.script, volume_.ledger, last);
  if (last > volume_.ledger.last_seq() || !model.Whole()) {
    return Wrong("ends with record " + std::to_string(last) + ", inside of a commit or invented");
  }
  const Answers answers = Ask(**journal, model, random);
  if (!answers.wrong.empty()) return Wrong(answers.wrong);
  if (!answers.refused.empty()) return Detected("question", {Code::kCorrupt, answers.refused});
  if (const Status index = (*journal)->VerifyIndex(); !index) {
    return Wrong("all answers are right, but VerifyIndex says: " + index.error().message);
  }
  const bool whole = last == volume_.ledger.last_seq();
  return {whole ? Outcome::kHarmless : Outcome::kPastAnchor, "", "", "", {}};
}

// What is called harmless must also take new records, and stay whole over a reopen.
Verdict GoOn(const std::string& directory, const Script& script, Random& random) {
  JournalOptions options;
  Ledger ledger;
  std::uint64_t last = 0;
  {
    auto journal = Journal::Open(directory, options);
    if (!journal) return Detected("reopen", journal.error());
    for (int i = 0; i < 5; ++i) {
      const auto written = WriteNext(**journal, script);
      if (!written) return {Outcome::kDetected, "", "append", written.error().message, {}};
      ledger.Add(*written);
    }
    if (const Status synced = (*journal)->Sync(); !synced)
      return Detected("append", synced.error());
    last = ledger.last_seq();
  }
  options.verify_all = true;
  auto journal = Journal::Open(directory, options);
  if (!journal) return Wrong("after new records: " + journal.error().message);
  const Answers answers = Ask(**journal, Model(script, ledger, last), random);
  if (answers.Equal()) return {Outcome::kHarmless, "", "", "", {}};
  return Wrong("after new records: " + answers.wrong + answers.refused);
}

Verdict Rounds::Injury(std::uint64_t round) {
  if (volume_.number != round / kRoundsPerVolume) MakeVolume(round / kRoundsPerVolume);
  Random random(Mix(Mix(seed_, 3), round));
  const std::string directory = scratch_ + "/injured";
  CopyDirectory(volume_.directory, directory);
  const std::uint64_t written = volume_.ledger.last_seq();
  auto anchored = volume_.ledger.all().end();
  for (std::uint64_t back = 1 + (random() % 2) * (random() % 10); back > 0; --back) {
    if (anchored != volume_.ledger.all().begin()) --anchored;
  }
  const JournalHead anchor = volume_.ledger.HeadAt(anchored->first, volume_.script.Id());
  const Damage damage = kDamages[random() % std::size(kDamages)];
  std::string what = Injure(directory, volume_.older, damage, random);
  if (random() % 8 == 0) {
    what += ", " + Injure(directory, volume_.older, kDamages[random() % 10], random);
  }
  Verdict verdict = Judge(directory, anchor, random);
  const bool goes_on =
      verdict.outcome == Outcome::kHarmless || verdict.outcome == Outcome::kPastAnchor;
  if (goes_on && random() % 4 == 0) {
    const Verdict later = GoOn(directory, volume_.script, random);
    if (later.outcome != Outcome::kHarmless) verdict = later;
  }
  verdict.kind = NameOf(damage);
  verdict.what = what + " of " + std::to_string(written) + " records: " + verdict.what;
  verdict.counts["injuries"] = 1;
  return verdict;
}

}  // namespace pgo::journal::injuries
