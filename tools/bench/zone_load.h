// Load for the Jump Zone Proxy and its peers: a server that sends what it is asked for, and clients that come
// to it through a proxy. Plain TCP on 127.0.0.1, blocking clients, all in this process.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace jump::bench {

// A client's first 8 bytes (big endian) are how many it wants; then it is silent until closed.
class ZoneServer {
 public:
  ZoneServer();
  ~ZoneServer();
  std::uint16_t port() const { return port_; }

 private:
  void run();
  int listener_ = -1;
  int epoll_ = -1;
  int wake_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

// Where a proxy stands and what it wants to be told first; empty: it relays to one place anyway.
struct ZoneEntry {
  std::uint16_t port = 0;
  std::string greeting;  // "CONNECT …", answered by a header
};

// A connected socket; throws a sentence when the proxy refuses.
int dial_through(const ZoneEntry& entry);
void close_socket(int socket);
// Asks for `bytes` and takes them; what comes is not even copied.
void fetch(int socket, std::uint64_t bytes);

// `streams` tunnels at once fetch `bytes` together; seconds from the first byte asked for to the last.
double fetch_at_once(const ZoneEntry& entry, std::size_t streams, std::uint64_t bytes);
// Connect, 1 KiB, close; by `threads` clients for `seconds`. Connections a second.
double connections_a_second(const ZoneEntry& entry, std::size_t threads, double seconds);

}  // namespace jump::bench
