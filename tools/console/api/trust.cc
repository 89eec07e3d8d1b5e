#include "tools/console/api/trust.h"

namespace jump::console {

Result<TrustPtr> Trust::of_login(Home home, Login login) {
  Result<TlsClientPtr> client = trusted(login);
  if (!client) return client.error();
  auto trust = std::make_shared<Trust>(*std::move(client));
  trust->home_ = std::move(home);
  trust->login_ = std::move(login);
  return trust;
}

Result<void> Trust::learn(ByteView bundle) {
  Result<identity::TrustBundle> learnt = login_.trust ? identity::open_bundle(bundle, *login_.trust)
                                                      : identity::open_bundle(bundle, login_.ca_pin);
  if (!learnt) return learnt.error();
  if (login_.trust && login_.trust->serial == learnt->serial) return {};
  const Result<std::vector<identity::Certificate>> authorities = learnt->authorities();
  if (!authorities) return authorities.error();
  login_.trust = *std::move(learnt);
  login_.ca_pin = authorities->front().pin();
  Result<TlsClientPtr> client = trusted(login_);
  if (!client) return client.error();
  client_ = *std::move(client);
  // Another command may have logged in anew meanwhile, or out.
  Result<Login> stored = home_.login();
  if (!stored || stored->address != login_.address) return {};
  if (stored->trust && stored->trust->serial >= login_.trust->serial) return {};
  stored->trust = login_.trust;
  stored->ca_pin = login_.ca_pin;
  return home_.keep(*stored);
}

}  // namespace jump::console
