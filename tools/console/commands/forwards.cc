// forward, tunnel: local ports that come out elsewhere.
#include <CLI/CLI.hpp>

#include "tools/console/commands/all.h"
#include "tools/console/commands/session_command.h"
#include "tools/console/session/forward.h"
#include "tools/console/text/exit_status.h"

namespace jump::console {
namespace {

constexpr const char* kListenAddress = "127.0.0.1";

struct ForwardOptions : AskArguments {
  std::string asset;
  std::string what;    // [ADDR:]PORT:HOST:PORT, for a Jump Client
  std::string listen;  // another address, for a tunnel jump
  bool any_port = false;
  bool bind_any = false;
  bool wait = false;
};

struct Plan {
  std::vector<ForwardSpec> specs;
  std::vector<ForwardListener> listeners;
};

// What a tunnel jump says about itself.
Result<std::vector<ForwardSpec>> specs_of(const Asset& asset, const ForwardOptions& options) {
  const Result<std::vector<PortPair>> pairs = parse_port_pairs(text_of(asset.all, "tunnel_definitions"));
  if (!pairs) return wrap(pairs.error(), asset.names.name);
  std::string listen = options.listen.empty() ? text_of(asset.all, "tunnel_listen_address") : options.listen;
  if (listen.empty()) listen = kListenAddress;
  std::vector<ForwardSpec> specs;
  for (const PortPair& pair : *pairs) {
    ForwardSpec spec;
    spec.listen_address = listen;
    spec.listen_port = options.any_port ? std::uint16_t{0} : pair.local;
    spec.host = asset.names.hostname;
    spec.port = pair.remote;
    specs.push_back(std::move(spec));
  }
  return specs;
}

Result<Plan> plan_for(const Asset& asset, const ForwardOptions& options,
                      const asio::any_io_executor& executor) {
  Plan plan;
  const bool tunnel = asset.kind == AssetKind::tunnel;
  if (tunnel != options.what.empty()) {
    return Error(Fault::invalid,
                 printable(asset.names.name, 128) +
                     (tunnel ? " has its own ports: `jump tunnel ASSET` and nothing more is meant"
                             : " is no tunnel jump: `jump forward ASSET [ADDR:]PORT:HOST:PORT` is meant"));
  }
  if (tunnel) {
    Result<std::vector<ForwardSpec>> specs = specs_of(asset, options);
    if (!specs) return specs.error();
    plan.specs = std::move(*specs);
  } else {
    const Result<ForwardSpec> spec = parse_forward(options.what);
    if (!spec) return spec.error();
    plan.specs.push_back(*spec);
  }
  // All ports are bound before a session is opened.
  for (const ForwardSpec& spec : plan.specs) {
    Result<asio::ip::tcp::acceptor> acceptor = listen_local(executor, spec, options.bind_any);
    if (!acceptor && tunnel && !options.any_port) {
      return Error(Fault::refused, acceptor.error().message() + "; --any-port takes free ones");
    }
    if (!acceptor) return acceptor.error();
    json::value arguments = tunnel ? forward_arguments(spec.host, spec.port) : json::value(json::object());
    plan.listeners.push_back({std::move(*acceptor), std::move(arguments)});
  }
  return plan;
}

// For scripts: which ports were chosen, as soon as they can be used.
std::string listening_text(const Plan& plan) {
  std::string text;
  for (std::size_t i = 0; i < plan.specs.size(); ++i) {
    boost::system::error_code ignored;
    const asio::ip::tcp::endpoint local = plan.listeners[i].acceptor.local_endpoint(ignored);
    text += "listening on " + to_text({local.address().to_string(), local.port()}) + " for " +
            to_text({plan.specs[i].host, plan.specs[i].port}) + "\n";
  }
  return text;
}

Task<int> run_forward(SessionCommand& command, const ForwardOptions& options) {
  const PickedAsset picked = co_await command.pick_online(options.asset, options.wait);
  if (!picked.asset) co_return picked.status;
  Result<void> fits = can_serve(*picked.asset, control::SessionKind::forward);
  if (!fits) co_return fail(fits.error());
  Result<Plan> plan = plan_for(*picked.asset, options, command.tunnel().executor());
  if (!plan) {
    const bool wrong = plan.error().is(Fault::invalid);
    fail(plan.error());
    co_return wrong ? kWrongUse : kJumpFailed;
  }
  const Result<void> up = co_await command.connect();
  if (!up) co_return fail(up.error());
  json::value arguments = forward_arguments(plan->specs.front().host, plan->specs.front().port);
  Result<OpenedSessionPtr> session =
      co_await command.open_on(*picked.asset, control::SessionKind::forward, std::move(arguments));
  if (!session) co_return fail(session.error());
  const int printed = print(listening_text(*plan));
  if (printed != kDone) co_return printed;
  Forward forward(**session, std::move(plan->listeners), [](const std::string& trouble) { note(trouble); });
  const Result<int> ended = co_await forward.run();
  co_return ended ? *ended : fail(ended.error());
}

Task<int> forward(Context& context, ForwardOptions options) {
  // What is wrong by itself is said before anybody is asked.
  if (!options.what.empty()) {
    const Result<ForwardSpec> spec = parse_forward(options.what);
    if (!spec) {
      fail(spec.error());
      co_return kWrongUse;
    }
  }
  Result<std::unique_ptr<SessionCommand>> command = SessionCommand::create(context, options);
  if (!command) co_return fail(command.error());
  const int status = co_await run_forward(**command, options);
  co_await (*command)->stop();
  co_return status;
}

void add_tunnel_options(CLI::App* one, const std::shared_ptr<ForwardOptions>& options) {
  one->add_option("--listen", options->listen, "Tunnel jumps: another address than the asset's")
      ->type_name("ADDRESS");
  one->add_flag("--any-port", options->any_port, "Tunnel jumps: free local ports; they are printed");
  one->add_flag("--bind-any", options->bind_any, "Allow addresses that others can reach");
  one->add_flag("--wait", options->wait, "Until the asset is online");
  add_ask_options(one, options);
}

}  // namespace

void add_forward_commands(CLI::App& app, Chosen& chosen) {
  {
    auto options = std::make_shared<ForwardOptions>();
    CLI::App* one = add_command(app, "forward", "Let local connections come out at an asset, until Ctrl-C",
                                "jump forward db-01 5433:127.0.0.1:5432");
    one->add_option("ASSET", options->asset, "Id, name or group/name")->required();
    one->add_option("FORWARD", options->what,
                    "[ADDR:]PORT:HOST:PORT; local port 0 is chosen and printed. A tunnel jump has its own");
    add_tunnel_options(one, options);
    runs(one, chosen, [options](Context& context) { return forward(context, *options); });
  }
  auto options = std::make_shared<ForwardOptions>();
  CLI::App* one =
      add_command(app, "tunnel",
                  "Listen here for the ports of a tunnel jump, and carry what connects through its "
                  "Jumpoint, until Ctrl-C",
                  "jump tunnel db --any-port");
  one->add_option("ASSET", options->asset, "Id, name or group/name")->required();
  add_tunnel_options(one, options);
  runs(one, chosen, [options](Context& context) { return forward(context, *options); });
}

}  // namespace jump::console
