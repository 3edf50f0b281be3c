// `pgo report`: a bundle as one HTML page that needs nothing else.
//
// Whatever stands in the journal may have been written by anybody. All of it goes through Escaped()
// or, as JSON, through Embedded(); and the page's own policy lets no script run but the one that
// is hashed there.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "adapters/cli/journal_source.h"
#include "adapters/cli/report_data.h"
#include "adapters/cli/report_page.h"
#include "adapters/cli/verbs.h"
#include "adapters/secrets/encoding.h"
#include "engine/base/digest.h"

namespace pgo::cli {
namespace {

constexpr std::size_t kLinesMax = 5000;

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 && c != '\n' ? ' ' : c;
    }
  }
  return out;
}

// JSON inside of <script>: nothing in it can end the element.
std::string Embedded(const Json& json) {
  std::string out;
  for (const char c : DumpJson(json)) {
    if (c == '<' || c == '>' || c == '&') {
      out += c == '<' ? "\\u003c" : c == '>' ? "\\u003e" : "\\u0026";
    } else {
      out += c;
    }
  }
  return out;
}

// 'sha256-…' of a policy.
std::string Source(std::string_view text) {
  std::string bytes;
  const std::string hex = Sha256Hex(text);
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return "'sha256-" + secrets::EncodeBase64(bytes) + "'";
}

std::string Seq(std::uint64_t seq) {
  return "<span class=\"seq\">#" + std::to_string(seq) + "</span>";
}

std::string Row(const char* name, const std::string& html) {
  return html.empty() ? "" : "<dt>" + std::string(name) + "</dt><dd>" + html + "</dd>\n";
}

std::string CitationsHtml(const Episode& e) {
  std::string out;
  for (const Citation& c : e.citations) {
    out += (out.empty() && e.because.empty() ? "" : "<br>") + Seq(c.seq) + " " +
           (c.wall_us == 0 ? "" : ClockText(c.wall_us)) + " " + Escaped(c.text);
  }
  return out;
}

std::string StepsHtml(const Episode& e) {
  std::string out;
  for (const Step& step : e.steps) {
    out += (out.empty() ? "" : "<br>") + std::string("+") + DurationText(step.wall_us - e.wall_us) +
           " " + Seq(step.seq) + " " + Escaped(step.text);
    if (!step.is_action) out += " <span class=\"dim\">(seen)</span>";
    if (step.is_action) {
      out += " <span class=\"dim\">" +
             Escaped(step.outcome_seq == 0 ? "(no outcome recorded)" : step.outcome) + "</span>";
    }
  }
  return out;
}

std::string StoryHtml(const Episode& e) {
  std::string who = e.from == e.to || e.to.empty() ? e.from : e.from + " → " + e.to;
  if (e.from.empty()) who = e.to;
  if (e.timeline != 0) who += ", timeline " + std::to_string(e.timeline);
  return "<section class=\"story\"><h3>" + Escaped(KindWord(e.kind)) + " " + Escaped(who) +
         " <span class=\"dim\">" + TimeText(e.wall_us) + "</span> " + Seq(e.seq) + "</h3><dl>\n" +
         Row("because", Escaped(e.because) + CitationsHtml(e)) + Row("chosen", Escaped(e.chosen)) +
         Row("steps", StepsHtml(e)) + Row("lost", Escaped(e.lost)) +
         Row("result", Escaped(e.result)) + "</dl></section>\n";
}

std::string TableHtml(const std::vector<HistoryLine>& lines) {
  std::string out =
      "<table><thead><tr><th>Time (UTC)</th><th>Record</th><th>Kind</th><th>What</th>"
      "<th>Told</th></tr></thead><tbody>\n";
  for (const HistoryLine& line : lines) {
    std::string causes;
    for (const std::uint64_t cause : line.causes) causes += " " + Seq(cause);
    out += "<tr id=\"r" + std::to_string(line.seq) + "\"" +
           (line.causes.empty() ? "" : " class=\"decision\"") + "><td>" + TimeText(line.wall_us) +
           "</td><td>" + Seq(line.seq) + "</td><td>" + Escaped(line.kind) + "</td><td>" +
           Escaped(line.what) + "</td><td>" + Escaped(line.text) +
           (causes.empty() ? "" : " <span class=\"dim\">because of</span>" + causes) +
           "</td></tr>\n";
  }
  return out + "</tbody></table>\n";
}

struct Page {
  const journal::BundleFile& bundle;
  ClusterKey cluster;
  std::vector<HistoryLine> lines;
  std::size_t hidden = 0, cut = 0;
  std::vector<Episode> episodes;
  Json data;
};

std::string HeadHtml(const Page& page) {
  const std::string title = Escaped(page.cluster.Text());
  return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src " +
         Source(ReportStyle()) + "; script-src " + Source(ReportScript()) +
         "; base-uri 'none'; form-action 'none'\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n<title>" +
         title + "</title>\n<style>" + std::string(ReportStyle()) +
         "</style></head>\n<body><main>\n";
}

