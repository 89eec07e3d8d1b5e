// SshServer: the SSH server that the person's own ssh, scp, sftp, rsync and git talk to over the pipes of
// ProxyCommand. libssh speaks the protocol (RFC 4253, 4254) on one end of a socket pair; bytes of the other
// end go to standard input and output.
//
//   ssh → standard input → socket pair → libssh → SshChannel → the session, and back
//
// Nobody has to prove anything here: the pipe belongs to the person who started both ends. What cannot be
// carried (forwarding of ports, agents and X11) is refused. One thread; libssh never blocks in it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/task_group.h"
#include "platform/sockets.h"

namespace jump::console {

struct SshTerminal {
  std::string term;
  std::uint16_t columns = 80;
  std::uint16_t rows = 24;
};

struct SshRequest {
  enum class Kind { shell, command, subsystem } kind = Kind::shell;
  std::string text;                     // the command line, or the subsystem's name
  std::optional<SshTerminal> terminal;  // when one was asked for
  std::optional<std::string> locale;    // LC_ALL, LC_CTYPE or LANG, if the client sent it
};

struct SshChange {
  std::optional<SshTerminal> resized;
  std::optional<std::string> signal;  // "TERM"
  bool closed = false;                // the client takes nothing more
};

// One channel whose request was granted. Awaits end with Fault::closed when the client has gone.
class SshChannel {
 public:
  virtual ~SshChannel() = default;
  virtual const SshRequest& request() const = 0;
  // 0 = the client has ended its direction.
  virtual Task<Result<std::size_t>> read(std::span<std::uint8_t> into) = 0;
  // Waits until all of it fits into the client's window.
  virtual Task<Result<void>> write(ByteView bytes, bool error_output) = 0;
  // Resizing, signals and the end, as they come.
  virtual Task<SshChange> change() = 0;
  // How it ended; said when the channel's task returns. The last call counts.
  virtual void exit(int status) = 0;
  virtual void exit_by(const std::string& signal, bool core_dumped) = 0;
};

// The server's own key: made when there is none, 0600. Its public half as in known_hosts, "ssh-ed25519
// AAAA…".
Result<std::string> ensure_host_key(const std::string& path);

class SshServer {
 public:
  // The task of one channel; the channel outlives it.
  using Serve = std::function<Task<>(SshChannel&)>;
  // `socket`: connected, with the client behind it.
  static Result<std::unique_ptr<SshServer>> create(asio::any_io_executor executor,
                                                   const std::string& host_key, platform::StreamSocket socket,
                                                   Serve serve);
  SshServer(const SshServer&) = delete;
  SshServer& operator=(const SshServer&) = delete;
  ~SshServer();

  // Until the client has gone. Tasks of channels have ended then.
  Task<Result<void>> run();

 private:
  struct Impl;
  explicit SshServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace jump::console
