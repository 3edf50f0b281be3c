#include "engine/rooms/instances/scripts.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace pgo::rooms::instances {
namespace {

namespace fs = std::filesystem;

// A directory with a `curl` of the test's own in front of PATH.
class Sandbox {
 public:
  explicit Sandbox(const std::string& curl) {
    std::string pattern = (fs::temp_directory_path() / "pgo-scripts-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    Write("curl", "#!/bin/bash\n" + curl + "\n");
    fs::permissions(directory_ / "curl", fs::perms::owner_all);
  }
  ~Sandbox() { fs::remove_all(directory_); }
  [[nodiscard]] fs::path At(const std::string& name) const { return directory_ / name; }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(At(name)) << text;
  }
  void WriteProgram(const std::string& name, const std::string& text) const {
    Write(name, "#!/bin/bash\n" + text + "\n");
    fs::permissions(At(name), fs::perms::owner_all);
  }
  // Starts bash with the script, as the pod does.
  [[nodiscard]] pid_t Start(const std::string& script, const std::string& argument) const {
    const std::string path = directory_.string() + ":" + std::getenv("PATH");
    const pid_t pid = fork();
    if (pid == 0) {
      setenv("PATH", path.c_str(), 1);
      setenv("SANDBOX", directory_.c_str(), 1);
      const int log = open(At("log").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
      dup2(log, STDOUT_FILENO);
      dup2(log, STDERR_FILENO);
      execlp("bash", "bash", "-c", "--", script.c_str(), "test", argument.c_str(), "8008", nullptr);
      _exit(127);
    }
    return pid;
  }

 private:
  fs::path directory_;
};

int ExitOf(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

std::string TextOf(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Waits until the file is there and holds the words.
bool Says(const fs::path& path, const std::string& words) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!fs::exists(path) || TextOf(path).find(words) == std::string::npos) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

int Ready(const std::string& body, const std::string& code) {
  const Sandbox sandbox("printf '%s\\n%s' '" + body + "' " + code);
  return ExitOf(sandbox.Start(ReadyScript(), "8008"));
}

TEST(ReadyScript, TheHolderOnceItIsAPrimaryTheOthersOnceTheyReplay) {
  EXPECT_EQ(Ready(R"({"state": "running", "role": "primary"})", "200"), 0);
  EXPECT_EQ(Ready(R"({"state": "running", "role": "replica"})", "503"), 0);
  EXPECT_EQ(Ready(R"({"state": "running", "role": "standby_leader"})", "200"), 0);
}

TEST(ReadyScript, AHolderInRecoveryAndAPrimaryWithoutTheLockAreNotReady) {
  EXPECT_NE(Ready(R"({"state": "running", "role": "replica"})", "200"), 0);
  EXPECT_NE(Ready(R"({"state": "running", "role": "promoted"})", "200"), 0);
  EXPECT_NE(Ready(R"({"state": "starting", "role": "primary"})", "200"), 0);
  EXPECT_NE(Ready(R"({"state": "running", "role": "primary"})", "503"), 0);
  EXPECT_NE(Ready("", "503"), 0);
  const Sandbox refused("exit 7");
  EXPECT_NE(ExitOf(refused.Start(ReadyScript(), "8008")), 0);
}

TEST(PatroniScript, ANamesakeOnTheSameVolumeWaitsUntilTheFirstHasEnded) {
  const Sandbox sandbox("exit 1");
  sandbox.WriteProgram("patroni",
                       "echo started >>$SANDBOX/starts\n"
                       "while [[ ! -e $SANDBOX/end ]]; do sleep 0.02; done");
  const std::string lock = sandbox.At("lock").string();
  const pid_t first = sandbox.Start(PatroniScript(), lock);
  ASSERT_TRUE(Says(sandbox.At("starts"), "started\n"));
  const pid_t namesake = sandbox.Start(PatroniScript(), lock);
  EXPECT_TRUE(Says(sandbox.At("log"), "another container still uses this volume"));
  EXPECT_EQ(TextOf(sandbox.At("starts")), "started\n");
  kill(first, SIGKILL);  // the kernel takes the lock back, whatever way the holder ended
  EXPECT_EQ(ExitOf(first), 128);
  EXPECT_TRUE(Says(sandbox.At("starts"), "started\nstarted\n"));
  sandbox.Write("end", "");
  EXPECT_EQ(ExitOf(namesake), 0);
}

TEST(WatchScript, APostmasterThatDiesWakesPatroniEvenAtTheSecondTry) {
  const Sandbox sandbox(
      "[[ -e $SANDBOX/tried ]] || { touch $SANDBOX/tried; exit 56; }\n"
      "printf '%s ' \"$@\" >$SANDBOX/said; mv $SANDBOX/said $SANDBOX/told");
  const pid_t postmaster = fork();
  if (postmaster == 0) {
    pause();
    _exit(0);
  }
  sandbox.Write("postmaster.pid", std::to_string(postmaster) + "\n/pgdata/pg17\n");
  const pid_t watcher = sandbox.Start(WatchScript(), sandbox.At("").string());
  EXPECT_TRUE(Says(sandbox.At("log"), "postmaster " + std::to_string(postmaster) + " runs"));
  EXPECT_FALSE(fs::exists(sandbox.At("tried")));
  kill(postmaster, SIGKILL);
  EXPECT_EQ(ExitOf(postmaster), 128);
  EXPECT_TRUE(Says(sandbox.At("told"), "--request PATCH")) << TextOf(sandbox.At("log"));
  EXPECT_TRUE(Says(sandbox.At("told"), "https://127.0.0.1:8008/config"));
  kill(watcher, SIGTERM);
  EXPECT_EQ(ExitOf(watcher), 0);
}

// A data directory on one volume, its WAL there or on another; MoveWalScript brings it over.
class MoveWal : public ::testing::Test {
 protected:
  MoveWal() {
    fs::create_directories(sandbox.At("pgdata/pg17"));
    fs::create_directories(sandbox.At("pgwal"));
    sandbox.Write("pgdata/pg17/PG_VERSION", "17\n");
    MakeWal(Here());
    fs::create_directory_symlink(Here(), Link());
  }
  [[nodiscard]] fs::path Here() const { return sandbox.At("pgdata/pg17_wal"); }
  [[nodiscard]] fs::path There() const { return sandbox.At("pgwal/pg17_wal"); }
  [[nodiscard]] fs::path Link() const { return sandbox.At("pgdata/pg17/pg_wal"); }
  static void MakeWal(const fs::path& directory) {
    fs::create_directories(directory / "archive_status");
    std::ofstream(directory / "000000010000000000000001") << "first";
    std::ofstream(directory / "000000010000000000000002") << "second";
    std::ofstream(directory / "archive_status/000000010000000000000001.ready") << "";
  }
  static bool HasAll(const fs::path& directory) {
    return TextOf(directory / "000000010000000000000001") == "first" &&
           TextOf(directory / "000000010000000000000002") == "second" &&
           fs::exists(directory / "archive_status/000000010000000000000001.ready");
  }
  // `killed_at`: before its so many-th command the shell is killed; 0: never.
  int Run(const fs::path& to, const fs::path& from, int killed_at = 0) {
    std::string script =
        "set -euo pipefail; declare -r data=$1 wal=$2; declare -i ran=0\n"
        "halt() { printf 'halt: %s\\n' \"$*\"; exit 1; }\n"
        "set -- 17 \"$1\" \"$2\" \"$3\" \"$4\" \"$5\"\n";
    if (killed_at > 0) {
      script += "set -T; trap '((++ran != " + std::to_string(killed_at) +
                ")) || kill -9 $BASHPID $$' DEBUG\n";
    }
    script += MoveWalScript();
    const bool on = to == There();
    const pid_t pid = fork();
    if (pid == 0) {
      const int log = open(sandbox.At("log").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
      dup2(log, STDOUT_FILENO);
      dup2(log, STDERR_FILENO);
      execlp("bash", "bash", "-c", "--", script.c_str(), "startup",
             sandbox.At("pgdata/pg17").c_str(), to.c_str(), from.c_str(), on ? "volume" : "data",
             on ? "data" : "volume", nullptr);
      _exit(127);
    }
    return ExitOf(pid);
  }
  void ExpectAt(const fs::path& place) {
    EXPECT_EQ(fs::canonical(Link()), fs::canonical(place)) << TextOf(sandbox.At("log"));
    EXPECT_TRUE(HasAll(Link())) << TextOf(sandbox.At("log"));
    EXPECT_FALSE(fs::exists(place == There() ? Here() : There()));
    EXPECT_FALSE(fs::exists(Link().string() + ".plain"));
    EXPECT_FALSE(fs::exists(place.string() + ".moving"));
  }

  Sandbox sandbox{""};
};

TEST_F(MoveWal, GoesToItsVolumeAndBackAndStays) {
  ASSERT_EQ(Run(There(), Here()), 0) << TextOf(sandbox.At("log"));
  ExpectAt(There());
  ASSERT_EQ(Run(There(), Here()), 0);
  ExpectAt(There());
  ASSERT_EQ(Run(Here(), There()), 0);
  ExpectAt(Here());
}

TEST_F(MoveWal, KilledAtAnyCommandNothingIsLostAndTheNextStartGoesOn) {
  int killed = 0;
  for (int at = 1; at < 200; ++at) {
    fs::remove_all(Here());
    fs::remove_all(There());
    fs::remove(Link());
    MakeWal(Here());
    fs::create_directory_symlink(Here(), Link());
    const int status = Run(There(), Here(), at);
    ASSERT_TRUE(HasAll(Link())) << "killed before command " << at;
    killed += status == 128 ? 1 : 0;
    ASSERT_EQ(Run(There(), Here()), 0) << at << TextOf(sandbox.At("log"));
    ExpectAt(There());
    if (status == 0) break;
  }
  EXPECT_GT(killed, 20);
}

TEST_F(MoveWal, APlainDirectoryBecomesALinkWhateverTheMoment) {
  int killed = 0;
  for (int at = 1; at < 200; ++at) {
    fs::remove_all(Here());
    fs::remove_all(There());
    fs::remove_all(Link());
    MakeWal(Link());
    const int status = Run(There(), Here(), at);
    killed += status == 128 ? 1 : 0;
    ASSERT_EQ(Run(There(), Here()), 0) << at << TextOf(sandbox.At("log"));
    ExpectAt(There());
    if (status == 0) break;
  }
  EXPECT_GT(killed, 20);
}

TEST_F(MoveWal, WhatItCannotCopyStaysAndPostgresStarts) {
  sandbox.WriteProgram("cp", "echo 'cp: I/O error' >&2; exit 1");
  const std::string path = sandbox.At("").string() + ":" + std::getenv("PATH");
  const std::string before = std::getenv("PATH");
  setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(Run(There(), Here()), 0);
  setenv("PATH", before.c_str(), 1);
  ExpectAt(Here());
}

TEST_F(MoveWal, WithoutWhatTheLinkLeadsToNothingStarts) {
  ASSERT_EQ(Run(There(), Here()), 0);
  fs::remove_all(There());
  EXPECT_EQ(Run(There(), Here()), 1);
  EXPECT_TRUE(Says(sandbox.At("log"), "halt: pg_wal of"));
}

TEST_F(MoveWal, WalOfALostDataDirectoryIsKeptAndOutOfTheWay) {
  ASSERT_EQ(Run(There(), Here()), 0);
  fs::remove_all(sandbox.At("pgdata/pg17"));
  ASSERT_EQ(Run(There(), Here()), 0);
  EXPECT_FALSE(fs::exists(There()));
  int kept = 0;
  for (const auto& entry : fs::directory_iterator(sandbox.At("pgwal"))) {
    kept += HasAll(entry.path()) ? 1 : 0;
  }
  EXPECT_EQ(kept, 1);
}

TEST(Scripts, AreBash) {
  for (const auto& script :
       {StartupScript(), StartupScript() + MoveWalScript(), WatchScript(), ReadyScript()}) {
    const Sandbox sandbox("");
    EXPECT_EQ(ExitOf(sandbox.Start("bash -n <<<\"$1\"", script)), 0) << script;
  }
}

}  // namespace
}  // namespace pgo::rooms::instances
