#include "engine/postgres/sql.h"

#include <algorithm>
#include <array>
#include <vector>

namespace pgo::postgres {
namespace {

constexpr auto kFlags = std::to_array<std::string_view>(
    {"SUPERUSER", "NOSUPERUSER", "CREATEDB", "NOCREATEDB", "CREATEROLE", "NOCREATEROLE", "INHERIT",
     "NOINHERIT", "LOGIN", "NOLOGIN", "REPLICATION", "NOREPLICATION", "BYPASSRLS", "NOBYPASSRLS"});

std::string Upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

// Words, and strings in single quotes (kept with their opening quote, without the closing one).
std::optional<std::vector<std::string>> Words(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == ' ' || text[at] == '\t' || text[at] == '\n') {
      ++at;
    } else if (text[at] == '\'') {
      const std::size_t end = text.find('\'', at + 1);
      if (end == std::string_view::npos) return std::nullopt;
      words.emplace_back(text.substr(at, end - at));
      at = end + 1;
    } else {
      const std::size_t end = std::min(text.find_first_of(" \t\n'", at), text.size());
      words.push_back(Upper(text.substr(at, end - at)));
      at = end;
    }
  }
  return words;
}

bool IsNumber(const std::string& word) {
  const std::size_t sign = word.starts_with('-') ? 1 : 0;
  return word.size() > sign && word.size() < 10 &&
         word.find_first_not_of("0123456789", sign) == std::string::npos;
}

}  // namespace

std::string QuoteIdentifier(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string QuoteLiteral(std::string_view text) {
  std::string out = text.find('\\') == std::string_view::npos ? "'" : " E'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += c;
    out += c;
  }
  return out + "'";
}

std::string ConnectArgument(std::string_view database) {
  // Quoted twice: for libpq's connection string, then for psql.
  std::string conninfo = "dbname='";
  for (const char c : database) {
    if (c == '\'' || c == '\\') conninfo += '\\';
    conninfo += c;
  }
  conninfo += "'";
  std::string out = "'";
  for (const char c : conninfo) {
    if (c == '\'' || c == '\\') out += c;
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::optional<std::string> RoleOptions(std::string_view text) {
  const auto words = Words(text);
  if (!words) return std::nullopt;
  std::string out;
  const auto add = [&out](const std::string& option) { out += (out.empty() ? "" : " ") + option; };
  for (std::size_t i = 0; i < words->size(); ++i) {
    const std::string& word = (*words)[i];
    const bool has_two = i + 2 < words->size();
    if (std::ranges::find(kFlags, word) != kFlags.end()) {
      add(word);
    } else if (word == "CONNECTION" && has_two && (*words)[i + 1] == "LIMIT" &&
               IsNumber((*words)[i + 2])) {
      add("CONNECTION LIMIT " + (*words)[i + 2]);
      i += 2;
    } else if (word == "VALID" && has_two && (*words)[i + 1] == "UNTIL" &&
               (*words)[i + 2].starts_with('\'')) {
      add("VALID UNTIL " + QuoteLiteral((*words)[i + 2].substr(1)));
      i += 2;
    } else {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace pgo::postgres
