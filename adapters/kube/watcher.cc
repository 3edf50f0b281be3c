#include "adapters/kube/watcher.h"

#include <algorithm>
#include <chrono>

#include "engine/base/overloaded.h"
#include "engine/kube/names.h"

namespace pgo::kube {
namespace {

using SteadyClock = std::chrono::steady_clock;

std::int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             SteadyClock::now().time_since_epoch())
      .count();
}

// A line this long is no Kubernetes object (etcd takes 1.5 MiB).
constexpr std::size_t kLongestLine = 32UL << 20;

}  // namespace

struct Watcher::Source {
  Source(ListWatchOptions options, const Redactor& redactor, std::size_t number)
      : machine(std::move(options), redactor), index(number) {}
  ListWatch machine;
  std::size_t index;
  std::uint64_t turn = 0;      // counts requests; answers of earlier ones are passed over
  StreamId stream = 0;         // of the request under way
  Request request;             // the one under way
  std::string line;            // begun, not ended
  std::optional<bool> absent;  // the server knows no such kind; nothing: not known yet
  bool gap_pending = false;    // Listed is held back until all namespaces were listed
};

Watcher::Watcher(Client& client, const Redactor& redactor, EventSink& sink, WatcherOptions options)
    : client_(client), redactor_(redactor), sink_(sink), options_(std::move(options)) {
  for (const KindInfo& kind : Kinds()) {
    if (kind.watch == KindInfo::Watch::kNone) continue;
    if (options_.namespaces.empty() || !kind.namespaced) {
      AddSource(kind, "");
      continue;
    }
    for (const std::string& ns : options_.namespaces) AddSource(kind, ns);
  }
  thread_ = std::thread([this] { Loop(); });
}

