#include "adapters/cli/records.h"

#include <algorithm>
#include <set>

#include "adapters/cli/facts.h"
#include "engine/event/codec.h"
#include "engine/record.h"

namespace pgo::cli {
namespace {

bool Is(std::uint64_t type, RecordType wanted) {
  return type == static_cast<std::uint64_t>(wanted);
}

constexpr std::size_t kKeptMax = 64U << 10U;

bool Keep(std::uint64_t type, const std::string& payload) {
  return !Is(type, RecordType::kObserved) && !Is(type, RecordType::kBaseline) &&
         payload.size() <= kKeptMax;
}

}  // namespace

bool Records::Entry::Names(std::string_view subject) const {
  return std::ranges::find(subjects, subject) != subjects.end();
}

Status Records::Add(std::shared_ptr<const journal::Reader> reader) {
  bool news = false;
  Status read = journal::Iterate(*reader, {}, [&](const journal::Entry& e) {
    if (entries_.contains(e.seq)) return true;
    news = true;
    Entry entry{e.seq, e.frame.wall_us, e.record.type, e.record.causes, e.record.subjects, {}};
    if (Keep(entry.type, e.record.payload)) entry.payload = e.record.payload;
    if (Is(entry.type, RecordType::kObserved) && !entry.subjects.empty()) {
      observed_[entry.subjects.front()].push_back(e.seq);
    }
    if (Is(entry.type, RecordType::kDone) && !entry.subjects.empty()) {
      done_[entry.subjects.front()].push_back(e.seq);
    }
    entries_.emplace(e.seq, std::move(entry));
    return true;
  });
  if (!read) return read;
  if (news) {
    for (auto& [subject, seqs] : observed_) std::ranges::sort(seqs);
    for (auto& [subject, seqs] : done_) std::ranges::sort(seqs);
  }
  readers_.push_back(std::move(reader));
  return {};
}

const Records::Entry* Records::Find(std::uint64_t seq) const {
  const auto it = entries_.find(seq);
  return it == entries_.end() ? nullptr : &it->second;
}

std::string Records::PayloadAt(std::uint64_t seq) const {
  const Entry* entry = Find(seq);
  if (entry == nullptr) return "";
  if (!entry->payload.empty()) return entry->payload;
  for (const auto& reader : readers_) {
    auto found = journal::At(*reader, seq);
    if (found) return std::move(found->record.payload);
  }
  return "";
}

std::optional<Payload> Records::EventAt(std::uint64_t seq) const {
  const Entry* entry = Find(seq);
  if (entry == nullptr || Is(entry->type, RecordType::kAction)) return std::nullopt;
  return DecodePayload(entry->type, PayloadAt(seq));
}

std::optional<Action> Records::ActionAt(std::uint64_t seq) const {
  const Entry* entry = Find(seq);
  if (entry == nullptr || !Is(entry->type, RecordType::kAction)) return std::nullopt;
  return DecodeAction(PayloadAt(seq));
}

std::uint64_t Records::ObservedBefore(const kube::ObjectRef& ref, std::uint64_t seq) const {
  const auto it = observed_.find(ObjectSubject(ref));
  if (it == observed_.end()) return 0;
  const auto after = std::ranges::lower_bound(it->second, seq);
  return after == it->second.begin() ? 0 : *std::prev(after);
}

std::uint64_t Records::OutcomeOf(const ActionId& action, std::uint64_t seq) const {
  const auto it = done_.find("action/" + action.value());
  if (it == done_.end()) return 0;
  const auto after = std::ranges::upper_bound(it->second, seq);
  return after == it->second.end() ? 0 : *after;
}

std::int64_t Records::last_wall_us() const {
  return entries_.empty() ? 0 : entries_.rbegin()->second.wall_us;
}

std::vector<ClusterKey> Records::Clusters() const {
  static constexpr std::string_view kPrefix = "cluster/";
  std::set<ClusterKey> found;
  for (const auto& [seq, entry] : entries_) {
    for (const std::string& subject : entry.subjects) {
      if (!subject.starts_with(kPrefix)) continue;
      const auto slash = subject.find('/', kPrefix.size());
      if (slash == std::string::npos) continue;
      found.insert(
          {subject.substr(kPrefix.size(), slash - kPrefix.size()), subject.substr(slash + 1)});
    }
  }
  return {found.begin(), found.end()};
}

std::string Records::DescribeAt(std::uint64_t seq) const {
  if (Find(seq) == nullptr) return "not among these records";
  if (const auto action = ActionAt(seq)) return action->sentence;
  const auto payload = EventAt(seq);
  if (!payload) return RecordTypeName(Find(seq)->type) + ": cannot be read by this build";
  const auto* observed = std::get_if<Observed>(&*payload);
  if (observed == nullptr) return DescribePlain(*payload);
  const std::uint64_t earlier = ObservedBefore(observed->ref, seq);
  const auto before = earlier == 0 ? std::nullopt : EventAt(earlier);
  const auto* old = before ? std::get_if<Observed>(&*before) : nullptr;
  // Another object of the same name says nothing about this one's past.
  const bool same = old != nullptr && old->uid == observed->uid;
  return Describe(*observed, same ? &old->object : nullptr).text;
}

}  // namespace pgo::cli
