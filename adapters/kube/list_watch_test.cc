// Scenarios of the list-watch machine, in text. Input lines:
//   tick +S            seconds pass
//   list RV NAME=RV…   a whole list; "more" in place of RV: a page with a continue token
//   list-fails HTTP    a list without an answer (0) or with an error
//   line JSON          a line of the watch
//   added|modified|deleted NAME=RV   such a line; bookmark RV, expired
//   closed HTTP        the watch ends
//   again              what was seen is not to be trusted
// After each the machine's outputs, one a line.
#include "adapters/kube/list_watch.h"

#include <gtest/gtest.h>

#include <sstream>

#include "engine/base/overloaded.h"

namespace pgo::kube {
namespace {

std::string Value(const std::string& path, const std::string& name) {
  const auto at = path.find(name + "=");
  if (at == std::string::npos) return "";
  const auto from = at + name.size() + 1;
  return path.substr(from, path.find('&', from) - from);
}

std::string Show(const ListWatch::Output& output) {
  return std::visit(Overloaded{[](const ListWatch::SendList& o) {
                                 const auto token = Value(o.request.path, "continue");
                                 return "list" + (token.empty() ? "" : " " + token);
                               },
                               [](const ListWatch::OpenWatch& o) {
                                 return "watch " + Value(o.request.path, "resourceVersion");
                               },
                               [](const ListWatch::CloseWatch&) { return std::string("close"); },
                               [](const Payload& p) {
                                 if (const auto* o = std::get_if<Observed>(&p))
                                   return "observed " + o->ref.name + "=" + o->rv;
                                 if (const auto* g = std::get_if<Gone>(&p))
                                   return "gone " + g->ref.name;
                                 const auto& l = std::get<Listed>(p);
                                 std::string text = "listed " + l.rv + (l.gap ? " gap" : "");
                                 for (const auto& key : l.keys) text += " " + key;
                                 return text;
                               }},
                    output);
}

Json PodOf(const std::string& word) {
  const auto sign = word.find('=');
  Json pod = Json::object();
  Put(pod, {"metadata", "name"}, word.substr(0, sign));
  Put(pod, {"metadata", "namespace"}, "n");
  Put(pod, {"metadata", "uid"}, "u-" + word.substr(0, sign));
  Put(pod, {"metadata", "resourceVersion"}, word.substr(sign + 1));
  return pod;
}

class Script {
 public:
  explicit Script(ListWatchOptions options = {.kind = "Pod"})
      : machine_(std::move(options), redactor_) {}

  std::string Run(const std::string& text) {
    std::string out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      for (const auto& output : Input(line)) out += (out.empty() ? "" : "; ") + Show(output);
    }
    return out;
  }
  ListWatch& machine() { return machine_; }
  std::int64_t now = 0;

 private:
  ListWatch::Outputs Input(const std::string& line) {
    std::istringstream words(line);
    std::string verb, word;
    words >> verb;
    if (verb == "tick") {
      double seconds = 0;
      words >> seconds;
      now += static_cast<std::int64_t>(seconds * kSecond);
      return machine_.OnTick(now);
    }
    if (verb == "list") return machine_.OnList(ListOf(words), now);
    if (verb == "again") return machine_.ListAgain(now);
    if (verb == "list-fails" || verb == "closed") {
      Reply reply;
      words >> reply.http;
      if (reply.http != 200) reply.error = Error{Code::kUnavailable, "no"};
      return verb == "closed" ? machine_.OnClosed(reply, now) : machine_.OnList(reply, now);
    }
    if (verb == "line") return machine_.OnLine(line.substr(5), now);
    words >> word;
    Json event = {{"type", verb}, {"object", PodOf(word)}};
    std::ranges::transform(verb, verb.begin(), ::toupper);
    event["type"] = verb;
    if (verb == "BOOKMARK") event["object"] = {{"metadata", {{"resourceVersion", word}}}};
    if (verb == "EXPIRED") event = {{"type", "ERROR"}, {"object", {{"code", 410}}}};
    return machine_.OnLine(DumpJson(event), now);
  }
  static Reply ListOf(std::istringstream& words) {
    Reply reply;
    reply.http = 200;
    std::string word;
    words >> word;
    reply.body = {{"items", Json::array()}, {"metadata", {{"resourceVersion", word}}}};
    if (word == "more") reply.body["metadata"] = {{"continue", "next"}, {"resourceVersion", "1"}};
    while (words >> word) reply.body["items"].push_back(PodOf(word));
    return reply;
  }

