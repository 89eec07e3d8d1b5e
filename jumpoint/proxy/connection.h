// One client of the proxy, from accept to its end:
//
//     header ──► dialling ──► tunnel          header ──► refusing          any ──► closed
//
// No coroutine and no timer of its own: 9,000 idle tunnels are to cost little. The worker looks at deadlines
// of those that are no tunnel yet. One thread; the worker owns it, and frees it when gone().
#pragma once

#include <array>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>

#include "common/base/clock.h"
#include "jumpoint/proxy/policy.h"
#include "platform/byte_mover.h"

namespace jump::proxy {

class Worker;
using Socket = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;

struct Arrival {
  Socket socket;
  Source source;
  std::uint32_t rule = 0;
  std::optional<Refusal> refusal;  // decided before a byte was read; then it counts against no limit
};

class Connection {
 public:
  Connection(Worker& worker, Arrival arrival, Instant now);

  void start();
  // The worker's clock: ends what took too long.
  void look_at_clock(Instant now);
  // Rules or targets have changed: closed when it may not be here any more.
  void judge_again();
  // At once, idempotent.
  void close(std::string reason);

  bool was_tunnel() const { return target_ != nullptr; }
  bool gone() const { return stage_ == Stage::closed && pending_ == 0; }
  Report report(Instant now) const;

  std::list<Connection>::iterator self;  // the worker's

 private:
  enum class Stage : std::uint8_t { header, dialling, refusing, tunnel, closed };

  // What a tunnel no longer needs.
  struct Beginning {
    std::string header;  // what came of it, when it came in pieces
    std::string line;
    std::optional<Refusal> refusal;
    std::shared_ptr<const Target> target;
    std::size_t tried = 0;  // addresses
    std::string dial_error;
    bool timed_out = false;
    std::size_t drained = 0;  // bytes that came behind a refusal
    Instant dial_until{};
  };

  // Calls the member function when the socket is ready, unless the connection is closed by then.
  template <typename F>
  void wait(Socket& socket, Socket::wait_type what, F next);

  void read_header();
  void take_header(std::string_view received);
  void obey(Wish wish);
  void dial_next();
  void dialled(const boost::system::error_code& failed);
  void begin_tunnel();
  void pump(std::size_t way);
  void reset(std::size_t failed_side, const boost::system::error_code& failed);
  void refuse(Refusal refusal);
  void answer(std::string_view text);
  void drain();

  Socket& side(std::size_t number) { return number == 0 ? client_ : upstream_; }

  Worker& worker_;
  Socket client_;
  Socket upstream_;
  Source source_;
  std::uint32_t rule_;
  Stage stage_ = Stage::header;
  Verdict verdict_ = Verdict::left;
  std::uint16_t status_ = 0;
  bool counted_ = true;
  std::uint8_t pending_ = 0;  // handlers that will still run
  Instant started_;
  Instant deadline_;                      // of the present stage, tunnels excepted
  std::array<platform::Flow, 2> flows_;   // up: client to upstream; down
  std::unique_ptr<Beginning> beginning_;  // not for tunnels
  std::shared_ptr<const Target> target_;  // of a tunnel
  asio::ip::tcp::endpoint address_;       // that was dialled
  std::unique_ptr<std::string> end_reason_;
};

}  // namespace jump::proxy
