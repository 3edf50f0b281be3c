#include "journal/format/wire.h"

namespace pgo::journal {

void PutVarint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>((value & 0x7fU) | 0x80U);
    value >>= 7U;
  }
  out += static_cast<char>(value);
}

void PutBytes(std::string& out, std::string_view bytes) {
  PutVarint(out, bytes.size());
  out += bytes;
}

std::uint64_t Cursor::Varint(std::uint64_t max, const char* what) {
  if (!ok()) return 0;
  std::uint64_t value = 0;
  std::size_t at = at_;
  for (unsigned shift = 0;; shift += 7) {
    if (at == bytes_.size()) return Refuse(what, "the bytes end inside it"), 0;
    const auto byte = static_cast<unsigned char>(bytes_[at++]);
    if (shift == 63 && byte > 1) return Refuse(what, "the number is too large"), 0;
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if ((byte & 0x80U) == 0) {
      if (byte == 0 && shift > 0) return Refuse(what, "the number is not in its shortest form"), 0;
      break;
    }
  }
  if (value > max) return Refuse(what, "the number is over its limit"), 0;
  at_ = at;
  return value;
}

std::string_view Cursor::Take(std::size_t size, const char* what) {
  if (!ok()) return {};
  if (bytes_.size() - at_ < size) Refuse(what, "the bytes end inside it");
  if (!ok()) return {};
  const std::string_view taken = bytes_.substr(at_, size);
  at_ += size;
  return taken;
}

std::string_view Cursor::Bytes(std::size_t max, const char* what) {
  return Take(Varint(max, what), what);
}

std::string_view Cursor::Rest() { return ok() ? Take(bytes_.size() - at_, "rest") : ""; }

void Cursor::Refuse(const char* what, const char* why) {
  if (ok()) problem_ = std::string(what) + " at offset " + std::to_string(at_) + ": " + why;
}

}  // namespace pgo::journal
