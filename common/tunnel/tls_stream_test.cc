#include <gtest/gtest.h>

#include <thread>

#include <openssl/ssl.h>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/with_timeout.h"
#include "common/tunnel/tls_native.h"
#include "common/tunnel/tunnel_test_support.h"

namespace jump::tunnel::test {
namespace {

struct TlsStreams : testing::Test {
  asio::io_context io{1};
  Site site;
  Credentials agent = site.issue(kAgent);
  std::shared_ptr<const TlsServer> server = site.server();
  std::shared_ptr<const TlsClient> client = site.client(agent);

  std::pair<std::unique_ptr<TlsStream>, std::unique_ptr<TlsStream>> connected() {
    Ends ends = shake_hands(io, client, server);
    return {std::move(ends.client).value(), std::move(ends.server).value()};
  }
};

Task<> keep_bytes(Transport& from, std::size_t size, Result<Bytes>& into) {
  into = co_await read_bytes(from, size);
}
Task<> keep_written(Transport& to, ByteView bytes, Result<void>& into) {
  into = co_await write_bytes(to, bytes);
}

TEST_F(TlsStreams, CarriesMuchInBothDirectionsAtOnce) {
  auto [a, b] = connected();
  const Bytes up = pattern(8 << 20, 1);
  const Bytes down = pattern(8 << 20, 2);
  Result<Bytes> at_a = Bytes();
  Result<Bytes> at_b = Bytes();
  Result<void> from_a;
  Result<void> from_b;
  TaskGroup group(io.get_executor());
  group.spawn("a reads", keep_bytes(*a, down.size(), at_a));
  group.spawn("b reads", keep_bytes(*b, up.size(), at_b));
  group.spawn("a writes", keep_written(*a, up, from_a));
  group.spawn("b writes", keep_written(*b, down, from_b));
  ASSERT_TRUE(finish(io, group));
  ASSERT_TRUE(from_a) << from_a.error().message();
  ASSERT_TRUE(from_b) << from_b.error().message();
  ASSERT_TRUE(at_a && at_b);
  EXPECT_TRUE(*at_a == down);
  EXPECT_TRUE(*at_b == up);
}

TEST_F(TlsStreams, AFrameIsARecordAndSmallPartsShareOne) {
  auto [a, b] = connected();
  const Bytes frame = pattern(16384);
  const Bytes header = pattern(12, 5);
  const Bytes payload = pattern(16372, 6);
  std::vector<ByteView> parts{frame, header, payload};
  const Bytes small = pattern(10, 7);
  for (int i = 0; i < 100; ++i) parts.emplace_back(small);
  parts.emplace_back();
  ASSERT_TRUE(a->write_now(parts));
  ASSERT_TRUE(run(io, b->readable()));
  Bytes into(65536);
  std::vector<std::size_t> sizes;
  for (;;) {
    const Result<std::size_t> got = b->read_now(into);
    ASSERT_TRUE(got);
    if (*got == 0) break;
    sizes.push_back(*got);
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{16384, 16384, 1000}));
}

TEST_F(TlsStreams, ASlowReaderHoldsTheWriterAndLosesNothing) {
  auto [a, b] = connected();
  const Bytes batch = pattern(256 * 1024);
  const ByteView part = batch;
  std::size_t batches = 0;
  while (!a->backlog() && batches < 1000) {
    ASSERT_TRUE(a->write_now({&part, 1}));
    ++batches;
  }
  ASSERT_TRUE(a->backlog());
  const Bytes last = pattern(77, 3);
  Result<Bytes> got = Bytes();
  Result<void> written;
  TaskGroup group(io.get_executor());
  group.spawn("wait", keep_written(*a, {}, written));
  const Result<void> early = run(io, with_timeout(10ms, "writable", a->writable()));
  EXPECT_TRUE(early.error().is(Fault::timed_out));
  group.spawn("read", keep_bytes(*b, batches * batch.size(), got));
  const Result<void> later = run(io, a->writable());
  ASSERT_TRUE(later) << later.error().message();
  EXPECT_FALSE(a->backlog());
  ASSERT_TRUE(finish(io, group));
  ASSERT_TRUE(got);
  for (std::size_t i = 0; i < batches; ++i) {
    ASSERT_TRUE(
        std::equal(batch.begin(), batch.end(), got->begin() + static_cast<std::ptrdiff_t>(i * batch.size())));
  }
}

TEST_F(TlsStreams, WritableWaitsForTheUnsentLimit) {
  auto [a, b] = connected();
  a->set_unsent_limit(16 * 1024);
  const Bytes batch = pattern(64 * 1024);
  const ByteView part = batch;
  while (!a->backlog()) ASSERT_TRUE(a->write_now({&part, 1}));
  const PathState path = a->path();
  EXPECT_GT(path.round_trip.count(), 0);
  EXPECT_LT(path.unsent, 16 * 1024 + batch.size());
}

TEST_F(TlsStreams, AnOrderlyEndIsToldAfterTheLastByte) {
  auto [a, b] = connected();
  const Bytes bytes = pattern(100000);
  ASSERT_TRUE(run(io, write_bytes(*a, bytes)));
  ASSERT_TRUE(run(io, a->shutdown()));
  a->close();
  const Result<Bytes> got = receive(io, *b, bytes.size());
  ASSERT_TRUE(got);
  EXPECT_TRUE(*got == bytes);
  const Result<Bytes> end = receive(io, *b, 1);
  ASSERT_FALSE(end);
  EXPECT_TRUE(end.error().is(Fault::closed)) << end.error().message();
}

TEST_F(TlsStreams, TheOtherDirectionOutlivesAnOrderlyEnd) {
  auto [a, b] = connected();
  ASSERT_TRUE(run(io, a->shutdown()));
  EXPECT_TRUE(receive(io, *b, 1).error().is(Fault::closed));
  ASSERT_TRUE(run(io, write_bytes(*b, as_bytes("last words"))));
  const Result<Bytes> got = receive(io, *a, 10);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(as_text(*got), "last words");
}

TEST_F(TlsStreams, ACutIsNoOrderlyEnd) {
  auto [a, b] = connected();
  ASSERT_TRUE(run(io, write_bytes(*a, as_bytes("half"))));
  a->close();
  const Result<Bytes> got = receive(io, *b, 100);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, asio::error::eof) << got.error().message();
  EXPECT_NE(got.error().message().find("was cut"), std::string::npos);
  // Again and again the same.
  EXPECT_EQ(receive(io, *b, 1).error().code, asio::error::eof);
}

