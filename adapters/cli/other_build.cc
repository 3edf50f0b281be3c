#include "adapters/cli/other_build.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "adapters/cli/journal_source.h"
#include "adapters/cli/verbs.h"

extern char** environ;

namespace pgo::cli {
namespace {

Result<std::string> ProgramAt(const std::string& with) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  fs::path path = fs::absolute(with, ignored);
  if (fs::is_directory(path, ignored)) path /= "pgo";
  if (path.filename().string().starts_with("pgo-operator")) path = path.parent_path() / "pgo";
  if (access(path.c_str(), X_OK) == 0 && fs::is_regular_file(path, ignored)) return path.string();
  return Fail(Code::kInvalid, "--with: \"" + with +
                                  "\": must be a pgo program, or a directory with " + "one; " +
                                  path.string() + " is none");
}

std::vector<std::string> Words(const std::string& program, const Rehearse& options) {
  std::vector<std::string> out{program, "rehearse", options.bundle, "-o", "json"};
  for (const std::string& setting : options.settings) out.push_back("--set=" + setting);
  if (!options.from.empty()) out.push_back("--from=" + options.from);
  if (!options.to.empty()) out.push_back("--to=" + options.to);
  return out;
}

// Its exit status; what it printed stands in the files.
Result<int> RunIt(std::vector<std::string> words, const std::string& out, const std::string& err) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  const int flags = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, out.c_str(), flags, 0600);
  posix_spawn_file_actions_addopen(&files, 2, err.c_str(), flags, 0600);
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  const int failed = posix_spawn(&child, argv[0], &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0) return Fail(Code::kInvalid, "run " + words[0] + ": " + std::strerror(failed));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

std::string ReadAll(const std::string& path) {
  std::string text;
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return text;
  char buffer[65536];
  for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, file)) > 0;) {
    text.append(buffer, n);
  }
  std::fclose(file);
  return text;
}

}  // namespace

Result<Json> RehearseElsewhere(const Rehearse& options, Console& console) {
  auto program = ProgramAt(options.with);
  if (!program) return Fail(program.error());
  if (console.err.terminal()) {
    console.err.Line(console.err.Styled(Style::kDim, "rehearsing with " + *program));
  }
  const TemporaryFile out, err;
  auto status = RunIt(Words(*program, options), out.path(), err.path());
  if (!status) return Fail(status.error().In("--with"));
  auto json = ParseJson(ReadAll(out.path()));
  if (*status <= kStatusDifferent && json && GetInt(*json, {"rehearsal"}) == 1) return *json;
  std::string said = ReadAll(err.path()).substr(0, 500);
  while (said.ends_with('\n')) said.pop_back();
  return Fail(Code::kInvalid, "--with: " + *program + " did not rehearse (exit status " +
                                  std::to_string(*status) + ")" +
                                  (said.empty() ? "" : ": " + said) +
                                  "; it has to be a pgo that has the verb rehearse");
}

}  // namespace pgo::cli
