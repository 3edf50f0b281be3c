#include "adapters/operator/life.h"

#include <chrono>
#include <ctime>
#include <utility>

#include "adapters/log/log.h"
#include "adapters/operator/anchor.h"

namespace pgo {
namespace {

constexpr std::int64_t kEndMs = 2000, kFetchMs = 1000, kLookMs = 200;
constexpr std::int64_t kPauseFirstMs = 100, kPauseMostMs = 1000, kSecretMs = 2000;

std::int64_t WallMicros() { return static_cast<std::int64_t>(std::time(nullptr)) * kSecond; }

// What its retention no longer covers is given up before anything is rebuilt from it.
Result<std::unique_ptr<journal::Journal>> OpenJournal(const Options& options) {
  journal::JournalOptions how;
  how.retention.bytes_max = options.journal_bytes_max;
  how.retention.age_max_us = options.journal_age_max_us;
  auto journal = journal::Journal::Open(options.data_directory + "/journal", how);
  if (!journal) return Fail(journal.error().In("journal of " + options.data_directory));
  const auto dropped = (*journal)->Retain({WallMicros(), 0});
  if (!dropped) return Fail(dropped.error());
  const auto use = MeasureVolume(options.data_directory);
  if (auto s = ShrinkTo(**journal, use, {WallMicros(), 0}); !s) return Fail(s.error());
  return journal;
}

// The time of the newest frame; zeros if there is none.
Now LastTime(const journal::Journal& journal) {
  Now last;
  const std::uint64_t seq = journal.Head().seq;
  if (seq == 0) return last;
  static_cast<void>(journal.Frames({seq, seq}, [&](const journal::FrameView& frame) {
    last = {frame.header.wall_us, static_cast<std::int64_t>(frame.header.elapsed_us)};
    return false;
  }));
  return last;
}

bool Replicated(const Options& options) { return !options.replica_listen.empty(); }

}  // namespace

Result<std::unique_ptr<Life>> Life::Begin(Setting& setting) {
  auto opened = OpenJournal(setting.options);
  if (!opened) return Fail(opened.error());
  std::shared_ptr<journal::Journal> journal = *std::move(opened);
  auto engine = Rebuild(*journal);
  if (!engine) return Fail(engine.error());
  return std::unique_ptr<Life>(new Life(setting, std::move(journal), *std::move(engine)));
}

Life::Life(Setting& setting, std::shared_ptr<journal::Journal> journal, Engine engine)
    : setting_(setting), journal_(std::move(journal)), engine_(std::move(engine)) {
  setting_.standing.Work(journal_);
}

Life::~Life() {
  election_.reset();
  setting_.last_head = AnchorText(journal_->Head());
}

void Life::Elect() {
  const std::string address =
      setting_.replication == nullptr ? "" : setting_.replication->address();
  const auto anchor = [this](std::int64_t epoch) {
    return epoch != 0 && judged_epoch_ == epoch
               ? WithAnchor(election_->elector().found_anchors(), journal_->Head())
               : std::string();
  };
  const std::scoped_lock lock(mutex_);
  election_ = std::make_unique<Election>(Election::Parts{
      setting_.options, setting_.identity.name, setting_.config, setting_.metrics, address,
      setting_.api, [this](const std::string& anchors) { return Judge(anchors); }, anchor,
      [this](const Leading& leading) { OnLeading(leading); }, [this] { OnRead(); }});
}

// May be called before the constructor of the Election has returned.
kube::Candidacy Life::Judge(const std::string& anchors) const {
  kube::Candidacy out;
  out.last_epoch = static_cast<std::int64_t>(journal_->Head().epoch);
  if (!may_lead_ || journal_->Poisoned()) {
    out.hold_back_us = kube::Candidacy::kNever;
  } else if (Replicated(setting_.options)) {
    out.hold_back_us = HoldBackUs(*journal_, anchors);
  }
  return out;
}

void Life::OnLeading(const Leading& leading) {
  const std::scoped_lock lock(mutex_);
  if (leading.leading) {
    led_epoch_ = leading.epoch;
    may_lead_ = false;  // a life leads once
    if (setting_.replication) setting_.replication->client().Cancel(true);
  } else {
    lost_ = true;
    setting_.desk.EndLeading();
    if (leadership_ != nullptr) leadership_->Lost(leading);
  }
  changed_.notify_all();
}

// Never waits: a renewal must not wait for whoever ends this life.
void Life::OnRead() {
  changed_.notify_all();
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (lock.owns_lock() && leadership_ != nullptr) setting_.standing.SetRole(RoleNow());
}

void Life::Pause(std::int64_t ms) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(ms), [&] { return !Going(); });
}

