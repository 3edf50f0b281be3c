// Manifests as people write them: YAML or JSON, several documents in one text; and JSON as YAML.
//
// Library: yaml-cpp, behind the .cc.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/json.h"
#include "engine/base/result.h"

namespace pgo::cli {

// Every document of the text that holds an object, lists (kind List) taken apart. kInvalid names
// the document and the line. `name` stands in messages: "hippo.yaml".
Result<std::vector<Json>> ReadDocuments(std::string_view text, const std::string& name);

// Block YAML with a final newline; strings that could be read as something else are quoted.
std::string YamlText(const Json& json);

// The whole file; "-" is standard input.
Result<std::string> ReadInput(const std::string& path);

}  // namespace pgo::cli