TEST_F(TlsStreams, WhatThePeerSaidBeforeItResetIsStillRead) {
  auto [a, b] = connected();
  ASSERT_TRUE(run(io, write_bytes(*a, as_bytes("go away"))));
  ASSERT_TRUE(run(io, a->shutdown()));
  a->close();
  // Writing fails sooner or later; that must not take away what has arrived.
  Result<void> written;
  for (int i = 0; i < 100 && written; ++i) written = run(io, write_bytes(*b, as_bytes("x")));
  EXPECT_FALSE(written);
  const Result<Bytes> got = receive(io, *b, 7);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(as_text(*got), "go away");
  EXPECT_TRUE(receive(io, *b, 1).error().is(Fault::closed));
}

TEST_F(TlsStreams, CloseEndsWhoWaits) {
  auto [a, b] = connected();
  Result<Bytes> got = Bytes();
  TaskGroup group(io.get_executor());
  group.spawn("read", keep_bytes(*b, 1, got));
  io.restart();
  io.poll();
  b->close();
  b->close();
  ASSERT_TRUE(finish(io, group));
  EXPECT_TRUE(got.error().is(Fault::closed)) << got.error().message();
  EXPECT_TRUE(b->write_now({}).error().is(Fault::closed));
  EXPECT_EQ(b->path().round_trip.count(), 0);
}

Task<> connect_and_write(tcp::socket socket, std::shared_ptr<const TlsClient> client,
                         TlsConnectOptions options, StreamResult& into) {
  into = co_await TlsStream::connect(std::move(socket), std::move(client), std::move(options));
  if (!into) co_return;
  const ByteView hello = as_bytes("hello");
  EXPECT_TRUE((*into)->write_now({&hello, 1}));
}

Task<> accept_and_read(tcp::socket socket, std::shared_ptr<const TlsServer> server, std::string& into) {
  const StreamResult stream = co_await TlsStream::accept(std::move(socket), std::move(server));
  if (!stream) co_return;
  const Result<Bytes> got = co_await read_bytes(**stream, 5);
  if (got) into = as_text(*got);
}

// The first data often comes in one segment with the end of the handshake; then the socket never becomes
// readable again for it.
TEST_F(TlsStreams, DataThatComesWithTheHandshakeIsNotForgotten) {
  for (const bool psk : {false, true}) {
    SocketPair pair = connected_pair(io);
    TlsConnectOptions options;
    if (psk) options.psk = site.psk.offer(kAgent, agent.chain.front().serial());
    StreamResult stream = Error(Fault::internal, "not run");
    std::string got;
    TaskGroup group(io.get_executor());
    group.spawn("client", connect_and_write(std::move(pair.client), client, std::move(options), stream));
    group.spawn("server", accept_and_read(std::move(pair.server), server, got));
    ASSERT_TRUE(finish(io, group));
    EXPECT_EQ(got, "hello") << psk;
  }
}

