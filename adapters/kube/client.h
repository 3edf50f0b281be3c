// HTTPS to one API server. One thread of its own moves the bytes (libcurl), so any number of
// requests can be under way; watches are requests whose answer does not end.
//
// Any thread may call. Callbacks run on the client's thread and must return soon: hand over and go.
// After the destructor no callback runs; what was under way ends unanswered, unreported.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "adapters/kube/config.h"
#include "adapters/kube/requests.h"

namespace pgo::kube {

class Credentials;
class Transport;

using StreamId = std::uint64_t;

// One request that has ended (a cancelled one is not told of), for metrics. A path holds names of
// objects, never a credential.
struct Seen {
  std::string method, path, content_type;
  bool stream = false;
  int http = 0;  // 0: no answer
  double seconds = 0;
};
// Called on the client's thread, or on the caller's for what failed before it was sent.
using Observer = std::function<void(const Seen&)>;

class Client {
 public:
  // `user_agent`: "pgo-operator/0.1.0". Clients may share credentials.
  Client(std::shared_ptr<Credentials> credentials, std::string user_agent, Observer observer = {});
  ~Client();

  // Waits for the answer, at most the request's timeout.
  Reply Do(Request request);
  // The caller's thread reads the credentials; Interpret the answer away from the client's thread.
  // 0 if it has failed already (then `done` was called). May be cancelled: then nothing comes.
  StreamId Send(Request request, std::function<void(RawReply)> done);

  // An answer as it comes. `on_data` gets pieces of the body of a 200, `on_end` comes once, with
  // the status (and the body, if it was not 200). Nothing comes after Cancel has returned. 0: as
  // above.
  StreamId Stream(Request request, std::function<void(std::string_view)> on_data,
                  std::function<void(RawReply)> on_end);
  void Cancel(StreamId stream);

  const Config& config() const;
  const std::shared_ptr<Credentials>& credentials() const { return credentials_; }
  const std::string& user_agent() const { return user_agent_; }

 private:
  StreamId Begin(Request request, std::function<void(std::string_view)> on_data,
                 std::function<void(RawReply)> on_end);

  std::shared_ptr<Credentials> credentials_;
  std::string user_agent_;
  const Observer observer_;
  std::unique_ptr<Transport> transport_;
};

}  // namespace pgo::kube
