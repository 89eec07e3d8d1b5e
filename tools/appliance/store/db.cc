#include "tools/appliance/store/db.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/base/log.h"

namespace jump::store {
namespace {

constexpr std::size_t kCachedStatements = 128;
constexpr int kBusyMilliseconds =
    5000;  // another process (backup, doctor) holds the write lock; then unavailable

constexpr const char* kPragmas =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA foreign_keys = ON;"
    "PRAGMA recursive_triggers = ON;"
    "PRAGMA cell_size_check = ON;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA cache_size = -16384;"            // 16 MiB; the system holds the rest
    "PRAGMA journal_size_limit = 67108864;"  // the WAL file shrinks back to 64 MiB
    ;

}  // namespace

Query::Query(Query&& other) noexcept : db_(other.db_), statement_(other.statement_), cached_(other.cached_) {
  other.statement_ = nullptr;
}

Query::~Query() {
  if (statement_ != nullptr) db_->give_back(statement_, cached_);
}

void Query::bind_null(int at) {
  CHECK(sqlite3_bind_null(statement_, at) == SQLITE_OK);
}
void Query::bind_integer(int at, std::int64_t value) {
  CHECK(sqlite3_bind_int64(statement_, at, value) == SQLITE_OK);
}
void Query::bind_real(int at, double value) {
  CHECK(sqlite3_bind_double(statement_, at, value) == SQLITE_OK);
}
void Query::bind_text(int at, std::string_view value) {
  const char* data = value.data() == nullptr ? "" : value.data();
  CHECK(sqlite3_bind_text64(statement_, at, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8) == SQLITE_OK);
}
void Query::bind_bytes(int at, ByteView value) {
  const void* data = value.data() == nullptr ? static_cast<const void*>("") : value.data();
  CHECK(sqlite3_bind_blob64(statement_, at, data, value.size(), SQLITE_TRANSIENT) == SQLITE_OK);
}
int Query::parameters() const {
  return sqlite3_bind_parameter_count(statement_);
}

Result<bool> Query::step() {
  // Nothing runs by itself that was meant to be part of an undone whole.
  if (db_->depth_ > 0 && db_->doomed_) return Error(Fault::unavailable, "database: the change was undone");
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  // A full disk makes SQLite roll back on its own.
  if (db_->depth_ > 0 && sqlite3_get_autocommit(db_->handle_) != 0) db_->doomed_ = true;
  return db_->failure(code);
}

int Query::columns() const {
  return sqlite3_column_count(statement_);
}
bool Query::is_null(int at) const {
  return sqlite3_column_type(statement_, at) == SQLITE_NULL;
}
std::int64_t Query::integer(int at) const {
  return sqlite3_column_int64(statement_, at);
}
double Query::real(int at) const {
  return sqlite3_column_double(statement_, at);
}
std::string_view Query::text(int at) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, at));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, at))};
}
ByteView Query::bytes(int at) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, at));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, at))};
}

Result<std::unique_ptr<Db>> Db::open(const std::string& path) {
  if (path != ":memory:") {
    // SQLite would create it with the umask's mode; its -wal and -shm take the mode of this file.
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return system_error("database " + path);
    ::close(fd);
  }
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  if (code != SQLITE_OK) {
    Error error(Fault::unavailable, "database " + path + ": " + sqlite3_errstr(code));
    sqlite3_close(handle);
    return error;
  }
  std::unique_ptr<Db> db(new Db(handle));
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  const Result<void> pragmas = db->script(kPragmas);
  if (!pragmas) return wrap(pragmas.error(), path);
  return db;
}

Db::~Db() {
  CHECK(depth_ == 0);
  for (Entry& entry : cache_) {
    CHECK(!entry.busy);
    sqlite3_finalize(entry.statement);
  }
  const int code = sqlite3_close(handle_);
  CHECK(code == SQLITE_OK);
}

