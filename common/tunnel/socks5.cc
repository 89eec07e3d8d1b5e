// SOCKS5, the client's side (RFC 1928), with user and password (RFC 1929).
#include <boost/asio/ip/address.hpp>

#include "common/base/check.h"
#include "common/tunnel/proxy_dialogue.h"

namespace jump::tunnel {
namespace {

constexpr std::uint8_t kVersion = 5;
constexpr std::uint8_t kNoAuthentication = 0;
constexpr std::uint8_t kUserPassword = 2;
constexpr std::uint8_t kNoneAcceptable = 0xff;
constexpr std::uint8_t kPasswordVersion = 1;
constexpr std::uint8_t kConnect = 1;
constexpr std::uint8_t kIpv4 = 1, kName = 3, kIpv6 = 4;

std::string reply_text(std::uint8_t code) {
  switch (code) {
    case 1:
      return "general failure";
    case 2:
      return "not allowed by its rules";
    case 3:
      return "network unreachable";
    case 4:
      return "host unreachable";
    case 5:
      return "connection refused";
    case 6:
      return "time to live expired";
    case 7:
      return "command not supported";
    case 8:
      return "address type not supported";
    default:
      return "code " + std::to_string(code);
  }
}

class Socks5 final : public ProxyDialogue {
 public:
  Socks5(const Address& target, std::string user, Secret password)
      : target_(target), user_(std::move(user)), password_(std::move(password)) {}

  // Only what we are ready to do is offered: with a user, nothing without authentication.
  Bytes begin() override { return {kVersion, 1, user_.empty() ? kNoAuthentication : kUserPassword}; }

  Result<Step> received(ByteView bytes) override {
    answer_.insert(answer_.end(), bytes.begin(), bytes.end());
    switch (phase_) {
      case Phase::method:
        return method();
      case Phase::password:
        return password();
      case Phase::reply:
        return reply();
    }
    return Error(Fault::internal, "socks5");
  }

 private:
  enum class Phase { method, password, reply };

  Result<Step> method() {
    if (answer_.size() < 2) return Step{};
    if (answer_[0] != kVersion || answer_.size() > 2)
      return Error(Fault::malformed, "the proxy does not speak SOCKS5");
    const std::uint8_t chosen = answer_[1];
    answer_.clear();
    if (chosen == kNoneAcceptable) {
      return Error(Fault::refused, user_.empty() ? "the proxy wants a user and a password"
                                                 : "the proxy takes no user and password");
    }
    if (chosen != (user_.empty() ? kNoAuthentication : kUserPassword)) {
      return Error(Fault::malformed, "the proxy chose an authentication that was not offered");
    }
    Step step;
    if (user_.empty()) {
      phase_ = Phase::reply;
      step.send = request();
      return step;
    }
    phase_ = Phase::password;
    step.send = {kPasswordVersion, static_cast<std::uint8_t>(user_.size())};
    step.send.insert(step.send.end(), user_.begin(), user_.end());
    const ByteView secret = password_.reveal();
    step.send.push_back(static_cast<std::uint8_t>(secret.size()));
    step.send.insert(step.send.end(), secret.begin(), secret.end());
    return step;
  }

  Result<Step> password() {
    if (answer_.size() < 2) return Step{};
    if (answer_[0] != kPasswordVersion || answer_.size() > 2) {
      return Error(Fault::malformed, "the proxy's answer to the password is malformed");
    }
    if (answer_[1] != 0) return Error(Fault::refused, "the proxy refused user and password");
    answer_.clear();
    phase_ = Phase::reply;
    Step step;
    step.send = request();
    return step;
  }

  Bytes request() const {
    Bytes bytes{kVersion, kConnect, 0};
    boost::system::error_code no_address;
    const auto address = boost::asio::ip::make_address(target_.host, no_address);
    if (no_address) {
      bytes.push_back(kName);
      bytes.push_back(static_cast<std::uint8_t>(target_.host.size()));
      bytes.insert(bytes.end(), target_.host.begin(), target_.host.end());
    } else if (address.is_v4()) {
      const auto raw = address.to_v4().to_bytes();
      bytes.push_back(kIpv4);
      bytes.insert(bytes.end(), raw.begin(), raw.end());
    } else {
      const auto raw = address.to_v6().to_bytes();
      bytes.push_back(kIpv6);
      bytes.insert(bytes.end(), raw.begin(), raw.end());
    }
    bytes.resize(bytes.size() + 2);
    put_u16(&bytes[bytes.size() - 2], target_.port);
    return bytes;
  }

  Result<Step> reply() {
    if (answer_.size() < 2) return Step{};
    if (answer_[0] != kVersion) return Error(Fault::malformed, "the proxy's reply is no SOCKS5");
    if (answer_[1] != 0) {
      return Error(Fault::refused,
                   "the proxy could not reach " + to_text(target_) + ": " + reply_text(answer_[1]));
    }
    if (answer_.size() < 5) return Step{};
    std::size_t size = 4 + 2;
    switch (answer_[3]) {
      case kIpv4:
        size += 4;
        break;
      case kIpv6:
        size += 16;
        break;
      case kName:
        size += 1u + answer_[4];
        break;
      default:
        return Error(Fault::malformed, "the proxy's reply has an unknown address type");
    }
    if (answer_.size() < size) return Step{};
    if (answer_.size() > size) return Error(Fault::malformed, "the proxy sent bytes behind its reply");
    Step step;
    step.done = true;
    return step;
  }

  Address target_;
  std::string user_;
  Secret password_;
  Phase phase_ = Phase::method;
  Bytes answer_;
};

}  // namespace

std::unique_ptr<ProxyDialogue> socks5_connect(const Address& target, std::string user, Secret password) {
  CHECK(target.host.size() < 256 && user.size() < 256 && password.size() < 256);  // check_route()
  return std::make_unique<Socks5>(target, std::move(user), std::move(password));
}

std::unique_ptr<ProxyDialogue> dialogue_for(const Route& route, const Address& target) {
  CHECK(route.kind != RouteKind::direct);
  if (route.kind == RouteKind::socks5) return socks5_connect(target, route.user, route.password);
  return http_connect(target, route.user, route.password);
}

}  // namespace jump::tunnel
