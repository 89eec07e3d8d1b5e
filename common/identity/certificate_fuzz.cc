// Whatever a peer or a file gives as a certificate, a request or a PEM chain.
#include "common/identity/authority.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jump::identity;
  static const Authority kAuthority = *Authority::create(1'800'000'000);
  static const CaSet kBelieved = kAuthority.authorities();
  const jump::ByteView bytes(data, size);
  if (const auto certificate = Certificate::from_der(bytes)) {
    const std::vector<Certificate> chain = {*certificate};
    VerifyOptions options;
    options.now = 1'800'000'000;
    if (verify_peer(chain, {PeerRole::agent}, kBelieved, options)) __builtin_trap();
  }
  static_cast<void>(parse_pem_chain(jump::as_text(bytes)));
  static_cast<void>(kAuthority.issue(bytes, {PeerRole::agent, 1}, 1'800'000'000));
  return 0;
}
