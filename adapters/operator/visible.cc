#include "adapters/operator/visible.h"

#include "engine/event/codec.h"

namespace pgo {
namespace {

// "Pod/ns/name", "cluster/ns/name", "Node//name".
struct Subject {
  std::string_view kind, ns;
  bool whole = false;
};

Subject Read(std::string_view text) {
  const auto first = text.find('/');
  const auto second = first == std::string_view::npos ? first : text.find('/', first + 1);
  if (second == std::string_view::npos) return {};
  return {text.substr(0, first), text.substr(first + 1, second - first - 1), true};
}

}  // namespace

bool Visible::operator()(const journal::RecordView& record) {
  if (access_.all) return true;
  if (record.subjects.empty()) return false;
  const std::string_view first = record.subjects.front();
  const Subject subject = Read(first);
  const bool own = subject.whole && !access_.ns.empty() && subject.ns == access_.ns;
  switch (static_cast<RecordType>(record.type)) {
    case RecordType::kStarted:
    case RecordType::kLeading:
    case RecordType::kContact:
    case RecordType::kTicked:
    case RecordType::kOrphanedTail:
      return true;
    case RecordType::kObserved:
    case RecordType::kGone:
    case RecordType::kAsked:
      return own ||
             (access_.nodes && subject.whole && subject.kind == "Node" && subject.ns.empty());
    case RecordType::kAction:
      for (const std::string_view one : record.subjects) {
        if (own && one.starts_with("action/")) actions_.emplace(one);
      }
      return own;
    case RecordType::kDone:
      return actions_.contains(first);
    case RecordType::kListed:
    case RecordType::kBaseline:
    case RecordType::kDecided:
      return false;
  }
  return false;  // of a type that this build does not know
}

}  // namespace pgo
