#include "adapters/cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "engine/base/ids.h"

namespace pgo::cli {
namespace {

bool ColoursWanted(bool terminal) {
  const char* none = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return terminal && (none == nullptr || *none == '\0') &&
         (term == nullptr || std::string_view(term) != "dumb");
}

const char* CodeOf(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kBold:
      return "\x1b[1m";
    case Style::kDim:
      return "\x1b[2m";
    case Style::kGood:
      return "\x1b[32m";
    case Style::kBad:
      return "\x1b[31m";
    case Style::kWarn:
      return "\x1b[33m";
  }
  return "";
}

// "5.8", "0.0": tenths without a float.
std::string Tenths(std::int64_t value, std::int64_t unit) {
  const std::int64_t tenths = (value * 10 + unit / 2) / unit;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

}  // namespace

Output::Output(std::FILE* file) : file_(file), terminal_(isatty(fileno(file)) == 1) {
  colours_ = ColoursWanted(terminal_);
}

void Output::Print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), file_);
  std::fflush(file_);
}

std::string Output::Styled(Style style, std::string_view text) const {
  if (!colours_ || style == Style::kPlain) return std::string(text);
  return CodeOf(style) + std::string(text) + "\x1b[0m";
}

std::size_t Width(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(
      utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string Pad(std::string_view text, std::size_t width) {
  std::string out(text);
  const std::size_t have = Width(text);
  if (have < width) out.append(width - have, ' ');
  return out;
}

std::string Table::Text() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    if (widths.size() < row.size()) widths.resize(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += Pad(row[i], widths[i]) + "  ";
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

void Progress::Set(const std::string& name, const std::string& text, const std::string& detail) {
  Entry& entry = entries_[name];
  const bool changed = entry.text != text;
  entry = {text, detail};
  if (changed && !output_.terminal()) output_.Line(text);
}

void Progress::Remove(const std::string& name) { entries_.erase(name); }

void Progress::Draw() {
  if (!output_.terminal()) return;
  std::string out;
  if (drawn_ > 0) out += "\x1b[" + std::to_string(drawn_) + "A";
  for (const auto& [name, entry] : entries_) {
    out += "\r\x1b[2K" + entry.text;
    if (!entry.detail.empty()) out += "  " + output_.Styled(Style::kDim, entry.detail);
    out += "\n";
  }
  // Lines that are no longer needed.
  for (std::size_t i = entries_.size(); i < drawn_; ++i) out += "\r\x1b[2K\n";
  if (drawn_ > entries_.size()) out += "\x1b[" + std::to_string(drawn_ - entries_.size()) + "A";
  drawn_ = entries_.size();
  output_.Print(out);
}

void Progress::End() {
  Draw();
  drawn_ = 0;
  entries_.clear();
}

std::string TimeText(std::int64_t wall_us) {
  std::string text = WallText(wall_us);
  text.pop_back();
  text[10] = ' ';
  return text;
}

std::string ClockText(std::int64_t wall_us) { return TimeText(wall_us).substr(11); }

std::string DurationText(std::int64_t us) {
  if (us < 0) return "-" + DurationText(-us);
  constexpr std::int64_t kMinute = 60 * kSecond;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  if (us < kSecond) {
    const std::string ms = std::to_string(us / 1000);
    return "0." + std::string(3 - ms.size(), '0') + ms + " s";
  }
  if (us < kMinute) return Tenths(us, kSecond) + " s";
  const auto pair = [us](std::int64_t large, const char* a, std::int64_t small, const char* b) {
    return std::to_string(us / large) + a + std::to_string(us % large / small) + b;
  };
  if (us < kHour) return pair(kMinute, " m ", kSecond, " s");
  if (us < kDay) return pair(kHour, " h ", kMinute, " m");
  return pair(kDay, " d ", kHour, " h");
}

std::string Grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string Count(std::uint64_t number, std::string_view noun) {
  return Grouped(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

std::string Bytes(std::uint64_t bytes) {
  static constexpr std::array kUnits{"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  std::uint64_t unit = 1024;
  std::size_t at = 0;
  while (bytes >= unit * 1024 && at + 1 < kUnits.size()) {
    unit *= 1024;
    ++at;
  }
  return Tenths(static_cast<std::int64_t>(bytes), static_cast<std::int64_t>(unit)) + " " +
         kUnits.at(at);
}

std::string Pretty(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pgo::cli
