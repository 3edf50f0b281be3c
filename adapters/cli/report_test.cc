// The report as bytes: whole by itself, and nothing of a journal can become markup or script. What
// a browser makes of it is looked at by replay-tests/report_browser_test.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "adapters/cli/testing/captured.h"
#include "adapters/cli/testing/incidents.h"
#include "adapters/cli/verbs.h"

namespace pgo::cli {
namespace {

using testing::Captured;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kHostile =
    "</script><script>window.pwned=1;document.title='PWNED'</script><img src=x "
    "onerror=pwned=1>\"'&";

class Reporting : public ::testing::Test {
 protected:
  std::string Page(const std::string& bundle) {
    Report report;
    report.bundle = bundle;
    report.file = directory_.Path("page.html");
    report.force = true;
    EXPECT_TRUE(run_(report)) << run_.Error(report);
    return testing::ReadText(report.file);
  }
  testing::TempDir directory_;
  Captured run_;
};

TEST_F(Reporting, APageNeedsNothingElse) {
  const std::string page = Page("replay-tests/journals/failover-power-off.pgoj");
  EXPECT_THAT(page, HasSubstr("<section class=\"story\"><h3>FAILOVER "));
  EXPECT_THAT(page, HasSubstr("is fenced (class F)"));
  EXPECT_THAT(page, HasSubstr("default-src 'none'; style-src 'sha256-"));
  for (const char* outside : {" src=", " href=", "url(h", "@import", "https://", "onclick="}) {
    EXPECT_THAT(page, Not(HasSubstr(outside)));
  }
  EXPECT_THAT(run_.out(), HasSubstr("stories: "));
  EXPECT_THAT(page, HasSubstr("\"title\":\"FAILOVER\""));
  EXPECT_THAT(page, HasSubstr("\"look\":\"primary\""));
  EXPECT_THAT(page, HasSubstr("\"look\":\"down\""));
}

TEST_F(Reporting, NoTextOfAJournalBecomesMarkup) {
  testing::Book book("2026-11-21T12:03:36.000Z");
  testing::FencedSeqs seqs;
  testing::ObserveFenced(book, seqs);
  Json pod = testing::MemberObject(kHostile, 1, 1, kHostile);
  pod["metadata"]["labels"]["postgres-operator.crunchydata.com/instance"] = kHostile;
  pod["metadata"]["name"] = kHostile;
  book.Observe("Pod", kHostile, pod);
  book.Observe("Node", kHostile, testing::NodeObject(true));
  Action action = testing::Said(Reason::kFenced, kHostile, {seqs.pod}, kHostile);
  action.facts["operation"] = {{"evidence", "F"}, {"phase", "Naming"}, {"from", kHostile}};
  book.Do(action);
  book.Outcome(Outcome::kFailed, kHostile);
  const char* keep = std::getenv("PGO_HOSTILE_BUNDLE");  // for the browser's test
  const std::string bundle = keep != nullptr ? keep : directory_.Path("hostile.pgoj");
  book.SaveAs(bundle);
  const std::string page = Page(bundle);
  EXPECT_THAT(page, HasSubstr("&lt;img src=x onerror=pwned=1&gt;&quot;&#39;&amp;"));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(page, Not(HasSubstr("<script>window")));
  std::size_t scripts = 0;
  for (auto at = page.find("<script"); at != page.npos; at = page.find("<script", at + 1)) {
    ++scripts;
  }
  EXPECT_EQ(scripts, 2u);  // the data and ours
}

TEST_F(Reporting, AFileIsNotReplacedUnlessAskedFor) {
  Report report;
  EXPECT_THAT(run_.Error(report), HasSubstr("no bundle is named"));
  testing::Fenced().SaveAs(directory_.Path("b.pgoj"));
  report.bundle = directory_.Path("b.pgoj");
  report.file = directory_.Path("b.html");
  testing::WriteText(report.file, "mine");
  EXPECT_THAT(run_.Error(report), HasSubstr("--force replaces it"));
  EXPECT_EQ(testing::ReadText(report.file), "mine");
  report.file = directory_.Path("no/such/dir.html");
  EXPECT_THAT(run_.Error(report), HasSubstr("No such file"));
}

}  // namespace
}  // namespace pgo::cli
