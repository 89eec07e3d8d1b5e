#include "jumpoint/proxy/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jump::proxy {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

int status_of(std::string_view text, bool allow_get = true) {
  const Asked asked = read_request(text, allow_get);
  if (asked.refusal) return asked.refusal->status;
  return asked.wish ? 200 : 0;
}

// A CONNECT with other header lines.
std::string with(std::string_view lines) {
  return "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n" + std::string(lines) + "\r\n";
}

TEST(Request, GrantsAPlainConnect) {
  for (const std::string& text :
       {with(""), with("User-Agent: curl/7.88.1\r\nProxy-Connection: Keep-Alive\r\n"),
        with("Content-Length: 0\r\n"), with("X:\r\n"), with("X: \t a b\tc \r\n"), with("X: \xc3\xa4\r\n"),
        with("Proxy-Authorization: Basic eDp5\r\n"), std::string("CONNECT a.example:443 HTTP/1.0\r\n\r\n"),
        std::string("CONNECT A.EXAMPLE.:443 HTTP/1.1\r\nhOsT:a.example:443\r\n\r\n"),
        std::string("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n")}) {
    const Asked asked = read_request(text, false);
    ASSERT_TRUE(asked.wish) << text << (asked.refusal ? asked.refusal->reason : "");
    EXPECT_EQ(to_text(std::get<Tunnel>(*asked.wish).target), "a.example:443");
  }
}

TEST(Request, WaitsForTheWholeHeader) {
  const std::string text = with("User-Agent: x\r\n");
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_EQ(status_of(text.substr(0, size)), 0) << size;
  EXPECT_EQ(status_of(text), 200);
}

