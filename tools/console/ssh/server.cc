#include "tools/console/ssh/server.h"

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#include <algorithm>
#include <deque>
#include <list>
#include <random>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/file_path.h"
#include "common/base/log.h"
#include "common/base/scoped_group.h"
#include "common/base/secret.h"
#include "platform/files.h"

namespace jump::console {
namespace {

constexpr std::size_t kChannelsMost = 64;
constexpr std::size_t kChangesMost = 256;      // that nobody has taken; then the newest are dropped
constexpr std::size_t kEnvironmentMost = 256;  // of one value
constexpr std::size_t kKeyMost = 64 * 1024;
// Fast with AES in hardware; the pipe does not leave this machine.
constexpr const char* kCiphers =
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr,aes256-ctr";

template <auto Free>
struct Freeing {
  template <typename T>
  void operator()(T* thing) const {
    Free(thing);
  }
};
using SessionPtr = std::unique_ptr<ssh_session_struct, Freeing<ssh_free>>;
using BindPtr = std::unique_ptr<ssh_bind_struct, Freeing<ssh_bind_free>>;
using EventPtr = std::unique_ptr<ssh_event_struct, Freeing<ssh_event_free>>;
using KeyPtr = std::unique_ptr<ssh_key_struct, Freeing<ssh_key_free>>;

std::uint16_t cells(int number) {
  return static_cast<std::uint16_t>(std::clamp(number, 1, 1000));
}

Error ssh_error(ssh_session session, const char* doing) {
  const char* text = ssh_get_error(session);
  return {Fault::malformed,
          std::string(doing) + ": " + printable(text != nullptr && *text != '\0' ? text : "it went away")};
}

}  // namespace

// --- the key
// ------------------------------------------------------------------------------------------------

namespace {

Result<void> make_host_key(const std::string& path) {
  ssh_key raw = nullptr;
  if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &raw) != SSH_OK)
    return Error(Fault::internal, "no key for the SSH server could be made");
  const KeyPtr made(raw);
  char* text = nullptr;
  if (ssh_pki_export_privkey_base64(made.get(), nullptr, nullptr, nullptr, &text) != SSH_OK)
    return Error(Fault::internal, "the key of the SSH server cannot be written down");
  const Secret content{std::string_view(text)};
  wipe(text, content.size());
  ssh_string_free_char(text);
  // Beside it and linked: another jump may do the same now, and whoever was first stays first.
  const std::string beside = path + "." + std::to_string(std::random_device()());
  if (const Result<void> written = platform::write_file(beside, content.reveal(), 0600); !written)
    return written;
  std::error_code taken;
  std::error_code ignored;
  std::filesystem::create_hard_link(file_path(beside), file_path(path), taken);
  std::filesystem::remove(file_path(beside), ignored);
  if (taken && taken != std::errc::file_exists) return Error(taken, "write " + path);
  return {};
}

Result<KeyPtr> read_host_key(const std::string& path) {
  const Result<Bytes> content = platform::read_file(path, kKeyMost);
  if (!content) return content.error();
  std::string text(as_text(*content));
  ssh_key raw = nullptr;
  const int imported = ssh_pki_import_privkey_base64(text.c_str(), nullptr, nullptr, nullptr, &raw);
  wipe(text.data(), text.size());
  if (imported != SSH_OK)
    return Error(Fault::malformed, path + " is no private key; remove it and a new one is made");
  return KeyPtr(raw);
}

}  // namespace

Result<std::string> ensure_host_key(const std::string& path) {
  Result<KeyPtr> key = read_host_key(path);
  if (!key && key.error().is(Fault::not_found)) {
    if (const Result<void> made = make_host_key(path); !made) return made.error();
    key = read_host_key(path);
  }
  if (!key) return key.error();
  char* text = nullptr;
  if (ssh_pki_export_pubkey_base64(key->get(), &text) != SSH_OK)
    return Error(Fault::malformed, path + ": the key has no public half");
  std::string line = std::string(ssh_key_type_to_char(ssh_key_type(key->get()))) + " " + text;
  ssh_string_free_char(text);
  return line;
}

