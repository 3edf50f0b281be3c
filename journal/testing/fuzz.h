// Fuzz targets in libFuzzer's shape: they return 0 and must survive any bytes. Beyond surviving,
// each checks that what was accepted is consistent, and aborts if it is not.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pgo::journal::testing {

int FuzzRecord(const std::uint8_t* data, std::size_t size);
int FuzzFrame(const std::uint8_t* data, std::size_t size);
// The bytes are taken for records 1, 2, …: u16 length (little endian), then its bytes.
int FuzzChain(const std::uint8_t* data, std::size_t size);
int FuzzBundle(const std::uint8_t* data, std::size_t size);

}  // namespace pgo::journal::testing
