// Manifests: YAML or JSON as people write it, read as the command line does and then judged by the
// rules of the definition.
#include "adapters/cli/documents.h"
#include "engine/base/check.h"
#include "engine/cluster/spec.h"
#include "replay-tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pgo;
  const auto documents = cli::ReadDocuments(fuzz::TextOf(data, size), "fuzz.yaml");
  PGO_CHECK(documents.has_value() || !documents.error().message.empty(), "a refusal says why");
  if (!documents) return 0;
  for (const Json& document : *documents) {
    static_cast<void>(cluster::ParseSpec(document));
    static_cast<void>(cli::YamlText(document));
  }
  return 0;
}
