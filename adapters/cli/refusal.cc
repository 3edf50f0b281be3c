#include "adapters/cli/refusal.h"

#include <string_view>

namespace pgo::cli {
namespace {

constexpr std::string_view kMend = "correct the field and try again";

// Splits `Invalid value: "x": rule; mend` (and `Required value: rule`) into its parts.
cluster::FieldProblem Read(std::string field, std::string_view text) {
  cluster::FieldProblem problem;
  problem.field = std::move(field);
  for (const std::string_view kind : {"Invalid value: ", "Unsupported value: ", "Too many: "}) {
    if (!text.starts_with(kind)) continue;
    text.remove_prefix(kind.size());
    const bool quoted = text.starts_with('"');
    const auto end = quoted ? text.find("\": ", 1) : text.find(": ");
    if (end == std::string_view::npos) break;
    problem.value = std::string(text.substr(0, end + (quoted ? 1 : 0)));
    text.remove_prefix(end + (quoted ? 3 : 2));
    break;
  }
  // The rules of the definition are worded "rule; mend".
  const auto semicolon = text.rfind("; ");
  problem.rule = std::string(text.substr(0, semicolon));
  problem.mend = semicolon == std::string_view::npos ? std::string(kMend)
                                                     : std::string(text.substr(semicolon + 2));
  return problem;
}

}  // namespace

std::vector<cluster::FieldProblem> ProblemsOf(const Json& status) {
  std::vector<cluster::FieldProblem> out;
  for (const Json& cause : GetArray(status, {"details", "causes"})) {
    const std::string message = GetString(cause, {"message"});
    if (message.empty()) continue;
    if (GetString(cause, {"reason"}) == "FieldManagerConflict") {
      out.push_back({GetString(cause, {"field"}), "", message,
                     "drop the field from the manifest, or take it over with --force-conflicts"});
    } else {
      out.push_back(Read(GetString(cause, {"field"}), message));
    }
  }
  return out;
}

std::string RefusalText(const std::string& what,
                        const std::vector<cluster::FieldProblem>& problems) {
  std::string out = what + " is refused: " +
                    (problems.size() == 1 ? "1 field is wrong"
                                          : std::to_string(problems.size()) + " fields are wrong");
  for (const auto& problem : problems) {
    out += "\n  field  " + problem.field;
    out += "\n  value  " + (problem.value.empty() ? std::string("(absent)") : problem.value);
    out += "\n  rule   " + problem.rule;
    out += "\n  mend   " + problem.mend;
  }
  return out;
}

}  // namespace pgo::cli
