#include <algorithm>
#include <array>
#include <cstdio>

#include "adapters/kube/effects.h"
#include "adapters/kube/words.h"
#include "engine/base/digest.h"
#include "engine/base/overloaded.h"

namespace pgo::kube {
namespace {
constexpr std::size_t kComplaint = 300;
constexpr std::size_t kLookedThrough = 4096;  // of the end of what a command complained
constexpr std::size_t kLongestNote = 1024;    // of an Event

// The last `size` bytes, not beginning within a UTF-8 character.
std::string Tail(const std::string& text, std::size_t size) {
  std::size_t from = text.size() - std::min(size, text.size());
  while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0) == 0x80) ++from;
  return text.substr(from);
}

std::string LastLine(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.pop_back();
  const auto end = text.rfind('\n');
  return end == std::string::npos ? text : text.substr(end + 1);
}
}  // namespace

bool NeedsAnchor(const Command& command) {
  return std::visit(
      Overloaded{[](const Delete&) { return true; }, [](const Exec& exec) { return !exec.probe; },
                 [](const Patch& patch) { return patch.subresource != "status"; },
                 [](const Apply&) { return false; }, [](const Provision&) { return false; },
                 [](const Notice&) { return false; }},
      command);
}

Outcome OutcomeOf(Code code) {
  switch (code) {
    case Code::kInvalid:
      return Outcome::kInvalid;
    case Code::kNotFound:
      return Outcome::kNotFound;
    case Code::kConflict:
      return Outcome::kConflict;
    case Code::kDenied:
      return Outcome::kDenied;
    case Code::kUnavailable:
      return Outcome::kUnavailable;
    case Code::kUnknown:
    case Code::kCorrupt:
    case Code::kInternal:
      return Outcome::kUnknown;
  }
  return Outcome::kUnknown;
}

Done DoneOfCommand(const ActionId& id, const ExecResult& result, std::string_view names) {
  if (result.code != 0) {
    const std::string& said = result.err.empty() ? result.out : result.err;
    // Plain words before the cut: half a value must not pass for a word.
    std::string complaint = Tail(PlainWords(Tail(said, kLookedThrough), names), kComplaint);
    while (!complaint.empty() && complaint.back() == '\n') complaint.pop_back();
    return Done{id, Outcome::kFailed,
                "exit status " + std::to_string(result.code) + ": " + complaint, Json()};
  }
  Done done{id, Outcome::kOk, "", Json()};
  auto json = ParseJson(LastLine(result.out));
  if (json && json->is_structured()) done.result = PlainResult(*json, names);
  return done;
}

Json NoticeObject(const Action& action, const Notice& notice, const std::string& instance,
                  std::int64_t wall_us) {
  std::string time = WallSeconds(wall_us);
  if (time.ends_with("Z")) time.pop_back();
  std::array<char, 16> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%06dZ", static_cast<int>(wall_us % kSecond));
  const KindInfo* kind = FindKind(notice.about.kind);
  const std::string ns = notice.about.ns.empty() ? "default" : notice.about.ns;
  std::string note = action.sentence.substr(0, kLongestNote);
  while (!note.empty() && note.size() < action.sentence.size() &&
         (static_cast<unsigned char>(action.sentence[note.size()]) & 0xC0) == 0x80) {
    note.pop_back();
  }
  Json event = {{"apiVersion", "events.k8s.io/v1"},
                {"kind", "Event"},
                {"eventTime", time + fraction.data()},
                {"reportingController", kFieldManager},
                {"reportingInstance", instance.empty() ? kFieldManager : instance},
                {"action", action.room.empty() ? "Decide" : action.room},
                {"reason", std::string(NameOf(action.reason))},
                {"note", std::move(note)},
                {"type", notice.warning ? "Warning" : "Normal"}};
  event["metadata"] = {{"name", notice.about.name + "." + ShortName(action.id.value(), 12)},
                       {"namespace", ns}};
  event["regarding"] = {{"apiVersion", kind != nullptr ? ApiVersion(*kind) : ""},
                        {"kind", notice.about.kind},
                        {"namespace", notice.about.ns},
                        {"name", notice.about.name},
                        {"uid", notice.uid}};
  return event;
}

}  // namespace pgo::kube
