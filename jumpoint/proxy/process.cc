#include "jumpoint/proxy/process.h"

#include <array>
#include <cstdio>

#include <boost/asio/io_context.hpp>

#include "common/base/log.h"
#include "common/base/scoped_group.h"
#include "jumpoint/proxy/proxy.h"
#include "platform/pipe.h"
#include "platform/privileges.h"
#include "platform/sandbox.h"
#include "platform/signals.h"
#include "platform/users.h"

namespace jump::proxy {
namespace {

constexpr std::uint64_t kLogBytes = 16 * 1024 * 1024;
constexpr unsigned kLogsKept = 5;

// The first line, before there is a loop or a thread: it says who to become. What came behind it stays in
// `rest`.
Result<std::string> read_first_line(std::string& rest) {
  std::array<std::uint8_t, 4096> piece;
  while (rest.find('\n') == std::string::npos) {
    const Result<std::size_t> got = platform::read_blocking(platform::standard_input(), piece);
    if (!got) return wrap(got.error(), "the settings");
    if (*got == 0) return Error(Fault::closed, "no settings came");
    rest += as_text(ByteView(piece).first(*got));
    if (rest.size() > kInputBytes) return Error(Fault::too_large, "the settings are longer than 256 KiB");
  }
  const std::size_t end = rest.find('\n');
  std::string line = rest.substr(0, end);
  rest.erase(0, end + 1);
  return line;
}

std::optional<AccessLog> open_log(const Local& local) {
  if (!local.access_log || local.access_log->empty()) return std::nullopt;
  Result<AccessLog> log = AccessLog::open(*local.access_log, local.access_log_bytes.value_or(kLogBytes),
                                          std::min(local.access_logs_kept.value_or(kLogsKept), 99U));
  if (log) return std::move(*log);
  log::error("proxy", log.error().message());
  return std::nullopt;
}

// Whoever the supervisor made this process stays what it is; root becomes the configured user, or nobody.
Result<void> give_rights_up(const Local& local) {
  platform::Confinement confinement;
  const Result<platform::User> me = platform::current_user();
  if (!me) return me.error();
  if (me->uid == 0 && local.user) {
    Result<platform::User> user = platform::find_user(*local.user);
    if (!user) return user.error();
    confinement.user = std::move(*user);
  } else if (me->uid == 0) {
    Result<std::optional<platform::User>> nobody = platform::user_without_rights();
    if (!nobody) return nobody.error();
    confinement.user = std::move(*nobody);
  }
  confinement.keep = {platform::Right::low_ports};
  if (Result<void> confined = platform::confine(confinement); !confined) return confined;
  if (!platform::system_has_walls()) return {};
  const Result<void> filtered = platform::enter_sandbox(platform::Sandbox::relay);
  if (!filtered && filtered.error().is(Fault::unsupported)) {
    log::warning("proxy", filtered.error().message());
    return {};
  }
  return filtered;
}

Result<Settings> to_settings(std::string_view line) {
  const Result<Input> input = read_input(line);
  return input ? check_input(*input) : Result<Settings>(wrap(input.error(), "settings"));
}

// The supervisor reads.
void show_state(const control::ZoneProxyState& state) {
  const std::string line = to_json_text(state) + "\n";
  if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size() || std::fflush(stdout) != 0) {
    log::warning("proxy", "nobody reads the state");
  }
}

// Until the input ends.
Task<bool> follow_input(asio::any_io_executor executor, std::string text, Proxy& proxy) {
  platform::Pipe input(executor, platform::Handle(platform::standard_input()));
  std::array<std::uint8_t, 16384> piece;
  while (true) {
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      proxy.set(to_settings(std::string_view(text).substr(0, end)));
      text.erase(0, end + 1);
    }
    const Result<std::size_t> got = co_await input.read(piece);
    if (!got || *got == 0) co_return true;
    text += as_text(ByteView(piece).first(*got));
    if (text.size() > kInputBytes) {
      log::error("proxy", "the settings are longer than 256 KiB");
      co_return false;
    }
  }
}

Task<> reopen_on_hangup(asio::any_io_executor executor, Proxy& proxy) {
  platform::Signals hangup(executor, {platform::Signal::hang_up});
  while (true) {
    static_cast<void>(co_await hangup.next());
    proxy.reopen_log();
  }
}

Task<> run(asio::io_context& io, std::string rest, Proxy& proxy, bool& well) {
  TaskGroup group(io.get_executor());
  group.spawn("zone proxy", proxy.run());
  group.spawn("hang-up", reopen_on_hangup(io.get_executor(), proxy));
  Task<bool> input = follow_input(io.get_executor(), std::move(rest), proxy);
  well = co_await and_stop(group, std::move(input));
}

}  // namespace

int run_proxy_process() {
  std::string rest;
  const Result<std::string> first = read_first_line(rest);
  if (!first && first.error().is(Fault::closed)) return 0;
  const Result<Input> input = first ? read_input(*first) : Result<Input>(first.error());
  const Local local = input && input->local ? *input->local : Local();
  ProxyOptions options;
  options.log = open_log(local);
  options.workers = local.workers.value_or(0);
  options.show = show_state;
  if (const Result<void> given_up = first ? give_rights_up(local) : first.error(); !given_up) {
    log::error("proxy", given_up.error().message());
    return 1;
  }
  bool well = false;
  asio::io_context io(1);
  {
    Proxy proxy(io.get_executor(), std::move(options));
    proxy.set(to_settings(*first));
    TaskGroup group(io.get_executor());
    group.spawn("proxy process", run(io, std::move(rest), proxy, well));
    while (!group.empty()) io.run_one();
    proxy.stop_workers();
    io.restart();
    io.poll();  // their last reports
  }
  // Not through io's destructor: a name service that does not answer would hold it up for seconds.
  std::fflush(nullptr);
  std::_Exit(well ? 0 : 1);
}

}  // namespace jump::proxy