Error Db::failure(int code) const {
  const std::string text = std::string("database: ") + sqlite3_errmsg(handle_);
  CHECK((code & 0xff) != SQLITE_MISUSE);
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
      return {Fault::already_exists, text};
    default:
      break;
  }
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      return {Fault::invalid, text};
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
      return {Fault::unavailable, text};
    default:
      return {Fault::internal, text};
  }
}

Query Db::query(std::string_view sql) {
  const auto found = by_sql_.find(sql);
  if (found != by_sql_.end() && !found->second->busy) {
    cache_.splice(cache_.begin(), cache_, found->second);
    found->second->busy = true;
    return {this, found->second->statement, true};
  }
  sqlite3_stmt* statement = nullptr;
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, &rest);
  if (code != SQLITE_OK || statement == nullptr) {
    log::error("store", "a statement does not compile", {{"sql", sql}, {"error", sqlite3_errmsg(handle_)}});
  }
  CHECK(code == SQLITE_OK && statement != nullptr);
  if (found != by_sql_.end()) return {this, statement, false};  // its cached twin is in use further up

  for (auto last = cache_.end(); cache_.size() >= kCachedStatements && last != cache_.begin();) {
    --last;
    if (last->busy) continue;
    sqlite3_finalize(last->statement);
    by_sql_.erase(last->sql);
    by_statement_.erase(last->statement);
    last = cache_.erase(last);
  }
  cache_.push_front({std::string(sql), statement, true});
  by_sql_.emplace(cache_.front().sql, cache_.begin());
  by_statement_.emplace(statement, cache_.begin());
  return {this, statement, true};
}

void Db::give_back(sqlite3_stmt* statement, bool cached) {
  if (!cached) {
    sqlite3_finalize(statement);
    return;
  }
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  by_statement_.at(statement)->busy = false;
}

Result<void> Db::script(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(code);
  return {};
}

std::int64_t Db::last_id() const {
  return sqlite3_last_insert_rowid(handle_);
}
std::int64_t Db::changes() const {
  return sqlite3_changes64(handle_);
}

Result<void> Db::copy_to(const std::string& path) {
  CHECK(depth_ == 0);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return system_error("copy of the database " + path);
  ::close(fd);
  Query copy = query("VACUUM INTO ?");
  copy.bind_text(1, path);
  const Result<bool> done = copy.step();
  if (!done) {
    ::unlink(path.c_str());
    return done.error();
  }
  return {};
}

Result<void> Db::begin(Durability durability) {
  if (depth_++ > 0) {
    CHECK(durability_ == Durability::edit || durability == Durability::soft);
    return {};
  }
  doomed_ = false;
  durability_ = durability;
  // The pragma costs nothing: it is a flag of the connection, legal outside a transaction only.
  return script(durability == Durability::edit ? "PRAGMA synchronous = FULL; BEGIN IMMEDIATE"
                                               : "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE");
}

Result<void> Db::finish(bool commit) {
  CHECK(depth_ > 0);
  if (!commit) doomed_ = true;
  if (--depth_ > 0) return {};
  // After a full disk SQLite may have rolled back by itself.
  const bool open = sqlite3_get_autocommit(handle_) == 0;
  Result<void> result;
  if (doomed_ || !open) {
    result = Error(Fault::unavailable, "database: the change was undone");
    if (open) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
  } else {
    result = script("COMMIT");
    if (!result) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  if (durability_ == Durability::soft) {
    // Whatever runs outside a transaction is an edit.
    durability_ = Durability::edit;
    const Result<void> full = script("PRAGMA synchronous = FULL");
    if (result && !full) result = full;
  }
  return result;
}

Transaction::Transaction(Db& db, Durability durability) : db_(db), begun_(db.begin(durability)) {
  if (!begun_) db_.doomed_ = true;
}

Transaction::~Transaction() {
  if (open_) static_cast<void>(db_.finish(false));
}

Result<void> Transaction::commit() {
  CHECK(open_);
  open_ = false;
  Result<void> result = db_.finish(begun_.has_value());
  if (!begun_) return begun_;
  return result;
}

}  // namespace jump::store
