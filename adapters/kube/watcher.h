// Drives one ListWatch per watched kind (and namespace) over a client, on a thread of its own, and
// posts what they find. A kind that is watched in several namespaces is Listed once, with all keys,
// when each of them was listed.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "adapters/kube/client.h"
#include "adapters/kube/list_watch.h"
#include "engine/ports/effects.h"

namespace pgo::kube {

struct WatcherOptions {
  std::vector<std::string> namespaces;  // empty: all
  bool earlier_history = false;         // see ListWatchOptions
  std::uint32_t jitter_seed = 1;
  std::function<void()>
      on_no_answer;  // a list or watch got no answer; called on the watcher's thread
  // A kind is not known to the API server, or is again: its definition may be missing. Called on
  // the watcher's thread at the first list and when that changes.
  std::function<void(const std::string& kind, bool absent)> on_absent;
};

class Watcher {
 public:
  // Begins at once. `sink` is the Gate; client, redactor and sink outlive the watcher.
  Watcher(Client& client, const Redactor& redactor, EventSink& sink, WatcherOptions options);
  ~Watcher();  // ends all watches; nothing is posted after

  // Opens every watch anew: the API server was away and is back. Any thread.
  void Reopen();
  // Lists every kind again. Any thread; the lists are asked for after it returned.
  void ListAgain();

 private:
  struct Source;
  struct Message {
    std::size_t source = 0;
    std::uint64_t turn = 0;  // of the request it answers
    enum class What : std::uint8_t { kList, kData, kEnd } what = What::kList;
    RawReply raw;
    std::string data;
  };

  void AddSource(const KindInfo& kind, const std::string& ns);
  void Loop();
  void Handle(Message message);
  void TakeData(Source& source, const std::string& data);
  void Carry(Source& source, ListWatch::Outputs outputs);
  void SendList(Source& source, Request request);
  void NoteAbsence(Source& source, const Reply& reply);
  void OpenWatch(Source& source, Request request);
  void CloseWatch(Source& source);
  void Merge(Source& source, Listed& listed, std::vector<Payload>& events);
  void Push(Message message);

  Client& client_;
  const Redactor& redactor_;
  EventSink& sink_;
  const WatcherOptions options_;
  std::vector<std::unique_ptr<Source>> sources_;

  std::mutex mu_;
  std::condition_variable wake_;
  std::deque<Message> inbox_;
  bool stopping_ = false, reopen_ = false, list_again_ = false;
  std::thread thread_;
};

}  // namespace pgo::kube
