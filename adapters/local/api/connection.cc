#include "adapters/local/api/connection.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "adapters/local/api/body.h"
#include "adapters/local/api/discovery.h"
#include "adapters/local/api/openapi.h"
#include "adapters/local/api/reviews.h"
#include "adapters/local/api/watch.h"
#include "adapters/local/store/meta.h"

namespace pgo::local {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using std::chrono::steady_clock;

namespace {

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kBodyMax = 16 * 1024 * 1024;
constexpr auto kBookmarkEvery = std::chrono::seconds(10);
constexpr int kWatchSecondsDefault = 1800;

std::string Header(const HttpRequest& request, http::field field) {
  const auto it = request.find(field);
  return it == request.end() ? std::string() : std::string(it->value());
}

Request Plain(const HttpRequest& http) {
  Request request;
  request.method = std::string(http.method_string());
  SetTarget({http.target().data(), http.target().size()}, request);
  request.content_type = Header(http, http::field::content_type);
  request.accept = Header(http, http::field::accept);
  request.user_agent = Header(http, http::field::user_agent);
  request.body = http.body();
  return request;
}

std::optional<Identity> Authenticate(const HttpRequest& http, const Credentials& credentials) {
  const std::string value = Header(http, http::field::authorization);
  if (!value.starts_with("Bearer ")) return std::nullopt;
  return credentials.Check(std::string_view(value).substr(7));
}

StatusError Forbidden(const std::string& why) { return {403, "Forbidden", why, nullptr}; }

Reply OfStatus(const Status& status) {
  if (status)
    return JsonReply(200, {{"kind", "Status"}, {"apiVersion", "v1"}, {"status", "Success"}});
  const int code = status.error().code == Code::kNotFound  ? 404
                   : status.error().code == Code::kInvalid ? 400
                                                           : 500;
  return ErrorReply({code,
                     code == 404   ? "NotFound"
                     : code == 400 ? "BadRequest"
                                   : "InternalError",
                     status.error().message, nullptr});
}

// /pgo-local/nodes/NAME/VERB
Reply NodeFault(Runtime& runtime, const std::string& path) {
  const std::string rest = path.substr(std::string_view("/pgo-local/nodes/").size());
  const auto slash = rest.find('/');
  const std::string node = rest.substr(0, slash);
  const std::string verb = slash == std::string::npos ? "" : rest.substr(slash + 1);
  if (verb == "power-off") return OfStatus(runtime.PowerOff(node));
  if (verb == "power-on") return OfStatus(runtime.PowerOn(node));
  if (verb == "cut") return OfStatus(runtime.SetLink(node, false));
  if (verb == "heal") return OfStatus(runtime.SetLink(node, true));
  if (verb == "freeze") return OfStatus(runtime.SetFrozen(node, true));
  if (verb == "thaw") return OfStatus(runtime.SetFrozen(node, false));
  return ErrorReply(BadRequest("a node can power-off, power-on, cut, heal, freeze and thaw"));
}

}  // namespace

void Outbox::Put(std::string bytes) {
  {
    std::lock_guard lock(mu_);
    items_.push_back(std::move(bytes));
  }
  Wake();
}

void Outbox::End() {
  {
    std::lock_guard lock(mu_);
    ended_ = true;
  }
  Wake();
}

void Outbox::Wake() {
  asio::post(strand_, [self = shared_from_this()] { self->timer_.cancel(); });
}

bool Outbox::Ended() const {
  std::lock_guard lock(mu_);
  return ended_ && items_.empty();
}

asio::awaitable<std::deque<std::string>> Outbox::Take(steady_clock::time_point until) {
  while (true) {
    {
      std::lock_guard lock(mu_);
      if (!items_.empty() || ended_ || steady_clock::now() >= until)
        co_return std::exchange(items_, {});
    }
    timer_.expires_at(until);
    co_await timer_.async_wait(kAsTuple);
  }
}

void Connection::Cut() {
  asio::post(stream_.get_executor(), [self = shared_from_this()] {
    boost::system::error_code ignored;
    beast::get_lowest_layer(self->stream_).socket().close(ignored);
  });
}

asio::awaitable<void> Connection::WaitWhileHung() {
  asio::steady_timer timer(stream_.get_executor());
  while (state_.hung && !state_.closing) {
    timer.expires_after(std::chrono::milliseconds(50));
    co_await timer.async_wait(kAsTuple);
  }
}

asio::awaitable<void> Connection::Serve() {
  auto& tcp = beast::get_lowest_layer(stream_);
  boost::system::error_code ignored;
  tcp.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  tcp.expires_after(std::chrono::seconds(30));
  const auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kAsTuple);
  if (error) co_return;
  tcp.expires_never();
  while (true) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(kBodyMax);
    const auto [failed, size] = co_await http::async_read(stream_, buffer_, parser, kAsTuple);
    if (failed) break;
    co_await WaitWhileHung();
    if (!co_await ServeOne(parser.release())) break;
  }
  tcp.expires_after(std::chrono::seconds(2));
  co_await stream_.async_shutdown(kAsTuple);
  tcp.close();
}

