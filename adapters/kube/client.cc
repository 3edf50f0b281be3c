#include "adapters/kube/client.h"

#include <chrono>
#include <future>

#include "adapters/kube/credentials.h"
#include "adapters/kube/transport.h"

namespace pgo::kube {

namespace {

// Tells the observer when the request has ended.
std::function<void(RawReply)> Observed(const Observer& observer, const Request& request,
                                       bool stream, std::function<void(RawReply)> on_end) {
  if (!observer) return on_end;
  using Clock = std::chrono::steady_clock;
  Seen seen{request.method, request.path, request.content_type, stream, 0, 0};
  return [observer, seen, began = Clock::now(), end = std::move(on_end)](RawReply raw) mutable {
    seen.http = raw.http;
    seen.seconds = std::chrono::duration<double>(Clock::now() - began).count();
    observer(seen);
    end(std::move(raw));
  };
}

}  // namespace

Client::Client(std::shared_ptr<Credentials> credentials, std::string user_agent, Observer observer)
    : credentials_(std::move(credentials)),
      user_agent_(std::move(user_agent)),
      observer_(std::move(observer)),
      transport_(std::make_unique<Transport>(credentials_->config(), user_agent_)) {}

Client::~Client() = default;

const Config& Client::config() const { return credentials_->config(); }

StreamId Client::Begin(Request request, std::function<void(std::string_view)> on_data,
                       std::function<void(RawReply)> on_end) {
  on_end = Observed(observer_, request, on_data != nullptr, std::move(on_end));
  auto credential = credentials_->Get();
  if (!credential) {
    on_end(RawReply{0, "", false, credential.error().message});
    return 0;
  }
  auto transfer = std::make_unique<Transfer>();
  transfer->id = transport_->NextId();
  transfer->stream = on_data != nullptr;
  transfer->request = std::move(request);
  transfer->credential = std::move(*credential);
  transfer->on_data = std::move(on_data);
  transfer->on_end = [credentials = credentials_, end = std::move(on_end)](RawReply raw) {
    if (raw.http == 401) credentials->Refused();
    end(std::move(raw));
  };
  const StreamId id = transfer->id;
  transport_->Start(std::move(transfer));
  return id;
}

StreamId Client::Send(Request request, std::function<void(RawReply)> done) {
  return Begin(std::move(request), nullptr, std::move(done));
}

Reply Client::Do(Request request) {
  auto promise = std::make_shared<std::promise<RawReply>>();
  auto answer = promise->get_future();
  const Request asked = request;
  Send(std::move(request), [promise](RawReply raw) { promise->set_value(std::move(raw)); });
  return Interpret(asked, answer.get());
}

StreamId Client::Stream(Request request, std::function<void(std::string_view)> on_data,
                        std::function<void(RawReply)> on_end) {
  return Begin(std::move(request), std::move(on_data), std::move(on_end));
}

void Client::Cancel(StreamId stream) {
  if (stream != 0) transport_->Cancel(stream);
}

}  // namespace pgo::kube
