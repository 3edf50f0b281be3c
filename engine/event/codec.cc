#include "engine/event/codec.h"

#include "engine/base/overloaded.h"

namespace pgo {
namespace {

template <typename T>
constexpr RecordType kTypeOf = RecordType::kStarted;
template <>
constexpr RecordType kTypeOf<Leading> = RecordType::kLeading;
template <>
constexpr RecordType kTypeOf<Observed> = RecordType::kObserved;
template <>
constexpr RecordType kTypeOf<Gone> = RecordType::kGone;
template <>
constexpr RecordType kTypeOf<Listed> = RecordType::kListed;
template <>
constexpr RecordType kTypeOf<Contact> = RecordType::kContact;
template <>
constexpr RecordType kTypeOf<Done> = RecordType::kDone;
template <>
constexpr RecordType kTypeOf<Asked> = RecordType::kAsked;
template <>
constexpr RecordType kTypeOf<Ticked> = RecordType::kTicked;
template <>
constexpr RecordType kTypeOf<Baseline> = RecordType::kBaseline;
template <>
constexpr RecordType kTypeOf<OrphanedTail> = RecordType::kOrphanedTail;

template <typename... Ts>
std::optional<Payload> Decode(std::uint64_t type, const Json& json, std::variant<Ts...>*) {
  std::optional<Payload> payload;
  static_cast<void>(
      ((static_cast<std::uint64_t>(kTypeOf<Ts>) == type ? (payload = FromJson<Ts>(json), true)
                                                        : false) ||
       ...));
  return payload;
}

template <typename... Ts>
std::string NameOfType(std::uint64_t type, std::variant<Ts...>*) {
  std::string name;
  static_cast<void>(
      ((static_cast<std::uint64_t>(kTypeOf<Ts>) == type ? (name = std::string(Ts::kName), true)
                                                        : false) ||
       ...));
  return name;
}

}  // namespace

std::string RecordTypeName(std::uint64_t type) {
  if (type == static_cast<std::uint64_t>(RecordType::kDecided)) return "Decided";
  if (type == static_cast<std::uint64_t>(RecordType::kAction)) return "Action";
  const std::string name = NameOfType(type, static_cast<Payload*>(nullptr));
  return name.empty() ? "Type" + std::to_string(type) : name;
}

RecordType TypeOf(const Payload& payload) {
  return std::visit([](const auto& p) { return kTypeOf<std::decay_t<decltype(p)>>; }, payload);
}

std::string EncodePayload(const Payload& payload) {
  return std::visit([](const auto& p) { return ToText(p); }, payload);
}

std::optional<Payload> DecodePayload(std::uint64_t type, std::string_view bytes) {
  const auto json = ParseJson(bytes);
  if (!json) return std::nullopt;
  return Decode(type, *json, static_cast<Payload*>(nullptr));
}

std::string ClusterSubject(const ClusterKey& c) { return "cluster/" + c.ns + "/" + c.name; }

std::string ObjectSubject(const kube::ObjectRef& ref) {
  return ref.kind + "/" + ref.ns + "/" + ref.name;
}

std::vector<std::string> SubjectsOf(const Payload& payload,
                                    const std::optional<ClusterKey>& cluster) {
  std::vector<std::string> subjects;
  std::visit(
      Overloaded{[&](const Observed& e) { subjects.push_back(ObjectSubject(e.ref)); },
                 [&](const Gone& e) { subjects.push_back(ObjectSubject(e.ref)); },
                 [&](const Listed& e) { subjects.push_back("kind/" + e.kind); },
                 [&](const Done& e) { subjects.push_back("action/" + e.action.value()); },
                 [&](const Asked& e) { subjects.push_back(ObjectSubject(e.about)); },
                 [&](const auto& e) {
                   subjects.push_back("operator/" + std::string(std::decay_t<decltype(e)>::kName));
                 }},
      payload);
  if (cluster) subjects.push_back(ClusterSubject(*cluster));
  return subjects;
}

}  // namespace pgo
