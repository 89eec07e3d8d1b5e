#include "tools/console/commands/session_command.h"

#include <CLI/CLI.hpp>

#include "common/base/clock.h"
#include "common/base/with_timeout.h"
#include "tools/console/terminal/terminal.h"
#include "tools/console/text/exit_status.h"

namespace jump::console {
namespace {

constexpr auto kUpTimeout = std::chrono::seconds(30);
constexpr auto kLookAgain = std::chrono::seconds(2);

std::string_view words_of(control::SessionKind kind) {
  switch (kind) {
    case control::SessionKind::shell:
      return "a shell";
    case control::SessionKind::exec:
      return "single commands";
    case control::SessionKind::files:
      return "files";
    case control::SessionKind::sysinfo:
      return "live system information";
    case control::SessionKind::forward:
      return "forwarding";
  }
  return "this";
}

}  // namespace

Result<void> can_serve(const Asset& asset, control::SessionKind kind) {
  using Kind = control::SessionKind;
  const bool telnet = text_of(asset.all, "protocol") == "telnet";
  const std::string name = printable(asset.names.name, 128);
  switch (asset.kind) {
    case AssetKind::jump_client:
      return {};
    case AssetKind::shell_jump:
      if (kind == Kind::shell) return {};
      if (!telnet && (kind == Kind::exec || kind == Kind::files)) return {};
      return Error(Fault::unsupported, name + " is reached by " + (telnet ? "Telnet" : "SSH") +
                                           " through a Jumpoint: there is no way for " +
                                           std::string(words_of(kind)) +
                                           (telnet ? "; `jump shell` works" : ""));
    case AssetKind::tunnel:
      if (kind == Kind::forward) return {};
      return Error(Fault::unsupported, name + " is a tunnel jump: there is no way for " +
                                           std::string(words_of(kind)) + "; `jump tunnel` works");
  }
  return {};
}

void add_ask_options(CLI::App* app, const std::shared_ptr<AskArguments>& arguments) {
  app->add_flag("--batch", arguments->batch, "Ask nobody: what would be asked ends it with 255");
  app->add_flag("--accept-new-host-key", arguments->accept_new_host_key,
                "Behind a Jumpoint: keep the host key of a machine that was never reached before");
  app->add_option("--password-file", arguments->password_file,
                  "Behind a Jumpoint: file whose first line answers the first hidden question")
      ->type_name("FILE");
}

Result<std::unique_ptr<SessionCommand>> SessionCommand::create(Context& context,
                                                               const AskArguments& arguments,
                                                               bool standard_input) {
  AskOptions options;
  options.batch = arguments.batch;
  options.accept_new_host_key = arguments.accept_new_host_key;
  options.password_file = arguments.password_file;
  if (arguments.password_file == "-") {
    return Error(Fault::invalid, "--password-file -: standard input belongs to the session; a file is meant");
  }
  if (!arguments.password_file.empty()) {
    Result<Secret> password = read_password_file(arguments.password_file);
    if (!password) return password.error();
    options.password = std::move(*password);
  }
  const bool somebody = !options.batch && (!standard_input || is_terminal(Standard::input));
  const Result<Login> login = context.home().login();
  if (!login) return login.error();
  const Result<identity::HostPort> address = parse_address(login->address);
  if (!address) return wrap(address.error(), "stored log-in");
  const Result<TrustPtr> trust = Trust::of_login(context.home(), *login);
  if (!trust) return trust.error();
  auto api = std::make_unique<ApiClient>(*address, *trust, std::string(login->token.reveal_text()));
  auto command = std::make_unique<SessionCommand>(
      context.executor(), std::move(api), dial_appliance(*address, *trust), login->token, context.software(),
      std::move(options), somebody, arguments.telnet);
  command->tunnel_.on_trust = [trust = *trust](ByteView bundle) { return trust->learn(bundle); };
  return command;
}

Task<PickedAsset> SessionCommand::pick_online(std::string wanted, bool wait) {
  PickedAsset picked;
  if (wanted.find('/') != std::string::npos) {
    const Result<std::vector<Asset>> assets = co_await find_assets(*api_, wanted);
    if (!assets && assets.error().is(Fault::not_found)) {
      Result<Asset> machine = co_await find_ad_hoc(*api_, wanted, telnet_);
      if (machine) picked.asset = std::move(*machine);
    }
  }
  if (!picked.asset) picked = co_await pick_asset(*api_, wanted);
  if (!picked.asset || picked.asset->online) co_return picked;
  const bool hopeless = picked.asset->state == "disabled" || picked.asset->state == "uninstalled";
  const std::string absent = absence_text(*picked.asset, wall_seconds());
  if (hopeless || !wait) {
    picked.status = fail(absent + (hopeless ? "" : "; --wait waits for it"));
    picked.asset.reset();
    co_return picked;
  }
  note(absent + "; waiting");
  const AssetKind kind = picked.asset->kind;
  const std::int64_t id = picked.asset->names.id;
  while (!picked.asset->online) {
    co_await sleep_for(kLookAgain);
    Result<Asset> now = co_await fetch_asset(*api_, kind, id);
    // The appliance may be away for a while too; a refusal is an end.
    if (now) {
      picked.asset = std::move(*now);
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
  const Result<void> fits = can_serve(*picked.asset, kind);
  if (!fits) co_return fits.error();
  const Result<void> up = co_await connect();
  if (!up) co_return up.error();
  co_return co_await open_on(*picked.asset, kind, std::move(arguments));
}

Task<Result<OpenedSessionPtr>> SessionCommand::open_on(const Asset& asset, control::SessionKind kind,
                                                       json::value arguments) {
  Result<OpenedSessionPtr> session =
      co_await open_session(tunnel_, asset.names.id, kind, std::move(arguments), asset.ad_hoc);
  if (session) (*session)->ask_with(asker_);
  co_return session;
}

Task<> SessionCommand::stop() {
  co_await tasks_.stop();
}

}  // namespace jump::console
