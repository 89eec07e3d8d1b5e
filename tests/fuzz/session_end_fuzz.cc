// A session end whose other end, and whose relay, say whatever they like.
#include "tests/fuzz/mux_players.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  jump::mux::fuzz::End end(input);
  while (input.remaining_bytes() > 0) end.step();
  return 0;
}
