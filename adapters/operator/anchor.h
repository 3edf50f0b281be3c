// The anchor: a head of the journal as the leader leaves it on its Lease, outside of the volume, so
// that a volume that was rolled back or lost its end is noticed by whoever leads next. The Lease
// carries one anchor per journal, that of the newest leader first. Replicas that follow each other
// share one journal, and a successor is judged by the newest leader's anchor; a replica by itself
// is judged by its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "journal/query/reader.h"

namespace pgo {

// "ID/EPOCH/SEQ/CHAIN", and several of them separated by a space.
std::string AnchorText(const journal::JournalHead& head);
// kInvalid says what it must look like. Never empty.
Result<std::vector<journal::JournalHead>> ReadAnchors(std::string_view text);
// The anchor of that journal, or the first if there is none of it.
journal::JournalHead AnchorOf(const std::vector<journal::JournalHead>& anchors,
                              const journal::JournalId& id);
// What to leave on the Lease: this head first, then what was found there of other journals, at most
// seven. What cannot be read is dropped.
std::string WithAnchor(std::string_view found, const journal::JournalHead& head);

// Why the journal cannot say what its own last leadership did: it ends before its anchor, has
// another chain there, or is not among those that led (an empty volume took the place of the old
// one, or this replica never led). Empty if it holds the anchored record, if the anchor is older
// than all that is kept, or if there is none at all (a first start).
// `shared`: judged by the newest leader's.
std::string WhyAmnesia(const journal::Reader& journal, std::string_view anchors,
                       bool shared = false);

// How long a replica with this journal leaves a free Lease to others that may know more: not at all
// if it holds what the newest leader anchored, some seconds if it is behind, longer if its end is
// of no common history, minutes if it has none of it or is far behind.
std::int64_t HoldBackUs(const journal::Reader& journal, std::string_view anchors);
inline constexpr std::int64_t kHoldBackBehindUs = 5 * kSecond;
inline constexpr std::int64_t kHoldBackForkedUs = 30 * kSecond;
inline constexpr std::int64_t kHoldBackForeignUs = 300 * kSecond;
inline constexpr std::uint64_t kHoldBackFarRecords = 10'000;

}  // namespace pgo
