// The fixed parts of a report: report/page.css and report/page.js.
#pragma once

#include <string_view>

namespace pgo::cli {

std::string_view ReportStyle();
std::string_view ReportScript();

}  // namespace pgo::cli
