#include "tools/appliance/server/server.h"

#include <malloc.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/log.h"
#include "common/base/with_timeout.h"
#include "common/tunnel/acceptor.h"
#include "common/tunnel/http_server_io.h"
#include "platform/files.h"
#include "platform/privileges.h"
#include "platform/service_notify.h"
#include "tools/appliance/api/openapi.h"
#include "tools/appliance/store/event_file.h"
#include "tools/appliance/tunnels/office.h"
#include "tools/appliance/tunnels/peer.h"

namespace jump::appliance {
namespace {

constexpr auto kEnrolTime = std::chrono::seconds(20);
constexpr auto kDrainTime = std::chrono::milliseconds(1500);
constexpr auto kMemoryLook = std::chrono::seconds(2);
constexpr std::uint64_t kManyHandshakes = 500;  // have left holes worth the walk over the heap
constexpr std::uint32_t kDrainSpreadMs = 5000;  // peers come back over so long

class Server {
 public:
  Server(asio::any_io_executor executor, const ServeOptions& options)
      : executor_(executor),
        options_(options),
        tasks_(executor),
        accepting_(executor),
        connections_(executor),
        over_(executor) {}

  Task<> run(int& exit_code) {
    Result<void> ready = co_await prepare();
    if (!ready) {
      log::error("appliance", "cannot start", {{"error", ready.error().message()}});
      exit_code = 1;
      co_return;
    }
    accepting_.spawn("acceptor", acceptor_->run());
    office_->start(tasks_);
    tasks_.spawn("event file", follow_events());
    tasks_.spawn("memory", give_back_memory());
    tasks_.spawn("hang up", on_hang_up());
    tasks_.spawn("stop", on_stop());
    if (notify_.watchdog_interval()) tasks_.spawn("watchdog", watchdog());
    const Result<void> told = tell_ready();
    if (!told) {
      log::error("appliance", "cannot write the ready file", {{"error", told.error().message()}});
      exit_code = 1;
      over_.set();
    }
    co_await over_.wait();
    notify_.stopping();
    log::info("appliance", "draining",
              {{"agents", office_->agents_online()}, {"sessions", office_->hub().size()}});
    // Nobody new is taken: who comes now shall wait for the next process.
    co_await accepting_.stop();
    acceptor_.reset();
    office_->drain(kDrainSpreadMs);
    co_await sleep_for(kDrainTime);
    co_await connections_.stop();
    co_await tasks_.stop();
    co_await office_->tasks().stop();
    co_await finish();
  }

 private:
  Task<Result<void>> prepare() {
    const Config& config = options_.config;
    Result<void> folder = platform::make_private_folder(recordings_folder(config));
    if (!folder) co_return folder;
    Result<std::unique_ptr<Keys>> keys = Keys::load(config.data);
    if (!keys) co_return wrap(keys.error(), "run `jump-appliance init` first");
    keys_ = std::move(*keys);
    Result<void> rotated = keys_->rotate_psk(wall_seconds());
    if (!rotated) co_return rotated;
    Result<std::unique_ptr<store::Store>> store = store::Store::open(database_path(config), wall_seconds());
    if (!store) co_return store.error();
    OfficeOptions office;
    office.recordings = recordings_folder(config);
    office.software = std::string("jump-appliance ") + kVersion;
    if (const auto run = (*store)->settings.own("run_seconds"); run && *run && (*run)->is_int64()) {
      office.run_before = (*run)->get_int64();
    }
    Result<store::EventFile> events = store::EventFile::open(config.data + "/events.jsonl");
    if (!events) co_return events.error();
    events_ = std::make_unique<store::EventFile>(std::move(*events));
    api::ApiOptions api;
    api.software_version = kVersion;
    api.ca_pin = keys_->pin();
    const ByteView salt = keys_->authority().site_salt().reveal();
    std::copy_n(salt.begin(), std::min(salt.size(), api.site_salt.size()), api.site_salt.begin());
    api.installer_master = keys_->installer_master();
    api.vault_key = keys_->vault_key();
    Backend backend;
    backend.store = std::move(*store);
    backend.api = std::make_unique<api::Api>(*backend.store, presence_, api);
    database_ = std::make_unique<Database>(std::move(backend));
    office_ = std::make_unique<Office>(executor_, *database_, *keys_, presence_, revocations_, office);
    Result<void> loaded = co_await office_->load();
    if (!loaded) co_return loaded;
    peers_ = std::make_shared<tunnel::ClientVerifier>(keys_->authority().authorities(), revocations_,
                                                      &wall_seconds);
    Result<std::shared_ptr<const tunnel::TlsServer>> context = tls_context();
    if (!context) co_return context.error();
    acceptor_ = std::make_unique<tunnel::Acceptor>(
        executor_, *context, [this](std::unique_ptr<tunnel::TlsStream> stream) { take(std::move(stream)); });
    for (const std::string& address : config.listen) {
      Result<void> listening = acceptor_->listen(address);
      if (!listening) co_return listening;
    }
    co_return Result<void>();
  }

