// Reading whole files. Internal to the adapter.
#pragma once

#include <string>

#include "engine/base/result.h"

namespace pgo::kube {

// NotFound if there is none, Denied or Unavailable with the reason otherwise.
Result<std::string> ReadWholeFile(const std::string& path);
// Standard base64; white space is passed over. Invalid if it is not.
Result<std::string> DecodeBase64(std::string_view text);
std::string EncodeBase64(std::string_view bytes);

}  // namespace pgo::kube
