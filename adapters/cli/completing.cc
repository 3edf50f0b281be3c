#include "adapters/cli/completing.h"

#include <algorithm>

#include "adapters/cli/grammar.h"

namespace pgo::cli {
namespace {

using Names = Completing::Names;

const CLI::Option* FindOption(const std::vector<const CLI::App*>& apps, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  for (const CLI::App* app : apps) {
    if (const CLI::Option* option = app->get_option_no_throw(name)) return option;
  }
  return nullptr;
}

bool TakesValue(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

// The words that a rule allows; none if it is another rule.
std::vector<std::string> Choices(const CLI::Option& option) {
  try {
    const std::string text =
        const_cast<CLI::Option&>(option).get_validator(kOneOf)->get_description();
    std::vector<std::string> out;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find(", ", at), text.size());
      out.push_back(text.substr(at, end - at));
      at = end + 2;
    }
    return out;
  } catch (const CLI::OptionNotFound&) {
    return {};
  }
}

Names NamesOf(const CLI::Option& option) {
  const std::string name = option.get_name();
  if (name == "--namespace") return Names::kNamespaces;
  if (name == "--context") return Names::kContexts;
  if (name == "--target") return Names::kInstances;
  for (const char* file :
       {"--kubeconfig", "--config", "--bundle", "--filename", "--file", "file"}) {
    if (name == file) return Names::kFiles;
  }
  return Names::kNone;
}

// "--option", "=", "value" as one word again; the last one is kept as it is.
std::vector<std::string> Joined(const std::vector<std::string>& words) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool equals = words[i] == "=" && !out.empty() && out.back().starts_with("--");
    if (equals) {
      out.back() += "=";
    } else if (i > 0 && words[i - 1] == "=" && !out.empty() && out.back().ends_with('=')) {
      out.back() += words[i];
    } else {
      out.push_back(words[i]);
    }
  }
  return out;
}

// Where the words before the last one lead to.
struct Place {
  std::vector<const CLI::App*> apps;     // the verb first, then what it is in
  std::vector<std::string> positionals;  // of the verb
  const CLI::Option* open = nullptr;     // an option that still wants its value
};

const CLI::App* Subcommand(const CLI::App& app, const std::string& word) {
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (verb->get_name() == word) return verb;
  }
  return nullptr;
}

void TakeCommon(const CLI::Option& option, const std::string& value, Common& common) {
  const std::string name = option.get_name();
  if (name == "--namespace") common.ns = value;
  if (name == "--kubeconfig") common.kubeconfig = value;
  if (name == "--context") common.context = value;
}

Place Walk(const Grammar& grammar, const std::vector<std::string>& words, Common& common) {
  Place place{{&grammar.app}, {}, nullptr};
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (place.open != nullptr) {
      TakeCommon(*place.open, word, common);
      place.open = nullptr;
    } else if (word.starts_with('-') && word.size() > 1) {
      const CLI::Option* option = FindOption(place.apps, word);
      const auto equals = word.find('=');
      if (option == nullptr || !TakesValue(*option)) continue;
      if (equals == std::string::npos) {
        place.open = option;
      } else {
        TakeCommon(*option, word.substr(equals + 1), common);
      }
    } else if (const CLI::App* verb = Subcommand(*place.apps.front(), word)) {
      place.apps.insert(place.apps.begin(), verb);
    } else {
      place.positionals.push_back(word);
    }
  }
  return place;
}

void AddVerbs(const CLI::App& app, Completing& out) {
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    out.words.emplace_back(verb->get_name(), verb->get_description());
  }
}

void AddOptions(const Place& place, Completing& out) {
  for (const CLI::App* app : place.apps) {
    for (const CLI::Option* option : app->get_options()) {
      for (const auto& name : option->get_lnames()) {
        out.words.emplace_back("--" + name, option->get_description());
      }
    }
  }
}

void AddValues(const CLI::Option& option, Completing& out) {
  for (const auto& choice : Choices(option)) out.words.emplace_back(choice, "");
  out.names = NamesOf(option);
}

void AddPositional(const Place& place, Completing& out) {
  const CLI::App& verb = *place.apps.front();
  std::size_t skip = place.positionals.size();
  for (const CLI::Option* option : verb.get_options()) {
    if (!option->get_positional()) continue;
    if (skip > 0 && option->get_items_expected_max() <= 1) {
      --skip;
      continue;
    }
    AddValues(*option, out);
    const std::string name = option->get_name();
    const bool new_name = verb.get_name() == "cluster" && verb.get_parent() != nullptr &&
                          verb.get_parent()->get_name() == "create";
    if ((name != "name" && name != "cluster") || new_name) return;
    const bool bundles = verb.get_option_no_throw("--bundle") != nullptr;
    out.names = bundles ? Names::kClustersOrBundles : Names::kClusters;
    return;
  }
}

}  // namespace

Completing CompletionOf(const std::vector<std::string>& given) {
  const Grammar grammar("pgo");
  Completing out;
  const bool split = std::ranges::find(given, "=") != given.end();
  std::vector<std::string> words = Joined(given);
  if (words.empty()) words.emplace_back();
  const Place place = Walk(grammar, words, out.common);
  if (!place.positionals.empty()) out.cluster = place.positionals.front();
  const std::string& last = words.back();
  const auto equals = last.find('=');
  if (place.open != nullptr) {
    out.fragment = last;
    AddValues(*place.open, out);
  } else if (last.starts_with("--") && equals != std::string::npos) {
    out.fragment = last.substr(equals + 1);
    if (!split) out.before = last.substr(0, equals + 1);
    if (const auto* option = FindOption(place.apps, last)) AddValues(*option, out);
  } else if (last.starts_with('-')) {
    out.fragment = last;
    AddOptions(place, out);
  } else {
    out.fragment = last;
    const CLI::App& app = *place.apps.front();
    AddVerbs(app, out);
    if (out.words.empty()) AddPositional(place, out);
  }
  std::erase_if(out.words, [&](const auto& word) { return !word.first.starts_with(out.fragment); });
  return out;
}

}  // namespace pgo::cli
