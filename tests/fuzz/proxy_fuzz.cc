// What a proxy answers, in two parts.
#include "common/tunnel/proxy_dialogue.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jump::tunnel;
  if (size < 2) return 0;
  const auto dialogue =
      (data[0] & 1) != 0
          ? http_connect({"appliance.example", 443}, "user", jump::Secret(std::string_view("pass")))
          : socks5_connect({"appliance.example", 443}, "user", jump::Secret(std::string_view("pass")));
  static_cast<void>(dialogue->begin());
  const jump::ByteView bytes(data + 2, size - 2);
  const std::size_t cut = std::min<std::size_t>(data[1], bytes.size());
  const auto first = dialogue->received(bytes.first(cut));
  if (first && !first->done) static_cast<void>(dialogue->received(bytes.subspan(cut)));
  return 0;
}
