#include "tools/bench/fleet.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/with_timeout.h"
#include "common/control/codec.h"
#include "common/endpoint/enrol_exchange.h"
#include "common/identity/enrolment.h"
#include "common/identity/random.h"
#include "tools/bench/measure.h"

namespace jump::bench {
namespace {

constexpr std::uint32_t kFirstAddress = 0x7F010001;  // 127.1.0.1
constexpr auto kWelcomeTime = std::chrono::seconds(60);

std::string host_name(std::size_t number) {
  return "bench-" + std::to_string(number);
}

control::Inventory inventory_of(std::size_t number) {
  control::Inventory inventory;
  inventory.hostname = host_name(number);
  inventory.fqdn = inventory.hostname + ".example.org";
  inventory.operating_system = "Debian GNU/Linux 12 (bookworm)";
  inventory.architecture = "x86_64";
  inventory.software_version = "0.1.0";
  inventory.private_ip = "10." + std::to_string(number >> 16 & 255) + "." +
                         std::to_string(number >> 8 & 255) + "." + std::to_string(number & 255);
  control::Interface card;
  card.name = "eth0";
  card.mac = "02:77:01:00:00:11";
  card.up = true;
  card.addresses = {{inventory.private_ip, 24}};
  card.gateway = "10.0.0.1";
  inventory.interfaces = {card};
  inventory.kinds = {"shell", "exec", "files", "sysinfo", "forward"};
  return inventory;
}

}  // namespace

struct Fleet::Agent {
  explicit Agent(std::size_t which) : number(which) {}

  control::Hello hello() const {
    control::Hello hello;
    hello.role = control::Role::agent;
    hello.software = "jump-client 0.1.0 (jump-bench)";
    hello.boot_id = "00000000-0000-4000-8000-000000000001";
    hello.start_nonce = nonce;
    hello.instance = instance;
    hello.route = "direct 127.0.0.1";
    return hello;
  }
  void on_notice(const control::Notice& notice) {
    if (const auto* offer = std::get_if<control::PskOffer>(&notice)) {
      psk = identity::Psk{offer->id, offer->key, offer->expires};
    } else if (const auto* delivery = std::get_if<control::OrderDelivery>(&notice); delivery && on_ticket) {
      const Result<identity::Order> order = verifier->accept(delivery->order);
      if (!order || order->kind != identity::OrderKind::start_session) return;
      const Result<identity::Ticket> ticket = from_json<identity::Ticket>(order->body);
      if (ticket) on_ticket(*ticket);
    }
  }
  void after_welcome() {
    const control::Notice inventory(inventory_of(number));
    end->channel().tell(inventory);
    control::Holdings held;
    held.trust_serial = trust_serial;
    held.addresses_serial = 1;
    const control::Notice holdings(held);
    end->channel().tell(holdings);
  }

