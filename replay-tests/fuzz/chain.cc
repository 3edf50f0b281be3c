#include "journal/testing/fuzz.h"
#include "replay-tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return pgo::journal::testing::FuzzChain(data, size);
}
