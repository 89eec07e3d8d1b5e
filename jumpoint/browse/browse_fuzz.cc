// What strangers on the link send: frames, DNS and NetBIOS answers, and a table of vendors.
#include "jumpoint/browse/dns_message.h"
#include "jumpoint/browse/frames.h"
#include "jumpoint/browse/netbios.h"
#include "jumpoint/browse/vendors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jump;
  const ByteView bytes(data, size);
  if (const auto heard = browse::read_frame(bytes); heard && !wake::is_unicast(heard->mac)) __builtin_trap();
  if (const auto answer = browse::read_answer(bytes)) {
    for (const browse::DnsRecord& record : answer->records) {
      if (record.name.size() > 255 || record.pointer.size() > 255) __builtin_trap();
    }
  }
  if (const auto status = browse::read_node_status(bytes); status && status->name.size() > 15)
    __builtin_trap();
  browse::Vendors vendors;
  vendors.add(as_text(bytes));
  vendors.finish();
  if (vendors.name({0, 0, 1, 2, 3, 4}).size() > 300) __builtin_trap();
  return 0;
}