std::optional<Reply> Connection::Immediate(const HttpRequest& http, Request& request) {
  const bool health =
      request.path == "/healthz" || request.path == "/livez" || request.path == "/readyz";
  const auto identity = Authenticate(http, state_.credentials);
  if (!identity && !health) return ErrorReply({401, "Unauthorized", "Unauthorized", nullptr});
  if (identity) request.identity = *identity;
  if (request.path.starts_with("/pgo-local/")) return std::nullopt;
  const auto types = state_.store.Types();
  if (auto reply = Discover(request.path, *types)) return reply;
  if (auto reply = OpenApi(request, *types)) return reply;
  if (auto reply = Review(request, state_.credentials)) return reply;
  if (request.content_type.starts_with("application/vnd.kubernetes.protobuf")) {
    return ErrorReply(
        {415, "UnsupportedMediaType", "this server reads JSON and YAML, not protobuf", nullptr});
  }
  const auto target = TargetOf(request.path, *types);
  if (!target) return ErrorReply(target.error());
  const std::string verb = VerbOf(request, *target);
  const std::string resource = QualifiedName(target->type->resource) +
                               (target->subresource.empty() ? "" : "/" + target->subresource);
  state_.counts.Add(verb, resource, request.user_agent);
  const bool streams = target->type->kind == "Pod" &&
                       (target->subresource == "exec" || target->subresource == "log");
  if (verb == "watch" || streams) return std::nullopt;
  return state_.handlers.Handle(request, *target);
}

asio::awaitable<bool> Connection::ServeOne(HttpRequest http) {
  Request request = Plain(http);
  if (const auto reply = Immediate(http, request)) co_return co_await Send(http, *reply);
  if (request.path.starts_with("/pgo-local/")) {
    const Reply reply = co_await Control(request);
    co_return co_await Send(http, reply);
  }
  const auto target = TargetOf(request.path, *state_.store.Types());
  if (!target) co_return false;  // its type went a moment ago
  if (request.QueryTrue("watch")) co_return co_await Watch(http, request, *target);
  if (target->subresource == "exec") {
    co_await Exec(http, request, *target);
    co_return false;
  }
  co_return co_await Log(http, request, *target);
}

asio::awaitable<bool> Connection::Send(const HttpRequest& request, const Reply& reply) {
  http::response<http::string_body> response(static_cast<http::status>(reply.code),
                                             request.version());
  response.set(http::field::content_type, reply.content_type);
  response.set(http::field::cache_control, "no-cache, private");
  response.keep_alive(request.keep_alive());
  response.body() = reply.body;
  response.prepare_payload();
  if (request.method() == http::verb::head) response.body().clear();
  const auto [error, size] = co_await http::async_write(stream_, response, kAsTuple);
  co_return !error && request.keep_alive();
}

