// What an API server may send: the first byte chooses kind and moment; the text up to the first NUL
// is the answer to a list, then each line is one of the watch. Nothing of it may break the machine
// or the redactor, and what was redacted once is not changed by more of it.
#include "adapters/kube/list_watch.h"
#include "engine/base/check.h"
#include "engine/kube/kinds.h"
#include "replay-tests/fuzz/target.h"

namespace {

using namespace pgo;
using Outputs = kube::ListWatch::Outputs;

void Check(const Outputs& outputs, const kube::ListWatch& machine) {
  for (const auto& output : outputs) {
    const auto* payload = std::get_if<Payload>(&output);
    const auto* seen = payload == nullptr ? nullptr : std::get_if<Observed>(payload);
    if (seen == nullptr) continue;
    PGO_CHECK(!seen->ref.name.empty(), "what is observed has a name");
    PGO_CHECK(seen->ref.kind == machine.options().kind, "and is of the kind that was asked for");
    static_cast<void>(DumpJson(seen->object));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const kube::Redactor redactor("key");
  const auto kinds = kube::Kinds();
  kube::ListWatchOptions options;
  options.kind = std::string(kinds[data[0] % kinds.size()].kind);
  kube::ListWatch machine(options, redactor);
  std::string_view left = fuzz::TextOf(data + 1, size - 1);
  const std::string_view list = left.substr(0, left.find('\0'));
  left.remove_prefix(std::min(left.size(), list.size() + 1));
  std::int64_t now = 1;
  Check(machine.OnTick(now), machine);
  const kube::Request request = kube::ListRequest(options.kind, "");
  Check(machine.OnList(kube::Interpret(request, {data[0] < 128 ? 200 : 422, std::string(list)}),
                       ++now),
        machine);
  now += 10 * kSecond;
  Check(machine.OnTick(now), machine);
  while (!left.empty()) {
    const std::string_view line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(left.size(), line.size() + 1));
    Check(machine.OnLine(line, ++now), machine);
    Check(machine.OnTick(now), machine);
  }
  return 0;
}
