#include "common/base/log.h"

#include <atomic>
#include <iostream>

#include <Poco/AutoPtr.h>
#include <Poco/ConsoleChannel.h>
#include <Poco/Exception.h>
#include <Poco/FileChannel.h>
#include <Poco/Logger.h>
#include <Poco/LoggingFactory.h>
#include <Poco/Message.h>

#include "common/base/bytes.h"
#include "common/base/clock.h"

namespace jump::log {
namespace {

std::atomic<Level> current_level{Level::info};
std::atomic<bool> plain{false};  // the system's log stamps time and level itself

Poco::Logger& logger() {
  static Poco::Logger& instance = [&]() -> Poco::Logger& {
    Poco::AutoPtr<Poco::Channel> channel(new Poco::ConsoleChannel(std::cerr));
    return Poco::Logger::create("jump", channel, Poco::Message::PRIO_TRACE);
  }();
  return instance;
}

// Poco has the one that the system knows: syslog or the event log of Windows.
Poco::AutoPtr<Poco::Channel> system_channel(const std::string& program) {
  Poco::LoggingFactory& factory = Poco::LoggingFactory::defaultFactory();
  try {
    Poco::AutoPtr<Poco::Channel> syslog(factory.createChannel("SyslogChannel"));
    syslog->setProperty("name", program);
    syslog->setProperty("options", "LOG_PID");
    return syslog;
  } catch (const Poco::NotFoundException&) {
    Poco::AutoPtr<Poco::Channel> events(factory.createChannel("EventLogChannel"));
    events->setProperty("name", program);
    return events;
  }
}

Poco::Message::Priority priority(Level level) {
  switch (level) {
    case Level::error:
      return Poco::Message::PRIO_ERROR;
    case Level::warning:
      return Poco::Message::PRIO_WARNING;
    case Level::info:
      return Poco::Message::PRIO_INFORMATION;
    case Level::debug:
      return Poco::Message::PRIO_DEBUG;
  }
  return Poco::Message::PRIO_INFORMATION;
}

std::string_view name(Level level) {
  switch (level) {
    case Level::error:
      return "error";
    case Level::warning:
      return "warning";
    case Level::info:
      return "info";
    case Level::debug:
      return "debug";
  }
  return "info";
}

bool needs_quotes(std::string_view text) {
  return text.empty() || text.find_first_of(" \"=") != std::string_view::npos;
}

}  // namespace

bool parse_level(std::string_view text, Level& level) {
  for (const Level candidate : {Level::error, Level::warning, Level::info, Level::debug}) {
    if (text == name(candidate)) {
      level = candidate;
      return true;
    }
  }
  return false;
}

void set_level(Level level) {
  current_level = level;
}

bool enabled(Level level) {
  return static_cast<int>(level) <= static_cast<int>(current_level.load());
}

void open(Sink sink, std::string_view program, const std::string& path) {
  Poco::AutoPtr<Poco::Channel> channel;
  plain = false;
  switch (sink) {
    case Sink::standard_error:
      channel = new Poco::ConsoleChannel(std::cerr);
      break;
    case Sink::syslog:
      channel = system_channel(std::string(program));
      plain = true;
      break;
    case Sink::file:
      channel = new Poco::FileChannel(path);
      channel->setProperty("rotation", "10 M");
      channel->setProperty("purgeCount", "5");
      break;
  }
  logger().setChannel(channel);
}

void write(Level level, std::string_view room, std::string_view text, std::initializer_list<Field> fields) {
  std::string line;
  if (!plain) {
    line = iso8601(wall_seconds());
    line += ' ';
    line += name(level);
    line += ' ';
  }
  line += room;
  line += ": ";
  line += printable(text, 2048);
  for (const Field& field : fields) {
    const std::string value = printable(field.value, 512);
    line += ' ';
    line += field.key;
    line += '=';
    if (needs_quotes(value)) {
      line += '"';
      for (const char c : value) {
        if (c == '"' || c == '\\') line += '\\';
        line += c;
      }
      line += '"';
    } else {
      line += value;
    }
  }
  logger().log(Poco::Message("jump", line, priority(level)));
}

}  // namespace jump::log
