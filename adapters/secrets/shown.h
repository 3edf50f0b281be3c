// Whose certificate a client has shown: judged as the API server does it, by authorities that sign
// certificates of clients.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/result.h"

namespace pgo::secrets {

struct Shown {
  std::string name;                 // its common name, never ""
  std::vector<std::string> groups;  // its organizations, in their order
};

// `shown`: PEM, the client's own certificate first, then what it sent along; that it has the key is
// taken as proven. `authorities`: PEM. kDenied says what is wrong with the certificate, without a
// word of what it holds; kInvalid, that the authorities are unreadable.
Result<Shown> JudgeShown(const std::string& shown, const std::string& authorities,
                         std::int64_t now_wall_us);

}  // namespace pgo::secrets
