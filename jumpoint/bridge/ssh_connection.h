// SshConnection: libssh on a socket that stands, driven by the event loop. libssh never blocks here, opens no
// file, and reads no configuration of the machine's users.
//
//   socket readable / writable ──▶ pump: libssh reads, decrypts, fills the channels' buffers ──▶ Bell
//   a task that waits (open, read, write, …) ──▶ looks again at each ring
//
// It reads ahead no further than the windows of its channels (1.2 MiB each), so a slow person slows the
// target down.
#pragma once

#include <libssh/callbacks.h>
#include <libssh/libssh.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/task_group.h"
#include "jumpoint/bridge/bell.h"

namespace jump::bridge {

struct SshOptions {
  std::string host;  // for words only
  std::uint16_t port = 22;
  bool legacy_algorithms = false;
  std::vector<std::string> host_key_types;  // that are known: asked for first
  Duration handshake_limit = std::chrono::seconds(20);
};

struct FreeSshKey {
  void operator()(ssh_key key) const { ssh_key_free(key); }
};
using SshKey = std::unique_ptr<ssh_key_struct, FreeSshKey>;

class SshConnection {
 public:
  // Before the process locks itself up: libssh gets a descriptor of its own for the socket.
  static Result<std::unique_ptr<SshConnection>> create(asio::any_io_executor executor,
                                                       asio::ip::tcp::socket socket, SshOptions options);
  ~SshConnection();

  // Versions and key exchange, within 20 s. The host key is not yet believed.
  Task<Result<void>> handshake();
  // After handshake(): moves bytes until the connection is over; a task of whoever owns this.
  Task<> pump();
  // Asks for a sign of life each `interval`; gives the connection up after three without any.
  Task<> keep_alive(Duration interval);

  // Calls `step` again at each ring until it says something else than SSH_AGAIN.
  Task<Result<int>> repeat(std::function<int()> step, Duration limit, std::string what);
  // After each call of libssh that may send or receive something.
  void sent();
  // Both loops end; awaits end with this error (the first counts).
  void fail(Error error);

  ssh_session native() { return session_; }
  Bell& bell() { return bell_; }
  const std::optional<Error>& over() const { return over_; }
  bool strict_key_exchange() const { return strict_; }
  const std::string& who() const { return who_; }  // "10.0.0.5:22"
  asio::any_io_executor executor() { return socket_.get_executor(); }
  // libssh's last words, in ours: who, what was tried, and why not.
  Error last_error(std::string_view what) const;

 private:
  SshConnection(asio::ip::tcp::socket socket, SshOptions options);
  Result<void> prepare();
  Task<Result<void>> connect();
  Error handshake_error() const;
  Task<> pump_output();
  void process();
  bool write_pending() const;

  asio::ip::tcp::socket socket_;
  SshOptions options_;
  std::string who_;
  Bell bell_;
  Event flush_;
  ssh_session session_ = nullptr;
  ssh_event event_ = nullptr;
  ssh_counter_struct received_{};
  ssh_counter_struct sent_{};
  std::uint64_t heard_ = 0;  // bytes received when the bell rang last
  bool strict_ = false;
  std::optional<Error> over_;
};

// One channel of kind "session". It outlives no connection.
class SshChannel {
 public:
  explicit SshChannel(SshConnection& connection);
  ~SshChannel();
  SshChannel(const SshChannel&) = delete;
  SshChannel& operator=(const SshChannel&) = delete;

  Task<Result<void>> open();
  Task<Result<void>> request_pty(std::string term, int columns, int rows);
  Task<> set_environment(std::string name, std::string value);  // what the target refuses is left out
  Task<Result<void>> request_shell();
  Task<Result<void>> request_exec(std::string command);
  Task<Result<void>> request_subsystem(std::string name);
  void resize(int columns, int rows);
  void signal(const std::string& name);

  // 0: the end.
  Task<Result<std::size_t>> read(std::span<std::uint8_t> into, bool error_output = false);
  Task<Result<void>> write(ByteView bytes);
  void end();
  void close();
  // The target has said how the program ended, or will not any more.
  bool concluded() const;

  struct Exit {
    std::optional<int> status;
    std::optional<std::string> signal;
    bool core_dumped = false;
  };
  const Exit& exit() const { return exit_; }

 private:
  // Read, and not yet asked for; at most libssh's window.
  struct Ahead {
    Bytes bytes;
    std::size_t handed_out = 0;
    std::size_t hand_out(std::span<std::uint8_t> into);
  };

  Task<Result<void>> request(std::function<int()> step, std::string what);

  SshConnection& connection_;
  ssh_channel channel_;
  Ahead ahead_[2];  // output, error output
  ssh_channel_callbacks_struct callbacks_{};
  Exit exit_;
};

}  // namespace jump::bridge
