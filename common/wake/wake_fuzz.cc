// Spellings and packets: what is read is written again as something that reads the same.
#include "common/wake/magic_packet.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jump;
  const std::string_view text = as_text({data, size});
  if (const auto mac = wake::parse_mac(text); mac && wake::parse_mac(wake::to_text(*mac)) != mac)
    __builtin_trap();
  const Result<Secret> password = wake::parse_password(text);
  if (password && password->size() != 4 && password->size() != 6) __builtin_trap();
  if (const auto magic = wake::read_magic_packet({data, size})) {
    if (wake::magic_packet(magic->target, magic->password) != Bytes(data, data + size)) __builtin_trap();
  }
  return 0;
}