// --- the server
// ---------------------------------------------------------------------------------------------

struct SshServer::Impl {
  class Channel;

  Impl(asio::any_io_executor e, Serve s)
      : executor(e),
        serve(std::move(s)),
        wake(e),
        pollable(e),
        read_again(e),
        write_wanted(e),
        watchers(e),
        tasks(e) {}

  static ssh_channel open_channel(ssh_session session, void* self);
  static int auth_none(ssh_session, const char*, void*) { return SSH_AUTH_SUCCESS; }
  static int auth_password(ssh_session, const char*, const char*, void*) { return SSH_AUTH_SUCCESS; }
  static int auth_key(ssh_session, const char*, ssh_key_struct*, char, void*) { return SSH_AUTH_SUCCESS; }

  Task<Result<void>> drive();
  Task<> watch_readable();
  Task<> watch_writable();
  Task<> serve_channel(Channel& channel);
  void turn();
  void sweep();
  bool connected() const { return ssh_is_connected(session.get()) == 1 && !over; }

  asio::any_io_executor executor;
  Serve serve;
  // A call for one channel's bytes makes libssh read what there is: the others hear of it by the next turn.
  void tell_of_arrivals() {
    const std::uint64_t now = socket_counter.in_bytes + packet_counter.in_bytes;
    if (std::exchange(heard, now) != now) wake.set();
  }

  ssh_counter_struct socket_counter{};
  ssh_counter_struct packet_counter{};
  std::uint64_t heard = 0;
  SessionPtr session;
  EventPtr event;
  ssh_server_callbacks_struct callbacks{};
  std::list<Channel> channels;
  Event wake;
  platform::StreamSocket pollable;
  Event read_again;
  Event write_wanted;
  bool over = false;
  TaskGroup watchers;
  TaskGroup tasks;  // of channels
};

