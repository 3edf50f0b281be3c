#include "replay-tests/benchmarks/sqlite.h"

#ifdef PGO_BENCH_SQLITE
#include <sqlite3.h>
#endif

namespace pgo::bench {

#ifdef PGO_BENCH_SQLITE
namespace {

class Database final : public Sqlite {
 public:
  ~Database() override {
    sqlite3_finalize(insert_);
    sqlite3_finalize(select_);
    sqlite3_close(db_);
  }
  Status Start(const std::string& path, bool index) {
    bool ok = sqlite3_open(path.c_str(), &db_) == SQLITE_OK &&
              Run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                  "CREATE TABLE r (seq INTEGER PRIMARY KEY, subject TEXT, payload BLOB)");
    if (ok && index) ok = Run("CREATE INDEX i ON r (subject, seq, payload)");
    ok = ok && Prepare("INSERT INTO r VALUES (?, ?, ?)", insert_) &&
         Prepare("SELECT payload FROM r WHERE subject = ? ORDER BY seq DESC LIMIT ?", select_);
    return ok ? Status() : Fail(Code::kUnavailable, path + ": " + sqlite3_errmsg(db_));
  }
  bool Insert(const std::vector<Row>& rows) override {
    if (!Run("BEGIN")) return false;
    for (const Row& row : rows) {
      sqlite3_bind_int64(insert_, 1, static_cast<std::int64_t>(row.seq));
      BindText(insert_, 2, row.subject);
      sqlite3_bind_blob(insert_, 3, row.payload.data(), static_cast<int>(row.payload.size()),
                        SQLITE_STATIC);
      const bool done = sqlite3_step(insert_) == SQLITE_DONE;
      sqlite3_reset(insert_);
      if (!done) return false;
    }
    return Run("COMMIT");
  }
  std::int64_t ReadLast(const std::string& subject, int count) override {
    BindText(select_, 1, subject);
    sqlite3_bind_int(select_, 2, count);
    std::int64_t bytes = 0;
    int step = sqlite3_step(select_);
    for (; step == SQLITE_ROW; step = sqlite3_step(select_)) {
      read_.assign(static_cast<const char*>(sqlite3_column_blob(select_, 0)),
                   static_cast<std::size_t>(sqlite3_column_bytes(select_, 0)));
      bytes += static_cast<std::int64_t>(read_.size());
    }
    sqlite3_reset(select_);
    return step == SQLITE_DONE ? bytes : -1;
  }

 private:
  static void BindText(sqlite3_stmt* to, int place, const std::string& text) {
    sqlite3_bind_text(to, place, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  }
  bool Run(const char* sql) {
    return sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  }
  bool Prepare(const char* sql, sqlite3_stmt*& out) {
    return sqlite3_prepare_v2(db_, sql, -1, &out, nullptr) == SQLITE_OK;
  }
  sqlite3* db_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  sqlite3_stmt* select_ = nullptr;
  std::string read_;
};

}  // namespace

Result<std::unique_ptr<Sqlite>> Sqlite::Open(const std::string& path, bool index) {
  auto out = std::make_unique<Database>();
  if (auto started = out->Start(path, index); !started) return Fail(started.error());
  return out;
}
#else
Result<std::unique_ptr<Sqlite>> Sqlite::Open(const std::string&, bool) {
  return Fail(Code::kNotFound, "built without libsqlite3-dev");
}
#endif

}  // namespace pgo::bench
