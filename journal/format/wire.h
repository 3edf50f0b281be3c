// Reading and writing the numbers of the journal's formats. Internal to journal/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace pgo::journal {

void PutVarint(std::string& out, std::uint64_t value);
void PutBytes(std::string& out, std::string_view bytes);  // varint length, then the bytes

template <typename T>
void PutFixed(std::string& out, T value) {  // little endian
  const auto bits = static_cast<std::uint64_t>(value);
  for (std::size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>((bits >> (8 * i)) & 0xffU);
}

template <typename T>
T GetFixed(std::string_view bytes, std::size_t at) {  // the caller knows that it fits
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bits |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  }
  return static_cast<T>(bits);
}

// Walks over bytes. The first thing that is not there, or over its limit, stops it: from then on it
// gives zeros and empties, and Problem() says what and where. So callers check once, at the end.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}

  // A base-128 number in its shortest form, at most `max`.
  std::uint64_t Varint(std::uint64_t max, const char* what);
  std::string_view Take(std::size_t size, const char* what);
  // A varint length of at most `max`, then that many bytes.
  std::string_view Bytes(std::size_t max, const char* what);
  template <typename T>
  T Fixed(const char* what) {
    const std::string_view taken = Take(sizeof(T), what);
    return ok() ? GetFixed<T>(taken, 0) : T{};
  }
  std::string_view Rest();

  void Refuse(const char* what, const char* why);  // keeps the first
  [[nodiscard]] bool ok() const { return problem_.empty(); }
  [[nodiscard]] std::size_t offset() const { return at_; }
  [[nodiscard]] bool AtEnd() const { return at_ == bytes_.size(); }
  [[nodiscard]] Error Problem() const { return {Code::kCorrupt, problem_}; }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  std::string problem_;
};

}  // namespace pgo::journal
