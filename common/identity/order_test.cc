#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "common/identity/order.h"
#include "common/identity/random.h"

namespace jump::identity {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;

class Orders : public ::testing::Test {
 protected:
  Order order(std::uint64_t serial, OrderKind kind = OrderKind::uninstall) const {
    Order made;
    made.kind = kind;
    made.audience = "agent:17";
    made.start_nonce = nonce_;
    made.serial = serial;
    made.issued = kNow;
    made.expires_after_seconds = 60;
    made.body = to_json(UninstallOrder{"removed by admin"});
    return made;
  }
  Bytes signed_order(const Order& order) const { return *sign_order(order, {key_}); }
  Bytes signed_order(std::uint64_t serial) const { return signed_order(order(serial)); }
  OrderVerifier verifier() const { return {{key_.public_key()}, "agent:17", nonce_}; }

  SigningKey key_ = SigningKey::generate();
  control::Nonce nonce_ = random_array<16>();
};

TEST_F(Orders, TicketArrivesAsItWasSigned) {
  Ticket ticket;
  ticket.session = random_array<16>();
  ticket.kind = control::SessionKind::exec;
  ticket.arguments = json::parse(R"({"argv":["/bin/true","a \"quoted\" word"]})");
  ticket.representative = "ann";
  ticket.endpoint_secret = random_secret(32);
  ticket.rights = {"exec"};
  Order made = order(1, OrderKind::start_session);
  made.body = to_json(ticket);
  OrderVerifier supervisor = verifier();
  const Result<Order> got = supervisor.accept(signed_order(made));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->kind, OrderKind::start_session);
  const Result<Ticket> back = from_json<Ticket>(got->body);
  ASSERT_TRUE(back);
  EXPECT_EQ(to_json_text(*back), to_json_text(ticket));
}

// A second implementation must agree: seed 00…1f, nonce all 0x0a.
TEST_F(Orders, AreTheseBytes) {
  Bytes seed(32);
  for (std::size_t i = 0; i < seed.size(); ++i) seed[i] = static_cast<std::uint8_t>(i);
  const SigningKey key = *SigningKey::from_bytes(Secret(seed));
  Order made = order(7);
  made.start_nonce.fill(0x0a);
  const Bytes bytes = *sign_order(made, {key});
  const std::string_view text = as_text(ByteView(bytes).subspan(2 + 8 + 1 + 64));
  EXPECT_EQ(
      text,
      R"({"kind":"uninstall","audience":"agent:17","start_nonce":"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a","serial":7,)"
      R"("issued":1800000000,"expires_after_seconds":60,"body":{"reason":"removed by admin"}})");
  EXPECT_EQ(to_hex(ByteView(bytes).first(2 + 8 + 1 + 64)),
            "010156475aa75463474c40b8f7337b373f34d4b5859508decce2d812b71c03cdc5cfe2602ad1"
            "1db99ea26da0947d810199f6e0400f4054ef97ae755759c6bd95c7895e354bb3f96c7d5208");
}

TEST_F(Orders, ForgedOnesAreRefused) {
  OrderVerifier supervisor = verifier();
  const Bytes good = signed_order(1);
  const Bytes forged = *sign_order(order(1), {SigningKey::generate()});
  EXPECT_EQ(supervisor.accept(forged).error().message(), "order: not signed by the appliance");
  EXPECT_TRUE(supervisor.accept(forged).error().is(Fault::unauthenticated));
  // The right key's id in front of a wrong signature.
  Bytes renamed = forged;
  const auto id = key_.public_key().id();
  std::copy(id.begin(), id.end(), renamed.begin() + 2);
  EXPECT_TRUE(supervisor.accept(renamed).error().is(Fault::unauthenticated));
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes altered = good;
    altered[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    EXPECT_FALSE(supervisor.accept(altered)) << bit;
  }
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(supervisor.accept(ByteView(good).first(size))) << size;
  EXPECT_TRUE(supervisor.accept(good)) << "nothing of that used the serial up";
}

TEST_F(Orders, ASignatureForAnotherPurposeIsRefused) {
  const std::string text = to_json_text(order(1));
  Bytes bytes = signed_order(1);
  const auto plain = key_.sign(as_bytes(text));  // the same text, without the domain
  std::copy(plain.begin(), plain.end(), bytes.begin() + 11);
  OrderVerifier supervisor = verifier();
  EXPECT_TRUE(supervisor.accept(bytes).error().is(Fault::unauthenticated));
}

TEST_F(Orders, ReplayedOnesAreRefused) {
  OrderVerifier supervisor = verifier();
  ASSERT_TRUE(supervisor.accept(signed_order(1)));
  EXPECT_TRUE(supervisor.accept(signed_order(1)).error().is(Fault::already_exists));
  EXPECT_EQ(supervisor.accept(signed_order(1)).error().message(), "order 1 (uninstall): taken already");
  // The same serial in another order does not pass either.
  EXPECT_TRUE(
      supervisor.accept(signed_order(order(1, OrderKind::settings))).error().is(Fault::already_exists));
  EXPECT_TRUE(supervisor.accept(signed_order(2)));
}

