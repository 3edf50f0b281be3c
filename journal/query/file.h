// A file descriptor that closes itself, and the few calls that bundles need. Internal to
// journal/query.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace pgo::journal {

class File {
 public:
  File() = default;
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  static Result<File> OpenForReading(const std::string& path);
  static Result<File> Create(const std::string& path);  // kConflict if it exists

  Result<std::size_t> Read(char* buffer, std::size_t size) const;  // from the current place
  Status ReadAt(std::uint64_t offset, char* buffer, std::size_t size) const;  // all or an error
  Status Write(std::string_view bytes) const;
  Status Sync() const;

 private:
  File(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  [[nodiscard]] tl::unexpected<Error> Problem(const char* what) const;

  int fd_ = -1;
  std::string path_;
};

// Gives a synced file its final name and makes the name durable.
Status RenameDurably(const std::string& from, const std::string& to);

}  // namespace pgo::journal
