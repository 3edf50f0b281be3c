#include "journal/format/payload.h"

#include <zstd.h>

#include <algorithm>
#include <memory>

#include "journal/format/record.h"
#include "journal/format/wire.h"

namespace pgo::journal {
namespace {

constexpr std::size_t kCompressBytesMin = 64;  // below it a zstd frame's own bytes eat the gain
constexpr int kLevel = 3;
constexpr int kDeltaLevel = 1;  // with a prefix that resembles it, higher ones gain next to nothing
constexpr std::size_t kRoomBytesKept = 1U << 20U;  // of a thread's buffer
constexpr std::uint32_t kMagic = 0xFD2FB528U;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// One for each level: setting its parameters anew costs as much as compressing a short payload.
template <int kLevelOf>
ZSTD_CCtx* Compressor() {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context([] {
    ZSTD_CCtx* made = ZSTD_createCCtx();
    if (made == nullptr) return made;
    ZSTD_CCtx_setParameter(made, ZSTD_c_compressionLevel, kLevelOf);
    ZSTD_CCtx_setParameter(made, ZSTD_c_checksumFlag, 1);
    ZSTD_CCtx_setParameter(made, ZSTD_c_contentSizeFlag, 1);
    return made;
  }());
  if (context != nullptr) ZSTD_CCtx_reset(context.get(), ZSTD_reset_session_only);
  return context.get();
}

ZSTD_DCtx* Decompressor() {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  return context.get();
}

// RFC 8878, 3.1.1.1: what the frame asks of its reader must be what we write, no more.
Status CheckFrameHead(std::string_view stored) {
  if (stored.size() < 6 || GetFixed<std::uint32_t>(stored, 0) != kMagic) {
    return Fail(Code::kCorrupt, "payload is not a zstd frame");
  }
  const auto descriptor = static_cast<unsigned char>(stored[4]);
  const bool single_segment = (descriptor & 0x20U) != 0;
  if ((descriptor & 0x03U) != 0) return Fail(Code::kCorrupt, "payload names a zstd dictionary");
  if ((descriptor & 0x04U) == 0) return Fail(Code::kCorrupt, "payload has no zstd checksum");
  if (!single_segment) {
    const unsigned window_log = 10U + (static_cast<unsigned char>(stored[5]) >> 3U);
    if (window_log > kZstdWindowLogMax) {
      return Fail(Code::kCorrupt, "payload's zstd window is over its limit");
    }
  }
  if (ZSTD_findFrameCompressedSize(stored.data(), stored.size()) != stored.size()) {
    return Fail(Code::kCorrupt, "payload is not exactly one zstd frame");
  }
  return {};
}

// Nothing if it takes more than `limit` bytes.
std::optional<std::string> CompressInto(ZSTD_CCtx* context, std::string_view payload,
                                        std::size_t limit) {
  thread_local std::string room;
  room.resize(std::max(room.size(), ZSTD_compressBound(payload.size())));
  const std::size_t size =
      ZSTD_compress2(context, room.data(), room.size(), payload.data(), payload.size());
  std::optional<std::string> out;
  if (ZSTD_isError(size) == 0U && size <= limit) out.emplace(room.data(), size);
  if (room.size() > kRoomBytesKept) std::string().swap(room);
  return out;
}

Result<std::string> DecompressWith(std::string_view stored, std::string_view prefix,
                                   std::size_t limit) {
  if (Status head = CheckFrameHead(stored); !head) return Fail(head.error());
  const unsigned long long size = ZSTD_getFrameContentSize(stored.data(), stored.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR) {
    return Fail(Code::kCorrupt, "payload does not state its size");
  }
  if (size > limit) return Fail(Code::kCorrupt, "payload's size is over its limit");
  ZSTD_DCtx* const context = Decompressor();
  if (context == nullptr) return Fail(Code::kUnavailable, "out of memory");
  ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
  ZSTD_DCtx_refPrefix(context, prefix.data(), prefix.size());  // of no bytes: without
  std::string out(static_cast<std::size_t>(size), '\0');
  const std::size_t got =
      ZSTD_decompressDCtx(context, out.data(), out.size(), stored.data(), stored.size());
  if (ZSTD_isError(got) != 0U) {
    return Fail(Code::kCorrupt, std::string("payload: zstd: ") + ZSTD_getErrorName(got));
  }
  if (got != out.size()) return Fail(Code::kCorrupt, "payload's size is not the one it states");
  return out;
}

}  // namespace

std::optional<std::string> Compress(std::string_view payload) {
  if (payload.size() < kCompressBytesMin) return std::nullopt;
  ZSTD_CCtx* const context = Compressor<kLevel>();
  if (context == nullptr) return std::nullopt;
  return CompressInto(context, payload, payload.size() - 1);
}

std::optional<std::string> CompressDelta(std::string_view payload, std::string_view base) {
  if (payload.size() < kDeltaPayloadBytesMin || payload.size() > kDeltaPayloadBytesMax ||
      base.empty() || base.size() > kDeltaPayloadBytesMax) {
    return std::nullopt;
  }
  ZSTD_CCtx* const context = Compressor<kDeltaLevel>();
  if (context == nullptr) return std::nullopt;
  if (ZSTD_isError(ZSTD_CCtx_refPrefix(context, base.data(), base.size())) != 0U) {
    return std::nullopt;
  }
  return CompressInto(context, payload, payload.size() / 2);
}

Result<std::string> Decompress(std::string_view stored) {
  return DecompressWith(stored, {}, kPayloadBytesMax);
}

Result<std::string> DecompressDelta(std::string_view stored, std::string_view base) {
  if (base.empty() || base.size() > kDeltaPayloadBytesMax) {
    return Fail(Code::kCorrupt, "payload of its base is not one that a delta may rest on");
  }
  return DecompressWith(stored, base, kDeltaPayloadBytesMax);
}

}  // namespace pgo::journal
