#include "jumpoint/bridge/ssh_connection.h"

#include <libssh/server.h>

#include <cstring>
#include <string_view>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/bytes.h"
#include "common/base/log.h"
#include "common/base/scoped_group.h"
#include "common/base/with_timeout.h"
#include "common/endpoint/dial_tcp.h"
#include "jumpoint/bridge/ssh_algorithms.h"
#include "platform/sockets.h"

namespace jump::bridge {
namespace {

constexpr int kSilentMost = 3;  // signs of life asked for in vain
// While a handshake runs: where libssh's log says that both sides keep to strict key exchange. It has no call
// that tells (0.10.6), and nothing else of that log is kept.
thread_local bool* strict_seen = nullptr;

void on_log(int, const char*, const char* text, void*) {
  if (strict_seen != nullptr && std::string_view(text).find("supports strict kex") != std::string_view::npos)
    *strict_seen = true;
}

class StrictWatch {
 public:
  explicit StrictWatch(bool& seen) {
    strict_seen = &seen;
    ssh_set_log_callback(&on_log);
    ssh_set_log_level(SSH_LOG_DEBUG);
  }
  ~StrictWatch() {
    strict_seen = nullptr;
    ssh_set_log_level(SSH_LOG_NONE);
  }
  StrictWatch(const StrictWatch&) = delete;
  StrictWatch& operator=(const StrictWatch&) = delete;
};

}  // namespace

Result<std::unique_ptr<SshConnection>> SshConnection::create(asio::any_io_executor executor,
                                                             asio::ip::tcp::socket socket,
                                                             SshOptions options) {
  static_cast<void>(executor);
  std::unique_ptr<SshConnection> connection(new SshConnection(std::move(socket), std::move(options)));
  Result<void> ready = connection->prepare();
  if (!ready) return ready.error();
  return connection;
}

SshConnection::SshConnection(asio::ip::tcp::socket socket, SshOptions options)
    : socket_(std::move(socket)),
      options_(std::move(options)),
      who_(printable(options_.host, 128) + ":" + std::to_string(options_.port)),
      bell_(socket_.get_executor()),
      flush_(socket_.get_executor()) {}

SshConnection::~SshConnection() {
  if (event_ != nullptr) {
    ssh_event_remove_session(event_, session_);
    ssh_event_free(event_);
  }
  if (session_ != nullptr) {
    ssh_set_counters(session_, nullptr, nullptr);
    ssh_disconnect(session_);
    ssh_free(session_);
  }
}

Result<void> SshConnection::prepare() {
  static const int initialised = ssh_init();
  if (initialised != SSH_OK) return Error(Fault::internal, "libssh does not start");
  boost::system::error_code failed;
  socket_.native_non_blocking(true, failed);
  if (failed) return Error(failed, who_);
  session_ = ssh_new();
  if (session_ == nullptr) return Error(Fault::internal, "libssh makes no session");
  ssh_set_log_level(SSH_LOG_NONE);
  ssh_set_blocking(session_, 0);
  const SshAlgorithms algorithms = ssh_algorithms(options_.legacy_algorithms, options_.host_key_types);
  const int off = 0;
  const bool config = false;
  const int rsa_bits = options_.legacy_algorithms ? 1024 : 2048;
  const struct {
    ssh_options_e what;
    const void* value;
  } settings[] = {
      {SSH_OPTIONS_PROCESS_CONFIG, &config},
      // Names that stand for themselves, so that libssh asks nobody for a home folder or a user's name.
      {SSH_OPTIONS_SSH_DIR, "/nonexistent"},
      {SSH_OPTIONS_KNOWNHOSTS, "/nonexistent/known_hosts"},
      {SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/nonexistent/known_hosts"},
      {SSH_OPTIONS_USER, "nobody"},
      {SSH_OPTIONS_STRICTHOSTKEYCHECK, &off},
      {SSH_OPTIONS_GSSAPI_AUTH, &off},
      {SSH_OPTIONS_COMPRESSION, "no"},
      {SSH_OPTIONS_KEY_EXCHANGE, algorithms.key_exchange.c_str()},
      {SSH_OPTIONS_CIPHERS_C_S, algorithms.ciphers.c_str()},
      {SSH_OPTIONS_CIPHERS_S_C, algorithms.ciphers.c_str()},
      {SSH_OPTIONS_HMAC_C_S, algorithms.macs.c_str()},
      {SSH_OPTIONS_HMAC_S_C, algorithms.macs.c_str()},
      {SSH_OPTIONS_HOSTKEYS, algorithms.host_keys.c_str()},
      {SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, algorithms.signatures.c_str()},
      {SSH_OPTIONS_RSA_MIN_SIZE, &rsa_bits},
  };
  for (const auto& setting : settings) {
    if (ssh_options_set(session_, setting.what, setting.value) != SSH_OK) {
      return Error(Fault::internal,
                   "libssh refuses option " + std::to_string(setting.what) + ": " + ssh_get_error(session_));
    }
  }
  const Result<int> number = platform::duplicate_socket(static_cast<int>(socket_.native_handle()));
  if (!number) return wrap(number.error(), who_);
  const auto descriptor = static_cast<socket_t>(*number);
  if (ssh_options_set(session_, SSH_OPTIONS_FD, &descriptor) != SSH_OK) {
    platform::close_socket(*number);
    return Error(Fault::internal, "libssh refuses the socket");
  }
  ssh_set_counters(session_, &sent_, &received_);
  return {};
}

Error SshConnection::last_error(std::string_view what) const {
  const char* text = ssh_get_error(session_);
  std::string words = text == nullptr || *text == '\0' ? "the target closed the connection" : printable(text);
  return {Fault::unavailable, who_ + ": " + std::string(what) + ": " + words};
}

// A machine that is too old for what is safe: what to do about it, instead of libssh's list of what it
// wanted.
Error SshConnection::handshake_error() const {
  Error error = last_error("SSH handshake");
  const std::size_t list = error.context.find(", client [");
  const bool no_match =
      error.context.find("no match for method") != std::string::npos && list != std::string::npos;
  if (!no_match) return error;
  error.context.erase(list);
  error.context +=
      options_.legacy_algorithms
          ? ": none of these is known here, not even of the old ones"
          : ": none of these is safe any more; for an old machine they can be allowed: jump asset "
            "edit ASSET --legacy-algorithms on";
  return error;
}

bool SshConnection::write_pending() const {
  return (ssh_get_poll_flags(session_) & SSH_WRITE_PENDING) != 0;
}

Task<Result<void>> SshConnection::handshake() {
  Task<Result<void>> connecting = connect();
  Result<void> done =
      co_await with_timeout(options_.handshake_limit, who_ + ": SSH handshake", std::move(connecting));
  if (!done) co_return done;
  event_ = ssh_event_new();
  if (event_ == nullptr || ssh_event_add_session(event_, session_) != SSH_OK)
    co_return Error(Fault::internal, "libssh makes no event loop");
  co_return Result<void>();
}

Task<Result<void>> SshConnection::connect() {
  while (true) {
    int done = SSH_AGAIN;
    {
      const StrictWatch watch(strict_);
      done = ssh_connect(session_);
    }
    if (done == SSH_OK) co_return Result<void>();
    if (done != SSH_AGAIN) co_return handshake_error();
    boost::system::error_code failed;
    const auto direction =
        write_pending() ? asio::ip::tcp::socket::wait_write : asio::ip::tcp::socket::wait_read;
    co_await socket_.async_wait(direction, asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return Error(failed, who_);
  }
}

void SshConnection::process() {
  if (!over_) {
    ssh_event_dopoll(event_, 0);
    if (ssh_is_connected(session_) == 0) fail(last_error("connection"));
  }
  heard_ = sent_.in_bytes + received_.in_bytes;
  bell_.ring();
  sent();
}

void SshConnection::sent() {
  // A call for one stream's bytes makes libssh read what there is, past pump(): whoever waits for another
  // stream, for room or for an answer would not hear of it.
  const std::uint64_t heard = sent_.in_bytes + received_.in_bytes;
  if (std::exchange(heard_, heard) != heard) bell_.ring();
  if (!over_ && write_pending()) flush_.set();
}

void SshConnection::fail(Error error) {
  if (over_) return;
  over_ = std::move(error);
  boost::system::error_code ignored;
  socket_.cancel(ignored);
  flush_.set();
  bell_.ring();
}

Task<> SshConnection::pump() {
  TaskGroup writers(executor());
  writers.spawn("ssh output", pump_output());
  Task<Result<void>> reading = [](SshConnection& self) -> Task<Result<void>> {
    while (!self.over_) {
      boost::system::error_code failed;
      co_await self.socket_.async_wait(asio::ip::tcp::socket::wait_read,
                                       asio::redirect_error(asio::use_awaitable, failed));
      if (failed && !self.over_) self.fail(Error(failed, self.who_));
      if (!failed) self.process();
    }
    co_return Result<void>();
  }(*this);
  co_await and_stop(writers, std::move(reading));
}

Task<> SshConnection::pump_output() {
  while (!over_) {
    if (!write_pending()) {
      co_await flush_.wait();
      continue;
    }
    // libssh wants to hear after each packet that there is room for the next one. Mostly there is: then
    // nobody has to wait for it.
    process();
    if (over_ || !write_pending()) continue;
    boost::system::error_code failed;
    co_await socket_.async_wait(asio::ip::tcp::socket::wait_write,
                                asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return;
    process();
  }
}

Task<> SshConnection::keep_alive(Duration interval) {
  std::uint64_t seen = received_.in_bytes;
  int silent = 0;
  while (!over_) {
    co_await sleep_for(interval);
    if (over_) co_return;
    silent = received_.in_bytes == seen ? silent + 1 : 0;
    seen = received_.in_bytes;
    if (silent > kSilentMost) {
      fail(Error(Fault::timed_out, who_ + ": the target has been silent for " +
                                       std::to_string(milliseconds(interval) / 1000 * kSilentMost) + " s"));
      co_return;
    }
    ssh_send_keepalive(session_);
    sent();
  }
}

Task<Result<int>> SshConnection::repeat(std::function<int()> step, Duration limit, std::string what) {
  const Instant until = BootClock::now() + limit;
  while (true) {
    if (over_) co_return *over_;
    const int done = step();
    sent();
    if (done != SSH_AGAIN) co_return done;
    const bool rung = co_await bell_.wait_until(until);
    if (!rung) {
      co_return Error(Fault::timed_out, who_ + ": " + what + ": no answer within " +
                                            std::to_string(milliseconds(limit) / 1000) + " s");
    }
  }
}

}  // namespace jump::bridge
