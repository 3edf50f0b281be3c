#include "engine/rooms/room.h"

#include "engine/base/digest.h"

namespace pgo::rooms {

kube::ObjectRef RefOf(const Json& object) {
  return {GetString(object, {"kind"}), GetString(object, {"metadata", "namespace"}),
          GetString(object, {"metadata", "name"})};
}

std::string DigestOf(const Desired& desired) {
  if (desired.parts.empty()) return Sha256Hex(DumpJson(desired.object));
  Json written = Json::array();
  for (const Part& part : desired.parts) written.push_back(ToJson(part));
  return Sha256Hex(DumpJson(written)).substr(0, 32);
}

void Plan::Want(Json object, std::string sentence) {
  auto ref = RefOf(object);
  objects.push_back({std::move(ref), std::move(object), std::move(sentence), {}, ""});
}

void Plan::Fill(Json object, std::vector<Part> parts, std::string sentence) {
  auto ref = RefOf(object);
  objects.push_back({std::move(ref), std::move(object), std::move(sentence), std::move(parts), ""});
}

}  // namespace pgo::rooms
