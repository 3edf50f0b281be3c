// What the API server of pgo-local asks of its nodes: the kubelet's streaming endpoints, and the
// faults a test may inflict. Implemented by adapters/local/node.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace pgo::local {

// A command under way in a container. The callbacks come from a thread of the runtime's.
class ExecSession {
 public:
  virtual ~ExecSession() = default;  // kills what is left of the command
  virtual void WriteStdin(std::string_view bytes) = 0;
  virtual void CloseStdin() = 0;
  virtual void Resize(int /*columns*/, int /*rows*/) {}  // of the terminal, if it has one
};

struct ExecRequest {
  std::string ns, pod, container;  // container "" means the first
  std::vector<std::string> argv;
  bool has_stdin = false;
  bool terminal = false;  // all its streams are one terminal, whose output is on_stdout
  std::function<void(std::string_view)> on_stdout;
  std::function<void(std::string_view)> on_stderr;
  std::function<void(int exit_code)> on_exit;  // last call; 128+N for signal N; negative: unknown
};

struct LogOptions {
  std::string ns, pod, container;
  std::int64_t tail_lines = -1;   // the newest so many, of what is there; negative: all
  std::int64_t limit_bytes = -1;  // negative: no limit
  std::string since;              // "2026-01-31T12:00:00.000000000Z"; "" is the beginning
  bool previous = false;          // of the incarnation before
  bool timestamps = false;
};

// One thread at a time.
class LogReader {
 public:
  virtual ~LogReader() = default;
  virtual std::string Read() = 0;  // what is new; "" if nothing is
  virtual bool Over() = 0;         // what is not there yet will not come: the container ended
};

class Runtime {
 public:
  virtual ~Runtime() = default;
  virtual Result<std::unique_ptr<ExecSession>> Exec(ExecRequest request) = 0;
  // A container's output. kUnavailable or kUnknown if its node cannot be asked.
  virtual Result<std::unique_ptr<LogReader>> OpenLog(LogOptions options) = 0;

  // Power loss: the node's link goes down, then every process of it dies at once; volumes stay.
  virtual Status PowerOff(const std::string& node) = 0;
  virtual Status PowerOn(const std::string& node) = 0;
  // The node's link alone: everything on the node goes on, connections stay open.
  virtual Status SetLink(const std::string& node, bool up) = 0;
  // SIGSTOP / SIGCONT to every process of the node, its kubelet among them; connections stay open.
  virtual Status SetFrozen(const std::string& node, bool frozen) = 0;
};

}  // namespace pgo::local
