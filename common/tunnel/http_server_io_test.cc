#include <gtest/gtest.h>

#include <fstream>

#include "common/tunnel/http_server_io.h"
#include "common/tunnel/tunnel_test_support.h"
#include "tests/support/memory_transport.h"
#include "tests/support/temp_folder.h"

namespace jump::tunnel::test {
namespace {

struct HttpServer : testing::Test {
  asio::io_context io{1};
  jump::test::MemoryPair pair = jump::test::memory_pair(io.get_executor());
  jump::test::MemoryTransport& client = *pair.first;
  HttpTimes times;
  std::unique_ptr<HttpServerIo> made;

  HttpServerIo& server() {
    if (!made) made = std::make_unique<HttpServerIo>(*pair.second, 1024, times);
    return *made;
  }
  void send(std::string_view text) { ASSERT_TRUE(run(io, write_bytes(client, as_bytes(text)))); }
  Result<HttpRequest> read() { return run(io, server().read()); }
  // What has arrived at the client.
  std::string answer() {
    std::string all;
    Bytes buffer(16384);
    for (;;) {
      const Result<std::size_t> got = client.read_now(buffer);
      if (!got || *got == 0) return all;
      all.append(as_text(ByteView(buffer).first(*got)));
    }
  }
  std::string answer_to(const HttpRequest& request, HttpResponse response) {
    EXPECT_TRUE(run(io, server().write(request, std::move(response))));
    return answer();
  }
};

TEST_F(HttpServer, ReadsARequestHoweverItIsCut) {
  client.wire().set_write_limit(1);
  pair.first->wire().set_read_limit(1);
  send(
      "POST /api/x?y=1 HTTP/1.1\r\nHost: a\r\nX-Thing: One\r\nx-thing: Two\r\nContent-Length: "
      "5\r\n\r\nhello");
  const Result<HttpRequest> request = read();
  ASSERT_TRUE(request) << request.error().message();
  EXPECT_EQ(request->method, "POST");
  EXPECT_EQ(request->target, "/api/x?y=1");
  EXPECT_EQ(request->header("x-thing"), "One");
  EXPECT_EQ(request->header("nothing"), "");
  EXPECT_EQ(request->body, "hello");
  EXPECT_TRUE(request->keep_alive);
}

TEST_F(HttpServer, ReadsOneRequestAfterTheOther) {
  send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /3 HT");
  EXPECT_EQ(read()->target, "/1");
  const Result<HttpRequest> second = read();
  EXPECT_EQ(second->target, "/2");
  EXPECT_FALSE(second->keep_alive);
  send("TP/1.0\r\n\r\n");
  const Result<HttpRequest> third = read();
  EXPECT_EQ(third->target, "/3");
  EXPECT_FALSE(third->keep_alive);  // HTTP/1.0
}

TEST_F(HttpServer, ReadsChunkedBodiesUpToTheLimit) {
  send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n");
  EXPECT_EQ(read()->body, "hello!");
  send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n500\r\n");
  EXPECT_FALSE(read());
  EXPECT_TRUE(answer().starts_with("HTTP/1.1 413 "));
}

TEST_F(HttpServer, TellsWhatIsWrong) {
  const auto refused = [this](std::string_view text) {
    pair = jump::test::memory_pair(io.get_executor());
    made.reset();
    EXPECT_TRUE(run(io, write_bytes(*pair.first, as_bytes(text))));
    const Result<HttpRequest> request = read();
    EXPECT_FALSE(request) << text;
    Bytes buffer(64);
    const Result<std::size_t> got = pair.first->read_now(buffer);
    return std::string(as_text(ByteView(buffer).first(std::min<std::size_t>(got ? *got : 0, 12))));
  };
  EXPECT_EQ(refused("rubbish\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nBad Name: x\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nX: " + std::string(20000, 'x') + "\r\n\r\n"), "HTTP/1.1 431");
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nContent-Length: 1025\r\n\r\n"), "HTTP/1.1 413");
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"), "HTTP/1.1 400");
  // Two lengths: what a proxy in front understands is not what we would (request smuggling).
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            "HTTP/1.1 400");
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), "HTTP/1.1 400");
}

