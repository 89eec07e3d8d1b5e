// The appliance's part of a session, with two hostile ends.
#include "tests/fuzz/mux_players.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  jump::mux::fuzz::Middle middle(input);
  while (input.remaining_bytes() > 0) middle.step();
  return 0;
}
