// The rules of tidy_test_rules.h over this repository, and over snippets that break each of them.
//
//   tidy_test                       from the root of the repository
//   PGO_TIDY_REWRITE=1 tidy_test    writes tidy_test_budget.txt anew after something became shorter
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "engine/cluster/spec.h"
#include "replay-tests/tidy_test_rules.h"

namespace pgo::tidy {
namespace {

constexpr const char* kBudget = "replay-tests/tidy_test_budget.txt";

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

bool IsText(const std::filesystem::path& path) {
  static const std::set<std::string> endings = {
      ".h", ".cc", ".py", ".sh", ".md", ".txt", ".yaml", ".json", ".cmake", ".fields", ""};
  return endings.contains(path.extension().string());
}

// The tree without what is built or kept by tools.
const Files& Tree() {
  static const Files files = [] {
    namespace fs = std::filesystem;
    Files out;
    auto it = fs::recursive_directory_iterator(".");
    for (const fs::directory_entry& entry : it) {
      const std::string path = entry.path().lexically_relative(".").string();
      const std::string name = entry.path().filename().string();
      if (entry.is_directory() && (path == "build" || name == ".git" || name == ".cache" ||
                                   name == "testdata" || name == "__pycache__")) {
        it.disable_recursion_pending();
      } else if (entry.is_regular_file() && IsText(entry.path()) &&
                 path != "compile_commands.json") {
        out[path] = ReadFile(entry.path());
      }
    }
    return out;
  }();
  return files;
}

using Lines = std::vector<std::string>;

Lines Texts(const std::vector<Finding>& findings) {
  Lines out;
  for (const Finding& f : findings) out.push_back(Text(f));
  return out;
}

void ExpectNone(const std::vector<Finding>& findings) {
  ASSERT_GT(Tree().size(), 50U) << "run it from the root of the repository";
  std::string all;
  for (const Finding& f : findings) all += "\n  " + Text(f);
  EXPECT_TRUE(findings.empty()) << findings.size() << " findings:" << all;
}

TEST(Repository, ImportsGoOneWay) { ExpectNone(CheckImports(Tree())); }
TEST(Repository, TheEngineIsPure) { ExpectNone(CheckPurity(Tree())); }
TEST(Repository, SizesAreBounded) { ExpectNone(CheckSizes(Tree())); }
TEST(Repository, WordsAreFit) { ExpectNone(CheckWords(Tree())); }
TEST(Repository, EverySourceIsBuilt) { ExpectNone(CheckBuild(Tree())); }
TEST(Repository, TheTopLevelIsFixed) { ExpectNone(CheckTree(Tree())); }

TEST(Repository, SizesOnlyShrink) {
  if (std::getenv("PGO_TIDY_REWRITE") != nullptr) {
    std::ofstream out(kBudget);
    out << "# Functions of more than 40 lines and files of more than 400: none may grow, none be "
           "added.\n";
    for (const std::string& line : OverBudget(Tree())) out << line << '\n';
    return;
  }
  ExpectNone(CheckBudget(Tree(), ReadFile(kBudget)));
}

// What the definition says in CEL is what the engine checks natively, word for word.
TEST(Repository, EveryRuleOfTheDefinitionIsNative) {
  std::set<std::string> said;
  std::istringstream in(ReadFile("crds/postgrescluster.fields"));
  std::size_t expressions = 0;
  bool rule = false;  // else the words are a format's
  for (std::string line; std::getline(in, line);) {
    const std::string text = line.substr(std::min(line.find_first_not_of(' '), line.size()));
    if (text.starts_with("cel ") || text.starts_with("v1 cel ")) {
      ++expressions;
      rule = true;
    } else if (text.starts_with("says ") && rule) {
      said.insert(text.substr(5));
      rule = false;
    }
  }
  EXPECT_GE(expressions, said.size());
  const auto native = cluster::NativeRules();
  EXPECT_EQ(said, std::set<std::string>(native.begin(), native.end()));
}

// --- the rules themselves

Lines Imports(const std::string& path, const std::string& target) {
  return Texts(CheckImports({{path, "#include \"" + target + "\"\n"}}));
}

TEST(Rules, RoomsDoNotKnowEachOtherNorThePorts) {
  EXPECT_EQ(Imports("engine/rooms/users/users.cc", "engine/rooms/failover/failover.h"),
            Lines{"engine/rooms/users/users.cc:1: may not import engine/rooms/failover/failover.h; "
                  "docs/architecture.md says what goes where"});
  EXPECT_EQ(Imports("engine/rooms/users/users.cc", "engine/ports/effects.h").size(), 1U);
  EXPECT_EQ(Imports("engine/rooms/users/users.cc", "engine/rooms/users/users.h"), Lines{});
  EXPECT_EQ(Imports("engine/rooms/users/users.cc", "engine/rooms/room.h"), Lines{});
}

TEST(Rules, OnlyTheFoldOfARoomSeesEvents) {
  EXPECT_EQ(Imports("engine/rooms/users/fold.cc", "engine/event/event.h"), Lines{});
  EXPECT_EQ(Imports("engine/rooms/users/decide.cc", "engine/event/event.h").size(), 1U);
}

TEST(Rules, TheEngineKnowsNobody) {
  for (const char* target : {"journal/query/reader.h", "adapters/kube/client.h"}) {
    EXPECT_EQ(Imports("engine/engine.cc", target).size(), 1U) << target;
    EXPECT_EQ(Imports("engine/base/json.h", target).size(), 1U) << target;
  }
}

TEST(Rules, TheJournalKnowsItsPortAlone) {
  EXPECT_EQ(Imports("journal/store/journal.h", "engine/ports/journal.h"), Lines{});
  EXPECT_EQ(Imports("journal/store/journal.h", "engine/event/event.h").size(), 1U);
}

TEST(Rules, AdaptersDoNotKnowEachOtherNorTheJournal) {
  EXPECT_EQ(Imports("adapters/http/server.cc", "adapters/log/log.h").size(), 1U);
  EXPECT_EQ(Imports("adapters/http/server.cc", "journal/query/reader.h").size(), 1U);
  EXPECT_EQ(Imports("adapters/http/server.cc", "adapters/http/server.h"), Lines{});
  EXPECT_EQ(Imports("adapters/local/api/server.cc", "adapters/local/store.h"), Lines{});
  EXPECT_EQ(Imports("adapters/operator/main.cc", "journal/store/journal.h"), Lines{});
}

TEST(Rules, LibrariesStayBehindTheirWalls) {
  EXPECT_EQ(Texts(CheckImports({{"journal/format/frame.h", "#include <rocksdb/db.h>\n"}})),
            Lines{"journal/format/frame.h:1: includes rocksdb/db.h; RocksDB stands behind "
                  "journal/store alone"});
  EXPECT_EQ(Texts(CheckImports({{"journal/store/database.cc", "#include <rocksdb/db.h>\n"}})),
            Lines{});
}

TEST(Rules, TestHeadersStayInTests) {
  EXPECT_EQ(Texts(CheckImports({{"engine/a.cc", "#include <gtest/gtest.h>\n"}})),
            Lines{"engine/a.cc:1: includes gtest/gtest.h, which is for tests"});
  EXPECT_EQ(Imports("engine/a.cc", "engine/testing/fake.h").size(), 1U);
  EXPECT_EQ(Imports("adapters/a/b.cc", "adapters/a/test_support.h").size(), 1U);
  EXPECT_EQ(Texts(CheckImports({{"engine/a_test.cc", "#include <gtest/gtest.h>\n"}})), Lines{});
}

Lines Purity(const std::string& code) { return Texts(CheckPurity({{"engine/a.cc", code}})); }

TEST(Rules, TheEngineHasNoClockThreadChanceOrException) {
  EXPECT_EQ(Purity("int a;\nauto now = std::chrono::system_clock::now();\n"),
            Lines{"engine/a.cc:2: uses system_clock; time is data: Event::now"});
  for (const char* code :
       {"std::thread t;", "std::getenv(\"A\");", "rand();", "std::unordered_map<int, int> m;",
        "double x;", "std::ofstream f;", "throw 1;", "try {} catch (...) {}", "m.at(1);",
        "json.get<int>();", "localtime(&t);", "virtual void F();", "co_await f;"}) {
    EXPECT_FALSE(Purity(code).empty()) << code;
  }
}

TEST(Rules, CommentsAndTextAreNotCode) {
  EXPECT_EQ(
      Purity("// throw\n/* try\n double */ auto s = \"throw\"; auto r = R\"(catch \" float)\";"),
      Lines{});
  EXPECT_EQ(Purity("int timeline, retry, entry, throwing; char c = '\"'; int n = 1'000; f(get);"),
            Lines{});
  EXPECT_EQ(Purity("auto s = \"a\\\"b\"; throw 1;").size(), 1U);
}

TEST(Rules, TheDriverMayWaitAndPortsMayBeVirtual) {
  EXPECT_EQ(CheckPurity({{"engine/driver/driver.h", "std::mutex m;"}}).size(), 0U);
  EXPECT_EQ(CheckPurity({{"engine/driver/driver.h", "std::thread t;"}}).size(), 1U);
  EXPECT_EQ(CheckPurity({{"engine/ports/p.h", "virtual void F() = 0;"}}).size(), 0U);
}

std::string Body(int lines) {
  std::string out = "int Long(int a) {\n";
  for (int i = 0; i < lines - 2; ++i) out += "  a += 1;\n";
  return out + "}\n";
}

TEST(Rules, FunctionsAndFilesAreBounded) {
  EXPECT_EQ(Texts(CheckSizes({{"engine/a.cc", "\n" + Body(71)}})),
            Lines{"engine/a.cc:2: Long has 71 lines, more than 70; split it"});
  EXPECT_EQ(CheckSizes({{"engine/a.cc", Body(70)}}).size(), 0U);
  EXPECT_EQ(CheckSizes({{"engine/a.h", std::string(601, '\n')}}).size(), 1U);
  EXPECT_EQ(CheckSizes({{"engine/a.h", std::string(600, '\n')}}).size(), 0U);
  EXPECT_EQ(CheckSizes({{"engine/a.h", "//" + std::string(99, 'a') + "\n"}}).size(), 1U);
  const std::string raw = "auto a = R\"(\n" + std::string(101, 'a') + "\n)\";\n";
  EXPECT_EQ(CheckSizes({{"engine/a.h", raw}}).size(), 0U) << "data is not broken";
  EXPECT_EQ(CheckSizes({{"engine/a.h", raw + "//" + std::string(99, 'a')}}).size(), 1U);
  std::string umlauts = "// ";
  for (int i = 0; i < 97; ++i) umlauts += "ö";
  EXPECT_EQ(CheckSizes({{"engine/a.h", umlauts + "\n"}}).size(), 0U) << "columns, not bytes";
}

TEST(Rules, FunctionsAreFound) {
  const auto found = Functions(R"(
#define F(x) { x(
namespace a {
struct S : B<int> {
  S() : x_{1}, y_(2) {
    F();
  }
  int operator==(int) const = default;
  int x_ = 1;
};
enum class E { kA, kB };
const std::vector<int> table = {
    f(1),
};
template <typename T>
T Name(const T& value,
       int b = 1) {
  if (b) { return [&] { return value; }(); }
  return T{};
}
TEST(A, B) { EXPECT_EQ(1, 1); }
}  // namespace a
)");
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].length, 3);
  EXPECT_EQ(found[1].name, "Name");
  EXPECT_EQ(found[1].line, 15);
  EXPECT_EQ(found[1].length, 6);
  EXPECT_EQ(found[2].name, "TEST");
}