  Result<std::shared_ptr<const tunnel::TlsServer>> tls_context() {
    Result<identity::ApplianceIdentity> own =
        keys_->appliance_identity(options_.config.hosts, wall_seconds());
    if (!own) return own.error();
    tunnel::TlsServerSettings settings{std::move(*own), {}, peers_, {}};
    settings.psk = std::make_shared<tunnel::MasterPskSource>(keys_->psk(), revocations_, &wall_seconds);
    if (options_.config.web_certificate) {
      const Result<Bytes> chain = platform::read_file(options_.config.web_certificate->chain, 256 * 1024);
      if (!chain) return wrap(chain.error(), "web_certificate.chain");
      Result<Bytes> key = platform::read_file(options_.config.web_certificate->key, 64 * 1024);
      if (!key) return wrap(key.error(), "web_certificate.key");
      settings.web = tunnel::WebCertificate{std::string(as_text(*chain)), Secret(std::move(*key))};
    }
    return tunnel::TlsServer::create(std::move(settings));
  }

  Result<void> tell_ready() {
    std::string addresses;
    for (const std::string& address : acceptor_->addresses()) addresses += address + "\n";
    log::info("appliance", "ready", {{"addresses", addresses}, {"ca_pin", keys_->pin()}});
    notify_.ready();
    if (options_.ready_file.empty()) return {};
    return platform::write_file(options_.ready_file, as_bytes(addresses), 0644);
  }

  void take(std::unique_ptr<tunnel::TlsStream> stream) {
    const std::string_view alpn = stream->alpn();
    if (alpn == tunnel::kAlpnTunnel || alpn == tunnel::kAlpnConsole) {
      connections_.spawn("tunnel", run_peer(std::move(stream)));
    } else if (alpn == tunnel::kAlpnEnroll) {
      connections_.spawn("enrolment", run_enrolment(std::move(stream)));
    } else {
      connections_.spawn("http", run_http(std::move(stream)));
    }
  }

  Task<> run_peer(std::unique_ptr<tunnel::TlsStream> stream) {
    const auto peer = std::make_unique<Peer>(*office_, std::move(stream));
    co_await peer->run();
  }

  // One request, one answer, each u32 length + JSON.
  Task<> run_enrolment(std::unique_ptr<tunnel::TlsStream> stream) {
    Task<Result<void>> work = enrol(*stream);
    const Result<void> done = co_await with_timeout(kEnrolTime, "enrolment", std::move(work));
    if (!done) {
      log::info("enrol", "failed",
                {{"from", stream->info().peer_address}, {"reason", done.error().message()}});
    }
    Task<Result<void>> ending = stream->shutdown();
    (void)co_await with_timeout(limits::kShutdownLimit, "end of enrolment", std::move(ending));
  }