TEST_F(TlsStreams, ManyConnectionsTakeTurnsWithOneBuffer) {
  constexpr std::size_t kConnections = 12;
  constexpr std::size_t kRecords = 12;
  std::vector<std::pair<std::unique_ptr<TlsStream>, std::unique_ptr<TlsStream>>> pairs;
  std::vector<Bytes> sent;
  std::vector<Bytes> received(kConnections);
  for (std::size_t i = 0; i < kConnections; ++i) {
    pairs.push_back(connected());
    sent.push_back(pattern(kRecords * 16384, static_cast<std::uint32_t>(i)));
    ASSERT_TRUE(run(io, write_bytes(*pairs[i].first, sent[i])));
  }
  Bytes into(16384);
  for (std::size_t record = 0; record < kRecords; ++record) {
    for (std::size_t i = 0; i < kConnections; ++i) {  // one record of each, then the next one's turn
      if (!pairs[i].second) continue;
      TlsStream& from = *pairs[i].second;
      Result<std::size_t> got = from.read_now(into);
      while (got && *got == 0) {
        ASSERT_TRUE(run(io, from.readable()));
        got = from.read_now(into);
      }
      ASSERT_TRUE(got) << got.error().message();
      received[i].insert(received[i].end(), into.begin(), into.begin() + static_cast<std::ptrdiff_t>(*got));
    }
    // Some go with bytes unread: the last one's stand in the shared buffer.
    if (record == 5) pairs.front().second.reset();
    if (record == 6) pairs.back().second.reset();
  }
  for (std::size_t i = 1; i + 1 < kConnections; ++i) EXPECT_TRUE(received[i] == sent[i]) << i;
}

// --- against plain OpenSSL
// ----------------------------------------------------------------------------------

// A client of its own on a blocking socket, in a thread: what ours never sends.
struct RawClient {
  SslContextPtr context{SSL_CTX_new(TLS_client_method())};
  SslPtr ssl{SSL_new(context.get())};

