// LocalTransport: a Transport between the processes of one endpoint (platform/local_stream.h makes and checks
// the connection). Its end of file is an orderly end: nobody can cut a connection within one machine but one
// of its two processes.
#pragma once

#include <utility>

#include "common/tunnel/transport.h"
#include "platform/local_stream.h"

namespace jump::tunnel {

class LocalTransport final : public Transport {
 public:
  // Takes a connected end over.
  LocalTransport(asio::any_io_executor executor, platform::Handle end) : stream_(executor, std::move(end)) {}

  Task<Result<void>> readable() override { return stream_.readable(); }
  Result<std::size_t> read_now(std::span<std::uint8_t> into) override { return stream_.read_now(into); }
  Result<void> write_now(std::span<const ByteView> parts) override { return stream_.write_now(parts); }
  bool backlog() const override { return stream_.backlog(); }
  Task<Result<void>> writable() override { return stream_.writable(); }
  void set_unsent_limit(std::size_t) override {}
  PathState path() const override { return {}; }
  Task<Result<void>> shutdown() override { return stream_.shutdown(); }
  void close() noexcept override { stream_.close(); }
  const TransportInfo& info() const override { return info_; }

 private:
  platform::LocalStream stream_;
  TransportInfo info_{"local", "local"};
};

}  // namespace jump::tunnel
