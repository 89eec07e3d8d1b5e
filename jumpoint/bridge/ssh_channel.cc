#include <algorithm>
#include <array>
#include <utility>

#include "common/base/log.h"
#include "jumpoint/bridge/ssh_connection.h"

namespace jump::bridge {
namespace {

constexpr auto kOpenLimit = std::chrono::seconds(20);
constexpr std::size_t kPieceMost = 32 * 1024;

SshChannel::Exit& exit_of(void* channel) {
  return *static_cast<SshChannel::Exit*>(channel);
}

void on_status(ssh_session, ssh_channel, int status, void* exit) {
  exit_of(exit).status = status;
}

void on_signal(ssh_session, ssh_channel, const char* signal, int core, const char*, const char*, void* exit) {
  exit_of(exit).signal = printable(signal == nullptr ? "?" : signal, 32);
  exit_of(exit).core_dumped = core != 0;
}

}  // namespace

SshChannel::SshChannel(SshConnection& connection)
    : connection_(connection), channel_(ssh_channel_new(connection.native())) {
  callbacks_.size = sizeof callbacks_;
  callbacks_.userdata = &exit_;
  callbacks_.channel_exit_status_function = &on_status;
  callbacks_.channel_exit_signal_function = &on_signal;
  if (channel_ != nullptr) ssh_set_channel_callbacks(channel_, &callbacks_);
}

SshChannel::~SshChannel() {
  if (channel_ == nullptr) return;
  ssh_remove_channel_callbacks(channel_, &callbacks_);
  ssh_channel_free(channel_);
  connection_.sent();
}

Task<Result<void>> SshChannel::request(std::function<int()> step, std::string what) {
  if (channel_ == nullptr) co_return Error(Fault::internal, "libssh makes no channel");
  const Result<int> done = co_await connection_.repeat(std::move(step), kOpenLimit, what);
  if (!done) co_return done.error();
  if (*done != SSH_OK) co_return connection_.last_error(what);
  co_return Result<void>();
}

Task<Result<void>> SshChannel::open() {
  const auto step = [this] { return ssh_channel_open_session(channel_); };
  co_return co_await request(step, "open a channel");
}

Task<Result<void>> SshChannel::request_pty(std::string term, int columns, int rows) {
  const auto step = [this, &term, columns, rows] {
    return ssh_channel_request_pty_size(channel_, term.c_str(), columns, rows);
  };
  co_return co_await request(step, "ask for a terminal");
}

Task<> SshChannel::set_environment(std::string name, std::string value) {
  const auto step = [this, &name, &value] {
    return ssh_channel_request_env(channel_, name.c_str(), value.c_str());
  };
  const Result<void> set = co_await request(step, "set " + name);
  if (!set) log::debug("ssh", "not set", {{"why", set.error().message()}});
}

Task<Result<void>> SshChannel::request_shell() {
  const auto step = [this] { return ssh_channel_request_shell(channel_); };
  co_return co_await request(step, "start a shell");
}

Task<Result<void>> SshChannel::request_exec(std::string command) {
  const auto step = [this, &command] { return ssh_channel_request_exec(channel_, command.c_str()); };
  co_return co_await request(step, "run the command");
}

Task<Result<void>> SshChannel::request_subsystem(std::string name) {
  const auto step = [this, &name] { return ssh_channel_request_subsystem(channel_, name.c_str()); };
  co_return co_await request(step, "start " + name);
}

void SshChannel::resize(int columns, int rows) {
  if (connection_.over()) return;
  ssh_channel_change_pty_size(channel_, columns, rows);
  connection_.sent();
}

void SshChannel::signal(const std::string& name) {
  if (connection_.over()) return;
  ssh_channel_request_send_signal(channel_, name.c_str());
  connection_.sent();
}

std::size_t SshChannel::Ahead::hand_out(std::span<std::uint8_t> into) {
  const std::size_t size = std::min(into.size(), bytes.size() - handed_out);
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(handed_out), size, into.begin());
  handed_out += size;
  if (handed_out == bytes.size()) {
    bytes.clear();
    handed_out = 0;
  }
  return size;
}

Task<Result<std::size_t>> SshChannel::read(std::span<std::uint8_t> into, bool error_output) {
  while (true) {
    Ahead& ahead = ahead_[error_output ? 1 : 0];
    if (!ahead.bytes.empty()) co_return ahead.hand_out(into);
    // What has arrived before the connection ended is still there. All of it at once: asked for less than it
    // holds, libssh 0.10 tells the target a window of 4 GiB, and what then comes is kept, without an end and
    // moved at each read.
    const int there = ssh_channel_poll(channel_, error_output ? 1 : 0);
    int got = there;
    if (there > 0) {
      const auto all = static_cast<std::size_t>(there);
      const bool fits = all <= into.size();
      if (!fits) ahead.bytes.resize(all);
      got = ssh_channel_read_nonblocking(channel_, fits ? into.data() : ahead.bytes.data(),
                                         static_cast<std::uint32_t>(all), error_output ? 1 : 0);
      if (!fits) ahead.bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
      if (!fits && got > 0) got = static_cast<int>(ahead.hand_out(into));
    }
    connection_.sent();
    if (got > 0) {
      // Others may wait for what this has made room for.
      connection_.bell().ring();
      co_return static_cast<std::size_t>(got);
    }
    if (got == SSH_EOF || ssh_channel_is_closed(channel_) != 0 || ssh_channel_is_eof(channel_) != 0)
      co_return std::size_t{0};
    if (connection_.over()) co_return *connection_.over();
    if (got == SSH_ERROR) co_return connection_.last_error("read");
    co_await connection_.bell().wait();
  }
}

Task<Result<void>> SshChannel::write(ByteView bytes) {
  while (!bytes.empty()) {
    if (connection_.over()) co_return *connection_.over();
    if (ssh_channel_is_closed(channel_) != 0)
      co_return Error(Fault::closed, "the target takes no more input");
    const std::size_t room = std::min<std::size_t>(ssh_channel_window_size(channel_), kPieceMost);
    if (room == 0) {
      co_await connection_.bell().wait();
      continue;
    }
    const auto piece = static_cast<std::uint32_t>(std::min(room, bytes.size()));
    const int written = ssh_channel_write(channel_, bytes.data(), piece);
    connection_.sent();
    if (written < 0) co_return connection_.last_error("write");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    if (written == 0) co_await connection_.bell().wait();
  }
  co_return Result<void>();
}

void SshChannel::end() {
  if (connection_.over()) return;
  ssh_channel_send_eof(channel_);
  connection_.sent();
}

void SshChannel::close() {
  if (channel_ == nullptr || connection_.over()) return;
  ssh_channel_close(channel_);
  connection_.sent();
}

bool SshChannel::concluded() const {
  return connection_.over() || ssh_channel_is_closed(channel_) != 0 || exit_.status || exit_.signal;
}

}  // namespace jump::bridge
