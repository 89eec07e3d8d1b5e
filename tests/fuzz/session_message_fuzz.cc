// Messages of stream 0.
#include "common/session/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jump::session;
  const auto message = decode(jump::as_text({data, size}));
  if (message && !decode(encode(*message))) __builtin_trap();
  return 0;
}
