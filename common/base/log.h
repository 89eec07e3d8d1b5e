// The logger: the one singleton. Lines go to standard error (the journal takes them from there) as
//     2026-11-21T20:45:00Z info tunnel: connected route=direct peer=10.0.0.5:443
// or to syslog or a rotated file, as the configuration says. Text of peers is escaped here, once.
// A peer leaving is info; our own failure to do what was asked is warning or error.
#pragma once

#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace jump::log {

enum class Level { error, warning, info, debug };

// "error" … "debug"; anything else leaves `level` as it is and returns false.
bool parse_level(std::string_view text, Level& level);
void set_level(Level level);
bool enabled(Level level);

enum class Sink { standard_error, syslog, file };
// For Sink::file `path` is rotated at 10 MiB, five old ones kept. Called once, at start.
void open(Sink sink, std::string_view program, const std::string& path = {});

struct Field {
  std::string_view key;
  std::string value;
  template <typename T>
  Field(std::string_view k, const T& v) : key(k) {
    if constexpr (std::is_convertible_v<T, std::string_view>) {
      value = std::string_view(v);
    } else {
      std::ostringstream out;
      out << v;
      value = std::move(out).str();
    }
  }
};

void write(Level level, std::string_view room, std::string_view text, std::initializer_list<Field> fields);

inline void error(std::string_view room, std::string_view text, std::initializer_list<Field> f = {}) {
  if (enabled(Level::error)) write(Level::error, room, text, f);
}
inline void warning(std::string_view room, std::string_view text, std::initializer_list<Field> f = {}) {
  if (enabled(Level::warning)) write(Level::warning, room, text, f);
}
inline void info(std::string_view room, std::string_view text, std::initializer_list<Field> f = {}) {
  if (enabled(Level::info)) write(Level::info, room, text, f);
}
inline void debug(std::string_view room, std::string_view text, std::initializer_list<Field> f = {}) {
  if (enabled(Level::debug)) write(Level::debug, room, text, f);
}

}  // namespace jump::log
