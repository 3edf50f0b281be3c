// Constants and the footer's bytes, shared by the bundle's writer and reader. Internal to
// journal/format.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "journal/format/bundle.h"

namespace pgo::journal {

inline constexpr std::string_view kBundleMagic = "PGOBNDL1";
inline constexpr std::string_view kBundleEnd = "PGOBEND1";
inline constexpr char kEntryManifest = 'M';
inline constexpr char kEntryFrame = 'F';
inline constexpr char kEntryPartial = 'P';
inline constexpr char kEntrySkipped = 'S';
inline constexpr char kEntryFooter = 'E';
inline constexpr char kItemBytes = 0;
inline constexpr char kItemLeaf = 1;
inline constexpr std::size_t kManifestBytesMax = 16U << 20U;
inline constexpr std::size_t kFooterBytesMax = 64U << 20U;
// A partial frame spends up to 5 bytes more per record, or 33 for a leaf.
inline constexpr std::size_t kFrameEntryBytesMax =
    kHeaderBytes + kFrameBytesMax + kRecordsMax * 33 + kChainBytes;

inline bool IsFrameEntry(char kind) {
  return kind == kEntryFrame || kind == kEntryPartial || kind == kEntrySkipped;
}

std::string EntryHead(char kind, std::size_t len);

// Everything of the footer before its digests. `points` follow this rule: one for the first frame,
// and for each frame whose entry starts 64 KiB or more behind the last point's.
std::string FooterBody(const BundleFooter& footer);
inline constexpr std::uint64_t kPointSpacingBytes = 64U << 10U;
void AddPoint(std::vector<BundlePoint>& points, std::uint64_t first_seq, std::uint64_t offset);

}  // namespace pgo::journal
