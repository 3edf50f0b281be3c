// Finding a subject's records by looking at all: for readers without an index.
#pragma once

#include <string_view>

#include "journal/query/reader.h"

namespace pgo::journal {

Status ScanBySubject(const Reader& reader, std::string_view subject, SeqRange range, Order order,
                     const EntryCallback& callback);

}  // namespace pgo::journal