TEST_F(HttpServer, EndsQuietlyWithThePeer) {
  ASSERT_TRUE(run(io, client.shutdown()));
  EXPECT_TRUE(read().error().is(Fault::closed));
  EXPECT_EQ(answer(), "");
}

TEST_F(HttpServer, DoesNotWaitForEver) {
  times.first = times.rest = times.request = 10ms;
  EXPECT_TRUE(read().error().is(Fault::timed_out));
  EXPECT_EQ(answer(), "");  // nobody asked
  send("GET / HTTP/1.1\r\nHost:");
  EXPECT_TRUE(read().error().is(Fault::timed_out));
  EXPECT_TRUE(answer().starts_with("HTTP/1.1 408 "));
}

Task<> keep_request(HttpServerIo& server, std::optional<Result<HttpRequest>>& into) {
  into.emplace(co_await server.read());
}

TEST_F(HttpServer, TellsAClientThatAsksToGoOn) {
  std::optional<Result<HttpRequest>> request;
  TaskGroup group(io.get_executor());
  group.spawn("read", keep_request(server(), request));
  send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
  io.poll();
  EXPECT_EQ(answer(), "HTTP/1.1 100 Continue\r\n\r\n");
  send("ok");
  finish(io, group);
  EXPECT_EQ((*request)->body, "ok");
}

TEST_F(HttpServer, WritesAnswers) {
  HttpRequest request;
  request.method = "GET";
  HttpResponse response;
  response.headers = {{"Content-Type", "text/plain"}, {"X", "a\r\nSet-Cookie: b"}};
  response.body = "hello";
  EXPECT_EQ(
      answer_to(request, response),
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX: a??Set-Cookie: b\r\nContent-Length: 5\r\n\r\nhello");
  request.method = "HEAD";
  request.keep_alive = false;
  EXPECT_EQ(answer_to(request, response),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX: a??Set-Cookie: b\r\nConnection: close\r\n"
            "Content-Length: 5\r\n\r\n");
  request.method = "DELETE";
  request.keep_alive = true;
  HttpResponse nothing;
  nothing.status = 204;
  EXPECT_EQ(answer_to(request, nothing), "HTTP/1.1 204 No Content\r\n\r\n");
}

Task<> keep_result(Task<Result<void>> task, Result<void>& into) {
  into = co_await std::move(task);
}

TEST_F(HttpServer, SendsAFileAsItIsTakenAndGivesUpOnWhoTakesNothing) {
  const jump::test::TempFolder folder;
  const std::string path = folder / "recording";
  const Bytes content = pattern(3 << 20);
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(content.data()), 3 << 20);
  HttpRequest request;
  request.method = "GET";
  HttpResponse response;
  response.file = path;
  Result<void> written = Error(Fault::internal, "not run");
  TaskGroup group(io.get_executor());
  group.spawn("write", keep_result(server().write(request, response), written));
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 3145728\r\n\r\n";
  const Result<Bytes> got = receive(io, client, head.size() + content.size());
  finish(io, group);
  EXPECT_TRUE(written);
  ASSERT_TRUE(got);
  EXPECT_EQ(as_text(ByteView(*got).first(head.size())), head);
  EXPECT_TRUE(
      std::equal(content.begin(), content.end(), got->begin() + static_cast<std::ptrdiff_t>(head.size())));

  times.taking = 10ms;
  made.reset();
  EXPECT_TRUE(run(io, server().write(request, response)).error().is(Fault::timed_out));
  response.file = path + "x";
  pair = jump::test::memory_pair(io.get_executor());
  made.reset();
  ASSERT_TRUE(run(io, server().write(request, response)));
  Bytes start(12);
  EXPECT_EQ(*pair.first->read_now(start), 12u);
  EXPECT_EQ(as_text(start), "HTTP/1.1 404");
}

}  // namespace
}  // namespace jump::tunnel::test
