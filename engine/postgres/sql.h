// SQL and psql text made of other people's names, quoted so that no name ends its own quotes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgo::postgres {

// https://www.postgresql.org/docs/current/sql-syntax-lexical.html
std::string QuoteIdentifier(std::string_view name);  // "app"
std::string QuoteLiteral(std::string_view text);     // 'app', standard_conforming_strings or not
// Argument of psql's \connect: a connection string that names the database.
std::string ConnectArgument(std::string_view database);

// Options of CREATE ROLE as a manifest may give them, in normal form; nothing if there is a word
// that is not such an option (PASSWORD and memberships are not).
std::optional<std::string> RoleOptions(std::string_view text);

}  // namespace pgo::postgres