Status Life::TryReplication() {
  const kube::ObjectRef lease = LeaseOf(setting_.options, setting_.config);
  kube::Client client(std::make_shared<kube::Credentials>(setting_.config), UserAgent());
  const kube::Reply read = client.Do(kube::GetRequest(lease));
  if (!read.ok() && read.http != 404) return Fail(read.error->In("Lease"));
  const std::string anchors =
      GetString(read.body, {"metadata", "annotations", kube::kAnchorAnnotation});
  const auto heads = ReadAnchors(anchors);
  const auto own = journal_->Head().journal_id;
  const bool may_make = anchors.empty() || (heads && AnchorOf(*heads, own).journal_id == own);
  const auto secret = LoadReplicaSecret(client, {"Secret", lease.ns, lease.name + "-replicas"},
                                        setting_.fill, setting_.identity.redaction_key, may_make);
  if (!secret) return Fail(secret.error());
  auto started = Replication::Start(setting_.options, *secret, setting_.desk, setting_.standing);
  if (!started) return Fail(started.error());
  setting_.replication = *std::move(started);
  log::Info("replicas reach this one's journal at " + setting_.replication->address());
  return {};
}

bool Life::Prepare() {
  while (Replicated(setting_.options) && setting_.replication == nullptr) {
    const Status tried = TryReplication();
    if (tried) break;
    Role role;
    role.name = setting_.identity.name;
    role.why = tried.error().message;
    const Code code = tried.error().code;
    role.broken = code == Code::kDenied || code == Code::kInvalid;
    setting_.standing.SetRole(role);
    if (std::exchange(told_, role.why) != role.why) log::Warn(role.why);
    Pause(kSecretMs);
    if (stopping_) return false;
  }
  return !stopping_;
}

std::optional<LeaderSeen> Life::Leader() const {
  const kube::LeaseView view = election_->elector().View();
  if (!view.known || view.free || view.leading || setting_.replication == nullptr) return {};
  if (view.address.empty() || view.holder == setting_.identity.name) return {};
  return LeaderSeen{view.holder, view.address, view.epoch};
}

Role Life::RoleNow() const {
  const kube::LeaseView view = election_->elector().View();
  Role role;
  role.name = setting_.identity.name;
  role.epoch = view.epoch;
  role.anchor = view.anchors.substr(0, view.anchors.find(' '));
  role.in_step_us = in_step_us_;
  if (!view.free) role.leader = view.holder;
  if (led_epoch_ != 0) {
    role.what = Role::What::kLeading;
  } else if (Leader()) {
    role.what = Role::What::kFollowing;
  }
  return role;
}

Status Life::FollowOnce(Following& following, std::int64_t& pause_ms) {
  const auto leader = Leader();
  if (!leader) {
    setting_.standing.SetRole(RoleNow());
    Pause(kLookMs);
    return {};
  }
  const auto turn = following.Ask(*leader);
  if (!turn) return Fail(turn.error());
  if (turn->in_step) in_step_us_ = BootMicros();
  Role role = RoleNow();
  role.why = turn->why;
  setting_.standing.SetRole(role);
  if (!Going() || following.anew()) return {};
  if (!turn->why.empty() && std::exchange(told_, turn->why) != turn->why) log::Warn(turn->why);
  if (turn->at_once) {
    pause_ms = kPauseFirstMs;
    return {};
  }
  // It may have given the Lease up.
  election_->elector().Hasten();
  Pause(pause_ms);
  pause_ms = std::min(pause_ms * 2, kPauseMostMs);
  return {};
}

