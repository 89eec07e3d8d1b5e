#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "platform/files.h"
#include "tools/bench/blocking_end.h"
#include "tools/bench/measure.h"
#include "tools/bench/streams.h"
#include "tools/bench/way.h"

namespace jump::bench {
namespace {

constexpr std::size_t kPiece = 64 * 1024;
constexpr double kStartTime = 10;

void write_text(const std::string& path, const std::string& text) {
  must(platform::write_file(path, as_bytes(text), 0600));
}

// Of a process and all that it started.
double family_cpu(int pid) {
  double sum = 0;
  for (const int one : family_of(pid)) sum += cpu_of(one);
  return sum;
}

// The relaying programs of one kind, and where the console's side dials them. They reach the agent's side at
// the port that they are told.
class Programs {
 public:
  virtual ~Programs() = default;
  std::uint16_t entry = 0;
  virtual double cpu() { return 0; }

 protected:
  void run(std::vector<std::string> argv, const std::string& log) {
    children.push_back(must(Child::start({std::move(argv), {}, log})));
  }
  void wait_for(std::uint16_t port, const std::string& what) {
    if (!wait_until([&] { return is_listening(port); }, kStartTime)) {
      give_up(Error(Fault::unavailable, what + " does not listen"));
    }
  }
  std::vector<Child> children;
};

std::string certificate_file(const Site& site, const Scratch& scratch) {
  const std::string path = scratch / "appliance.pem";
  write_text(
      path, site.appliance().certificate.to_pem() + std::string(site.appliance().key.to_pem().reveal_text()));
  return path;
}

class HaProxy : public Programs {
 public:
  HaProxy(const Site& site, const Scratch& scratch, std::uint16_t target) {
    entry = free_port();
    const std::string pem = certificate_file(site, scratch);
    write_text(scratch / "haproxy.cfg",
               "global\n  nbthread 1\n  maxconn 100\n  tune.bufsize 65536\n  tune.ssl.default-dh-param 2048\n"
               "  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256\n"
               "  ssl-default-server-ciphersuites TLS_AES_128_GCM_SHA256\n"
               "defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 10m\n  timeout server 10m\n"
               "listen relay\n  bind 127.0.0.1:" +
                   std::to_string(entry) + " ssl crt " + pem +
                   "\n  server agent 127.0.0.1:" + std::to_string(target) + " ssl verify none\n");
    run({"haproxy", "-db", "-f", scratch / "haproxy.cfg"}, scratch / "haproxy.log");
    wait_for(entry, "haproxy");
  }
  double cpu() override { return family_cpu(children.front().pid()); }
};

// A TLS server that passes on to a TLS client: a chain, because one of them speaks TLS on one side only.
class Stunnel : public Programs {
 public:
  Stunnel(const Site& site, const Scratch& scratch, std::uint16_t target) {
    entry = free_port();
    const std::uint16_t middle = free_port();
    const std::string common = "foreground = yes\npid =\ndebug = 3\nciphersuites = TLS_AES_128_GCM_SHA256\n";
    write_text(scratch / "stunnel-in.conf", common + "[in]\naccept = 127.0.0.1:" + std::to_string(entry) +
                                                "\nconnect = 127.0.0.1:" + std::to_string(middle) +
                                                "\ncert = " + certificate_file(site, scratch) + "\n");
    write_text(scratch / "stunnel-out.conf",
               common + "[out]\nclient = yes\naccept = 127.0.0.1:" + std::to_string(middle) +
                   "\nconnect = 127.0.0.1:" + std::to_string(target) + "\nverifyChain = no\n");
    for (const char* name : {"stunnel-in", "stunnel-out"}) {
      run({"stunnel4", scratch / (std::string(name) + ".conf")}, scratch / (std::string(name) + ".log"));
    }
    wait_for(entry, "stunnel");
    wait_for(middle, "stunnel");
  }
  double cpu() override { return family_cpu(children[0].pid()) + family_cpu(children[1].pid()); }
};

// The agent's side holds ssh -R, the console's ssh -L, sshd stands in between.
class Ssh : public Programs {
 public:
  Ssh(const Scratch& scratch, std::uint16_t target) {
    entry = free_port();
    const std::uint16_t server = free_port();
    const std::uint16_t middle = free_port();
    for (const char* name : {"host", "user"}) {
      must(run_program({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", scratch / name}));
    }
    std::filesystem::copy_file(scratch / "user.pub", scratch / "authorized_keys");
    if (::geteuid() == 0) std::filesystem::create_directories("/run/sshd");
    write_text(
        scratch / "sshd.conf",
        "ListenAddress 127.0.0.1:" + std::to_string(server) + "\nHostKey " + (scratch / "host") +
            "\nAuthorizedKeysFile " + (scratch / "authorized_keys") +
            "\nStrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\nAllowTcpForwarding yes\n");
    const std::string sshd = is_installed("/usr/sbin/sshd") ? "/usr/sbin/sshd" : "sshd";
    run({sshd, "-D", "-f", scratch / "sshd.conf", "-E", scratch / "sshd.log"}, scratch / "sshd.log");
    wait_for(server, "sshd");
    const std::vector<std::string> client{"ssh", "-N",
                                          "-F",  "/dev/null",
                                          "-i",  scratch / "user",
                                          "-p",  std::to_string(server),
                                          "-c",  "aes128-gcm@openssh.com",
                                          "-o",  "StrictHostKeyChecking=no",
                                          "-o",  "UserKnownHostsFile=/dev/null",
                                          "-o",  "ExitOnForwardFailure=yes",
                                          "-o",  "LogLevel=ERROR"};
    const std::string to_middle =
        "127.0.0.1:" + std::to_string(middle) + ":127.0.0.1:" + std::to_string(target);
    const std::string to_entry =
        "127.0.0.1:" + std::to_string(entry) + ":127.0.0.1:" + std::to_string(middle);
    forward(client, "-R", to_middle, scratch / "ssh-r.log");
    wait_for(middle, "ssh -R");
    forward(client, "-L", to_entry, scratch / "ssh-l.log");
    wait_for(entry, "ssh -L");
  }
  double cpu() override { return family_cpu(children.front().pid()); }

 private:
  void forward(std::vector<std::string> words, const char* how, const std::string& what,
               const std::string& log) {
    words.insert(words.end(), {how, what, "127.0.0.1"});
    run(std::move(words), log);
  }
};

class PeerWay : public Way {
 public:
  PeerWay(std::string name, const Site& site, bool tls) : name_(std::move(name)), context_(site), tls_(tls) {}
  ~PeerWay() override {
    if (agent_) agent_->shut();
    if (console_) console_->shut();
  }

  std::uint16_t target() const { return listener_.port; }
  void connect(std::unique_ptr<Programs> programs) {
    programs_ = std::move(programs);
    const std::uint16_t port = programs_ ? programs_->entry : listener_.port;
    const BlockingContext* context = tls_ ? &context_ : nullptr;
    // Those who looked whether the programs listen may have come through to here: the one that speaks counts.
    std::thread accepting([&] {
      while (!agent_) {
        auto end = accept_one(context);
        if (end) agent_ = std::move(end);
      }
    });
    console_ = std::make_unique<BlockingEnd>(connect_blocking(port), context, false);
    console_->write(as_bytes("!"));
    accepting.join();
  }

  std::string name() const override { return name_; }
  void move(std::uint64_t bytes) override {
    std::thread sending([&] {
      const Bytes piece(kPiece, 0x5a);
      for (std::uint64_t left = bytes; left > 0;) {
        const std::size_t size = std::min<std::uint64_t>(left, piece.size());
        agent_->write(ByteView(piece).first(size));
        left -= size;
      }
    });
    Bytes into(kPiece);
    for (std::uint64_t total = 0; total < bytes;) {
      const std::size_t got = console_->read(into);
      if (got == 0) give_up(Error(Fault::closed, name_ + ": the connection ended"));
      total += got;
    }
    sending.join();
  }
  std::vector<double> ping(std::size_t times) override {
    std::thread echoing([&] {
      Bytes bytes(kPingBytes);
      for (std::size_t left = times * kPingBytes; left > 0;) {
        const std::size_t got = agent_->read(bytes);
        if (got == 0) return;
        agent_->write(ByteView(bytes).first(got));
        left -= got;
      }
    });
    std::vector<double> trips;
    Bytes bytes(kPingBytes);
    for (std::size_t i = 0; i < times; ++i) {
      const double start = wall_time();
      console_->write(bytes);
      for (std::size_t have = 0; have < kPingBytes;) {
        const std::size_t got = console_->read(bytes);
        if (got == 0) give_up(Error(Fault::closed, name_ + ": the connection ended"));
        have += got;
      }
      trips.push_back(wall_time() - start);
    }
    echoing.join();
    return trips;
  }
  double relay_cpu() override { return programs_ ? programs_->cpu() : 0; }

 private:
  std::unique_ptr<BlockingEnd> accept_one(const BlockingContext* context) {
    std::unique_ptr<BlockingEnd> end;
    try {
      end = std::make_unique<BlockingEnd>(listener_.accept(), context, true);
    } catch (const std::exception&) {
      return nullptr;
    }
    std::uint8_t word = 0;
    return end->read({&word, 1}) == 1 ? std::move(end) : nullptr;
  }

  std::string name_;
  BlockingContext context_;
  bool tls_;
  BlockingListener listener_;
  std::unique_ptr<Programs> programs_;
  std::unique_ptr<BlockingEnd> agent_;
  std::unique_ptr<BlockingEnd> console_;
};

}  // namespace

std::unique_ptr<Way> peer_way(Relay relay, const Site& site, const Scratch& scratch, std::string& trouble) {
  struct Kind {
    const char* name;
    const char* program;
    bool tls;
  };
  constexpr Kind kKinds[] = {{"TLS without a relay", "", true},
                             {"TCP without a relay", "", false},
                             {"HAProxy", "haproxy", true},
                             {"stunnel chain", "stunnel4", true},
                             {"ssh -R and -L", "ssh", false}};
  const Kind& kind = kKinds[static_cast<std::size_t>(relay)];
  if (*kind.program != 0 && !is_installed(kind.program)) {
    trouble = std::string(kind.program) + " is not installed";
    return nullptr;
  }
  std::signal(SIGPIPE, SIG_IGN);
  auto way = std::make_unique<PeerWay>(kind.name, site, kind.tls);
  std::unique_ptr<Programs> programs;
  if (relay == Relay::haproxy) programs = std::make_unique<HaProxy>(site, scratch, way->target());
  if (relay == Relay::stunnel) programs = std::make_unique<Stunnel>(site, scratch, way->target());
  if (relay == Relay::ssh) programs = std::make_unique<Ssh>(scratch, way->target());
  way->connect(std::move(programs));
  return way;
}

}  // namespace jump::bench
