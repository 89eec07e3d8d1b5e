// The thin wrapper over SQLite: a connection, a cached prepared statement, a transaction. SQL stands in this
// folder only.
//
// Durability: WAL. An edit is on the disk when commit() returned (synchronous=FULL); a `soft` transaction
// (presence, statistics) survives SIGKILL, and may lose its last seconds in a power cut, never consistency.
// One thread: the appliance's database thread owns the connection. Other processes (backup, doctor) may open
// the same file beside it.
//
// Errors: a broken unique rule is already_exists, a broken reference invalid, a full disk or a locked file
// unavailable; the context is "database: …". A statement that does not compile is our bug and aborts.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/base/bytes.h"
#include "common/base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace jump::store {

class Db;

// A statement being used: bound, stepped, and given back to the cache when it goes.
class Query {
 public:
  Query(Query&& other) noexcept;
  Query& operator=(Query&&) = delete;
  ~Query();

  // Parameters are counted from 1, columns from 0. Text and bytes are copied.
  void bind_null(int at);
  void bind_integer(int at, std::int64_t value);
  void bind_real(int at, double value);
  void bind_text(int at, std::string_view value);
  void bind_bytes(int at, ByteView value);
  int parameters() const;

  // True: a row is there. False: the statement is done.
  Result<bool> step();

  int columns() const;
  bool is_null(int at) const;
  std::int64_t integer(int at) const;
  double real(int at) const;
  std::string_view text(int at) const;  // until the next step()
  ByteView bytes(int at) const;         // until the next step()

 private:
  friend class Db;
  Query(Db* db, sqlite3_stmt* statement, bool cached) : db_(db), statement_(statement), cached_(cached) {}

  Db* db_;
  sqlite3_stmt* statement_;
  bool cached_;
};

enum class Durability { edit, soft };

class Db {
 public:
  // Opens or creates (mode 0600) the file and applies the pragmas; brings no schema.
  static Result<std::unique_ptr<Db>> open(const std::string& path);
  ~Db();
  Db(const Db&) = delete;
  Db& operator=(const Db&) = delete;

  // From the cache (128 statements, the longest unused goes) or compiled.
  Query query(std::string_view sql);
  // Several statements without parameters or rows: schema and pragmas.
  Result<void> script(const std::string& sql);

  std::int64_t last_id() const;
  // Rows changed by the latest INSERT, UPDATE or DELETE.
  std::int64_t changes() const;
  bool in_transaction() const { return depth_ > 0; }
  // A consistent copy of the whole database into a new file, while others go on.
  Result<void> copy_to(const std::string& path);

 private:
  friend class Query;
  friend class Transaction;
  struct Entry {
    std::string sql;
    sqlite3_stmt* statement = nullptr;
    bool busy = false;
  };

  explicit Db(sqlite3* handle) : handle_(handle) {}
  Error failure(int code) const;
  void give_back(sqlite3_stmt* statement, bool cached);
  Result<void> begin(Durability durability);
  Result<void> finish(bool commit);

  sqlite3* handle_;
  std::list<Entry> cache_;  // the latest used in front
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_sql_;
  std::unordered_map<sqlite3_stmt*, std::list<Entry>::iterator> by_statement_;
  int depth_ = 0;
  bool doomed_ = false;
  Durability durability_ = Durability::edit;
};

// All or nothing. They nest: the outermost decides, and one inner that goes without commit() makes the outer
// commit() fail and undo everything. An `edit` inside a `soft` one is refused by CHECK.
class Transaction {
 public:
  explicit Transaction(Db& db, Durability durability = Durability::edit);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // Everything since the outermost began is kept. An error means that nothing was.
  Result<void> commit();

 private:
  Db& db_;
  Result<void> begun_;
  bool open_ = true;
};

}  // namespace jump::store
