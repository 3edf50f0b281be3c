// Texts of others, as far as they cannot hold a value.
//
// What an API server, a container's runtime or a program in a container complains of may repeat
// what it was given or what it read: a manifest's field, a row, a line of a file. Such a text is
// journaled and logged only as the words of a fixed list that it consists of (words.inc), numbers
// of at most five digits and what stands between; everything else is "…".
//
//   data[k]: Invalid value: "hunter2": must be text → data[…]: Invalid value: "…": must be text
#pragma once

#include <string>
#include <string_view>

#include "engine/base/json.h"

namespace pgo::kube {

// `names`: what is known anyway and may stand, as the object's own name or the request's path.
std::string PlainWords(std::string_view text, std::string_view names = {});

// The result of a command as far as the engine may see it: members with names of letters, '_' and
// digits; of texts those that are plain words, positions (LSN), times or numbers. Others are "***".
Json PlainResult(const Json& printed, std::string_view names = {});

}  // namespace pgo::kube
