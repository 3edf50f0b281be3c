// `pgo rehearse`: what this build, another one, or other settings would have done in an old
// journal.
#include "engine/rehearse.h"

#include <set>

#include "adapters/cli/journal_source.h"
#include "adapters/cli/other_build.h"
#include "adapters/cli/overrides.h"
#include "adapters/cli/rehearse_text.h"
#include "adapters/cli/replaying.h"
#include "adapters/cli/verbs.h"
#include "engine/engine.h"
#include "journal/query/place.h"

namespace pgo::cli {
namespace {

Result<RehearsalRange> RangeOf(const Rehearse& options, const journal::BundleFile& bundle) {
  RehearsalRange range;
  const auto place = journal::PlaceOfSeq(bundle, bundle.Head().seq);
  if (!place) return Fail(place.error());
  const auto find = [&](const std::string& option, const std::string& text,
                        bool next) -> Result<std::uint64_t> {
    const auto moment = ParseMoment(option, text, place->at.wall_us);
    if (!moment) return Fail(moment.error());
    if (moment->seq != 0) return moment->seq;
    const auto at = journal::PlaceOf(bundle, moment->wall_us);
    if (!at) return Fail(at.error());
    return next ? at->at.seq + 1 : at->at.seq;
  };
  if (!options.from.empty()) {
    auto from = find("--from", options.from, true);
    if (!from) return Fail(from.error());
    range.from = *from;
  }
  if (!options.to.empty()) {
    auto to = find("--to", options.to, false);
    if (!to) return Fail(to.error());
    range.to = *to;
  }
  if (range.from <= range.to && range.from <= place->last.seq) return range;
  return Fail(Code::kInvalid, "--from: \"" + options.from +
                                  "\": must be before --to and before the end of the bundle, " +
                                  TimeText(place->last.wall_us) + "; choose an earlier one");
}

Result<Json> RehearseHere(const Rehearse& options, const journal::BundleFile& bundle,
                          Console& console) {
  std::vector<Override> overrides;
  for (const std::string& text : options.settings) {
    auto parsed = ParseOverride(text);
    if (!parsed) return Fail(parsed.error());
    overrides.push_back(*std::move(parsed));
  }
  auto range = RangeOf(options, bundle);
  if (!range) return Fail(range.error());
  Rehearser rehearser(*range, [&](Payload& payload) { ApplyOverrides(overrides, payload); });
  Percent progress(console.err, "rehearsing");
  auto fed = FeedAll(bundle, "so nobody knows what its decisions rested on", progress,
                     [&](const StoredRecord& record) { rehearser.Feed(record); });
  if (!fed) return Fail(fed.error());
  Json out = RehearsalJson(rehearser.Finish());
  out["build"] = kVersion;
  out["ruleset"] = kRuleset;
  out["settings"] = options.settings;
  return out;
}

}  // namespace

Status Run(const Rehearse& options, const Common& common, Console& console) {
  auto bundle = OpenBundle(options.bundle);
  if (!bundle) return Fail(bundle.error());
  auto result = options.with.empty() ? RehearseHere(options, **bundle, console)
                                     : RehearseElsewhere(options, console);
  if (!result) return Fail(result.error());
  (*result)["bundle"] = options.bundle;
  if (!GetBool(*result, {"identical"})) console.status = kStatusDifferent;
  if (common.output == "json") {
    console.out.Print(Pretty(*result));
    return {};
  }
  const auto describe = [&](std::uint64_t seq) { return DescribeRecord(**bundle, seq); };
  console.out.Print(RehearsalText(*result, options.all, describe, console.out));
  return {};
}

}  // namespace pgo::cli
