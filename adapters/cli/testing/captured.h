// Runs a verb with its output kept.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <string>

#include "adapters/cli/verbs.h"

namespace pgo::cli::testing {

class Captured {
 public:
  Captured() : out_file_(std::tmpfile()), err_file_(std::tmpfile()) {}
  ~Captured() {
    std::fclose(out_file_);
    std::fclose(err_file_);
  }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;

  template <typename Options>
  Status operator()(const Options& options, const Common& common = {}) {
    Clear(out_file_);
    Clear(err_file_);
    Console console{Output(out_file_, false, false), Output(err_file_, false, false)};
    Status done = Run(options, common, console);
    status_ = console.status;
    return done;
  }
  // Exit status of the last verb that succeeded.
  [[nodiscard]] int status() const { return status_; }
  // The message of a verb that must fail.
  template <typename Options>
  std::string Error(const Options& options, const Common& common = {}) {
    auto done = (*this)(options, common);
    return done ? "(it succeeded)" : done.error().message;
  }
  [[nodiscard]] std::string out() const { return Text(out_file_); }
  [[nodiscard]] std::string err() const { return Text(err_file_); }

 private:
  static void Clear(std::FILE* file) {
    std::rewind(file);
    if (ftruncate(fileno(file), 0) != 0) std::rewind(file);
  }
  static std::string Text(std::FILE* file) {
    std::fflush(file);
    std::rewind(file);
    std::string text;
    for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
    return text;
  }
  std::FILE* out_file_;
  std::FILE* err_file_;
  int status_ = 0;
};

}  // namespace pgo::cli::testing
