#include "platform/signal_numbers.h"

#include <csignal>

namespace jump::platform {

int number_of(Signal signal) {
  switch (signal) {
    case Signal::interrupt:
      return SIGINT;
    case Signal::terminate:
      return SIGTERM;
    case Signal::hang_up:
      return SIGBREAK;
    case Signal::quit:
      break;
  }
  return 0;
}

}  // namespace jump::platform