Watcher::~Watcher() {
  {
    const std::lock_guard lock(mu_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Watcher::AddSource(const KindInfo& kind, const std::string& ns) {
  ListWatchOptions options;
  options.kind = std::string(kind.kind);
  options.ns = ns;
  if (kind.watch == KindInfo::Watch::kLabelled) options.label_selector = std::string(kLabelCluster);
  options.earlier_history = options_.earlier_history;
  options.optional = !kind.namespaced && !options_.namespaces.empty();
  options.jitter_seed = options_.jitter_seed + static_cast<std::uint32_t>(sources_.size()) * 7919U;
  sources_.push_back(std::make_unique<Source>(std::move(options), redactor_, sources_.size()));
}

void Watcher::Push(Message message) {
  {
    const std::lock_guard lock(mu_);
    if (stopping_) return;
    inbox_.push_back(std::move(message));
  }
  wake_.notify_all();
}

void Watcher::Loop() {
  for (;;) {
    std::int64_t next = INT64_MAX;
    for (auto& source : sources_) {
      Carry(*source, source->machine.OnTick(NowUs()));
      next = std::min(next, source->machine.wake_at_us());
    }
    std::unique_lock lock(mu_);
    const auto until = SteadyClock::time_point(std::chrono::microseconds(next));
    wake_.wait_until(lock, until,
                     [&] { return stopping_ || reopen_ || list_again_ || !inbox_.empty(); });
    if (stopping_) break;
    const bool reopen = std::exchange(reopen_, false);
    const bool list_again = std::exchange(list_again_, false);
    std::deque<Message> messages;
    messages.swap(inbox_);
    lock.unlock();
    for (Message& message : messages) Handle(std::move(message));
    for (auto& source : sources_) {
      if (list_again) Carry(*source, source->machine.ListAgain(NowUs()));
      if (reopen) Carry(*source, source->machine.Reopen(NowUs()));
    }
  }
  for (auto& source : sources_) CloseWatch(*source);
}

void Watcher::Reopen() {
  {
    const std::lock_guard lock(mu_);
    reopen_ = true;
  }
  wake_.notify_all();
}

void Watcher::ListAgain() {
  {
    const std::lock_guard lock(mu_);
    list_again_ = true;
  }
  wake_.notify_all();
}

void Watcher::Handle(Message message) {
  Source& source = *sources_[message.source];
  if (message.turn != source.turn) return;
  switch (message.what) {
    case Message::What::kData:
      return TakeData(source, message.data);
    case Message::What::kList: {
      source.stream = 0;
      const Reply reply = Interpret(source.request, std::move(message.raw));
      if (reply.NoContact() && options_.on_no_answer) options_.on_no_answer();
      NoteAbsence(source, reply);
      return Carry(source, source.machine.OnList(reply, NowUs()));
    }
    case Message::What::kEnd: {
      source.stream = 0;
      const bool in_order = message.raw.http == 200 && message.raw.error.empty();
      Reply reply = Interpret(source.request, std::move(message.raw));
      if (!in_order && reply.NoContact() && options_.on_no_answer) options_.on_no_answer();
      return Carry(source, source.machine.OnClosed(reply, NowUs()));
    }
  }
}

void Watcher::NoteAbsence(Source& source, const Reply& reply) {
  if (reply.http != 404 && !reply.ok()) return;
  const bool absent = reply.http == 404;
  if (absent == source.absent) return;
  source.absent = absent;
  if (options_.on_absent) options_.on_absent(source.machine.options().kind, absent);
}

void Watcher::TakeData(Source& source, const std::string& data) {
  const std::uint64_t turn = source.turn;
  ListWatch::Outputs outputs;
  for (std::size_t at = 0; at < data.size();) {
    const std::size_t end = data.find('\n', at);
    source.line.append(data, at, end == std::string::npos ? end : end - at);
    if (end == std::string::npos) break;
    at = end + 1;
    std::string line;
    line.swap(source.line);
    if (line.empty()) continue;
    Carry(source, source.machine.OnLine(line, NowUs()));
    if (source.turn != turn) return;  // the machine has closed this watch
  }
  if (source.line.size() > kLongestLine) {
    source.line.clear();
    Carry(source, source.machine.OnLine("", NowUs()));
  }
}

void Watcher::Carry(Source& source, ListWatch::Outputs outputs) {
  std::vector<Payload> events;
  for (ListWatch::Output& output : outputs) {
    std::visit(
        Overloaded{[&](ListWatch::SendList& send) { SendList(source, std::move(send.request)); },
                   [&](ListWatch::OpenWatch& open) { OpenWatch(source, std::move(open.request)); },
                   [&](ListWatch::CloseWatch&) { CloseWatch(source); },
                   [&](Payload& event) {
                     if (auto* listed = std::get_if<Listed>(&event)) {
                       return Merge(source, *listed, events);
                     }
                     events.push_back(std::move(event));
                   }},
        output);
  }
  if (!events.empty()) sink_.Post(std::move(events));
}

void Watcher::Merge(Source& source, Listed& listed, std::vector<Payload>& events) {
  std::set<std::string> keys;
  bool all = true;
  bool gap = listed.gap;
  source.gap_pending = listed.gap;
  for (const auto& other : sources_) {
    if (other->machine.options().kind != listed.kind) continue;
    all = all && other->machine.listed();
    gap = gap || other->gap_pending;
    keys.insert(other->machine.keys().begin(), other->machine.keys().end());
  }
  if (!all) return;
  for (const auto& other : sources_) {
    if (other->machine.options().kind == listed.kind) other->gap_pending = false;
  }
  listed.gap = gap;
  listed.keys.assign(keys.begin(), keys.end());
  events.emplace_back(std::move(listed));
}

void Watcher::SendList(Source& source, Request request) {
  CloseWatch(source);
  source.request = request;
  const std::uint64_t turn = source.turn;
  source.stream =
      client_.Send(std::move(request), [this, index = source.index, turn](RawReply raw) {
        Push({index, turn, Message::What::kList, std::move(raw), {}});
      });
}

void Watcher::OpenWatch(Source& source, Request request) {
  CloseWatch(source);
  source.request = request;
  const std::uint64_t turn = source.turn;
  source.stream = client_.Stream(
      std::move(request),
      [this, index = source.index, turn](std::string_view data) {
        Push({index, turn, Message::What::kData, {}, std::string(data)});
      },
      [this, index = source.index, turn](RawReply raw) {
        Push({index, turn, Message::What::kEnd, std::move(raw), {}});
      });
}

void Watcher::CloseWatch(Source& source) {
  ++source.turn;
  source.line.clear();
  if (source.stream != 0) client_.Cancel(source.stream);
  source.stream = 0;
}

}  // namespace pgo::kube