  Task<Result<void>> enrol(tunnel::TlsStream& stream) {
    std::string text;
    while (text.size() < 4 || text.size() < 4 + get_u32(reinterpret_cast<const std::uint8_t*>(text.data()))) {
      if (text.size() >= 4 &&
          get_u32(reinterpret_cast<const std::uint8_t*>(text.data())) > identity::kEnrollBytes) {
        co_return Error(Fault::too_large, "an enrolment request above 64 KiB");
      }
      Result<void> ready = co_await stream.readable();
      if (!ready) co_return ready;
      std::array<std::uint8_t, 16384> bytes;
      while (true) {
        const Result<std::size_t> size = stream.read_now(bytes);
        if (!size) co_return size.error();
        if (*size == 0) break;
        text.append(reinterpret_cast<const char*>(bytes.data()), *size);
        if (text.size() > identity::kEnrollBytes + 4)
          co_return Error(Fault::too_large, "an enrolment request above 64 KiB");
      }
    }
    identity::EnrollResponse response;
    Result<identity::EnrollRequest> request =
        identity::parse_enroll_request(std::string_view(text).substr(4));
    if (request) {
      response = co_await office_->enrol(std::move(*request), stream.info().peer_host);
    } else {
      response.refusal =
          identity::EnrollRefusal{identity::EnrollError::malformed, request.error().message(), {}};
    }
    if (response.enrolled) {
      log::info("enrol", "enrolled",
                {{"agent", response.enrolled->id}, {"from", stream.info().peer_address}});
    } else {
      log::info("enrol", "refused",
                {{"from", stream.info().peer_address}, {"reason", response.refusal->text}});
    }
    std::string answer(4, '\0');
    const std::string body = to_json_text(response);
    put_u32(reinterpret_cast<std::uint8_t*>(answer.data()), static_cast<std::uint32_t>(body.size()));
    answer += body;
    const ByteView part = as_bytes(answer);
    Result<void> written = stream.write_now({&part, 1});
    if (written && stream.backlog()) written = co_await stream.writable();
    co_return written;
  }

  Task<> run_http(std::unique_ptr<tunnel::TlsStream> stream) {
    tunnel::HttpServerIo http(*stream, api::kBodyBytes);
    for (int count = 0; count < 1000; ++count) {
      Result<tunnel::HttpRequest> request = co_await http.read();
      if (!request) break;
      tunnel::HttpResponse response = co_await answer(*request, stream->info().peer_host);
      const Result<void> written = co_await http.write(*request, std::move(response));
      if (!written || !request->keep_alive) break;
    }
    Task<Result<void>> ending = stream->shutdown();
    (void)co_await with_timeout(limits::kShutdownLimit, "end of http", std::move(ending));
  }

  Task<tunnel::HttpResponse> answer(const tunnel::HttpRequest& request, std::string remote) {
    api::ApiRequest ask;
    ask.method = request.method;
    ask.target = request.target;
    ask.authorization = request.header("authorization");
    ask.content_type = request.header("content-type");
    ask.body = request.body;
    ask.remote_address = std::move(remote);
    const api::ApiClock clock{wall_seconds(), BootClock::now(), office_->run_seconds()};
    auto begin = [ask = std::move(ask), clock](Backend& backend) { return backend.api->begin(ask, clock); };
    std::variant<api::ApiResponse, api::PasswordWork> first = co_await database_->run(std::move(begin));
    if (auto* password = std::get_if<api::PasswordWork>(&first)) {
      // A quarter of a second of scrypt: on the helpers' thread, so that neither keystrokes nor others'
      // requests wait.
      co_await check_password(*password);
      auto finish = [work = std::move(*password), clock](Backend& backend) mutable {
        return backend.api->finish(std::move(work), clock);
      };
      first = co_await database_->run(std::move(finish));
    }
    api::ApiResponse& done = std::get<api::ApiResponse>(first);
    office_->carry_out(done.effects);
    tunnel::HttpResponse response;
    response.status = done.status;
    response.headers = std::move(done.headers);
    response.body = std::move(done.body);
    if (done.file) response.file = office_->options().recordings + "/" + *done.file;
    co_return response;
  }