Status Life::Follow() {
  Following::Parts parts{
      setting_.identity.name, setting_.options.data_directory, *journal_,
      [this](const std::string& address, const std::string& target) -> http::Answer {
        auto answer = setting_.replication->client().Get(address, target, Follower::kAnswerMs);
        return answer ? *std::move(answer) : http::Answer{0, answer.error().message};
      },
      &setting_.volume};
  Following following(std::move(parts), *std::move(engine_));
  engine_.reset();
  std::int64_t pause_ms = kPauseFirstMs;
  Status status;
  while (status && Going() && !following.anew()) status = FollowOnce(following, pause_ms);
  may_lead_ = false;
  if (status && following.anew() && led_epoch_ == 0) anew_ = following.anew();
  engine_ = following.TakeEngine();
  return status;
}

// What is journaled first: with what the leadership begins, and from where.
Leading Life::First() {
  const bool shared = setting_.replication != nullptr;
  const std::string found = election_->elector().found_anchors();
  Leading leading{true, led_epoch_, setting_.identity.name + " has taken the Lease"};
  leading.amnesia = WhyAmnesia(*journal_, found, shared);
  // What an earlier life had is the leader's to say once this one was in step with it.
  if (leading.amnesia.empty() && in_step_us_ == 0) {
    leading.amnesia = WhyAmnesia(*journal_, setting_.last_head);
  }
  if (shared && journal_->Head().seq != 0) leading.after = PositionText(journal_->Head());
  return leading;
}

Status Life::Lead(Engine engine) {
  const Leading leading = First();
  const auto epoch = static_cast<std::uint64_t>(leading.epoch);
  system::SystemClock clock;
  const std::int64_t shift = ClockShift(LastTime(*journal_), clock.Read());
  if (auto begun = journal_->NewEpoch(epoch); !begun) return begun;
  const std::string& redaction_key = setting_.replication == nullptr
                                         ? setting_.identity.redaction_key
                                         : setting_.replication->redaction_key();
  const auto durable = [this, leading] {
    setting_.standing.SetAmnesia(leading.amnesia);
    judged_epoch_ = leading.epoch;
  };
  Leadership leadership({setting_.options, setting_.identity.name, redaction_key, *election_,
                         *journal_, setting_.metrics, setting_.volume, setting_.desk,
                         setting_.standing, leading, shift, durable},
                        std::move(engine));
  setting_.standing.SetRole(RoleNow());
  {
    const std::scoped_lock lock(mutex_);
    leadership_ = &leadership;
    if (lost_) leadership.Lost(Leading{false, leading.epoch, "the Lease was lost at once"});
    if (!lost_) {
      setting_.desk.Lead(leading.epoch,
                         [&leadership](OrphanedTail tail) { leadership.Note(std::move(tail)); });
    }
  }
  if (stopping_) Stop();
  const Status status = leadership.Run();
  return GiveUp(leadership, status);
}

// The loop has ended: by Stop, by the loss of the Lease, or because the journal refused a write.
Status Life::GiveUp(Leadership& leadership, const Status& status) {
  bool lost = false;
  {
    const std::scoped_lock lock(mutex_);
    if (!status) End(leadership, "the journal refuses writes");
    leadership_ = nullptr;
    lost = lost_;
  }
  if (status && idle_ && !lost) {
    setting_.desk.Notify();
    setting_.desk.WaitFollowed(journal_->Head().seq, kFetchMs);
  }
  setting_.desk.EndLeading();
  election_->Stop(idle_);
  return status;
}

// Under the mutex, and once.
void Life::End(Leadership& leadership, const std::string& why) {
  if (std::exchange(ended_, true)) return;
  idle_ = leadership.End(why, kEndMs);
  if (!idle_) log::Warn("something is under way still: the Lease is left to expire");
}

Status Life::Run() {
  if (!Prepare()) return {};
  may_lead_ = true;
  if (setting_.replication) setting_.replication->client().Cancel(false);
  Elect();
  Status status = Follow();
  if (status && led_epoch_ != 0 && !stopping_) status = Lead(*std::move(engine_));
  election_->Stop(true);
  return status;
}

void Life::Stop() {
  const std::scoped_lock lock(mutex_);
  stopping_ = true;
  may_lead_ = false;
  if (setting_.replication) setting_.replication->client().Cancel(true);
  if (leadership_ != nullptr) End(*leadership_, "the process ends");
  changed_.notify_all();
}

}  // namespace pgo