TEST_F(Orders, ForAnotherAgentOrAnotherStartAreRefused) {
  OrderVerifier other({key_.public_key()}, "agent:18", nonce_);
  EXPECT_EQ(other.accept(signed_order(1)).error().message(),
            "order 1 (uninstall): for agent:17, this is agent:18");
  EXPECT_TRUE(other.accept(signed_order(1)).error().is(Fault::refused));
  OrderVerifier node({key_.public_key()}, "node:17", nonce_);
  EXPECT_TRUE(node.accept(signed_order(1)).error().is(Fault::refused));
  OrderVerifier restarted({key_.public_key()}, "agent:17", random_array<16>());
  EXPECT_EQ(restarted.accept(signed_order(1)).error().message(),
            "order 1 (uninstall): for another start of this service");
}

TEST_F(Orders, MalformedOnesAreRefused) {
  OrderVerifier supervisor = verifier();
  EXPECT_TRUE(supervisor.accept({}).error().is(Fault::malformed));
  EXPECT_TRUE(supervisor.accept(Bytes(kOrderBytes + 1)).error().is(Fault::too_large));
  EXPECT_TRUE(supervisor.accept(Bytes{2, 1}).error().is(Fault::unsupported));
  EXPECT_TRUE(supervisor.accept(Bytes{1, 0}).error().is(Fault::malformed));
  EXPECT_TRUE(supervisor.accept(Bytes{1, 9}).error().is(Fault::malformed));
  EXPECT_TRUE(supervisor.accept(signed_order(0)).error().is(Fault::malformed)) << "serials start at 1";
  Order large = order(1);
  large.body = json::object{{"x", std::string(kOrderBytes, 'x')}};
  EXPECT_TRUE(sign_order(large, {key_}).error().is(Fault::too_large));
}

TEST_F(Orders, ReorderedOnesAreAllTakenOnce) {
  OrderVerifier supervisor = verifier();
  for (const std::uint64_t serial : {5u, 3u, 4u, 1u, 900u, 2u, 6u})
    EXPECT_TRUE(supervisor.accept(signed_order(serial))) << serial;
  for (const std::uint64_t serial : {1u, 2u, 3u, 4u, 5u, 6u, 900u}) {
    EXPECT_TRUE(supervisor.accept(signed_order(serial)).error().is(Fault::already_exists)) << serial;
  }
}

TEST_F(Orders, TheWindowIs1024Wide) {
  OrderVerifier supervisor = verifier();
  ASSERT_TRUE(supervisor.accept(signed_order(2000)));
  EXPECT_TRUE(supervisor.accept(signed_order(2000 - 1023)));
  EXPECT_TRUE(supervisor.accept(signed_order(2000 - 1024)).error().is(Fault::expired));
  ASSERT_TRUE(supervisor.accept(signed_order(UINT64_MAX)));
  EXPECT_TRUE(supervisor.accept(signed_order(2000)).error().is(Fault::expired));
  EXPECT_TRUE(supervisor.accept(signed_order(UINT64_MAX)).error().is(Fault::already_exists));
  EXPECT_TRUE(supervisor.accept(signed_order(UINT64_MAX - 1)));
}

// Against a slow model: a set of all that was taken.
TEST_F(Orders, TheWindowAgreesWithAModel) {
  OrderVerifier supervisor = verifier();
  std::set<std::uint64_t> taken;
  std::mt19937_64 random(11);
  std::uint64_t base = 1;
  for (int i = 0; i < 1500; ++i) {
    base += random() % 4 == 0 ? random() % 600 : random() % 3;
    const std::uint64_t back = random() % 1200;
    const std::uint64_t serial = base > back ? base - back : 1;
    const std::uint64_t highest = taken.empty() ? 0 : *taken.rbegin();
    const bool late = serial + OrderVerifier::kWindow <= highest;
    const bool expected = !late && !taken.contains(serial);
    const bool got = supervisor.accept(signed_order(serial)).has_value();
    ASSERT_EQ(got, expected) << serial << " of " << highest;
    if (got) taken.insert(serial);
  }
}

TEST_F(Orders, NewKeysTakeOverWithoutForgettingWhatWasUsed) {
  OrderVerifier supervisor = verifier();
  ASSERT_TRUE(supervisor.accept(signed_order(1)));
  const SigningKey next = SigningKey::generate();
  EXPECT_FALSE(supervisor.accept(*sign_order(order(2), {next})));
  EXPECT_TRUE(supervisor.accept(*sign_order(order(2), {next, key_}))) << "signed by both during a change";
  supervisor.set_keys({next.public_key()});
  EXPECT_TRUE(supervisor.accept(*sign_order(order(1), {next})).error().is(Fault::already_exists));
  EXPECT_TRUE(supervisor.accept(signed_order(3)).error().is(Fault::unauthenticated)) << "the old key is gone";
  EXPECT_TRUE(supervisor.accept(*sign_order(order(3), {next})));
}

TEST_F(Orders, TheApplianceSendsNoneThatIsVoid) {
  const Order made = order(1);
  EXPECT_FALSE(order_expired(made, kNow));
  EXPECT_FALSE(order_expired(made, kNow + 60));
  EXPECT_TRUE(order_expired(made, kNow + 61));
  EXPECT_FALSE(order_expired(made, kNow - 30)) << "a small step of the clock";
  EXPECT_TRUE(order_expired(made, kNow - 61)) << "a clock put back does not keep it alive for ever";
}

}  // namespace
}  // namespace jump::identity
