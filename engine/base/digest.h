// SHA-256, for names that must come out the same everywhere and for comparing what was applied.
#pragma once

#include <string>
#include <string_view>

namespace pgo {

// 64 lower-case hexadecimal digits.
std::string Sha256Hex(std::string_view bytes);
// The first `length` (at most 12) letters of the digest, written with the alphabet that Kubernetes
// uses for generated names: no vowels, nothing that looks like another letter.
std::string ShortName(std::string_view bytes, int length);

}  // namespace pgo