std::string BodyHtml(const Page& page) {
  const auto& footer = page.bundle.footer();
  std::string out = "<h1>" + Escaped(page.cluster.Text()) + "</h1>\n<p class=\"dim\">" +
                    TimeText(GetInt(page.data, {"from"}) * 1000) + " to " +
                    TimeText(GetInt(page.data, {"to"}) * 1000) + " UTC · " +
                    Count(footer.records, "record") + " in " + Count(footer.frames, "frame") +
                    ", verified: chain intact to head <code>" +
                    journal::HexOf(page.bundle.Head().chain) + "</code></p>\n";
  if (!page.bundle.manifest().subjects.empty()) {
    out +=
        "<p class=\"note\">This bundle leaves records out: what they showed is missing here.</p>";
  }
  for (const Episode& e : page.episodes) out += StoryHtml(e);
  out +=
      "<h2>Lanes</h2>\n<div id=\"tools\"></div>\n<div id=\"legend\"></div>\n<svg id=\"chart\" "
      "tabindex=\"0\" role=\"img\" aria-label=\"lanes per instance; the table below says the "
      "same\"></svg>\n<div id=\"tip\"></div><div id=\"detail\" class=\"dim\">Click a decision or a "
      "mark.</div>\n<h2>Records</h2>\n";
  if (page.cut > 0) {
    out += "<p class=\"note\">" + Count(page.cut, "older line") +
           " left out: export a shorter time to see them.</p>\n";
  }
  out += TableHtml(page.lines);
  out += "<p class=\"dim\">" + Count(page.hidden, "heartbeat") +
         " not shown (lock renewals, positions, outcomes as expected).</p>\n";
  return out;
}

std::string Html(const Page& page) {
  return HeadHtml(page) + BodyHtml(page) +
         "</main>\n<script type=\"application/json\" id=\"data\">" + Embedded(page.data) +
         "</script>\n<script>" + std::string(ReportScript()) + "</script></body></html>\n";
}

Result<Page> Make(const Report& options, const Common& common, const journal::BundleFile& bundle,
                  const Records& records) {
  auto cluster = WhichCluster(records, options.cluster, common.ns);
  if (!cluster) return Fail(cluster.error());
  Page page{bundle, *cluster, LinesOf(records, *cluster), 0, 0, Explain(records, *cluster), {}};
  page.hidden = std::erase_if(page.lines, [](const HistoryLine& l) { return l.heartbeat; });
  if (page.lines.size() > kLinesMax) {
    page.cut = page.lines.size() - kLinesMax;
    page.lines.erase(page.lines.begin(),
                     page.lines.begin() + static_cast<std::ptrdiff_t>(page.cut));
  }
  page.data = ReportData(records, *cluster, page.lines, page.episodes);
  return page;
}

// The file appears under its name only when it is whole.
Status Write(const std::string& path, const std::string& text, bool replace) {
  if (!replace && access(path.c_str(), F_OK) == 0) {
    return Fail(Code::kConflict, "--file: \"" + path +
                                     "\": must not exist; choose another name, or --force replaces "
                                     "it");
  }
  const std::string part = path + ".part";
  const RemovedOnSignal removal(part);
  const auto problem = [&](const char* what) {
    const std::string why = std::strerror(errno);
    std::remove(part.c_str());
    return Fail(Code::kUnavailable, std::string(what) + " " + path + ": " + why);
  };
  std::FILE* file = std::fopen(part.c_str(), "wb");
  if (file == nullptr) return problem("write");
  const bool whole = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !whole) return problem("write");
  if (std::rename(part.c_str(), path.c_str()) != 0) return problem("rename to");
  return {};
}

}  // namespace

Status Run(const Report& options, const Common& common, Console& console) {
  if (options.bundle.empty()) {
    return Fail(Code::kInvalid,
                "no bundle is named: `pgo incident export` makes one; then pgo report FILE.pgoj");
  }
  auto bundle = OpenBundle(options.bundle);
  if (!bundle) return Fail(bundle.error());
  Records records;
  if (auto added = records.Add(*bundle); !added) return added;
  auto page = Make(options, common, **bundle, records);
  if (!page) return Fail(page.error());
  std::string file = options.file;
  if (file.empty()) {
    file = std::filesystem::path(options.bundle).filename().replace_extension(".html").string();
  }
  const std::string text = Html(*page);
  if (auto written = Write(file, text, options.force); !written) return written;
  if (common.output == "json") {
    console.out.Print(Pretty({{"file", file},
                              {"cluster", page->cluster.Text()},
                              {"lines", page->lines.size()},
                              {"episodes", page->episodes.size()},
                              {"bytes", text.size()}}));
    return {};
  }
  console.out.Line(file + ": " + Count(page->lines.size(), "line") + ", " +
                   "stories: " + std::to_string(page->episodes.size()) + ", " + Bytes(text.size()) +
                   "; open it in any browser, it loads nothing else");
  return {};
}

}  // namespace pgo::cli
