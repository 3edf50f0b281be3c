// A journal written by hand for tests: records in frames, kept as a bundle.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "adapters/cli/journal_source.h"
#include "engine/event/codec.h"
#include "engine/record.h"
#include "journal/format/bundle.h"

namespace pgo::cli::testing {

class TempDir {
 public:
  TempDir() {
    std::string pattern = "/tmp/pgo-cli-test-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] std::string Path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string ReadText(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void WriteText(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline const ClusterKey kHippo{"postgres", "hippo"};

// Each record is a frame of its own unless Begin/End stand around several.
class Book {
 public:
  explicit Book(std::string_view starts_at) : now_{*ParseWall(starts_at), 1'000'000} {}

  void Wait(std::int64_t milliseconds) {
    now_.wall_us += milliseconds * 1000;
    now_.elapsed_us += milliseconds * 1000;
  }
  [[nodiscard]] Now now() const { return now_; }

  std::uint64_t Write(const Payload& payload, const std::optional<ClusterKey>& cluster = kHippo) {
    journal::Record record;
    record.type = static_cast<std::uint16_t>(TypeOf(payload));
    record.subjects = SubjectsOf(payload, cluster);
    record.payload = EncodePayload(payload);
    return Append(std::move(record));
  }
  std::uint64_t Observe(const std::string& kind, const std::string& name, Json object,
                        const std::string& uid = "u") {
    const bool node = kind == "Node";
    Observed observed{{kind, node ? "" : kHippo.ns, name}, uid, "1", std::move(object)};
    return Write(observed, node ? std::nullopt : std::optional(kHippo));
  }
  std::uint64_t Do(Action action) {
    action.ns = kHippo.ns;
    action.cluster = kHippo.name;
    if (action.id.value().empty()) action.id = ActionId("a" + std::to_string(next_));
    const JournalRecord made = RecordOf(action);
    journal::Record record;
    record.type = static_cast<std::uint16_t>(made.type);
    record.causes = made.causes;
    record.subjects = made.subjects;
    record.payload = made.payload;
    last_ = action.id;
    return Append(std::move(record));
  }
  // What became of the newest action.
  std::uint64_t Outcome(pgo::Outcome outcome, const std::string& message = "", Json result = {}) {
    return Write(Done{last_, outcome, message, std::move(result)}, std::nullopt);
  }
  std::uint64_t Append(journal::Record record) {
    pending_.push_back(std::move(record));
    if (!open_) Commit();
    return next_ - 1 + (open_ ? pending_.size() : 0);
  }
  void Begin() { open_ = true; }
  void End() {
    open_ = false;
    Commit();
  }

  // The records of frames for which `keep` says false (by first seq) are left out.
  void SaveAs(const std::string& path, std::uint64_t elide_from = 0,
              std::uint64_t elide_to = 0) const {
    std::ofstream out(path, std::ios::binary);
    journal::BundleWriter writer([&out](std::string_view bytes) {
      out << bytes;
      return Status();
    });
    journal::Manifest manifest;
    manifest.journal_id[0] = 7;
    manifest.build = "test";
    manifest.start_chain = journal::GenesisOf(manifest.journal_id);
    ASSERT_TRUE(writer.Begin(manifest));
    for (const std::string& bytes : frames_) {
      auto view = journal::ViewFrame(bytes);
      ASSERT_TRUE(view) << view.error().message;
      const std::uint64_t seq = view->header.first_seq;
      if (seq >= elide_from && seq <= elide_to) {
        std::vector<journal::Hash> leaves;
        for (const auto& item : view->items) leaves.push_back(journal::LeafOf(item.bytes));
        view->root = journal::RootOf(leaves);
        view->items.clear();
      }
      ASSERT_TRUE(writer.Add(*view));
    }
    ASSERT_TRUE(writer.End());
  }
  [[nodiscard]] Records Read() const {
    const TempDir directory;
    SaveAs(directory.Path("book.pgoj"));
    Records records;
    auto bundle = OpenBundle(directory.Path("book.pgoj"));
    EXPECT_TRUE(bundle) << bundle.error().message;
    if (bundle) {
      EXPECT_TRUE(records.Add(*bundle));
    }
    return records;
  }

 private:
  void Commit() {
    journal::FrameHeader header;
    header.first_seq = next_;
    header.epoch = 1;
    header.wall_us = now_.wall_us;
    header.elapsed_us = static_cast<std::uint64_t>(now_.elapsed_us);
    if (next_ == 1) {
      journal::JournalId id{};
      id[0] = 7;
      chain_ = journal::GenesisOf(id);
    }
    auto frame = journal::EncodeFrame(header, pending_, chain_);
    ASSERT_TRUE(frame) << frame.error().message;
    chain_ = frame->chain;
    frames_.push_back(std::move(frame->bytes));
    next_ += pending_.size();
    pending_.clear();
  }

  Now now_;
  std::uint64_t next_ = 1;
  bool open_ = false;
  journal::Hash chain_{};
  ActionId last_;
  std::vector<journal::Record> pending_;
  std::vector<std::string> frames_;
};

}  // namespace pgo::cli::testing
