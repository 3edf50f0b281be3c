// The store's file: one JSON object a line, each the newest state of one key or its end.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "adapters/local/store.h"
#include "engine/base/result.h"

namespace pgo::local {

using Objects = std::map<Key, std::shared_ptr<const Json>>;

class LogFile {
 public:
  // Reads what is there (a torn last line is dropped), rewrites it compactly, opens it for
  // appending. `version` gets the newest version seen. A line in the middle that is not ours is
  // kCorrupt.
  static Result<std::unique_ptr<LogFile>> Open(const std::string& directory, Objects& objects,
                                               std::uint64_t& version);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  // Null `object`: the key is gone. Rewrites the file when most of it is history.
  Status Append(std::uint64_t version, const Key& key, const Json* object, const Objects& objects);

 private:
  LogFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  Status Compact(std::uint64_t version, const Objects& objects);
  Status WriteAll(int fd, const std::string& bytes) const;

  std::string path_;
  int fd_;
  std::size_t lines_ = 0;
};

}  // namespace pgo::local
