#include "engine/rooms/room.h"

namespace pgo::rooms {

kube::ObjectRef RefOf(const Json& object) {
  return {GetString(object, {"kind"}), GetString(object, {"metadata", "namespace"}),
          GetString(object, {"metadata", "name"})};
}

void Plan::Want(Json object, std::string sentence) {
  auto ref = RefOf(object);
  objects.push_back({std::move(ref), std::move(object), std::move(sentence), {}});
}

void Plan::Fill(Json object, std::vector<Part> parts, std::string sentence) {
  auto ref = RefOf(object);
  objects.push_back({std::move(ref), std::move(object), std::move(sentence), std::move(parts)});
}

}  // namespace pgo::rooms
