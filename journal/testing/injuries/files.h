// The few calls on files that the injuries need. What fails ends the process: nothing could be
// proven on a disk that does not work.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgo::journal::injuries {

std::vector<std::string> FilesIn(
    const std::string& directory);  // names, sorted; none: no directory
std::string ReadText(const std::string& path);
void WriteText(const std::string& path, std::string_view bytes);
void RemoveFile(const std::string& path);
void RemoveTree(const std::string& path);
void MakeDirectory(const std::string& path);
// `to` is made anew.
void CopyDirectory(const std::string& from, const std::string& to);

// A directory of this process alone, in memory if the machine allows it; removed at the end.
class Scratch {
 public:
  explicit Scratch(const std::string& parent);  // "" : /dev/shm, else the system's
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] std::string Path(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace pgo::journal::injuries
