#include "adapters/operator/anchor.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "journal/format/hash.h"
#include "journal/query/verify.h"

namespace pgo {
namespace {

bool ReadNumber(std::string_view text, std::uint64_t& out) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

template <std::size_t N>
bool ReadHex(std::string_view text, std::array<std::uint8_t, N>& out) {
  if (text.size() != N * 2) return false;
  for (std::size_t i = 0; i < N; ++i) {
    const char* at = text.data() + i * 2;
    if (std::from_chars(at, at + 2, out[i], 16).ptr != at + 2) return false;
  }
  return true;
}

constexpr std::size_t kAnchorsMax = 8;

std::vector<std::string_view> Split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  for (std::string_view rest = text;;) {
    const auto end = rest.find(by);
    parts.push_back(rest.substr(0, end));
    if (end == std::string_view::npos) return parts;
    rest.remove_prefix(end + 1);
  }
}

Result<journal::JournalHead> ReadAnchor(std::string_view text) {
  const auto parts = Split(text, '/');
  journal::JournalHead head;
  if (parts.size() == 4 && ReadHex(parts[0], head.journal_id) && ReadNumber(parts[1], head.epoch) &&
      ReadNumber(parts[2], head.seq) && ReadHex(parts[3], head.chain)) {
    return head;
  }
  return Fail(Code::kInvalid, "anchor " + std::string(text.substr(0, 200)) +
                                  ": must be ID/EPOCH/SEQ/CHAIN, as the Lease's annotation has it");
}

}  // namespace

std::string AnchorText(const journal::JournalHead& head) {
  return journal::HexOf(head.journal_id) + "/" + std::to_string(head.epoch) + "/" +
         std::to_string(head.seq) + "/" + journal::HexOf(head.chain);
}

Result<std::vector<journal::JournalHead>> ReadAnchors(std::string_view text) {
  std::vector<journal::JournalHead> anchors;
  for (const std::string_view one : Split(text, ' ')) {
    const auto head = ReadAnchor(one);
    if (!head) return Fail(head.error());
    anchors.push_back(*head);
  }
  return anchors;
}

journal::JournalHead AnchorOf(const std::vector<journal::JournalHead>& anchors,
                              const journal::JournalId& id) {
  const auto own = std::ranges::find(anchors, id, &journal::JournalHead::journal_id);
  return own == anchors.end() ? anchors.front() : *own;
}

std::string WithAnchor(std::string_view found, const journal::JournalHead& head) {
  std::string text = AnchorText(head);
  std::size_t count = 1;
  for (const std::string_view one : Split(found, ' ')) {
    const auto other = ReadAnchor(one);
    if (!other || other->journal_id == head.journal_id || count == kAnchorsMax) continue;
    text += " " + AnchorText(*other);
    ++count;
  }
  return text;
}

std::string WhyAmnesia(const journal::Reader& journal, std::string_view anchors, bool shared) {
  if (anchors.empty()) return "";
  const auto heads = ReadAnchors(anchors);
  if (!heads) return heads.error().message;
  const journal::JournalHead own = journal.Head();
  const journal::JournalHead head = shared ? heads->front() : AnchorOf(*heads, own.journal_id);
  const std::string named = "the Lease names record " + std::to_string(head.seq);
  if (head.journal_id != own.journal_id) {
    return named + " of journal " + journal::HexOf(head.journal_id) +
           ", and nothing of this one, " + journal::HexOf(own.journal_id);
  }
  const auto verdict = journal::CompareAnchor(journal, head);
  if (!verdict) return "the journal cannot be compared: " + verdict.error().message;
  switch (*verdict) {
    case journal::AnchorVerdict::kHolds:
    case journal::AnchorVerdict::kExpired:
      return "";
    case journal::AnchorVerdict::kBehind:
      return "the journal ends with record " + std::to_string(own.seq) + ", " + named +
             (shared ? ": this replica had not got the rest, or it was rolled back"
                     : ": it was rolled back or lost its end");
    case journal::AnchorVerdict::kForeign:
      return named + " with another chain: the journal is of another history";
  }
  return "";
}

std::int64_t HoldBackUs(const journal::Reader& journal, std::string_view anchors) {
  if (anchors.empty()) return 0;
  const auto heads = ReadAnchors(anchors);
  if (!heads) return kHoldBackBehindUs;
  if (heads->front().journal_id != journal.Head().journal_id) return kHoldBackForeignUs;
  if (heads->front().seq > journal.Head().seq + kHoldBackFarRecords) return kHoldBackForeignUs;
  const auto verdict = journal::CompareAnchor(journal, heads->front());
  if (!verdict) return kHoldBackForkedUs;
  switch (*verdict) {
    case journal::AnchorVerdict::kHolds:
    case journal::AnchorVerdict::kExpired:
      return 0;
    case journal::AnchorVerdict::kBehind:
      return kHoldBackBehindUs;
    case journal::AnchorVerdict::kForeign:
      return kHoldBackForkedUs;
  }
  return 0;
}

}  // namespace pgo
