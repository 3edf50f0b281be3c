#include <unistd.h>

#include <cstdio>
#include <ctime>

#include "adapters/operator/operator.h"
#include "engine/base/ids.h"
#include "journal/query/bundle_file.h"
#include "journal/store/journal.h"

namespace pgo {

Status ExportJournal(const Options& options) {
  journal::JournalOptions how;
  how.create_if_missing = false;
  const auto opened = journal::Journal::Open(options.data_directory + "/journal", how);
  if (!opened) return Fail(opened.error().In("journal of " + options.data_directory));
  journal::ExportOptions what;
  what.build = kBuild;
  what.created_wall_us = static_cast<std::int64_t>(std::time(nullptr)) * kSecond;
  const bool terminal = isatty(STDERR_FILENO) != 0;
  what.progress = [&](std::uint64_t seq, std::uint64_t last) {
    if (terminal && last != 0) {
      std::fprintf(stderr, "\r%3d %%", static_cast<int>(seq * 100 / last));
    }
    return true;
  };
  const auto written = journal::ExportBundleFile(**opened, what, options.output);
  if (terminal) std::fprintf(stderr, "\r      \r");
  if (!written) return Fail(written.error().In("export"));
  return {};
}

}  // namespace pgo