asio::awaitable<bool> Connection::Watch(const HttpRequest& http, const Request& request,
                                        const Target& target) {
  const auto outbox = std::make_shared<Outbox>(stream_.get_executor());
  auto begun = WatchStream::Begin(state_.store, request, target,
                                  [outbox](std::string line) { outbox->Put(std::move(line)); });
  http::response<http::empty_body> head(http::status::ok, http.version());
  head.set(http::field::content_type, "application/json");
  head.set(http::field::cache_control, "no-cache, private");
  head.chunked(true);
  head.keep_alive(false);
  std::function<std::string()> beat = [] { return std::string(); };
  if (begun) {
    beat = [stream = *begun] { return stream->Bookmark(); };
  } else if (begun.error().http_code != 410) {
    const Reply reply = ErrorReply(begun.error());
    co_return co_await Send(http, reply);
  } else {  // Kubernetes says this within the stream
    outbox->Put(DumpJson({{"type", "ERROR"}, {"object", StatusObject(begun.error())}}) + "\n");
    outbox->End();
  }
  http::response_serializer<http::empty_body> serializer(head);
  const auto [error, size] = co_await http::async_write_header(stream_, serializer, kAsTuple);
  if (error) co_return false;
  const std::string text = request.Query("timeoutSeconds");
  const long seconds = text.empty() ? kWatchSecondsDefault : std::strtol(text.c_str(), nullptr, 10);
  asio::co_spawn(
      stream_.get_executor(),
      [self = shared_from_this(), outbox] { return self->NoticeClose(outbox); }, asio::detached);
  co_return co_await Follow(
      outbox, std::move(beat),
      steady_clock::now() + std::chrono::seconds(std::clamp(seconds, 1L, 86'400L)));
}

asio::awaitable<bool> Connection::Follow(std::shared_ptr<Outbox> outbox,
                                         std::function<std::string()> beat,
                                         steady_clock::time_point end) {
  auto next_beat = steady_clock::now() + kBookmarkEvery;
  while (!outbox->Ended() && steady_clock::now() < end) {
    std::string bytes;
    const std::deque<std::string> lines = co_await outbox->Take(std::min(next_beat, end));
    for (const std::string& line : lines) bytes += line;
    if (steady_clock::now() >= next_beat) {
      bytes += beat();
      next_beat = steady_clock::now() + kBookmarkEvery;
    }
    co_await WaitWhileHung();
    if (bytes.empty()) continue;
    const auto chunk = http::make_chunk(asio::buffer(bytes));
    const auto [error, size] = co_await asio::async_write(stream_, chunk, kAsTuple);
    if (error) co_return false;
  }
  const auto last = http::make_chunk_last();
  co_await asio::async_write(stream_, last, kAsTuple);
  co_return false;
}

// A client that watches sends nothing more: whatever comes is its end.
asio::awaitable<void> Connection::NoticeClose(std::shared_ptr<Outbox> outbox) {
  const auto self = shared_from_this();
  char byte = 0;
  co_await stream_.async_read_some(asio::buffer(&byte, 1), kAsTuple);
  outbox->End();
}

asio::awaitable<Reply> Connection::Control(const Request& request) {
  Runtime* runtime = state_.runtime;
  const bool node = request.path.starts_with("/pgo-local/nodes/") && request.method == "POST";
  if (!node || runtime == nullptr || request.identity.user != "admin")
    co_return ControlServer(request);
  const auto job = [&]() -> asio::awaitable<Reply> { co_return NodeFault(*runtime, request.path); };
  co_return co_await asio::co_spawn(state_.blocking, job, asio::use_awaitable);
}

Reply Connection::ControlServer(const Request& request) {
  if (request.identity.user != "admin")
    return ErrorReply(Forbidden("faults need the admin's token"));
  if (request.path == "/pgo-local/requests") return JsonReply(200, state_.counts.Report());
  if (request.path != "/pgo-local/api-stop") {
    return ErrorReply({404, "NotFound", "no such fault, or no node is running", nullptr});
  }
  Json body = Json::object();
  if (auto read = ReadBody(request.body)) body = *std::move(read);
  const auto seconds =
      GetInt(body, {"seconds"}, std::strtoll(request.Query("seconds").c_str(), nullptr, 10));
  if (request.method != "POST" || seconds < 1 || seconds > 3600) {
    return ErrorReply(BadRequest("POST seconds from 1 to 3600"));
  }
  state_.stop(GetBool(body, {"hang"}, request.QueryTrue("hang")), static_cast<int>(seconds));
  return OfStatus({});
}

}  // namespace pgo::local
