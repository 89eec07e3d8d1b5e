// LocalTransport: a Transport over a connected Unix stream socket, between the processes of one endpoint
// (platform/local_socket.h makes and checks them). Its end of file is an orderly end: nobody can cut a socket
// within one machine but one of its two processes.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>

#include "common/tunnel/transport.h"

namespace jump::tunnel {

class LocalTransport final : public Transport {
 public:
  // Takes the descriptor over. One that is no socket is found out by the first read or write.
  LocalTransport(asio::any_io_executor executor, int socket);
  ~LocalTransport() override;

  Task<Result<void>> readable() override;
  Result<std::size_t> read_now(std::span<std::uint8_t> into) override;
  Result<void> write_now(std::span<const ByteView> parts) override;
  bool backlog() const override { return kept_.size() > sent_; }
  Task<Result<void>> writable() override;
  void set_unsent_limit(std::size_t) override {}
  PathState path() const override { return {}; }
  Task<Result<void>> shutdown() override;
  void close() noexcept override;
  const TransportInfo& info() const override { return info_; }

 private:
  using Socket = asio::local::stream_protocol::socket;
  Task<Result<void>> wait(Socket::wait_type type);
  Result<void> flush();

  Socket socket_;
  TransportInfo info_{"local", "local", "local"};
  bool may_receive_ = true;
  bool closed_ = false;
  std::size_t sent_ = 0;  // of kept_
  Bytes kept_;            // what the kernel did not take
};

}  // namespace jump::tunnel
