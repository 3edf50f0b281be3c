#include "replay-tests/tidy_test_rules.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>
#include <sstream>

namespace pgo::tidy {
namespace {

using Words = std::vector<std::string>;

bool StartsWithAny(std::string_view text, const Words& heads) {
  return std::ranges::any_of(heads, [&](const auto& head) { return text.starts_with(head); });
}

bool IsSource(std::string_view path) { return path.ends_with(".cc") || path.ends_with(".h"); }
bool IsTestHelp(std::string_view path) {
  return path.find("/testing/") != std::string_view::npos ||
         path.substr(path.rfind('/') + 1).starts_with("test_");
}
bool IsTest(std::string_view path) {
  return path.ends_with("_test.cc") || IsTestHelp(path) || path.starts_with("replay-tests/");
}

Words Lines(std::string_view text) {
  Words out;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

std::string Folder(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? "" : std::string(path.substr(0, slash));
}

// "adapters/kube" of "adapters/kube/http/client.h"
std::string Parts(std::string_view path, int count) {
  std::size_t end = 0;
  for (int i = 0; i < count; ++i) {
    end = path.find('/', end == 0 ? 0 : end + 1);
    if (end == std::string_view::npos) return std::string(path);
  }
  return std::string(path.substr(0, end));
}

// What files under `folder` may import of the project, as path prefixes. The first match counts.
struct Layer {
  std::string folder;
  Words may;
};

Words Joined(Words words, const Words& others) {
  words.insert(words.end(), others.begin(), others.end());
  return words;
}

const std::vector<Layer>& Layers() {
  static const Words formats = {"engine/postgres/", "engine/patroni/", "engine/pgbackrest/",
                                "engine/pgbouncer/"};
  static const Words values = {"engine/base/", "engine/kube/", "engine/action/", "engine/event/"};
  static const Words format = Joined(formats, {"engine/base/", "engine/kube/names.h"});
  static const std::vector<Layer> layers = {
      {"engine/base/", {"engine/base/"}},
      {"engine/kube/", {"engine/base/", "engine/kube/"}},
      {"engine/event/", values},
      {"engine/action/", values},
      {"engine/ports/", Joined(values, {"engine/ports/", "engine/record.h"})},
      {"engine/postgres/", format},
      {"engine/patroni/", format},
      {"engine/pgbackrest/", format},
      {"engine/pgbouncer/", format},
      {"engine/cluster/", Joined(Joined(values, formats), {"engine/cluster/"})},
      {"engine/arbiter/",
       Joined(values, {"engine/arbiter/", "engine/cluster/", "engine/rooms/room.h"})},
      // Rooms: their own folder is added by MayImport.
      {"engine/rooms/",
       Joined(formats, {"engine/base/", "engine/kube/", "engine/action/", "engine/cluster/",
                        "engine/rooms/room.h", "engine/rooms/context.h",
                        // To read what became of its own goals; only folds change it.
                        "engine/arbiter/ledger.h"})},
      {"engine/", {"engine/"}},
      {"journal/", {"engine/base/", "engine/ports/journal.h", "journal/"}},
      {"adapters/operator/", {""}},
      {"adapters/cli/", {""}},
      // The registrations of the stand-in: it asks the engine's rules at admission.
      {"adapters/local/",
       Joined(values, {"engine/ports/", "engine/cluster/spec.h", "adapters/local/"})},
      {"adapters/", Joined(values, {"engine/ports/"})},
      {"replay-tests/", {""}},
  };
  return layers;
}

bool MayImport(const std::string& path, const std::string& target) {
  if (path.starts_with("engine/rooms/table.")) return target.starts_with("engine/");
  if (path.starts_with("engine/rooms/renderings.") && target == "engine/rooms/renderings.h") {
    return true;
  }
  if (path.starts_with("engine/rooms/")) {
    const std::string room = Parts(path, 3) + "/";
    if (room.ends_with(".cc/") || room.ends_with(".h/")) {
      // The shared files of all rooms.
      if (target.starts_with("engine/event/")) return true;
    } else if (target.starts_with(room)) {
      return true;
    }
    // Only the fold of a room sees events.
    if (target.starts_with("engine/event/")) {
      const std::string name = path.substr(Folder(path).size() + 1);
      return name.starts_with("fold");
    }
  }
  if (path.starts_with("adapters/") && target.starts_with(Parts(path, 2) + "/")) return true;
  for (const Layer& layer : Layers()) {
    if (path.starts_with(layer.folder)) return StartsWithAny(target, layer.may);
  }
  return true;
}

// Libraries that may be included only in these places.
struct Library {
  std::string header;
  Words where;
  std::string mend;
};

const std::vector<Library>& Libraries() {
  static const std::vector<Library> libraries = {
      {"rocksdb/", {"journal/store/"}, "RocksDB stands behind journal/store alone"},
      {"boost/", {"adapters/"}, "Boost is for adapters"},
      {"spdlog/", {"adapters/log/"}, "say it through adapters/log"},
      {"curl/",
       {"adapters/kube/", "adapters/cli/", "adapters/http/client.cc"},
       "speak to Kubernetes through adapters/kube, to replicas through adapters/http"},
      {"yaml-cpp/", {"adapters/"}, "the engine reads and writes JSON"},
      {"CLI/", {"adapters/"}, "arguments are for programs"},
      {"zstd", {"journal/format/"}, "the journal's format compresses"},
      {"openssl/", {"engine/base/digest.cc", "journal/", "adapters/"}, "use engine/base/digest.h"},
  };
  return libraries;
}

struct Include {
  std::string target;
  bool own = false;  // "…" of the project
  int line = 0;
};

std::vector<Include> Includes(const std::string& source) {
  std::vector<Include> out;
  int number = 0;
  for (const std::string& line : Lines(source)) {
    ++number;
    if (!line.starts_with("#include ")) continue;
    const char open = line.size() > 9 ? line[9] : ' ';
    const std::size_t close = line.find(open == '<' ? '>' : '"', 10);
    if ((open != '<' && open != '"') || close == std::string::npos) continue;
    out.push_back({line.substr(10, close - 10), open == '"', number});
  }
  return out;
}

void CheckInclude(const std::string& path, const Include& include, std::vector<Finding>& out) {
  const std::string& target = include.target;
  if (!IsTest(path)) {
    if (target.starts_with("gtest/") || target.starts_with("gmock/") || IsTestHelp(target)) {
      out.push_back({path, include.line, "includes " + target + ", which is for tests"});
    }
    for (const Library& library : Libraries()) {
      if (target.starts_with(library.header) && !StartsWithAny(path, library.where)) {
        out.push_back({path, include.line, "includes " + target + "; " + library.mend});
      }
    }
  }
  if (!include.own) return;
  if (target.find('/') == std::string::npos) {
    out.push_back({path, include.line, "includes " + target + "; write the path from the root"});
  } else if (!IsTest(path) && !MayImport(path, target)) {
    out.push_back({path, include.line,
                   "may not import " + target + "; docs/architecture.md says what goes where"});
  }
}

bool IsWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Where a name stands alone in code: not a part of a longer word.
bool Uses(std::string_view line, std::string_view name) {
  for (std::size_t at = line.find(name); at != std::string_view::npos;
       at = line.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    const bool left = !IsWord(name.front()) || at == 0 || !IsWord(line[at - 1]);
    const bool right = !IsWord(name.back()) || end >= line.size() || !IsWord(line[end]);
    if (left && right) return true;
  }
  return false;
}

struct Ban {
  Words names;
  std::string mend;
};

const std::vector<Ban>& Bans() {
  static const std::vector<Ban> bans = {
      {{"system_clock", "steady_clock", "high_resolution_clock", "time", "gettimeofday",
        "clock_gettime", "localtime", "localtime_r", "gmtime", "gmtime_r", "mktime", "strftime"},
       "time is data: Event::now"},
      {{"thread", "jthread", "mutex", "condition_variable", "atomic", "async", "future",
        "this_thread", "sleep_for", "usleep", "co_await"},
       "the engine has one thread and does not wait"},
      {{"getenv", "setenv", "secure_getenv"}, "settings come with the event Started"},
      {{"rand", "srand", "random_device", "mt19937", "default_random_engine"},
       "randomness is an adapter's: Provision"},
      {{"unordered_map", "unordered_set", "unordered_multimap", "unordered_multiset", "hash"},
       "iteration order must be the same everywhere: std::map"},
      {{"float", "double"}, "no floating point: it prints differently"},
      {{"fstream", "ifstream", "ofstream", "iostream", "cout", "cerr", "cin", "fopen", "filesystem",
        "socket", "system", "popen"},
       "no I/O: actions say what an adapter does"},
      {{"throw", "try", "catch", ".at(", ".get<", "->at(", "->get<", "stoi", "stol", "stoul",
        "stoull", "stoll"},
       "errors are values; read JSON with engine/base/json.h"},
      {{"virtual"}, "virtual classes stand in engine/ports alone"},
  };
  return bans;
}

// Each exemption with its reason.
bool Exempt(const std::string& path, const std::string& name) {
  static const std::set<std::pair<std::string, std::string>> exempt = {
      // The loop waits for its inbox; nothing of the engine's state is behind the lock.
      {"engine/driver/", "mutex"},
      {"engine/driver/", "future"},
      {"engine/driver/", "condition_variable"},
      {"engine/driver/", "atomic"},
      {"engine/ports/", "virtual"},
  };
  return exempt.contains({Parts(path, 2) + "/", name});
}

void CheckPure(const std::string& path, const std::string& line, int number,
               std::vector<Finding>& out) {
  for (const Ban& ban : Bans()) {
    for (const std::string& name : ban.names) {
      if (!Uses(line, name) || Exempt(path, name)) continue;
      out.push_back({path, number, "uses " + name + "; " + ban.mend});
    }
  }
}

}  // namespace

std::string Text(const Finding& finding) {
  const std::string line = finding.line == 0 ? "" : ":" + std::to_string(finding.line);
  return finding.path + line + ": " + finding.text;
}

std::vector<Finding> CheckImports(const Files& files) {
  std::vector<Finding> out;
  for (const auto& [path, source] : files) {
    if (!IsSource(path)) continue;
    for (const Include& include : Includes(source)) CheckInclude(path, include, out);
  }
  return out;
}

std::vector<Finding> CheckPurity(const Files& files) {
  std::vector<Finding> out;
  for (const auto& [path, source] : files) {
    if (!path.starts_with("engine/") || !IsSource(path) || IsTest(path)) continue;
    int number = 0;
    for (const std::string& line : Lines(Code(source))) CheckPure(path, line, ++number, out);
  }
  return out;
}

std::vector<Finding> CheckWords(const Files& files) {
  // Written in two parts, so that this file does not hold them.
  static const std::vector<std::pair<std::string, std::string>> banned = {
      {std::string("FIX") + "ME", "mend it, or open an issue and name it"},
      {std::string("XX") + "X", "say what is meant"},
      {std::string("/wo") + "rk/", "no path of one machine"},
      {std::string("/ho") + "me/", "no path of one machine"},
      {std::string("/ro") + "ot/", "no path of one machine"},
      {std::string("/tmp/") + "build", "no path of one machine"},
      {std::string("../sh") + "ared", "the project stands alone"},
  };
  std::vector<Finding> out;
  for (const auto& [path, source] : files) {
    if (path.starts_with(".ci/")) continue;  // it runs on a machine, and may know it
    int number = 0;
    for (const std::string& line : Lines(source)) {
      ++number;
      for (const auto& [word, mend] : banned) {
        if (Uses(line, word)) out.push_back({path, number, "holds " + word + "; " + mend});
      }
      const std::string todo = std::string("TO") + "DO";
      if (Uses(line, todo) && line.find(todo + "(") == std::string::npos) {
        out.push_back(
            {path, number, "holds " + todo + " without an issue; write " + todo + "(#12)"});
      }
      if (IsSource(path) && line.find('\t') != std::string::npos) {
        out.push_back({path, number, "holds a tab; indent by two spaces"});
      }
      if (!line.empty() && (line.back() == ' ' || line.back() == '\r')) {
        if (!path.ends_with(".md")) out.push_back({path, number, "ends in white space"});
      }
    }
    if (!source.empty() && source.back() != '\n')
      out.push_back({path, 0, "lacks a last line break"});
  }
  return out;
}

std::vector<Finding> CheckBuild(const Files& files) {
  std::set<std::string> named;
  for (const auto& [path, text] : files) {
    if (!path.ends_with("CMakeLists.txt")) continue;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
      while (!word.empty() && word.back() == ')') word.pop_back();
      if (!word.ends_with(".cc")) continue;
      named.insert((std::filesystem::path(Folder(path)) / word).lexically_normal().string());
    }
  }
  std::vector<Finding> out;
  for (const auto& [path, source] : files) {
    if (path.ends_with(".cc") && !named.contains(path)) {
      out.push_back({path, 0, "stands in no CMakeLists.txt; add it or remove it"});
    }
  }
  return out;
}

std::vector<Finding> CheckTree(const Files& files) {
  static const std::set<std::string> top = {"CMakeLists.txt",
                                            "CMakePresets.json",
                                            "Makefile",
                                            "README.md",
                                            "CONTRIBUTING.md",
                                            "LICENSE",
                                            ".clang-format",
                                            ".clang-tidy",
                                            ".gitignore",
                                            ".ci",
                                            "adapters",
                                            "charts",
                                            "cmake",
                                            "crds",
                                            "docs",
                                            "engine",
                                            "journal",
                                            "replay-tests",
                                            "scripts"};
  std::set<std::string> strange;
  for (const auto& [path, source] : files) {
    const std::string name = Parts(path, 1);
    if (!top.contains(name)) strange.insert(name);
  }
  std::vector<Finding> out;
  for (const std::string& name : strange) {
    out.push_back(
        {name, 0, "is not a part of the tree; docs/architecture.md says what goes where"});
  }
  return out;
}

}  // namespace pgo::tidy