TEST(Rules, TheBudgetIsARatchet) {
  const Files files = {{"engine/a.cc", Body(50)}};
  EXPECT_EQ(OverBudget(files), Lines{"engine/a.cc:Long 50"});
  EXPECT_EQ(CheckBudget(files, "engine/a.cc:Long 50\n").size(), 0U);
  EXPECT_EQ(Texts(CheckBudget(files, "")),
            Lines{"engine/a.cc:Long: 50 lines, more than 40; split it"});
  EXPECT_EQ(CheckBudget(files, "engine/a.cc:Long 49\n").size(), 1U) << "may not grow";
  EXPECT_EQ(CheckBudget(files, "engine/a.cc:Long 51\n").size(), 1U) << "must be lowered";
  EXPECT_EQ(CheckBudget(files, "engine/a.cc:Long 50\nengine/b.cc 500\n").size(), 1U);
}

TEST(Rules, WordsAreChecked) {
  const auto words = [](const std::string& text) {
    return CheckWords({{"docs/a.md", text}}).size();
  };
  EXPECT_EQ(words(std::string("a FIX") + "ME b\n"), 1U);
  EXPECT_EQ(words(std::string("TO") + "DO: later\n"), 1U);
  EXPECT_EQ(words(std::string("TO") + "DO(#7): later\n"), 0U);
  EXPECT_EQ(words(std::string("in /wo") + "rk/main\n"), 1U);
  EXPECT_EQ(words("no line break at the end"), 1U);
  EXPECT_EQ(CheckWords({{"engine/a.h", "\tint a;\n"}}).size(), 1U);
  EXPECT_EQ(CheckWords({{"engine/a.h", "int a; \n"}}).size(), 1U);
}

TEST(Rules, SourcesStandInALists) {
  EXPECT_EQ(CheckBuild({{"engine/CMakeLists.txt", "base/a.cc"}, {"engine/base/a.cc", ""}}).size(),
            0U);
  EXPECT_EQ(CheckBuild({{"engine/CMakeLists.txt", "base/aa.cc"}, {"engine/base/a.cc", ""}}).size(),
            1U);
}

TEST(Rules, TheTopLevelHasKnownNames) {
  EXPECT_EQ(CheckTree({{"src/a.cc", ""}, {"src/b.cc", ""}}).size(), 1U);
  EXPECT_EQ(CheckTree({{"engine/a.cc", ""}, {"README.md", ""}}).size(), 0U);
}

}  // namespace
}  // namespace pgo::tidy
