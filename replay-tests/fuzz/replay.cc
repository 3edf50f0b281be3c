// The prompt of `pgo replay`: each line is a command, over a journal of the past.
#include <cstdio>
#include <memory>

#include "adapters/cli/replay_session.h"
#include "engine/base/check.h"
#include "replay-tests/fuzz/target.h"

namespace {

constexpr int kCommandsMax = 6;  // some fold the whole bundle
constexpr std::size_t kLineMax = 200;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pgo;
  static const std::shared_ptr<journal::BundleFile> bundle =
      *journal::BundleFile::Open("replay-tests/journals/create.pgoj");
  static const cli::Output out(std::tmpfile(), false, false);
  auto session = cli::ReplaySession::Open(bundle, "", "");
  PGO_CHECK(session.has_value(), "the journal has one cluster");
  std::string_view left = fuzz::TextOf(data, size);
  for (int i = 0; i < kCommandsMax && !left.empty() && !session->ended(); ++i) {
    const std::string_view line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(left.size(), line.size() + 1));
    const auto said = session->Do(std::string(line.substr(0, kLineMax)), out);
    PGO_CHECK(said.has_value() || !said.error().message.empty(), "a refusal says why");
    PGO_CHECK(!session->Prompt().empty(), "there is a prompt");
  }
  return 0;
}
