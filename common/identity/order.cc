#include "common/identity/order.h"

#include <algorithm>

#include "common/identity/signed_text.h"

namespace jump::identity {
namespace {

constexpr std::string_view kDomain = "jump order v1";

std::string title(const Order& order) {
  return "order " + std::to_string(order.serial) + " (" + boost::describe::enum_to_string(order.kind, "?") +
         ")";
}

}  // namespace

Result<Bytes> sign_order(const Order& order, const std::vector<SigningKey>& keys) {
  const std::string text = to_json_text(order);
  const Bytes input = signing_input(kDomain, text);
  std::vector<KeySignature> signatures;
  for (const SigningKey& key : keys) {
    const auto signature = key.sign(input);
    signatures.push_back({key.public_key().id(), Bytes(signature.begin(), signature.end())});
  }
  Bytes bytes = format_signed(signatures, text);
  if (bytes.size() > kOrderBytes) {
    return Error(Fault::too_large, title(order) + ": " + std::to_string(bytes.size()) + " bytes, at most " +
                                       std::to_string(kOrderBytes) + " can be sent");
  }
  return bytes;
}

OrderVerifier::OrderVerifier(std::vector<VerifyKey> keys, std::string audience,
                             const control::Nonce& start_nonce)
    : keys_(std::move(keys)), audience_(std::move(audience)), start_nonce_(start_nonce) {}

Result<Order> OrderVerifier::accept(ByteView bytes) {
  const Result<SignedText> parts = parse_signed(bytes, kOrderBytes, "order");
  if (!parts) return parts.error();
  // Nothing of the text is looked at before a signature of it holds.
  const Bytes input = signing_input(kDomain, parts->text);
  const bool good =
      std::any_of(parts->signatures.begin(), parts->signatures.end(), [&](const KeySignature& one) {
        return std::any_of(keys_.begin(), keys_.end(), [&](const VerifyKey& key) {
          return key.id() == one.key && key.verify(input, one.signature);
        });
      });
  if (!good) return Error(Fault::unauthenticated, "order: not signed by the appliance");

  Result<Order> order = from_json_text<Order>(parts->text, kOrderBytes);
  if (!order) return wrap(order.error(), "order");
  if (order->audience != audience_) {
    return Error(Fault::refused,
                 title(*order) + ": for " + printable(order->audience, 64) + ", this is " + audience_);
  }
  if (order->start_nonce != start_nonce_) {
    return Error(Fault::refused, title(*order) + ": for another start of this service");
  }
  const Result<void> taken = take_serial(order->serial);
  if (!taken) return wrap(taken.error(), title(*order));
  return order;
}

Result<void> OrderVerifier::take_serial(std::uint64_t serial) {
  if (serial == 0) return Error(Fault::malformed, "serials start at 1");
  if (serial > highest_) {
    seen_ <<= std::min(serial - highest_, kWindow);
    seen_.set(0);
    highest_ = serial;
    return {};
  }
  const std::uint64_t behind = highest_ - serial;
  if (behind >= kWindow) {
    return Error(Fault::expired, "too far behind order " + std::to_string(highest_) + ", which was taken");
  }
  if (seen_.test(behind)) return Error(Fault::already_exists, "taken already");
  seen_.set(behind);
  return {};
}

}  // namespace jump::identity
