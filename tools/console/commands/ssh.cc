// ssh-proxy, ssh-config: the person's own ssh, scp, sftp, rsync and git through sessions.
#include <CLI/CLI.hpp>
#include <fstream>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "common/base/file_path.h"
#include "common/base/scoped_group.h"
#include "platform/paths.h"
#include "platform/shell_words.h"
#include "platform/signals.h"
#include "tools/console/commands/all.h"
#include "tools/console/commands/session_command.h"
#include "tools/console/session/ssh_session.h"
#include "tools/console/terminal/terminal.h"
#include "tools/console/text/exit_status.h"

namespace jump::console {
namespace {

constexpr std::string_view kSuffix = ".jump";       // of host names in the printed entries
constexpr std::string_view kHostKeyAlias = "jump";  // under which the key is known
constexpr std::size_t kPiece = 64 * 1024;

std::string key_path(const Home& home) {
  return home.folder() + "/ssh_host_key";
}
std::string known_hosts_path(const Home& home) {
  return home.folder() + "/ssh_known_hosts";
}

// --- ssh-proxy
// -----------------------------------------------------------------------------------------------

struct ProxyOptions : AskArguments {
  std::string asset;
  bool wait = false;
};

// One connection of the person's ssh: the pipes, the server between them and the sessions.
class Proxy {
 public:
  Proxy(SessionCommand& command, const Asset& asset)
      : command_(command),
        asset_(asset),
        executor_(command.tunnel().executor()),
        terminal_(executor_),
        input_(executor_, Standard::input),
        output_(executor_, Standard::output) {}

  Task<Result<void>> run(const std::string& key) {
    Result<std::pair<Socket, Socket>> ends = platform::socket_pair(executor_);
    if (!ends) co_return ends.error();
    Socket ours = std::move(ends->first);
    Result<std::unique_ptr<SshServer>> server = SshServer::create(
        executor_, key, std::move(ends->second), [this](SshChannel& channel) { return serve(channel); });
    if (!server) co_return server.error();
    TaskGroup pumps(executor_);
    pumps.spawn("ssh input", from_client(ours));
    pumps.spawn("ssh output", to_client(ours));
    pumps.spawn("signals", watch_signals(ours));
    Task<Result<void>> serving = (*server)->run();
    const Result<void> served = co_await std::move(serving);
    // What the server said last goes out first: its end of the socket is closed with it.
    server->reset();
    static_cast<void>(co_await drained_.wait_for(std::chrono::seconds(2)));
    co_await pumps.stop();
    co_return served;
  }

 private:
  using Socket = platform::StreamSocket;

  Task<> serve(SshChannel& channel) {
    AskingPlace* place = command_.ask_options().batch ? nullptr : &terminal_;
    SshSession session(command_.tunnel(), asset_, channel, command_.ask_options(), place);
    co_await session.run();
  }

  Task<> from_client(Socket& socket) {
    Bytes buffer(kPiece);
    while (true) {
      const Result<std::size_t> size = co_await input_.read(buffer);
      if (!size || *size == 0) break;
      boost::system::error_code failed;
      co_await asio::async_write(socket, asio::buffer(buffer.data(), *size),
                                 asio::redirect_error(asio::use_awaitable, failed));
      if (failed) break;
    }
    // ssh has gone: the server sees its end.
    boost::system::error_code ignored;
    socket.shutdown(Socket::shutdown_send, ignored);
  }

  Task<> to_client(Socket& socket) {
    Bytes buffer(kPiece);
    while (true) {
      boost::system::error_code failed;
      const std::size_t size = co_await socket.async_read_some(
          asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, failed));
      if (failed || size == 0) break;
      const Result<void> written = co_await output_.write(ByteView(buffer).first(size));
      if (!written) break;
    }
    drained_.set();
  }

  // ssh ends its ProxyCommand by SIGHUP: sessions that run are left in order. A terminal that is closed sends
  // one too, so there may be two; who sends another signal again does not want to wait.
  Task<> watch_signals(Socket& socket) {
    using platform::Signal;
    platform::Signals signals(executor_, {Signal::hang_up, Signal::terminate, Signal::interrupt});
    static_cast<void>(co_await signals.next());
    boost::system::error_code ignored;
    socket.shutdown(Socket::shutdown_both, ignored);
    signals.give_back({Signal::terminate, Signal::interrupt});
    while (true) static_cast<void>(co_await signals.next());
  }

