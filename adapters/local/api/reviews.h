// Who am I, what may I do, whose token is this: requests that keep no object. Whoever has a token
// may do everything.
#pragma once

#include <optional>

#include "adapters/local/api/request.h"

namespace pgo::local {

// Nothing if the request is not a review. A body that cannot be read (protobuf) is taken as the
// question of the path, which is all that most of them need.
std::optional<Reply> Review(const Request& request, const Credentials& credentials);

}  // namespace pgo::local
