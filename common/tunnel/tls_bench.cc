// Measures TlsStream side by side with what OpenSSL does by itself: bytes a second between two threads over
// loopback, handshakes, and what an idle connection holds. Built on demand only:
//     ninja jump_common_tunnel_bench && bin/jump_common_tunnel_bench
//
// cpu_s_per_GB (both ends together) is the figure to trust; bytes a second depend on who else is there.
#include <benchmark/benchmark.h>

#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/check.h"
#include "common/tunnel/tls_native.h"
#include "common/tunnel/tunnel_test_support.h"

namespace jump::tunnel::test {
namespace {

constexpr std::size_t kRound = 256u << 20;  // bytes for each round

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void report(benchmark::State& state, double cpu) {
  const double bytes = static_cast<double>(state.iterations()) * static_cast<double>(kRound);
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  state.counters["cpu_s_per_GB"] = cpu / (bytes / 1e9);
}

// --- OpenSSL alone, blocking, as simple as it gets
// -------------------------------------------------------------

void raw_openssl(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  Site site;
  const identity::ApplianceIdentity own = site.authority.issue_appliance({}, kNow).value();
  const SslContextPtr server_context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_use_certificate(server_context.get(), identity::borrow(own.certificate));
  SSL_CTX_use_PrivateKey(server_context.get(), identity::borrow(own.key));
  const SslContextPtr client_context(SSL_CTX_new(TLS_client_method()));
  for (SSL_CTX* context : {server_context.get(), client_context.get()}) {
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
  }
  asio::io_context io(1);
  SocketPair pair = connected_pair(io);
  pair.client.native_non_blocking(false);
  pair.server.native_non_blocking(false);
  pair.client.set_option(tcp::no_delay(true));
  pair.server.set_option(tcp::no_delay(true));
  const SslPtr server(SSL_new(server_context.get()));
  const SslPtr client(SSL_new(client_context.get()));
  SSL_set_fd(server.get(), pair.server.native_handle());
  SSL_set_fd(client.get(), pair.client.native_handle());
  std::thread accepting([&] { CHECK(SSL_accept(server.get()) == 1); });
  CHECK(SSL_connect(client.get()) == 1);
  accepting.join();
  const Bytes data = pattern(size);
  const double before = cpu_seconds();
  for (auto _ : state) {
    std::thread reader([&] {
      Bytes into(size);
      std::size_t got = 0;
      for (std::size_t total = 0; total < kRound; total += got) {
        CHECK(SSL_read_ex(server.get(), into.data(), into.size(), &got) == 1);
      }
    });
    std::size_t put = 0;
    for (std::size_t total = 0; total < kRound; total += put) {
      CHECK(SSL_write_ex(client.get(), data.data(), data.size(), &put) == 1);
    }
    reader.join();
  }
  report(state, cpu_seconds() - before);
}
BENCHMARK(raw_openssl)->Arg(16 << 10)->Arg(64 << 10)->UseRealTime()->Unit(benchmark::kMillisecond);

// --- TlsStream: a worker at each end
// ------------------------------------------------------------------------------

Task<Result<void>> write_round(Transport& to, const Bytes& frame, std::size_t batch) {
  std::vector<ByteView> parts(batch / frame.size(), frame);
  for (std::size_t total = 0; total < kRound; total += batch) {
    const Result<void> written = to.write_now(parts);
    if (!written) co_return written;
    if (!to.backlog()) continue;
    const Result<void> ready = co_await to.writable();
    if (!ready) co_return ready;
  }
  co_return Result<void>();
}

Task<Result<void>> read_round(Transport& from) {
  Bytes into(16384);
  for (std::size_t total = 0; total < kRound;) {
    const Result<void> ready = co_await from.readable();
    if (!ready) co_return ready;
    for (;;) {
      const Result<std::size_t> got = from.read_now(into);
      if (!got) co_return got.error();
      if (*got == 0) break;
      total += *got;
    }
  }
  co_return Result<void>();
}

// One worker: an io_context and its thread.
struct Worker {
  asio::io_context io{1};
  std::unique_ptr<TlsStream> stream;
};

void tls_stream(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  Site site;
  const Credentials agent = site.issue(kAgent);
  Worker client;
  Worker server;
  asio::io_context any(1);
  SocketPair pair = connected_pair(any);
  tcp::socket to_server(server.io, tcp::v4(), pair.server.release());
  tcp::socket to_client(client.io, tcp::v4(), pair.client.release());
  const auto server_context = site.server();
  const auto client_context = site.client(agent);
  std::thread accepting([&] {
    server.stream = run(server.io, TlsStream::accept(std::move(to_server), server_context)).value();
  });
  client.stream = run(client.io, TlsStream::connect(std::move(to_client), client_context, {})).value();
  accepting.join();
  const Bytes frame = pattern(16384);
  const double before = cpu_seconds();
  for (auto _ : state) {
    std::thread reader([&] { CHECK(run(server.io, read_round(*server.stream))); });
    CHECK(run(client.io, write_round(*client.stream, frame, batch)));
    reader.join();
  }
  report(state, cpu_seconds() - before);
}
BENCHMARK(tls_stream)
    ->Arg(16 << 10)
    ->Arg(64 << 10)
    ->Arg(128 << 10)
    ->Arg(256 << 10)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// --- handshakes: both ends on one core
// ------------------------------------------------------------------------------

void handshake(benchmark::State& state, bool psk) {
  asio::io_context io(1);
  Site site;
  const Credentials agent = site.issue(kAgent);
  const auto server = site.server();
  const auto client = site.client(agent);
  TlsConnectOptions options;
  if (psk) options.psk = site.psk.offer(kAgent, agent.chain.front().serial());
  const double before = cpu_seconds();
  for (auto _ : state) {
    const Ends ends = shake_hands(io, client, server, options);
    CHECK(ends.client && ends.server && (*ends.server)->resumed() == psk);
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["cpu_us"] = (cpu_seconds() - before) * 1e6 / static_cast<double>(state.iterations());
}
void full_handshake(benchmark::State& state) {
  handshake(state, false);
}
void psk_handshake(benchmark::State& state) {
  handshake(state, true);
}
BENCHMARK(full_handshake)->Unit(benchmark::kMicrosecond);
BENCHMARK(psk_handshake)->Unit(benchmark::kMicrosecond);

// --- idle connections: the appliance's half alone; the clients are another process
// -----------------------------------

Task<> connect_many(asio::io_context& io, tcp::endpoint to, std::shared_ptr<const TlsClient> client,
                    TlsConnectOptions options, std::size_t count,
                    std::vector<std::unique_ptr<TlsStream>>& streams) {
  for (std::size_t i = 0; i < count; ++i) {
    tcp::socket socket(io);
    boost::system::error_code failed;
    co_await socket.async_connect(to, asio::redirect_error(asio::use_awaitable, failed));
    CHECK(!failed);
    StreamResult stream = co_await TlsStream::connect(std::move(socket), client, options);
    CHECK(stream);
    streams.push_back(std::move(*stream));
  }
}

Task<> accept_many(tcp::acceptor& acceptor, std::shared_ptr<const TlsServer> server, std::size_t count,
                   std::vector<std::unique_ptr<TlsStream>>& streams) {
  for (std::size_t i = 0; i < count; ++i) {
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    StreamResult stream = co_await TlsStream::accept(std::move(socket), server);
    CHECK(stream);
    streams.push_back(std::move(*stream));
  }
}

std::size_t resident() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0;
  std::size_t pages = 0;
  file >> all >> pages;
  return pages * 4096;
}

void idle(benchmark::State& state, bool psk) {
  constexpr std::size_t kCount = 4000;
  for (auto _ : state) {
    Site site;
    const Credentials agent = site.issue(kAgent);
    const auto server = site.server();
    asio::io_context io(1);
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    int done[2];
    CHECK(::pipe(done) == 0);
    TlsConnectOptions options;
    if (psk) options.psk = site.psk.offer(kAgent, agent.chain.front().serial());
    const pid_t child = ::fork();
    if (child == 0) {
      asio::io_context own(1);
      TaskGroup group(own.get_executor());
      std::vector<std::unique_ptr<TlsStream>> streams;
      group.spawn("connect",
                  connect_many(own, acceptor.local_endpoint(), site.client(agent), options, kCount, streams));
      finish(own, group, 120s);
      char byte = 0;
      ::close(done[1]);
      ::_exit(::read(done[0], &byte, 1) == 0 ? 0 : 1);
    }
    std::vector<std::unique_ptr<TlsStream>> streams;
    streams.reserve(kCount);
    TaskGroup warm(io.get_executor());
    warm.spawn("accept", accept_many(acceptor, server, 100, streams));
    finish(io, warm);
    const std::size_t heap = mallinfo2().uordblks;
    const std::size_t memory = resident();
    TaskGroup group(io.get_executor());
    group.spawn("accept", accept_many(acceptor, server, kCount - 100, streams));
    finish(io, group, 120s);
    state.counters["heap_each"] = static_cast<double>(mallinfo2().uordblks - heap) / (kCount - 100);
    state.counters["resident_each"] = static_cast<double>(resident() - memory) / (kCount - 100);
    ::close(done[1]);
    ::close(done[0]);
    streams.clear();
    ::waitpid(child, nullptr, 0);
  }
}
void idle_full(benchmark::State& state) {
  idle(state, false);
}
void idle_psk(benchmark::State& state) {
  idle(state, true);
}
BENCHMARK(idle_full)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(idle_psk)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace jump::tunnel::test

BENCHMARK_MAIN();
