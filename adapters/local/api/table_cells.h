// Cells of tables of Kubernetes' own types, from an object each. Pure.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/json.h"

namespace pgo::local {

std::string OrNone(const std::string& text, const char* none = "<none>");
// Of any object.
Json AgeCell(const Json& object);
Json CreatedAt(const Json& object);
Json Phase(const Json& object);
Json ControllerOf(const Json& object);
// Of workloads: what their pods' template says.
Json Containers(const Json& object);
Json Images(const Json& object);
Json Selected(const Json& object);
Json JobState(const Json& job);
Json Completions(const Json& job);
Json JobDuration(const Json& job);
Json Budget(const Json& budget, Path path);
// Of Services and Endpoints.
std::string ExternalIps(const Json& service);
std::string Ports(const Json& service);
std::string Addresses(const Json& endpoints);
// Of volumes and claims.
Json Attributes(const Json& object);
Json VolumeMode(const Json& object);
Json DefaultClass(const Json& storage_class);
// Of Nodes.
std::string NodeState(const Json& node);
std::string Roles(const Json& node);
std::string NodeAddressOf(const Json& node, const char* type);
std::string InfoOf(const Json& node, std::string_view field);
// Of role bindings.
Json RoleRef(const Json& binding);
std::string Subjects(const Json& binding, const char* kind);
// Of events, in their core form.
std::string LastSeen(const Json& event);
Json FirstSeen(const Json& event);
Json EventObject(const Json& event);
Json EventSource(const Json& event);
Json EventCount(const Json& event);

}  // namespace pgo::local