class SshServer::Impl::Channel : public SshChannel {
 public:
  Channel(Impl& server, ssh_channel channel)
      : server_(server),
        channel_(channel),
        readable_(server.executor),
        writable_(server.executor),
        changed_(server.executor) {
    callbacks_.userdata = this;
    callbacks_.channel_eof_function = [](ssh_session, ssh_channel, void* self) { at(self).look(); };
    callbacks_.channel_close_function = [](ssh_session, ssh_channel, void* self) { at(self).on_close(); };
    callbacks_.channel_signal_function = [](ssh_session, ssh_channel, const char* name, void* self) {
      SshChange change;
      change.signal = name;
      at(self).tell(std::move(change));
    };
    callbacks_.channel_pty_request_function = [](ssh_session, ssh_channel, const char* term, int columns,
                                                 int rows, int, int, void* self) {
      at(self).request_.terminal = SshTerminal{term, cells(columns), cells(rows)};
      return 0;
    };
    callbacks_.channel_pty_window_change_function = [](ssh_session, ssh_channel, int columns, int rows, int,
                                                       int, void* self) {
      SshChange change;
      change.resized = SshTerminal{"", cells(columns), cells(rows)};
      at(self).tell(std::move(change));
      return 0;
    };
    callbacks_.channel_env_request_function = [](ssh_session, ssh_channel, const char* name,
                                                 const char* value, void* self) {
      return at(self).take_variable(name, value) ? 0 : 1;
    };
    callbacks_.channel_shell_request_function = [](ssh_session, ssh_channel, void* self) {
      return at(self).start(SshRequest::Kind::shell, "");
    };
    callbacks_.channel_exec_request_function = [](ssh_session, ssh_channel, const char* command, void* self) {
      return at(self).start(SshRequest::Kind::command, command);
    };
    callbacks_.channel_subsystem_request_function = [](ssh_session, ssh_channel, const char* name,
                                                       void* self) {
      return std::string_view(name) == "sftp" ? at(self).start(SshRequest::Kind::subsystem, name) : 1;
    };
    ssh_callbacks_init(&callbacks_);
    ssh_set_channel_callbacks(channel_, &callbacks_);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() override {
    ssh_remove_channel_callbacks(channel_, &callbacks_);
    ssh_channel_free(channel_);
  }

  const SshRequest& request() const override { return request_; }

  Task<Result<std::size_t>> read(std::span<std::uint8_t> into) override {
    while (true) {
      if (!usable()) co_return gone();
      if (!ahead_.empty()) co_return hand_out(into);
      // All of it at once: asked for less than it holds, libssh 0.10 tells the other side a window of 4 GiB,
      // and what then comes is kept, without an end and moved at each read.
      const int there = ssh_channel_poll(channel_, 0);
      if (there == SSH_ERROR) co_return gone();
      if (there > 0) {
        const auto all = static_cast<std::size_t>(there);
        const bool fits = all <= into.size();
        if (!fits) ahead_.resize(all);
        const int size = ssh_channel_read_nonblocking(channel_, fits ? into.data() : ahead_.data(),
                                                      static_cast<std::uint32_t>(all), 0);
        if (!fits) ahead_.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        if (size == SSH_ERROR) co_return gone();
        // The window that this opens is told by the next turn.
        if (size > 0) server_.wake.set();
        if (size > 0 && fits) co_return static_cast<std::size_t>(size);
        if (size > 0) continue;
      }
      if (ssh_channel_is_eof(channel_) != 0) co_return std::size_t{0};
      server_.tell_of_arrivals();
      co_await readable_.wait();
    }
  }

  Task<Result<void>> write(ByteView bytes, bool error_output) override {
    while (!bytes.empty()) {
      if (!usable()) co_return gone();
      // One end at a time may wait here; each write of libssh goes on until the window is full.
      const std::size_t room = std::min<std::size_t>(ssh_channel_window_size(channel_), bytes.size());
      if (room > 0) {
        const int size =
            error_output ? ssh_channel_write_stderr(channel_, bytes.data(), static_cast<std::uint32_t>(room))
                         : ssh_channel_write(channel_, bytes.data(), static_cast<std::uint32_t>(room));
        server_.wake.set();
        if (size == SSH_ERROR) co_return gone();
        bytes = bytes.subspan(static_cast<std::size_t>(size));
        if (bytes.empty()) break;
      }
      co_await writable_.wait();
    }
    co_return Result<void>();
  }

  Task<SshChange> change() override {
    while (changes_.empty()) co_await changed_.wait();
    SshChange change = std::move(changes_.front());
    changes_.pop_front();
    co_return change;
  }

  void exit(int status) override {
    status_ = status;
    signal_.reset();
  }
  void exit_by(const std::string& signal, bool core_dumped) override {
    signal_ = signal;
    core_dumped_ = core_dumped;
  }

  // Those who wait look again.
  void look() {
    readable_.set();
    writable_.set();
  }
  void on_close() {
    closed_ = true;
    SshChange change;
    change.closed = true;
    tell(std::move(change));
    look();
  }
  // After its task.
  void conclude() {
    if (usable()) {
      ssh_channel_send_eof(channel_);
      if (signal_) {
        ssh_channel_request_send_exit_signal(channel_, signal_->c_str(), core_dumped_ ? 1 : 0, "", "");
      } else {
        ssh_channel_request_send_exit_status(channel_, status_);
      }
    }
    if (ssh_is_connected(server_.session.get()) == 1) ssh_channel_close(channel_);
    concluded_ = true;
    server_.wake.set();
  }
  bool finished() const { return concluded_ && (closed_ || !server_.connected()); }
  // A client that opens a channel and closes it again without a request.
  bool abandoned() const { return closed_ && !started_; }

 private:
  static Channel& at(void* self) { return *static_cast<Channel*>(self); }
  bool usable() const { return !closed_ && server_.connected() && ssh_channel_is_open(channel_) != 0; }
  static Error gone() { return {Fault::closed, "the SSH client has gone"}; }

  std::size_t hand_out(std::span<std::uint8_t> into) {
    const std::size_t size = std::min(into.size(), ahead_.size() - handed_out_);
    std::copy_n(ahead_.begin() + static_cast<std::ptrdiff_t>(handed_out_), size, into.begin());
    handed_out_ += size;
    if (handed_out_ == ahead_.size()) {
      ahead_.clear();
      handed_out_ = 0;
    }
    return size;
  }

  int start(SshRequest::Kind kind, const char* text) {
    if (std::exchange(started_, true)) return 1;
    request_.kind = kind;
    request_.text = text;
    server_.tasks.spawn("ssh channel", server_.serve_channel(*this));
    return 0;
  }

  void tell(SshChange change) {
    // Only the last size counts.
    if (change.resized && !changes_.empty() && changes_.back().resized) changes_.pop_back();
    if (changes_.size() >= kChangesMost && !change.closed) return;
    changes_.push_back(std::move(change));
    changed_.set();
  }

  bool take_variable(std::string_view name, std::string_view value) {
    const bool locale = name == "LANG" || name == "LC_CTYPE" || name == "LC_ALL";
    if (!locale || value.empty() || value.size() > kEnvironmentMost) return false;
    if (name == "LC_ALL" || !request_.locale) request_.locale = std::string(value);
    return true;
  }

  Impl& server_;
  ssh_channel channel_;
  ssh_channel_callbacks_struct callbacks_{};
  SshRequest request_;
  Bytes ahead_;  // read, and not yet asked for; at most libssh's window
  std::size_t handed_out_ = 0;
  bool started_ = false;
  bool closed_ = false;
  bool concluded_ = false;
  std::deque<SshChange> changes_;
  Event readable_;
  Event writable_;
  Event changed_;
  int status_ = 255;
  std::optional<std::string> signal_;
  bool core_dumped_ = false;
};

ssh_channel SshServer::Impl::open_channel(ssh_session session, void* self) {
  Impl& server = *static_cast<Impl*>(self);
  if (server.channels.size() >= kChannelsMost) return nullptr;
  ssh_channel channel = ssh_channel_new(session);
  if (channel == nullptr) return nullptr;
  server.channels.emplace_back(server, channel);
  return channel;
}

Task<> SshServer::Impl::serve_channel(Channel& channel) {
  co_await serve(channel);
  channel.conclude();
}

Task<> SshServer::Impl::watch_readable() {
  while (true) {
    boost::system::error_code failed;
    co_await pollable.async_wait(platform::StreamSocket::wait_read,
                                 asio::redirect_error(asio::use_awaitable, failed));
    wake.set();
    co_await read_again.wait();
  }
}

Task<> SshServer::Impl::watch_writable() {
  while (true) {
    co_await write_wanted.wait();
    boost::system::error_code failed;
    co_await pollable.async_wait(platform::StreamSocket::wait_write,
                                 asio::redirect_error(asio::use_awaitable, failed));
    wake.set();
  }
}

// Reads, writes, calls back; then whoever waits for a channel looks at what has changed.
void SshServer::Impl::turn() {
  if (ssh_event_dopoll(event.get(), 0) == SSH_ERROR) over = true;
  for (Channel& channel : channels) channel.look();
  sweep();
  read_again.set();
  if ((ssh_get_poll_flags(session.get()) & SSH_WRITE_PENDING) != 0) write_wanted.set();
}

void SshServer::Impl::sweep() {
  std::erase_if(channels, [](const Channel& channel) { return channel.finished() || channel.abandoned(); });
}

Task<Result<void>> SshServer::Impl::drive() {
  watchers.spawn("ssh readable", watch_readable());
  watchers.spawn("ssh writable", watch_writable());
  while (true) {
    const int exchanged = ssh_handle_key_exchange(session.get());
    if (exchanged == SSH_OK) break;
    if (exchanged == SSH_ERROR) co_return ssh_error(session.get(), "the SSH client");
    read_again.set();
    if ((ssh_get_poll_flags(session.get()) & SSH_WRITE_PENDING) != 0) write_wanted.set();
    co_await wake.wait();
  }
  ssh_set_auth_methods(session.get(),
                       SSH_AUTH_METHOD_NONE | SSH_AUTH_METHOD_PUBLICKEY | SSH_AUTH_METHOD_PASSWORD);
  ssh_event_add_session(event.get(), session.get());
  while (connected()) {
    turn();
    co_await wake.wait();
  }
  // They end by themselves: a session that is left is told so.
  for (Channel& channel : channels) channel.on_close();
  co_await tasks.join();
  co_return Result<void>();
}

SshServer::SshServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

SshServer::~SshServer() {
  // Channels know the session, and the session the event.
  impl_->channels.clear();
  if (impl_->event && impl_->session) ssh_event_remove_session(impl_->event.get(), impl_->session.get());
  impl_->session.reset();
}

Result<std::unique_ptr<SshServer>> SshServer::create(asio::any_io_executor executor,
                                                     const std::string& host_key,
                                                     platform::StreamSocket socket, Serve serve) {
  auto impl = std::make_unique<Impl>(executor, std::move(serve));
  impl->session.reset(ssh_new());
  impl->event.reset(ssh_event_new());
  const BindPtr bind(ssh_bind_new());
  if (!impl->session || !impl->event || !bind) return Error(Fault::internal, "libssh has no memory");
  ssh_set_counters(impl->session.get(), &impl->socket_counter, &impl->packet_counter);
  // Nothing from /etc/ssh: this server is not the machine's.
  const bool no = false;
  ssh_bind_options_set(bind.get(), SSH_BIND_OPTIONS_PROCESS_CONFIG, &no);
  ssh_bind_options_set(bind.get(), SSH_BIND_OPTIONS_CIPHERS_C_S, kCiphers);
  ssh_bind_options_set(bind.get(), SSH_BIND_OPTIONS_CIPHERS_S_C, kCiphers);
  Result<KeyPtr> key = read_host_key(host_key);
  if (!key) return key.error();
  if (ssh_bind_options_set(bind.get(), SSH_BIND_OPTIONS_IMPORT_KEY, key->get()) != SSH_OK)
    return Error(Fault::malformed, "key of the SSH server: " + printable(ssh_get_error(bind.get())));
  static_cast<void>(key->release());  // libssh's now
  // Ours to poll; libssh closes its own.
  const Result<int> theirs = platform::duplicate_socket(static_cast<int>(socket.native_handle()));
  if (!theirs) return theirs.error();
  if (ssh_bind_accept_fd(bind.get(), impl->session.get(), *theirs) != SSH_OK) {
    platform::close_socket(*theirs);
    return Error(Fault::internal, "SSH server: " + printable(ssh_get_error(bind.get())));
  }
  impl->pollable = std::move(socket);
  ssh_set_blocking(impl->session.get(), 0);
  impl->callbacks.userdata = impl.get();
  impl->callbacks.auth_none_function = Impl::auth_none;
  impl->callbacks.auth_password_function = Impl::auth_password;
  impl->callbacks.auth_pubkey_function = Impl::auth_key;
  impl->callbacks.channel_open_request_session_function = Impl::open_channel;
  ssh_callbacks_init(&impl->callbacks);
  ssh_set_server_callbacks(impl->session.get(), &impl->callbacks);
  return std::unique_ptr<SshServer>(new SshServer(std::move(impl)));
}

Task<Result<void>> SshServer::run() {
  Task<Result<void>> work = impl_->drive();
  Task<Result<void>> with_channels = and_stop(impl_->tasks, std::move(work));
  co_return co_await and_stop(impl_->watchers, std::move(with_channels));
}

}  // namespace jump::console
