// Small codecs of secret values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgo::secrets {

std::string EncodeBase64(std::string_view bytes);
// Nothing if it is not standard base64.
std::optional<std::string> DecodeBase64(std::string_view text);
// Every byte but letters, digits and -_.~ as %XX.
std::string PercentEncode(std::string_view text);

}  // namespace pgo::secrets
