// Small things every part of the store says about an object's metadata.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "adapters/local/store.h"
#include "engine/base/json.h"

namespace pgo::local {

std::int64_t NowMicros();         // wall clock
std::string NowText();            // "2026-05-04T03:12:05Z"
std::string NewUuid();            // random, version 4
std::string RandomSuffix(int n);  // as generateName appends: "bcdfg"
std::string Base64(std::string_view bytes);

// The metadata of an object, made if absent.
Json& Meta(Json& object);
std::string NameOf(const Json& object);
std::string UidOf(const Json& object);
std::uint64_t VersionOf(const Json& object);
bool Deleting(const Json& object);
bool HasFinalizers(const Json& object);

// Status errors as Kubernetes words them.
StatusError NotFound(const Resource& resource, const std::string& name);
StatusError AlreadyExists(const Resource& resource, const std::string& name);
StatusError Conflict(const Resource& resource, const std::string& name, const std::string& why);
StatusError BadRequest(const std::string& message);
StatusError Expired(std::uint64_t asked, std::uint64_t oldest);
StatusError TooLarge(std::uint64_t asked, std::uint64_t newest);  // a version not given out yet
std::string QualifiedName(const Resource& resource);              // "statefulsets.apps"

}  // namespace pgo::local
