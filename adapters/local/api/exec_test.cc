// exec over WebSocket with a runtime that echoes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <map>

#include "adapters/local/test_support.h"

namespace pgo::local {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;

class EchoSession final : public ExecSession {
 public:
  explicit EchoSession(ExecRequest request) : request_(std::move(request)) {
    if (request_.has_stdin) return;
    request_.on_stdout("out " + request_.argv.back());
    request_.on_stderr("err");
    request_.on_exit(request_.argv[0] == "lost" ? -1 : 3);
  }
  void WriteStdin(std::string_view bytes) override { request_.on_stdout(bytes); }
  void CloseStdin() override { request_.on_exit(0); }

 private:
  ExecRequest request_;
};

// Says a line at each look, then ends.
class ThreeLines final : public LogReader {
 public:
  explicit ThreeLines(std::int64_t tail) : tail_(tail) {}
  std::string Read() override {
    ++read_;
    return read_ <= 3 ? "line " + std::to_string(read_) + " of " + std::to_string(tail_) + "\n"
                      : "";
  }
  bool Over() override { return read_ >= 2; }

 private:
  std::int64_t tail_;
  int read_ = 0;
};

class FakeRuntime final : public Runtime {
 public:
  Result<std::unique_ptr<ExecSession>> Exec(ExecRequest request) override {
    if (request.argv[0] == "missing") return Fail(Code::kNotFound, "no such container");
    return std::make_unique<EchoSession>(std::move(request));
  }
  Result<std::unique_ptr<LogReader>> OpenLog(LogOptions options) override {
    if (options.previous) return Fail(Code::kUnavailable, "no route");
    return std::make_unique<ThreeLines>(options.tail_lines);
  }
  Status PowerOff(const std::string& node) override {
    if (node != "n1") return Fail(Code::kNotFound, "no node " + node);
    return {};
  }
  Status PowerOn(const std::string&) override { return {}; }
  Status SetLink(const std::string&, bool) override { return {}; }
  Status SetFrozen(const std::string&, bool) override { return {}; }
};

using Socket = websocket::stream<asio::ssl::stream<asio::ip::tcp::socket>>;

class ExecTest : public ::testing::Test {
 protected:
  ExecTest() {
    api.Call(
        "POST", "/api/v1/namespaces/default/pods",
        R"({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})");
  }
  void Open(const std::string& query, const std::string& protocol) {
    asio::ip::tcp::endpoint where(asio::ip::make_address("127.0.0.1"),
                                  static_cast<std::uint16_t>(api.port));
    socket.next_layer().next_layer().connect(where);
    socket.next_layer().handshake(asio::ssl::stream_base::client);
    socket.set_option(websocket::stream_base::decorator([&](websocket::request_type& request) {
      request.set("Authorization", "Bearer " + api.token);
      request.set(beast::http::field::sec_websocket_protocol, protocol);
    }));
    websocket::response_type response;
    socket.handshake(response, "localhost",
                     "/api/v1/namespaces/default/pods/p/exec?stdout=1&stderr=1&" + query);
    accepted = std::string(response[beast::http::field::sec_websocket_protocol]);
    socket.binary(true);
  }
  // All frames up to the end, joined by channel.
  std::map<int, std::string> ReadAll() {
    std::map<int, std::string> out;
    while (true) {
      beast::flat_buffer buffer;
      beast::error_code failed;
      socket.read(buffer, failed);
      if (failed) return out;
      const std::string frame = beast::buffers_to_string(buffer.data());
      if (!frame.empty()) out[frame[0]] += frame.substr(1);
    }
  }
  FakeRuntime runtime;
  TestServer api{{}, &runtime};
  asio::io_context io;
  asio::ssl::context tls{asio::ssl::context::tls_client};
  Socket socket{io, tls};
  std::string accepted;
};

TEST_F(ExecTest, ExitCodeComesAsAStatus) {
  Open("command=sh&command=x", "v4.channel.k8s.io");
  EXPECT_EQ(accepted, "v4.channel.k8s.io");
  const auto frames = ReadAll();
  EXPECT_EQ(frames.at(1), "out x");
  EXPECT_EQ(frames.at(2), "err");
  const Json status = *ParseJson(frames.at(3));
  EXPECT_EQ(GetString(status, {"reason"}), "NonZeroExitCode");
  EXPECT_EQ(GetString(GetArray(status, {"details", "causes"})[0], {"message"}), "3");
}

TEST_F(ExecTest, AnEndNobodyKnowsIsNoExitCode) {
  Open("command=lost", "v5.channel.k8s.io");
  const Json status = *ParseJson(ReadAll().at(3));
  EXPECT_EQ(GetString(status, {"reason"}), "InternalError");
  EXPECT_EQ(Find(status, "details"), nullptr);
}

TEST_F(ExecTest, Version5ClosesStdin) {
  Open("command=cat&stdin=true", "v5.channel.k8s.io, v4.channel.k8s.io");
  EXPECT_EQ(accepted, "v5.channel.k8s.io");
  socket.write(asio::buffer(std::string("\0hello", 6)));
  socket.write(asio::buffer(std::string("\xff\0", 2)));
  const auto frames = ReadAll();
  EXPECT_EQ(frames.at(1), "hello");
  EXPECT_EQ(GetString(*ParseJson(frames.at(3)), {"status"}), "Success");
}

TEST_F(ExecTest, WhatCannotStartSaysWhy) {
  Open("command=missing", "v5.channel.k8s.io");
  EXPECT_EQ(GetString(*ParseJson(ReadAll().at(3)), {"message"}), "no such container");
  EXPECT_EQ(api.Call("POST", "/api/v1/namespaces/default/pods/p/exec?command=x").code, 400);
  EXPECT_EQ(api.Call("POST", "/api/v1/namespaces/default/pods/none/exec?command=x").code, 404);
}

TEST_F(ExecTest, LogsAndNodeFaults) {
  const std::string log = "/api/v1/namespaces/default/pods/p/log";
  EXPECT_EQ(api.Call("GET", log + "?tailLines=5").body, "line 1 of 5\n");
  EXPECT_EQ(api.Call("GET", log + "?follow=true").body,
            "line 1 of -1\nline 2 of -1\nline 3 of -1\n");
  EXPECT_EQ(api.Call("GET", log + "?previous=true").code, 500);
  EXPECT_EQ(api.Call("GET", log + "?container=nope").code, 400);
  EXPECT_EQ(api.Call("POST", "/pgo-local/nodes/n1/power-off").code, 200);
  EXPECT_EQ(api.Call("POST", "/pgo-local/nodes/n9/power-off").code, 404);
  EXPECT_EQ(api.Call("POST", "/pgo-local/nodes/n1/explode").code, 400);
  api.token = api.credentials->TokenFor("default", "db");
  EXPECT_EQ(api.Call("POST", "/pgo-local/nodes/n1/power-off").code, 403);
}

}  // namespace
}  // namespace pgo::local