  SessionCommand& command_;
  const Asset& asset_;
  asio::any_io_executor executor_;
  TerminalPlace terminal_;
  StandardPipe input_;
  StandardPipe output_;
  Event drained_{executor_};
};

Task<int> run_proxy(Context& context, SessionCommand& command, const ProxyOptions& options) {
  const Result<std::string> key = ensure_host_key(key_path(context.home()));
  if (!key) co_return fail(key.error());
  const PickedAsset picked = co_await command.pick_online(options.asset, options.wait);
  if (!picked.asset) co_return picked.status;
  const Result<void> fits = can_serve(*picked.asset, control::SessionKind::shell);
  if (!fits) co_return fail(fits.error());
  const Result<void> up = co_await command.connect();
  if (!up) co_return fail(up.error());
  Proxy proxy(command, *picked.asset);
  const Result<void> done = co_await proxy.run(key_path(context.home()));
  co_return done ? kDone : fail(done.error());
}

Task<int> ssh_proxy(Context& context, ProxyOptions options) {
  if (options.asset.size() > kSuffix.size() && options.asset.ends_with(kSuffix)) {
    options.asset.resize(options.asset.size() - kSuffix.size());
  }
  Result<std::unique_ptr<SessionCommand>> command = SessionCommand::create(context, options, false);
  if (!command) co_return fail(command.error());
  const int status = co_await run_proxy(context, **command, options);
  co_await (*command)->stop();
  co_return status;
}

// --- ssh-config
// ----------------------------------------------------------------------------------------------

struct ConfigOptions : AskArguments {
  std::vector<std::string> assets;
};

// As a word of ssh_config(5), where "%" is ssh's own, and of the shell that ProxyCommand is given to.
std::string doubled_percent(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '%' ? "%%" : std::string(1, c);
  return out;
}
std::string config_word(const std::string& text) {
  return doubled_percent(platform::shell_word(text));
}

std::string entry(const Context& context, const ConfigOptions& options, const std::string& host,
                  const std::string& asset) {
  std::string command = config_word(platform::own_program()) + " ssh-proxy";
  if (options.batch) command += " --batch";
  if (options.accept_new_host_key) command += " --accept-new-host-key";
  if (!options.password_file.empty()) {
    std::error_code ignored;
    command += " --password-file " +
               config_word(path_text(std::filesystem::absolute(file_path(options.password_file), ignored)));
  }
  command += " -- " + asset;
  if (const char* home = std::getenv("JUMP_HOME"); home != nullptr && *home != '\0') {
    command = platform::with_variable("JUMP_HOME", doubled_percent(context.home().folder()), command);
  }
  return "Host " + host + "\n  ProxyCommand " + command + "\n  HostKeyAlias " + std::string(kHostKeyAlias) +
         "\n"
         "  UserKnownHostsFile \"" +
         known_hosts_path(context.home()) +
         "\"\n"
         "  GlobalKnownHostsFile " +
         platform::null_device() +
         "\n"
         "  StrictHostKeyChecking yes\n"
         "  CheckHostIP no\n"
         "  PreferredAuthentications none\n"
         "  PubkeyAuthentication no\n"
         "  ForwardAgent no\n"
         "  ForwardX11 no\n"
         "  Ciphers ^aes128-gcm@openssh.com\n"
         "  Compression no\n";
}

Result<void> write_known_hosts(const Home& home, const std::string& key) {
  const std::string path = known_hosts_path(home);
  std::ofstream file(file_path(path), std::ios::trunc | std::ios::binary);
  file << kHostKeyAlias << ' ' << key << '\n';
  file.close();
  return file ? Result<void>() : system_error("write " + path);
}

Task<int> ssh_config(Context& context, ConfigOptions options) {
  std::error_code failed;
  std::filesystem::create_directories(file_path(context.home().folder()), failed);
  const Result<std::string> key = ensure_host_key(key_path(context.home()));
  if (!key) co_return fail(key.error());
  const Result<void> known = write_known_hosts(context.home(), *key);
  if (!known) co_return fail(known.error());
  std::string text =
      "# Made by `jump ssh-config`. For ~/.ssh/config, or a file that it includes; then every asset NAME is\n"
      "# NAME.jump for ssh, scp, sftp, rsync and git: ssh web-01.jump\n";
  if (options.assets.empty()) {
    // Quoted: host names that would mean something to the shell are refused by ssh as well.
    co_return print(text + entry(context, options, "*" + std::string(kSuffix), platform::shell_word("%n")));
  }
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  for (const std::string& wanted : options.assets) {
    const PickedAsset picked = co_await pick_asset(**api, wanted);
    if (!picked.asset) co_return picked.status;
    const std::string& name = picked.asset->names.name;
    // A blank in it would make two patterns.
    const bool usable = config_word(name) == name;
    const std::string id = std::to_string(picked.asset->names.id);
    text += entry(context, options, (usable ? name : id) + std::string(kSuffix), id);
  }
  co_return print(text);
}

}  // namespace

void add_ssh_commands(CLI::App& app, Chosen& chosen) {
  {
    auto options = std::make_shared<ProxyOptions>();
    CLI::App* one = add_command(
        app, "ssh-proxy",
        "An SSH server for your own ssh, scp, sftp, rsync and git, as ProxyCommand: what they do happens in "
        "sessions with the asset. Forwarding of ports, agents and X11 is refused",
        "ssh -o ProxyCommand='jump ssh-proxy %n' web-01");
    one->add_option("ASSET", options->asset, "Id, name or group/name; \".jump\" at its end is left out")
        ->required();
    one->add_flag("--wait", options->wait, "Until the asset is online");
    add_ask_options(one, options);
    runs(one, chosen, [options](Context& context) { return ssh_proxy(context, *options); });
  }
  auto options = std::make_shared<ConfigOptions>();
  CLI::App* one = add_command(app, "ssh-config",
                              "Print entries for ~/.ssh/config: then `ssh NAME.jump` goes through sessions",
                              "jump ssh-config >> ~/.ssh/config");
  one->add_option("ASSET", options->assets, "Entries for these only; one for all when none is given");
  add_ask_options(one, options);
  runs(one, chosen, [options](Context& context) { return ssh_config(context, *options); });
}

}  // namespace jump::console
