// Errors are values. A function that can fail returns Result<T>; nothing in this project lets an
// exception cross a module's border.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace pgo {

// What the caller can do about an error, not where it came from.
enum class Code : std::uint8_t {
  kInvalid,      // the input is wrong: correct it; trying again does not help
  kNotFound,     // the thing named does not exist
  kConflict,     // a precondition did not hold: observe again, plan afresh
  kDenied,       // not authenticated or not authorised
  kUnavailable,  // it was certainly not done: try again later
  kUnknown,      // it may or may not have been done: resolve by observation
  kCorrupt,      // stored bytes are not what was written: stop and say which
  kInternal,     // a defect of ours
};

// Stable lower-case word of a code, as shown to people and written to the journal.
const char* CodeName(Code code);

struct Error {
  Code code = Code::kInternal;
  std::string message;  // one sentence, no trailing full stop, never a credential

  // Puts where it happened in front: "open journal: no space left".
  [[nodiscard]] Error In(const std::string& where) const { return {code, where + ": " + message}; }
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> Fail(Code code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}
inline tl::unexpected<Error> Fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace pgo