TEST(Request, RefusesWhatIsMalformed) {
  const std::string table[] = {
      "\r\n",
      "\n",
      " CONNECT a:1 HTTP/1.1\r\n\r\n",
      "CONNECT a:1\r\n\r\n",
      "CONNECT  a:1 HTTP/1.1\r\n\r\n",
      "CONNECT a:1 HTTP/1.1 \r\n\r\n",
      "CONNECT a:1 HTTP/2.0\r\n\r\n",
      "CONNECT a:1 http/1.1\r\n\r\n",
      "CONNECT a:1 HTTP/1.10\r\n\r\n",
      "CONNECT\ta:1 HTTP/1.1\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "CON(NECT a:1 HTTP/1.1\r\n\r\n",
      "CONNECT a:1 HTTP/1.1\nHost: a:1\n\n",
      "CONNECT a:1 HTTP/1.1\r\r\n\r\n",
      "CONNECT \x01:1 HTTP/1.1\r\n\r\n",
      "\x16\x03\x01\x02",
      "CONNECT a\xc3\xa4:1 HTTP/1.0\r\n\r\n",
      "CONNECT user@a.example:443 HTTP/1.0\r\n\r\n",
      "CONNECT http://a.example:443/ HTTP/1.0\r\n\r\n",
      "CONNECT a.example HTTP/1.0\r\n\r\n",
      "CONNECT a.example:0443 HTTP/1.0\r\n\r\n",
      "CONNECT / HTTP/1.0\r\n\r\n",
      "CONNECT 2130706433:443 HTTP/1.0\r\n\r\n",
      "CONNECT 0177.0.0.1:443 HTTP/1.0\r\n\r\n",
      "CONNECT a.example:443 HTTP/1.1\r\n\r\n",  // no Host
      with("Host: a.example:443\r\n"),
      with("host: a.example\r\n"),
      with("Transfer-Encoding: chunked\r\n"),
      with("Transfer-Encoding: identity\r\n"),
      with("transfer-encoding:\r\n"),
      with("Content-Length: 1\r\n"),
      with("Content-Length: 00\r\n"),
      with("Content-Length: +0\r\n"),
      with("Content-Length: 0, 0\r\n"),
      with("Content-Length: 0\r\nContent-Length: 0\r\n"),
      with("Content-Length:\r\n"),
      with("Expect: 100-continue\r\n"),
      with("X : y\r\n"),
      with(" X: y\r\n"),
      with("X: y\r\n folded\r\n"),
      with("\tX: y\r\n"),
      with("no colon\r\n"),
      with(": y\r\n"),
      with("X: \x01\r\n"),
      with("X: \x7f\r\n"),
      with("X: a\rb\r\n"),
      with("X: a\nY: b\r\n"),
      with(std::string("X: a\0b\r\n", 8)),
      with("") + "x",
      with("") + with(""),
      with("") + "\x16\x03\x01",
      with("") + "\r\n",
      "CONNECT a.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n",
      "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:444\r\n\r\n",
      "CONNECT a.example:443 HTTP/1.1\r\nHost:\r\n\r\n",
      "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443, b\r\n\r\n",
      "CONNECT a.example:443 HTTP/1.1\r\nHost: x@a.example:443\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
      "GET a.example HTTP/1.0\r\n\r\n",
      "GET https://a.example/ HTTP/1.0\r\n\r\n",
      "GET ftp://a.example/ HTTP/1.0\r\n\r\n",
      "GET http:// HTTP/1.0\r\n\r\n",
      "GET http:///x HTTP/1.0\r\n\r\n",
      "GET http://u@a.example/ HTTP/1.0\r\n\r\n",
      "GET http://a.example/#x HTTP/1.0\r\n\r\n",
      "GET http://a.example:0/ HTTP/1.0\r\n\r\n",
      "GET http://a.example\\b/ HTTP/1.0\r\n\r\n",
      "GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n",
      "GET http://a.example/ HTTP/1.0\r\nContent-Length: 3\r\n\r\n",
  };
  for (const std::string& text : table) {
    EXPECT_EQ(status_of(text), 400) << text;
    // Nothing that is appended makes it right again.
    EXPECT_EQ(status_of(text + "\r\n\r\n"), 400) << text;
  }
  EXPECT_EQ(status_of(std::string("CONNECT a\0b:1 HTTP/1.0\r\n\r\n", 27)), 400);
}

TEST(Request, RefusesOtherMethods) {
  for (const char* method : {"POST", "PUT", "OPTIONS", "TRACE", "connect", "Get", "BREW"}) {
    const std::string text = std::string(method) + " http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n";
    EXPECT_EQ(status_of(text), 405) << method;
  }
  EXPECT_EQ(status_of("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", false), 405);
  EXPECT_EQ(status_of("HEAD http://a.example/ HTTP/1.0\r\n\r\n", false), 405);
  EXPECT_THAT(refusal_answer({405, "no"}, false), HasSubstr("\r\nAllow: CONNECT\r\n"));
}

TEST(Request, LimitsTheHeader) {
  const std::string long_line = "X: " + std::string(kHeaderBytes, 'x');
  EXPECT_EQ(status_of(with(long_line + "\r\n")), 400);
  EXPECT_EQ(status_of(("CONNECT a.example:443 HTTP/1.1\r\n" + long_line).substr(0, kHeaderBytes - 1)), 0);
  EXPECT_EQ(status_of(("CONNECT a.example:443 HTTP/1.1\r\n" + long_line).substr(0, kHeaderBytes)), 400);
  EXPECT_EQ(status_of(std::string(kHeaderBytes, 'x')), 400);
  const std::size_t rest = kHeaderBytes - with("X: \r\n").size();
  EXPECT_EQ(status_of(with("X: " + std::string(rest, 'x') + "\r\n")), 200);
  EXPECT_EQ(status_of(with("X: " + std::string(rest + 1, 'x') + "\r\n")), 400);
}

TEST(Request, RedirectsToHttps) {
  const std::tuple<const char*, const char*, const char*> table[] = {
      {"http://a.example", "a.example:443", "https://a.example/"},
      {"http://A.example./x/y?z=1&u=http://b/", "a.example:443", "https://a.example/x/y?z=1&u=http://b/"},
      {"HTTP://a.example:8443/x", "a.example:8443", "https://a.example:8443/x"},
      {"http://a.example?q", "a.example:443", "https://a.example/?q"},
      {"http://a.example//b.example/", "a.example:443", "https://a.example//b.example/"},
      {"http://[2001:db8::1]/x", "[2001:db8::1]:443", "https://[2001:db8::1]/x"},
  };
  for (const auto& [asked_for, target, place] : table) {
    const std::string text = std::string("GET ") + asked_for + " HTTP/1.0\r\n\r\n";
    const Asked asked = read_request(text, true);
    ASSERT_TRUE(asked.wish) << asked_for;
    const auto& redirect = std::get<Redirect>(*asked.wish);
    const std::string answer = redirect_answer(*parse_authority(target), redirect);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 308 "));
    EXPECT_THAT(answer, HasSubstr("\r\nLocation: " + std::string(place) + "\r\n"));
  }
  const Asked head = read_request("HEAD http://a.example/ HTTP/1.0\r\n\r\n", true);
  const auto& redirect = std::get<Redirect>(*head.wish);
  EXPECT_TRUE(redirect_answer(redirect.target, redirect).ends_with("\r\n\r\n"));
}

TEST(Request, AnswersSayWhy) {
  const std::string text = refusal_answer({403, "only the appliance"}, false);
  EXPECT_THAT(text, StartsWith("HTTP/1.1 403 Forbidden\r\n"));
  EXPECT_THAT(text, HasSubstr("\r\nContent-Length: 19\r\n"));
  EXPECT_TRUE(text.ends_with("\r\n\r\nonly the appliance\n"));
  EXPECT_THAT(refusal_answer({429, "full"}, false), HasSubstr("\r\nRetry-After: 5\r\n"));
  // What came from the client is escaped.
  const Asked asked = read_request("CONNECT \"<b>'\x7e HTTP/1.0\r\n\r\n", false);
  EXPECT_EQ(asked.refusal->status, 400);
}

}  // namespace
}  // namespace jump::proxy
