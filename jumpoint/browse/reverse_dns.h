// Names by reverse DNS (RFC 1035 section 3.5), many at once: the system's resolver would ask one after the
// other and wait for seconds where nobody answers.
#pragma once

#include <map>
#include <optional>
#include <string>

#include <boost/asio/ip/udp.hpp>

#include "common/access/address.h"
#include "common/base/error.h"
#include "common/base/task_group.h"
#include "jumpoint/browse/pacer.h"

namespace jump::browse {

class ReverseDns {
 public:
  // `server`: an address, or address and port as "127.0.0.1:5300", "[::1]:5300".
  static Result<ReverseDns> open(asio::any_io_executor executor, const std::string& server);

  Task<> ask(const access::Address& address, Pacer& pacer);
  // Those without an answer, once more; for names that were asked for just once.
  Task<> ask_again(Pacer& pacer);
  struct Name {
    access::Address address;
    std::string name;
  };
  // The next name. Fault::unavailable when there is no server. One waiter.
  Task<Result<Name>> receive();

  std::size_t waiting() const { return asked_.size(); }
  bool answered() const { return answered_; }  // anything at all
  const std::string& server() const { return server_; }

 private:
  ReverseDns(asio::ip::udp::socket socket, std::string server);
  void send(std::uint16_t id, const access::Address& address);

  asio::ip::udp::socket socket_;
  std::string server_;
  std::map<std::uint16_t, access::Address> asked_;
  std::uint16_t next_id_;
  bool answered_ = false;
};

}  // namespace jump::browse
