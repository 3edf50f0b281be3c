// pods/log: what a container wrote, and with follow=true what it writes.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>

#include "adapters/local/api/connection.h"
#include "adapters/local/api/containers.h"
#include "adapters/local/store/meta.h"
#include "engine/base/ids.h"

namespace pgo::local {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
constexpr auto kLookEvery = std::chrono::milliseconds(150);

std::int64_t NumberOf(const Request& request, const char* name) {
  const std::string text = request.Query(name);
  return text.empty() ? -1 : std::strtoll(text.c_str(), nullptr, 10);
}

// "2026-01-31T12:00:00.000000000Z" of a moment, as log files have it.
std::string LogMoment(std::int64_t micros) {
  const std::string seconds = WallSeconds(micros);
  const std::string fraction = std::to_string(1'000'000 + micros % 1'000'000).substr(1);
  return seconds.substr(0, seconds.size() - 1) + "." + fraction + "000Z";
}

LogOptions OptionsOf(const Request& request, const Target& target, const std::string& container) {
  LogOptions options{.ns = target.ns, .pod = target.name, .container = container};
  options.tail_lines = NumberOf(request, "tailLines");
  options.limit_bytes = NumberOf(request, "limitBytes");
  options.previous = request.QueryTrue("previous");
  options.timestamps = request.QueryTrue("timestamps");
  if (const auto seconds = NumberOf(request, "sinceSeconds"); seconds >= 0)
    options.since = LogMoment(NowMicros() - seconds * kSecond);
  if (const auto at = ParseWall(request.Query("sinceTime"))) options.since = LogMoment(*at);
  return options;
}

Reply Refusal(const Error& error) {
  if (error.code == Code::kUnavailable || error.code == Code::kUnknown)
    return ErrorReply({500, "InternalError", error.message, nullptr});
  return ErrorReply(BadRequest(error.message));
}

struct Piece {
  std::string text;
  bool over = false;
};

}  // namespace

asio::awaitable<bool> Connection::Log(const HttpRequest& http, const Request& request,
                                      const Target& target) {
  Runtime* runtime = state_.runtime;
  auto pod = state_.store.Get(target.key());
  auto container = pod ? ContainerOf(*pod, request.Query("container"))
                       : Answer<std::string>(tl::unexpected(pod.error()));
  if (container && runtime == nullptr) {
    const StatusError none{503, "ServiceUnavailable", "no node is running", nullptr};
    container = tl::unexpected(none);
  }
  if (!container) {
    const Reply reply = ErrorReply(container.error());
    co_return co_await Send(http, reply);
  }
  const auto open = [&]() -> asio::awaitable<Result<std::unique_ptr<LogReader>>> {
    co_return runtime->OpenLog(OptionsOf(request, target, *container));
  };
  auto reader = co_await asio::co_spawn(state_.blocking, open, asio::use_awaitable);
  if (!reader) {
    const Reply reply = Refusal(reader.error());
    co_return co_await Send(http, reply);
  }
  co_return co_await StreamLog(http, **reader, request.QueryTrue("follow"));
}

asio::awaitable<bool> Connection::StreamLog(const HttpRequest& http, LogReader& reader,
                                            bool follow) {
  http::response<http::empty_body> head(http::status::ok, http.version());
  head.set(http::field::content_type, "text/plain");
  head.set(http::field::cache_control, "no-cache, private");
  head.chunked(true);
  head.keep_alive(false);
  http::response_serializer<http::empty_body> serializer(head);
  const auto [error, size] = co_await http::async_write_header(stream_, serializer, kAsTuple);
  if (error) co_return false;
  const auto left = std::make_shared<Outbox>(stream_.get_executor());
  const auto notice = [self = shared_from_this(), left] { return self->NoticeClose(left); };
  asio::co_spawn(stream_.get_executor(), notice, asio::detached);
  // It is asked before it is read, so that the last words are not missed.
  const auto look = [&]() -> asio::awaitable<Piece> {
    const bool over = !follow || reader.Over();
    co_return Piece{reader.Read(), over};
  };
  bool over = false;
  while (!over && !left->Ended() && !state_.closing) {
    const Piece piece = co_await asio::co_spawn(state_.blocking, look, asio::use_awaitable);
    over = piece.over;
    if (!piece.text.empty()) {
      const auto chunk = http::make_chunk(asio::buffer(piece.text));
      const auto [failed, sent] = co_await asio::async_write(stream_, chunk, kAsTuple);
      if (failed) co_return false;
    } else if (!over) {
      co_await left->Take(std::chrono::steady_clock::now() + kLookEvery);
    }
  }
  const auto last = http::make_chunk_last();
  co_await asio::async_write(stream_, last, kAsTuple);
  co_return false;
}

}  // namespace pgo::local