  Task<> check_password(api::PasswordWork& work) {
    auto start = [this, &work](auto handler) {
      asio::post(helpers_, [&work, handler = std::move(handler)]() mutable {
        work.run();
        auto back = asio::get_associated_executor(handler);
        asio::dispatch(back, std::move(handler));
      });
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(std::move(start),
                                                                         asio::use_awaitable);
  }

  // The database's events to the file of JSON lines, and on to whoever reads that.
  Task<> follow_events() {
    while (true) {
      co_await sleep_for(std::chrono::seconds(1));
      auto follow = [this](Backend& backend) {
        return events_->follow(backend.store->events, backend.store->settings);
      };
      const Result<std::int64_t> done = co_await database_->run(follow);
      if (!done)
        log::warning("appliance", "events could not be written", {{"error", done.error().message()}});
    }
  }

  // What many handshakes needed for a moment goes back to the system when they are over.
  Task<> give_back_memory() {
    std::uint64_t last = 0;
    std::uint64_t given_back = 0;
    while (true) {
      co_await sleep_for(kMemoryLook);
      if (!acceptor_) co_return;  // nobody new is taken any more
      const std::uint64_t now = acceptor_->counters().accepted;
      if (now == last && now - given_back >= kManyHandshakes) {
        ::malloc_trim(0);
        given_back = now;
      }
      last = now;
    }
  }

  Task<> watchdog() {
    while (true) {
      notify_.watchdog();
      notify_.status(std::to_string(office_->agents_online()) + " agents online, " +
                     std::to_string(office_->hub().size()) + " sessions");
      co_await sleep_for(*notify_.watchdog_interval());
    }
  }

  Task<> on_stop() {
    asio::signal_set signals(executor_, SIGTERM, SIGINT);
    auto [error, number] = co_await signals.async_wait(asio::as_tuple(asio::use_awaitable));
    if (!error) over_.set();
  }

  // The CA, the addresses or the settings were changed by a command, or the log was rotated.
  Task<> on_hang_up() {
    asio::signal_set signals(executor_, SIGHUP);
    while (true) {
      auto [error, number] = co_await signals.async_wait(asio::as_tuple(asio::use_awaitable));
      if (error) co_return;
      notify_.reloading();
      const Result<void> reloaded = co_await reload();
      if (reloaded) {
        log::info("appliance", "reloaded");
      } else {
        log::error("appliance", "not reloaded; all stays as it was", {{"error", reloaded.error().message()}});
      }
      notify_.ready();
    }
  }

  Task<Result<void>> reload() {
    Result<void> authority = keys_->reload_authority();
    if (!authority) co_return authority;
    peers_->set_authorities(keys_->authority().authorities());
    Result<std::shared_ptr<const tunnel::TlsServer>> context = tls_context();
    if (!context) co_return context.error();
    if (acceptor_) acceptor_->set_context(*context);
    co_return co_await office_->reloaded();
  }

  // The last words to the database.
  Task<> finish() {
    const std::int64_t run = office_->run_seconds();
    auto write = [this, run](Backend& backend) -> Result<void> {
      (void)backend.store->jump_clients.all_offline(run, wall_seconds());
      (void)events_->follow(backend.store->events, backend.store->settings);
      return backend.store->settings.set_own("run_seconds", run);
    };
    (void)co_await database_->run(write);
  }

  asio::any_io_executor executor_;
  const ServeOptions& options_;
  platform::ServiceNotify notify_;
  PresenceTable presence_;
  RevocationTable revocations_;
  std::unique_ptr<store::EventFile> events_;
  std::unique_ptr<Keys> keys_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Office> office_;
  std::shared_ptr<tunnel::ClientVerifier> peers_;
  std::unique_ptr<tunnel::Acceptor> acceptor_;
  asio::thread_pool helpers_{1};
  TaskGroup tasks_;
  TaskGroup accepting_;
  TaskGroup connections_;
  Event over_;
};

Task<> run_server(asio::any_io_executor executor, const ServeOptions& options, int& exit_code) {
  const auto server = std::make_unique<Server>(executor, options);
  co_await server->run(exit_code);
}

}  // namespace

int serve(const ServeOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);
  (void)platform::forbid_inspection();
  asio::io_context io(1);
  TaskGroup tasks(io.get_executor());
  int exit_code = 0;
  tasks.spawn("server", run_server(io.get_executor(), options, exit_code));
  io.run();
  return exit_code;
}

}  // namespace jump::appliance
