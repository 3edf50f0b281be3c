#include "journal/testing/injuries/files.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace pgo::journal::injuries {
namespace {

namespace fs = std::filesystem;

void Check(bool fine, const std::string& path, const char* what) {
  if (fine) return;
  std::fprintf(stderr, "pgo-injuries: %s: cannot be %s\n", path.c_str(), what);
  std::exit(3);
}

}  // namespace

std::vector<std::string> FilesIn(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator files(directory, error); !error && files != fs::directory_iterator();
       files.increment(error)) {
    if (files->is_regular_file(error)) names.push_back(files->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string ReadText(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  Check(in.good() || in.eof(), path, "read");
  return text;
}

void WriteText(const std::string& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
  out.close();
  Check(out.good(), path, "written");
}

void RemoveFile(const std::string& path) {
  std::error_code error;
  fs::remove(path, error);
  Check(!error, path, "removed");
}

void RemoveTree(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  Check(!error, path, "removed");
}

void MakeDirectory(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  Check(!error, path, "made");
}

void CopyDirectory(const std::string& from, const std::string& to) {
  RemoveTree(to);
  MakeDirectory(to);
  for (const std::string& name : FilesIn(from)) {
    std::error_code error;
    fs::copy_file(from + "/" + name, to + "/" + name, error);
    Check(!error, from + "/" + name, "copied");
  }
}

Scratch::Scratch(const std::string& parent) {
  std::error_code error;
  fs::path base = parent;
  if (parent.empty()) {
    const bool memory = fs::is_directory("/dev/shm", error) && ::access("/dev/shm", W_OK) == 0;
    base = memory ? fs::path("/dev/shm") : fs::temp_directory_path(error);
  }
  path_ = (base / "pgo-injuries-XXXXXX").string();
  Check(::mkdtemp(path_.data()) != nullptr, path_, "made");
}

Scratch::~Scratch() {
  std::error_code error;
  fs::remove_all(path_, error);
}

}  // namespace pgo::journal::injuries
