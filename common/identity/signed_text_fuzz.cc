// Orders and trust bundles. Those with a good signature cannot be guessed, so the JSON behind it is read as
// well.
#include "common/identity/order.h"
#include "common/identity/signed_text.h"
#include "common/identity/trust_bundle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jump::identity;
  const jump::ByteView bytes(data, size);
  OrderVerifier supervisor({*VerifyKey::from_bytes(jump::Bytes(32, 7))}, "agent:1", {});
  if (supervisor.accept(bytes)) __builtin_trap();
  if (open_bundle(bytes, std::string(43, 'A'))) __builtin_trap();
  if (const auto parts = parse_signed(bytes, kOrderBytes, "order")) {
    static_cast<void>(jump::from_json_text<Order>(parts->text, kOrderBytes));
    static_cast<void>(jump::from_json_text<TrustBundle>(parts->text, kBundleBytes));
  }
  return 0;
}
