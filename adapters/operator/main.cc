#include <cstdio>

#include "adapters/operator/operator.h"

int main(int argc, char** argv) {
  const auto options = pgo::ReadOptions(argc, argv);
  if (!options) {
    if (options.error().message.empty()) return 0;
    std::fprintf(stderr, "pgo-operator: %s\n", options.error().message.c_str());
    return 2;
  }
  const auto status = options->export_journal      ? pgo::ExportJournal(*options)
                      : options->journal_status    ? pgo::ShowJournal(*options)
                      : options->journal_retention ? pgo::RetainJournal(*options)
                      : options->journal_compact   ? pgo::CompactJournal(*options)
                      : options->salvage_journal   ? pgo::SalvageJournal(*options)
                                                   : pgo::RunOperator(*options);
  if (status) return 0;
  std::fprintf(stderr, "pgo-operator: %s\n", status.error().message.c_str());
  return 2;
}