  std::size_t number;
  std::shared_ptr<const tunnel::TlsClient> client;  // shows its certificate
  control::Nonce nonce = identity::random_array<16>();
  control::Nonce instance = identity::random_array<16>();
  std::uint64_t id = 0;
  std::uint64_t trust_serial = 0;
  std::optional<identity::OrderVerifier> verifier;
  std::function<void(const identity::Ticket&)> on_ticket;
  std::optional<identity::Psk> psk;
  std::unique_ptr<MuxEnd> end;
};

Fleet::Fleet(const Appliance& appliance) : appliance_(appliance), stranger_(appliance.client()) {}

Fleet::~Fleet() {
  worker_.stop();
}

// --- enrolment ---------------------------------------------------------------------------------------------

void Fleet::enrol(std::size_t count, std::size_t at_once) {
  const identity::DeploymentKey key = appliance_.deployment_key();
  const std::size_t before = agents_.size();
  agents_.resize(before + count);
  std::size_t next = before;
  std::string trouble;
  std::vector<std::future<bool>> running;
  for (std::size_t i = 0; i < at_once; ++i) {
    running.push_back(worker_.start(enrol_some(key, next, before + count, trouble)));
  }
  bool all = true;
  for (auto& one : running) all = one.get() && all;
  if (!all) give_up(Error(Fault::unavailable, "enrolment: " + trouble));
}

Task<bool> Fleet::enrol_some(const identity::DeploymentKey& key, std::size_t& next, std::size_t count,
                             std::string& trouble) {
  while (next < count) {
    const Result<void> done = co_await enrol_one(key, next++);
    if (done) continue;
    trouble = done.error().message();
    next = count;
    co_return false;
  }
  co_return true;
}

Task<Result<void>> Fleet::enrol_one(const identity::DeploymentKey& key, std::size_t number) {
  const identity::PrivateKey own = identity::PrivateKey::generate();
  identity::EnrollRequest request;
  request.installer = identity::InstallerProof{key.installer, key.secret};
  request.csr = own.make_request();
  request.fingerprint.parts["machine_id"] = {to_hex(identity::random_bytes(16))};
  request.hostname = host_name(number);
  request.operating_system = "Debian GNU/Linux 12 (bookworm)";
  request.software = "jump-client 0.1.0";
  DialTo to;
  to.port = appliance_.port();
  to.alpn = std::string(tunnel::kAlpnEnroll);
  to.from = kFirstAddress + static_cast<std::uint32_t>(number % 60000);
  Result<StreamPtr> stream = co_await dial(stranger_, std::move(to));
  if (!stream) co_return stream.error();
  const Result<identity::EnrollResponse> response = co_await endpoint::ask_to_enrol(**stream, request);
  if (!response) co_return response.error();
  if (response->refusal) co_return Error(Fault::refused, response->refusal->text);
  const Result<identity::TrustBundle> trust =
      identity::open_bundle(response->enrolled->trust_bundle, key.ca_pin);
  if (!trust) co_return trust.error();
  auto authorities = trust->authorities();
  if (!authorities) co_return authorities.error();
  Result<identity::CaSet> set = identity::CaSet::from(*authorities);
  if (!set) co_return set.error();
  const Result<identity::Certificate> certificate =
      identity::Certificate::from_pem(response->enrolled->certificate);
  if (!certificate) co_return certificate.error();
  tunnel::TlsClientSettings settings;
  settings.appliance = std::make_shared<tunnel::BundleVerifier>(std::move(*set), &wall_seconds);
  settings.key = own;
  settings.chain = {*certificate};
  Result<std::shared_ptr<const tunnel::TlsClient>> client = tunnel::TlsClient::create(std::move(settings));
  if (!client) co_return client.error();
  auto agent = std::make_unique<Agent>(number);
  agent->client = std::move(*client);
  agent->id = response->enrolled->id;
  agent->trust_serial = trust->serial;
  agent->verifier.emplace(trust->order_keys(), "agent:" + std::to_string(agent->id), agent->nonce);
  agents_[number] = std::move(agent);
  co_return Result<void>();
}

// --- tunnels -----------------------------------------------------------------------------------------------

Fleet::Outcome Fleet::connect(Proof proof, std::size_t at_once, double patience) {
  Outcome outcome;
  std::size_t next = 0;
  const double start = wall_time();
  const double cpu = own_cpu();
  std::vector<std::future<bool>> running;
  for (std::size_t i = 0; i < std::min(at_once, agents_.size()); ++i) {
    running.push_back(worker_.start(connect_some(proof, next, start + patience, outcome)));
  }
  for (auto& one : running) one.wait();
  outcome.seconds = wall_time() - start;
  outcome.own_cpu = own_cpu() - cpu;
  outcome.back = online();
  return outcome;
}

Task<bool> Fleet::connect_some(Proof proof, std::size_t& next, double until, Outcome& outcome) {
  while (next < agents_.size()) {
    Agent& agent = *agents_[next++];
    while (!agent.end && wall_time() < until) {
      ++outcome.tries;
      const Result<void> done = co_await connect_one(agent, proof);
      if (done) break;
      outcome.last_trouble = done.error().message();
      // Refused while the appliance starts, or closed among too many at once.
      co_await sleep_for(std::chrono::milliseconds(5));
    }
  }
  co_return true;
}

Task<Result<void>> Fleet::connect_one(Agent& agent, Proof proof) {
  DialTo to;
  to.port = appliance_.port();
  to.from = kFirstAddress + static_cast<std::uint32_t>(agent.number % 60000);
  std::shared_ptr<const tunnel::TlsClient> client = agent.client;
  if (proof == Proof::psk) {
    if (!agent.psk) co_return Error(Fault::not_found, "the appliance has offered no key for coming back");
    to.psk = agent.psk;
  }
  Result<StreamPtr> stream = co_await dial(std::move(client), std::move(to));
  if (!stream) co_return stream.error();
  agent.end = std::make_unique<MuxEnd>(worker_.executor(), std::move(*stream), agent.hello());
  agent.end->on_notice = [&agent](const control::Notice& notice) { agent.on_notice(notice); };
  agent.end->on_change = [this](bool up) { up ? ++online_ : --online_; };
  worker_.spawn(run_tunnel(*this, agent));
  Task<Result<void>> waiting = agent.end->welcomed();
  const Result<void> welcomed = co_await with_timeout(kWelcomeTime, "welcome", std::move(waiting));
  if (!welcomed) {
    // Its task destroys it.
    if (agent.end) agent.end->close("no welcome");
    while (agent.end) co_await sleep_for(std::chrono::milliseconds(1));
    co_return welcomed;
  }
  agent.after_welcome();
  co_return Result<void>();
}

Task<> Fleet::run_tunnel(Fleet&, Agent& agent) {
  static_cast<void>(co_await agent.end->run());
  // Whoever waits for the welcome looks at it once more.
  co_await sleep_for(std::chrono::milliseconds(1));
  agent.end.reset();
}

std::uint64_t Fleet::asset(std::size_t number) const {
  return agents_[number]->id;
}
MuxEnd& Fleet::tunnel(std::size_t number) {
  return *agents_[number]->end;
}
void Fleet::on_ticket(std::size_t number, std::function<void(const identity::Ticket&)> start) {
  worker_.call([&] { agents_[number]->on_ticket = std::move(start); });
}

std::size_t Fleet::online() {
  return worker_.call([this] { return online_; });
}

}  // namespace jump::bench
