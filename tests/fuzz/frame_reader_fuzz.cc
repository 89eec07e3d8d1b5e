// The bytes of a connection, cut anywhere; what is found must be the bytes that came.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>

#include "common/mux/frame_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jump::mux;
  FuzzedDataProvider input(data, size);
  FrameReader reader;
  jump::Bytes came, found;
  while (input.remaining_bytes() > 0) {
    const auto part = input.ConsumeBytes<std::uint8_t>(input.ConsumeIntegralInRange<std::size_t>(1, 16384));
    std::copy(part.begin(), part.end(), reader.room().begin());
    reader.filled(part.size());
    came.insert(came.end(), part.begin(), part.end());
    auto frame = reader.next();
    for (; frame && *frame; frame = reader.next())
      found.insert(found.end(), (*frame)->whole.begin(), (*frame)->whole.end());
    if (!std::equal(found.begin(), found.end(), came.begin())) __builtin_trap();
    if (!frame) return 0;
    reader.rest();
  }
  return 0;
}
