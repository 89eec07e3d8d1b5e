#include "platform/signals.h"

#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "platform/signal_numbers.h"

namespace jump::platform {

struct Signals::Impl {
  explicit Impl(asio::any_io_executor executor) : set(executor) {}
  asio::signal_set set;
};

Signals::Signals(asio::any_io_executor executor, std::initializer_list<Signal> which)
    : impl_(std::make_unique<Impl>(executor)) {
  for (const Signal signal : which) {
    if (number_of(signal) != 0) impl_->set.add(number_of(signal));
  }
}
Signals::~Signals() = default;

Task<Signal> Signals::next() {
  const int number = co_await impl_->set.async_wait(asio::use_awaitable);
  for (const Signal signal : {Signal::interrupt, Signal::terminate, Signal::hang_up}) {
    if (number == number_of(signal)) co_return signal;
  }
  co_return Signal::quit;
}

void Signals::give_back(std::initializer_list<Signal> which) {
  boost::system::error_code ignored;
  for (const Signal signal : which) {
    if (number_of(signal) != 0) impl_->set.remove(number_of(signal), ignored);
  }
}

const char* name_of(Signal signal) {
  switch (signal) {
    case Signal::interrupt:
      return "INT";
    case Signal::terminate:
      return "TERM";
    case Signal::hang_up:
      return "HUP";
    case Signal::quit:
      return "QUIT";
  }
  return "";
}

}  // namespace jump::platform