  bool connect(int socket) {
    constexpr unsigned char kOffer[] = "\x08http/1.1";
    SSL_set_alpn_protos(ssl.get(), kOffer, sizeof kOffer - 1);
    SSL_set_fd(ssl.get(), socket);
    return SSL_connect(ssl.get()) == 1;
  }
  void update_key() {
    SSL_key_update(ssl.get(), SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(ssl.get());
  }
};

TEST_F(TlsStreams, KeyUpdatesAreAnswered) {
  SocketPair pair = connected_pair(io);
  std::string answer;
  std::thread peer([&] {
    RawClient raw;
    pair.client.native_non_blocking(false);
    if (!raw.connect(pair.client.native_handle())) return;
    for (int i = 0; i < 20; ++i) {
      raw.update_key();
      SSL_write(raw.ssl.get(), "x", 1);
    }
    char text[8];
    const int got = SSL_read(raw.ssl.get(), text, sizeof text);
    if (got > 0) answer.assign(text, static_cast<std::size_t>(got));
  });
  StreamResult stream = run(io, TlsStream::accept(std::move(pair.server), server));
  ASSERT_TRUE(stream) << stream.error().message();
  const Result<Bytes> got = receive(io, **stream, 20);
  EXPECT_TRUE(got) << got.error().message();
  EXPECT_TRUE(run(io, write_bytes(**stream, as_bytes("answer"))));
  peer.join();
  EXPECT_EQ(answer, "answer");
}

TEST_F(TlsStreams, KeyUpdatesWithoutEndAreRefused) {
  SocketPair pair = connected_pair(io);
  std::thread peer([&] {
    RawClient raw;
    pair.client.native_non_blocking(false);
    if (!raw.connect(pair.client.native_handle())) return;
    for (int i = 0; i < 1000; ++i) {
      SSL_key_update(raw.ssl.get(), SSL_KEY_UPDATE_NOT_REQUESTED);
      if (SSL_do_handshake(raw.ssl.get()) != 1) break;
    }
    pair.client.close();
  });
  StreamResult stream = run(io, TlsStream::accept(std::move(pair.server), server));
  peer.join();
  ASSERT_TRUE(stream) << stream.error().message();
  const Result<Bytes> got = receive(io, **stream, 1);
  ASSERT_FALSE(got);
  EXPECT_TRUE(got.error().is(Fault::refused)) << got.error().message();
}

TEST_F(TlsStreams, AClientWithoutAlpnGetsHttp) {
  SocketPair pair = connected_pair(io);
  std::thread peer([&] {
    RawClient raw;
    pair.client.native_non_blocking(false);
    SSL_set_fd(raw.ssl.get(), pair.client.native_handle());
    EXPECT_EQ(SSL_connect(raw.ssl.get()), 1);
    EXPECT_EQ(SSL_get_num_tickets(raw.ssl.get()), 2u);  // it would take some
    char text[1];
    EXPECT_EQ(SSL_read(raw.ssl.get(), text, 1), 0);
    EXPECT_EQ(SSL_SESSION_is_resumable(SSL_get0_session(raw.ssl.get())), 0);  // and got none
  });
  StreamResult stream = run(io, TlsStream::accept(std::move(pair.server), server));
  EXPECT_TRUE(stream) << stream.error().message();
  EXPECT_EQ((*stream)->alpn(), "http/1.1");
  EXPECT_TRUE(run(io, (*stream)->shutdown()));
  peer.join();
}

TEST_F(TlsStreams, OlderVersionsOfTlsAreRefused) {
  SocketPair pair = connected_pair(io);
  std::thread peer([&] {
    RawClient raw;
    SSL_set_max_proto_version(raw.ssl.get(), TLS1_2_VERSION);
    pair.client.native_non_blocking(false);
    EXPECT_FALSE(raw.connect(pair.client.native_handle()));
    pair.client.close();
  });
  StreamResult stream = run(io, TlsStream::accept(std::move(pair.server), server));
  EXPECT_FALSE(stream);
  peer.join();
}

// --- workers
// --------------------------------------------------------------------------------------------------

struct Workers {
  std::atomic<unsigned> resumed{0};
  std::atomic<unsigned> full{0};
  std::atomic<unsigned> failed{0};
};

Task<> one_round(asio::io_context& io, std::shared_ptr<const TlsClient> client,
                 std::shared_ptr<const TlsServer> server, TlsConnectOptions options, Workers& counts) {
  SocketPair pair = connected_pair(io);
  TaskGroup group(io.get_executor());
  StreamResult stream = Error(Fault::internal, "not run");
  std::string got;
  const bool psk = options.psk.has_value();
  group.spawn("client",
              connect_and_write(std::move(pair.client), std::move(client), std::move(options), stream));
  group.spawn("server", accept_and_read(std::move(pair.server), std::move(server), got));
  co_await group.join();
  if (!stream || got != "hello" || (*stream)->resumed() != psk) {
    ++counts.failed;
  } else {
    ++(psk ? counts.resumed : counts.full);
  }
}

Task<> rounds(asio::io_context& io, std::shared_ptr<const TlsClient> client,
              std::shared_ptr<const TlsServer> server, std::optional<identity::Psk> psk, unsigned count,
              Workers& counts) {
  for (unsigned i = 0; i < count; ++i) {
    TlsConnectOptions options;
    options.psk = psk;
    co_await one_round(io, client, server, std::move(options), counts);
  }
}

// Several workers, each with many handshakes in flight, full and resumed, all with the same key material.
TEST_F(TlsStreams, WorkersResumeSideBySide) {
  constexpr unsigned kWorkers = 3;
  constexpr unsigned kLanes = 8;
  constexpr unsigned kRounds = 12;
  const identity::Psk psk = site.psk.offer(kAgent, agent.chain.front().serial());
  Workers counts;
  std::vector<std::thread> threads;
  for (unsigned worker = 0; worker < kWorkers; ++worker) {
    // Verifiers and key sources of its own, as tls_context.h asks.
    threads.emplace_back([&, own_server = site.server(), own_client = site.client(agent)] {
      asio::io_context own(1);
      TaskGroup group(own.get_executor());
      for (unsigned lane = 0; lane < kLanes; ++lane) {
        std::optional<identity::Psk> offer;
        if (lane % 4 != 0) offer = psk;
        group.spawn("lane", rounds(own, own_client, own_server, std::move(offer), kRounds, counts));
      }
      finish(own, group);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counts.failed, 0u);
  EXPECT_EQ(counts.resumed, kWorkers * kRounds * kLanes * 3 / 4);
  EXPECT_EQ(counts.full, kWorkers * kRounds * kLanes / 4);
}

// --- cancellation
// -----------------------------------------------------------------------------------------------

TEST_F(TlsStreams, AHandshakeCanBeCancelledAtEveryAwait) {
  for (int steps = 0; steps < 40; ++steps) {
    SocketPair pair = connected_pair(io);
    StreamResult stream = Error(Fault::internal, "not run");
    std::string got;
    TaskGroup group(io.get_executor());
    group.spawn("client", connect_and_write(std::move(pair.client), client, {}, stream));
    group.spawn("server", accept_and_read(std::move(pair.server), server, got));
    io.restart();
    for (int i = 0; i < steps; ++i) io.poll_one();
    cancel(io, group);
    ASSERT_TRUE(finish(io, group)) << steps;
  }
}

}  // namespace
}  // namespace jump::tunnel::test
