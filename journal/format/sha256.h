// Incremental SHA-256. Internal to journal/.
#pragma once

#include <initializer_list>
#include <memory>
#include <string_view>

#include "journal/format/hash.h"

namespace pgo::journal {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void Update(std::string_view bytes);
  Hash Finish();  // and starts anew
  // Of the parts in a row, without an object for it.
  static Hash Of(std::initializer_list<std::string_view> parts);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Hash Sha256Of(std::string_view bytes);
inline std::string_view BytesOf(const Hash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}
Hash HashFrom(std::string_view bytes);  // exactly 32 bytes

}  // namespace pgo::journal
