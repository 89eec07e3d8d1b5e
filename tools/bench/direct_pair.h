// A session between two workers of this process, with nothing in between: what mux and TLS cost by
// themselves.
#pragma once

#include <future>
#include <memory>
#include <vector>

#include "tools/bench/mux_end.h"
#include "tools/bench/site.h"

namespace jump::bench {

class DirectPair {
 public:
  DirectPair(const Site& site, const Credentials& own);
  ~DirectPair();

  // The first worker's end opens, the second's adopts; both are there when this returns.
  struct StreamPair {
    std::unique_ptr<session::Stream> console;
    std::unique_ptr<session::Stream> endpoint;
  };
  StreamPair open();
  // Destroys both handles on the threads they belong to.
  void close(StreamPair pair);

  Worker& console() { return console_; }
  Worker& endpoint() { return endpoint_; }

 private:
  struct End {
    End(Worker& worker, StreamPtr stream, bool is_console);
    endpoint::SessionIo session;
    MuxEnd mux;
  };
  Worker console_;
  Worker endpoint_;
  std::unique_ptr<End> ends_[2];
};

// A stream of a pair whose endpoint sends back what it gets, while this lives.
class EchoStream {
 public:
  explicit EchoStream(DirectPair& pair);
  ~EchoStream();
  // Seconds for each.
  std::vector<double> ping(std::size_t times);

 private:
  DirectPair& pair_;
  DirectPair::StreamPair streams_;
  std::future<bool> echoing_;
};

}  // namespace jump::bench
