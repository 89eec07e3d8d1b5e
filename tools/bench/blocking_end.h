// One end of a connection as a simple program holds it: a blocking socket, with or without OpenSSL over it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "tools/bench/site.h"

namespace jump::bench {

// Certificates and ciphers for such ends; made once.
class BlockingContext {
 public:
  explicit BlockingContext(const Site& site);
  ~BlockingContext();
  struct Native;
  const Native& native() const { return *native_; }

 private:
  std::unique_ptr<Native> native_;
};

class BlockingEnd {
 public:
  // Takes the socket. `context`: TLS over it, handshaken when the constructor returns; null: plain TCP.
  BlockingEnd(int socket, const BlockingContext* context, bool server);
  ~BlockingEnd();
  BlockingEnd(const BlockingEnd&) = delete;
  BlockingEnd& operator=(const BlockingEnd&) = delete;

  // All of it, or the program ends.
  void write(ByteView bytes);
  // At least one byte; 0: the other end ended.
  std::size_t read(std::span<std::uint8_t> into);
  // Both directions; a read in another thread ends.
  void shut();

 private:
  struct Native;
  std::unique_ptr<Native> native_;
};

// A listening socket of 127.0.0.1 on a port that was chosen, and what is done with such.
struct BlockingListener {
  BlockingListener();
  ~BlockingListener();
  int accept() const;
  int socket = -1;
  std::uint16_t port = 0;
};
int connect_blocking(std::uint16_t port);

}  // namespace jump::bench