  Redactor redactor_{"key"};
  ListWatch machine_;
};

TEST(ListWatch, ListsThenWatchesFromThere) {
  Script s;
  EXPECT_EQ(s.Run("tick 0"), "list");
  EXPECT_EQ(s.Run("list 7 a=3 b=5"), "observed a=3; observed b=5; listed 7 n/a n/b");
  EXPECT_EQ(s.Run("tick 0"), "watch 7");
  EXPECT_EQ(s.Run("modified a=8\nadded c=9\ndeleted b=10"), "observed a=8; observed c=9; gone b");
  EXPECT_EQ(s.machine().keys(), (std::set<std::string>{"n/a", "n/c"}));
}

TEST(ListWatch, FirstListIsAGapOnlyAfterEarlierHistory) {
  Script s({.kind = "Pod", .earlier_history = true});
  EXPECT_EQ(s.Run("tick 0\nlist 7"), "list; listed 7 gap");
}

TEST(ListWatch, ReadsAListInPages) {
  Script s;
  EXPECT_EQ(s.Run("tick 0\nlist more a=1"), "list; list next");
  EXPECT_EQ(s.Run("list 9 b=2"), "observed a=1; observed b=2; listed 9 n/a n/b");
}

TEST(ListWatch, ReopensFromTheNewestVersionSeen) {
  Script s;
  s.Run("tick 0\nlist 7\ntick 0\nmodified a=8\nbookmark 20\ntick 2\nclosed 200");
  EXPECT_EQ(s.Run("tick 0"), "watch 20");
}

TEST(ListWatch, ListsAgainWhenToldTo) {
  Script s;
  EXPECT_EQ(s.Run("tick 0\nlist 7 a=3\ntick 0\nmodified a=8"),
            "list; observed a=3; listed 7 n/a; watch 7; observed a=8");
  EXPECT_EQ(s.Run("again"), "close");
  EXPECT_FALSE(s.machine().listed());
  EXPECT_EQ(s.Run("tick 0\nlist 9 a=8"), "list; observed a=8; listed 9 gap n/a");
  EXPECT_EQ(s.Run("tick 0\nclosed 410\ntick 5\nagain\nlist 12 a=8"), "watch 9; list")
      << "a list that was asked for before does not count";
  EXPECT_EQ(s.Run("tick 0\nlist 12 a=8"), "list; observed a=8; listed 12 gap n/a");
}

TEST(ListWatch, BeingDeniedAfterListingAgainCountsAsEmptyIfOptional) {
  Script s({.kind = "Node", .optional = true});
  EXPECT_EQ(s.Run("tick 0\nlist-fails 403"), "list; listed 0");
  EXPECT_EQ(s.Run("again\ntick 0\nlist-fails 403"), "list; listed 0 gap");
}

TEST(ListWatch, ExpiredInTheStreamLeadsToAListWithGap) {
  Script s;
  s.Run("tick 0\nlist 7\ntick 0");
  EXPECT_EQ(s.Run("expired"), "close");
  EXPECT_EQ(s.Run("tick 1\nlist 30 a=29"), "list; observed a=29; listed 30 gap n/a");
}

TEST(ListWatch, ExpiredOnOpeningLeadsToAListWithGap) {
  Script s;
  s.Run("tick 0\nlist 7\ntick 0\nclosed 410");
  EXPECT_EQ(s.Run("tick 1\nlist 30"), "list; listed 30 gap");
}

TEST(ListWatch, NonsenseInTheStreamIsAGap) {
  for (const char* line : {"line {", "line {}", "line 7", "line {\"type\":\"ADDED\",\"object\":{}}",
                           "line {\"type\":\"ADDED\",\"object\":[]}", "line"}) {
    Script s;
    s.Run("tick 0\nlist 7\ntick 0");
    EXPECT_EQ(s.Run(line + std::string(line[4] == 0 ? " " : "")), "close") << line;
    EXPECT_EQ(s.Run("tick 1\nlist 8"), "list; listed 8 gap") << line;
  }
}

TEST(ListWatch, NeverTakesAListOlderThanWhatWasSeen) {
  Script s;
  s.Run("tick 0\nlist 7\ntick 0\nmodified a=20\nexpired");
  EXPECT_EQ(s.Run("tick 1\nlist 19 a=19"), "list");
  EXPECT_EQ(s.Run("tick 6\nlist 20 a=20"), "list; observed a=20; listed 20 gap n/a");
}

TEST(ListWatch, AStalledWatchIsReplacedWithoutAGap) {
  Script s;
  s.Run("tick 0\nlist 7\ntick 0\nbookmark 8");
  EXPECT_EQ(s.Run("tick 89"), "");
  EXPECT_EQ(s.Run("tick 2"), "close");
  EXPECT_EQ(s.Run("tick 5"), "watch 8");
}

TEST(ListWatch, ALostListAnswerIsAskedForAgain) {
  Script s;
  EXPECT_EQ(s.Run("tick 0\ntick 36\ntick 5"), "list; list");
}

TEST(ListWatch, BacksOffUpToFiveSeconds) {
  Script s;
  s.Run("tick 0\nlist-fails 0");
  const std::int64_t first = s.machine().wake_at_us() - s.now;
  EXPECT_GT(first, 0);
  EXPECT_LE(first, kSecond / 5);
  for (int i = 0; i < 30; ++i) s.Run("tick 5\nlist-fails 503");
  const std::int64_t later = s.machine().wake_at_us() - s.now;
  EXPECT_GE(later, 5 * kSecond * 3 / 4);
  EXPECT_LE(later, 5 * kSecond);
}

TEST(ListWatch, BeingDeniedCountsAsEmptyOnlyIfOptional) {
  Script must({.kind = "Node"});
  EXPECT_EQ(must.Run("tick 0\nlist-fails 403"), "list");
  Script may({.kind = "Node", .optional = true});
  EXPECT_EQ(may.Run("tick 0\nlist-fails 403"), "list; listed 0");
  EXPECT_EQ(may.Run("tick 299"), "");
  EXPECT_EQ(may.Run("tick 2\nlist 9 a=3"), "list; observed a=3; listed 9 n/a");
}

TEST(ListWatch, LateAnswersChangeNothing) {
  Script s;
  EXPECT_EQ(s.Run("list 7 a=1\nadded b=2\nclosed 200"), "");
  s.Run("tick 0\nlist 7\ntick 0\nclosed 200");
  EXPECT_EQ(s.Run("added c=9"), "");
}

TEST(ListWatch, RequestsCarrySelectorAndNamespace) {
  Redactor redactor("k");
  ListWatch machine({.kind = "Pod", .ns = "team", .label_selector = "x/cluster"}, redactor);
  const auto out = machine.OnTick(0);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(std::get<ListWatch::SendList>(out[0]).request.path,
            "/api/v1/namespaces/team/pods?limit=500&labelSelector=x%2Fcluster");
}

}  // namespace
}  // namespace pgo::kube
