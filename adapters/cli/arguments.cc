#include "adapters/cli/arguments.h"

#include <algorithm>
#include <array>

#include "adapters/cli/grammar.h"

namespace pgo::cli {
namespace {

// "create cluster", as far as the words name verbs: whose help is asked for in messages.
std::string VerbPath(const Grammar& grammar) {
  std::string path;
  const CLI::App* at = &grammar.app;
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    path += at->get_name() + " ";
  }
  return path;
}

// How many letters must be changed, at most: for "did you mean".
std::size_t Distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above + 1, row[j - 1] + 1, replaced});
      diagonal = above;
    }
  }
  return row[b.size()];
}

// Verbs and nouns of the 4.7 line that are still to come.
constexpr std::array kLater{"cat",  "update", "upgrade",   "watch",   "pgbouncer", "pgadmin",
                            "user", "policy", "namespace", "pgouser", "pgorole"};

// If a word stands where a verb or noun must: what is wrong with it.
std::string UnknownWord(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* at = &app;
  bool is_value = false;  // of the option before it
  for (const std::string& word : words) {
    const auto verbs = at->get_subcommands([](const CLI::App*) { return true; });
    if (verbs.empty()) return "";
    const bool is_option = word.starts_with('-');
    const bool passed_over = is_option || is_value;
    is_value = is_option && word.find('=') == std::string::npos;
    if (passed_over) continue;
    const auto found =
        std::ranges::find(verbs, word, [](const CLI::App* v) { return v->get_name(); });
    if (found != verbs.end()) {
      at = *found;
      continue;
    }
    if (std::ranges::find(kLater, word) != kLater.end()) {
      return "\"" + word + "\": is not in this version yet";
    }
    const auto* nearest = *std::ranges::min_element(
        verbs, {}, [&](const CLI::App* v) { return Distance(word, v->get_name()); });
    return "\"" + word + "\": must be a verb that pgo knows; did you mean `" + nearest->get_name() +
           "`?";
  }
  return "";
}

// A positional FILE.pgoj stands for --bundle.
void TakeBundle(std::string& cluster, std::string& bundle) {
  if (bundle.empty() && cluster.ends_with(".pgoj")) std::swap(cluster, bundle);
}

// `pgo blame FILE.pgoj spec.image`: a bundle of one cluster needs no name.
void TakeField(BlameCluster& o) {
  const bool field = o.cluster.find_first_of(".[") != std::string::npos;
  if (!o.bundle.empty() && o.field.empty() && field) std::swap(o.cluster, o.field);
}

}  // namespace

tl::expected<Arguments, Ending> ParseArguments(const std::string& program,
                                               const std::vector<std::string>& arguments) {
  // Its words are anybody's, so no grammar fits them.
  if (!arguments.empty() && arguments.front() == "__complete") {
    return Arguments{{}, Complete{{arguments.begin() + 1, arguments.end()}}};
  }
  Grammar grammar(program);
  try {  // CLI11 reports by exception
    grammar.app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    const CLI::App* at = &grammar.app;
    std::string before;
    while (!at->get_subcommands().empty()) {
      before += (before.empty() ? "" : " ") + at->get_name();
      at = at->get_subcommands().front();
    }
    return tl::unexpected(Ending{0, at->help(before)});
  } catch (const CLI::CallForVersion& version) {
    return tl::unexpected(Ending{0, std::string(version.what()) + "\n"});
  } catch (const CLI::Error& problem) {
    if (arguments.empty()) return tl::unexpected(Ending{2, grammar.app.help()});
    const std::string unknown = UnknownWord(grammar.app, arguments);
    return tl::unexpected(Ending{2, "pgo: " + (unknown.empty() ? problem.what() : unknown) +
                                        "; see `" + program + " " + VerbPath(grammar) +
                                        "--help`\n"});
  }
  std::visit(
      [](auto& command) {
        if constexpr (requires { command.cluster, command.bundle; }) {
          TakeBundle(command.cluster, command.bundle);
        }
        if constexpr (requires { command.cluster, command.field; }) TakeField(command);
      },
      grammar.parsed.command);
  return grammar.parsed;
}

std::vector<VerbWords> Verbs() {
  Grammar grammar("pgo");
  std::vector<VerbWords> out;
  const auto add = [&](const CLI::App& verb, const std::string& path) {
    VerbWords words{path, verb.get_description(), {}};
    for (const CLI::Option* option : verb.get_options()) {
      for (const auto& name : option->get_lnames()) words.options.push_back("--" + name);
    }
    out.push_back(std::move(words));
  };
  for (const CLI::App* verb : grammar.app.get_subcommands({})) {
    const auto nouns = verb->get_subcommands({});
    if (nouns.empty()) add(*verb, verb->get_name());
    for (const CLI::App* noun : nouns) add(*noun, verb->get_name() + " " + noun->get_name());
  }
  return out;
}

}  // namespace pgo::cli
