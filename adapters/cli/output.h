// What people see: tables, colours, lines that are redrawn while something is waited for. On a
// terminal it may use colours (not with NO_COLOR) and redraw; in a pipe it is plain lines.
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/json.h"
#include "engine/base/result.h"

namespace pgo::cli {

enum class Style : std::uint8_t { kPlain, kBold, kDim, kGood, kBad, kWarn };

// A stream that knows whether it is a terminal. Does not own the FILE.
class Output {
 public:
  explicit Output(std::FILE* file);
  Output(std::FILE* file, bool terminal, bool colours)
      : file_(file), terminal_(terminal), colours_(colours) {}

  void Print(std::string_view text);  // as it stands, flushed
  void Line(std::string_view text) { Print(std::string(text) + "\n"); }
  [[nodiscard]] std::string Styled(Style style, std::string_view text) const;
  [[nodiscard]] bool terminal() const { return terminal_; }
  // Writes there from now on; what it is for (colours, width) stays as it was: a pager shows it.
  void Redirect(std::FILE* file) { file_ = file; }

 private:
  std::FILE* file_;
  bool terminal_;
  bool colours_;
};

// Standard output and standard error of this process.
struct Console {
  Output out{stdout};
  Output err{stderr};
  int status = 0;  // exit status of a verb that did what it was asked for
};

// Columns that are as wide as their widest cell, two spaces apart; the last one is not padded.
// Widths count characters, not bytes.
class Table {
 public:
  explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  void Row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  [[nodiscard]] std::string Text() const;
  [[nodiscard]] std::size_t rows() const { return rows_.size() - 1; }

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Named lines that change while something is waited for. On a terminal the block is redrawn in
// place; elsewhere a line is printed each time its text changes.
class Progress {
 public:
  explicit Progress(Output& output) : output_(output) {}
  // `text` is what has to change for a line to be printed again; `detail` is only shown on a
  // terminal (elapsed time and the like).
  void Set(const std::string& name, const std::string& text, const std::string& detail = {});
  void Remove(const std::string& name);
  // Redraws; does nothing in a pipe.
  void Draw();
  // Leaves the block as it stands.
  void End();

 private:
  struct Entry {
    std::string text, detail;
  };
  Output& output_;
  std::map<std::string, Entry> entries_;
  std::size_t drawn_ = 0;
};

// Characters of UTF-8 text as a terminal counts them (no wide or combining characters are printed).
std::size_t Width(std::string_view utf8);
std::string Pad(std::string_view text, std::size_t width);

// "2026-11-21 12:03:41.118" and "12:03:41.118", in UTC.
std::string TimeText(std::int64_t wall_us);
std::string ClockText(std::int64_t wall_us);
// "0.031 s", "5.8 s", "4 m 12 s", "3 h 5 m", "6 d 23 h".
std::string DurationText(std::int64_t us);
// "4,377"
std::string Grouped(std::uint64_t number);
// "1 event", "4,377 events"
std::string Count(std::uint64_t number, std::string_view noun);
// "812 B", "3.4 MiB"
std::string Bytes(std::uint64_t bytes);
// Indented JSON with a final newline.
std::string Pretty(const Json& json);

}  // namespace pgo::cli
