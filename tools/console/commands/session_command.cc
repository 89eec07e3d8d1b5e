#include "tools/console/commands/session_command.h"

#include "common/base/clock.h"
#include "common/base/with_timeout.h"
#include "tools/console/text/exit_status.h"

namespace jump::console {
namespace {

constexpr auto kUpTimeout = std::chrono::seconds(30);
constexpr auto kLookAgain = std::chrono::seconds(2);

}  // namespace

Result<std::unique_ptr<SessionCommand>> SessionCommand::create(Context& context) {
  const Result<Login> login = context.home().login();
  if (!login) return login.error();
  const Result<identity::HostPort> address = parse_address(login->address);
  if (!address) return wrap(address.error(), "stored log-in");
  const Result<TlsClientPtr> tls = trusted(*login);
  if (!tls) return tls.error();
  auto api = std::make_unique<ApiClient>(*address, *tls, std::string(login->token.reveal_text()));
  return std::make_unique<SessionCommand>(context.executor(), std::move(api), dial_appliance(*address, *tls),
                                          login->token, context.software());
}

Task<PickedAsset> SessionCommand::pick_online(std::string wanted, bool wait) {
  PickedAsset picked = co_await pick_asset(*api_, wanted);
  if (!picked.asset || picked.asset->online) co_return picked;
  const bool hopeless = picked.asset->state == "disabled" || picked.asset->state == "uninstalled";
  const std::string absent = absence_text(*picked.asset, wall_seconds());
  if (hopeless || !wait) {
    picked.status = fail(absent + (hopeless ? "" : "; --wait waits for it"));
    picked.asset.reset();
    co_return picked;
  }
  note(absent + "; waiting");
  const std::string id = std::to_string(picked.asset->names.id);
  while (!picked.asset->online) {
    co_await sleep_for(kLookAgain);
    const Result<json::value> now = co_await api_->get("/jump-client/" + id);
    // The appliance may be away for a while too; a refusal is an end.
    if (now && now->is_object()) {
      picked.asset = asset_from(now->get_object());
    } else if (!now && (now.error().is(Fault::not_found) || now.error().is(Fault::unauthenticated))) {
      picked.status = fail(now.error());
      picked.asset.reset();
      co_return picked;
    }
  }
  co_return picked;
}

Task<Result<void>> SessionCommand::connect() {
  tasks_.spawn("tunnel", tunnel_.run());
  auto coming_up = tunnel_.up();
  co_return co_await with_timeout(kUpTimeout, "the appliance", std::move(coming_up));
}

Task<Result<OpenedSessionPtr>> SessionCommand::open(std::string asset, bool wait, control::SessionKind kind,
                                                    json::value arguments) {
  const PickedAsset picked = co_await pick_online(std::move(asset), wait);
  picked_status_ = picked.status;
  if (!picked.asset) co_return Error(Fault::not_found, "no asset");
  const Result<void> up = co_await connect();
  if (!up) co_return up.error();
  co_return co_await open_session(tunnel_, picked.asset->names.id, kind, std::move(arguments));
}

Task<> SessionCommand::stop() {
  co_await tasks_.stop();
}

}  // namespace jump::console
