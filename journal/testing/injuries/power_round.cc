#include <algorithm>

#include "journal/store/salvage.h"
#include "journal/testing/injuries/lossy_disk.h"
#include "journal/testing/injuries/rounds.h"

namespace pgo::journal::injuries {
namespace {

constexpr int kCutsPerRound = 5;

// One directory on a disk that forgets, and what its writer was told.
class Life {
 public:
  Life(std::uint64_t seed, bool heavy, std::string directory)
      : random_(seed), script_(seed, heavy), directory_(std::move(directory)) {
    RemoveTree(directory_);
    RemoveTree(directory_ + ".copy");
    RemoveTree(directory_ + ".damaged");
    MakeDirectory(directory_);
    disk_ = std::make_shared<LossyDisk>(directory_);
    env_ = rocksdb::NewCompositeEnv(disk_);
  }

  Verdict Run(int cuts) {
    verdict_.outcome = Outcome::kKept;
    for (int cut = 0; cut < cuts && !Bad(verdict_.outcome); ++cut) {
      WriteUntilCut();
      ++verdict_.counts["power_losses"];
      disk_->Restart(random_);
      Settle();
    }
    if (!Bad(verdict_.outcome)) AskAll();
    return verdict_;
  }

 private:
  JournalOptions Options(bool verify_all) const {
    JournalOptions options;
    options.new_id = script_.Id();
    options.env = env_.get();
    options.verify_all = verify_all;
    return options;
  }
  void Blame(Outcome outcome, const std::string& what) {
    verdict_.outcome = outcome;
    verdict_.what = what;
  }

  // The cut may come while the journal opens.
  void WriteUntilCut() {
    const std::uint64_t most = random_() % 3 == 0 ? 40 : 400;
    disk_->CutAfter(random_() % most);
    auto journal = Journal::Open(directory_, Options(false));
    if (!journal && !disk_->Off()) {
      return Blame(Outcome::kLost, "a disk that works: " + journal.error().message);
    }
    for (int i = 0; journal && i < 200; ++i) {
      const auto written = WriteNext(**journal, script_);
      if (!written) break;
      ledger_.Add(*written);
    }
    disk_->CutNow();  // nothing that the closing journal would do may reach the disk
  }

  // After the power is back: opens, by salvage if need be, and judges what is there.
  void Settle() {
    if (Bad(verdict_.outcome)) return;
    Result<std::unique_ptr<Journal>> journal = Journal::Open(directory_, Options(true));
    if (!journal && journal.error().code == Code::kCorrupt) {
      Salvage(journal.error().message);
      if (Bad(verdict_.outcome)) return;
      journal = Journal::Open(directory_, Options(true));
    }
    if (!journal) return Blame(Outcome::kLost, "cannot be opened: " + journal.error().message);
    if ((*journal)->Head().seq == 0 && ledger_.durable_seq() == 0) return StartAnew(*journal);
    const std::uint64_t acknowledged = ledger_.durable_seq();
    const std::uint64_t last = (*journal)->Head().seq;
    const auto holds = CompareAnchor(**journal, ledger_.HeadAt(acknowledged, script_.Id()));
    if (acknowledged > 0 && (!holds || *holds != AnchorVerdict::kHolds)) {
      return Blame(Outcome::kLost, "record " + std::to_string(acknowledged) +
                                       " was acknowledged; ends with " + std::to_string(last));
    }
    verdict_.counts["unacknowledged_kept"] += last > acknowledged ? 1 : 0;
    ledger_.CutAfter((*journal)->Head());
    if (!Model(script_, ledger_, last).Whole()) {
      return Blame(Outcome::kWrong, "ends inside of a commit, with " + std::to_string(last));
    }
    const Answers answers = Ask(**journal, Model(script_, ledger_, last), random_);
    if (!answers.Equal()) Blame(Outcome::kWrong, answers.wrong + answers.refused);
  }

  // Cut before it had a first record, perhaps before it had its name.
  void StartAnew(std::unique_ptr<Journal>& journal) {
    journal.reset();
    RemoveTree(directory_);
    MakeDirectory(directory_);
    disk_->Load();
    ledger_ = Ledger();
  }

  void Salvage(const std::string& why) {
    const std::string copy = directory_ + ".copy";
    {
      const auto salvaged = SalvageCopy(directory_, copy);
      if (!salvaged) {
        return Blame(Outcome::kLost, why + "; and " + salvaged.error().message);
      }
    }
    const auto kept = AdoptSalvaged(directory_, copy);
    if (!kept) return Blame(Outcome::kLost, kept.error().message);
    RemoveTree(*kept);
    disk_->Load();
    ++verdict_.counts["salvaged"];
  }

  void AskAll() {
    auto journal = Journal::Open(directory_, Options(true));
    if (!journal) return Blame(Outcome::kLost, "a reopen: " + journal.error().message);
    const Answers answers =
        Ask(**journal, Model(script_, ledger_, (*journal)->Head().seq), random_);
    if (!answers.Equal()) Blame(Outcome::kWrong, answers.wrong + answers.refused);
  }

  Random random_;
  Script script_;
  std::string directory_;
  Ledger ledger_;
  std::shared_ptr<LossyDisk> disk_;
  std::unique_ptr<rocksdb::Env> env_;
  Verdict verdict_;
};

}  // namespace

Verdict Rounds::PowerLoss(std::uint64_t round) {
  const bool heavy = round % 40 == 39;
  Life life(Mix(Mix(seed_, 2), round), heavy, scratch_ + "/power");
  Verdict verdict = life.Run(heavy ? 2 : kCutsPerRound);
  verdict.kind = "power-loss";
  return verdict;
}

}  // namespace pgo::journal::injuries
