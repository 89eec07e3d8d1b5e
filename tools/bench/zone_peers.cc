#include "tools/bench/zone_peers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "tools/bench/site.h"

namespace jump::bench {
namespace {

void write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  if (!file.flush()) throw std::runtime_error("write " + path);
}

std::string haproxy_text(std::uint16_t entry, std::uint16_t server, bool splices) {
  return std::string("global\n  nbthread 2\n  maxconn 9200\n  maxpipes 400\n") +
         (splices ? "" : "  nosplice\n") +
         "defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 10m\n  timeout server 10m\n" +
         (splices ? "  option splice-request\n  option splice-response\n" : "") +
         "listen relay\n  bind 127.0.0.1:" + std::to_string(entry) +
         "\n  server one 127.0.0.1:" + std::to_string(server) + "\n";
}

std::string squid_text(std::uint16_t entry, std::uint16_t server, const std::string& folder) {
  return "http_port 127.0.0.1:" + std::to_string(entry) + "\nacl there port " + std::to_string(server) +
         "\nhttp_access allow there\nhttp_access deny all\ncache deny all\naccess_log none\ncache_log " +
         folder + "/cache.log\npid_filename " + folder + "/squid.pid\ncoredump_dir " + folder +
         "\nmax_filedescriptors 20000\nvisible_hostname bench\npinger_enable off\ncache_mem 8 "
         "MB\nnetdb_filename none\n"
         "shutdown_lifetime 0 seconds\n";
}

std::string tinyproxy_text(std::uint16_t entry, std::uint16_t server, const std::string& folder) {
  return "Port " + std::to_string(entry) + "\nListen 127.0.0.1\nTimeout 600\nMaxClients 9500\nConnectPort " +
         std::to_string(server) + "\nLogFile \"" + folder +
         "/log\"\nLogLevel Critical\nDisableViaHeader Yes\n";
}

}  // namespace

const char* ZoneProxy::name() const {
  constexpr const char* kNames[] = {"Jump Zone Proxy", "HAProxy copying", "HAProxy splicing", "squid",
                                    "tinyproxy"};
  return kNames[static_cast<std::size_t>(kind_)];
}

ZoneProxy::~ZoneProxy() {
  if (settings_ >= 0) ::close(settings_);
  child_.kill();
}

std::unique_ptr<ZoneProxy> ZoneProxy::start(ZoneKind kind, const std::string& programs,
                                            std::uint16_t server) {
  std::unique_ptr<ZoneProxy> proxy(new ZoneProxy);
  proxy->kind_ = kind;
  proxy->entry_.port = free_port();
  const std::uint16_t entry = proxy->entry_.port;
  const std::string folder = proxy->scratch_.path();
  const std::string authority = "127.0.0.1:" + std::to_string(server);
  const std::string connect = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n\r\n";
  ChildSpec spec;
  spec.log = folder + "/output";
  switch (kind) {
    case ZoneKind::ours: {
      const std::string fifo = folder + "/settings";
      if (::mkfifo(fifo.c_str(), 0600) != 0) throw std::runtime_error("make " + fifo);
      // Both ends, so that neither open waits for the other.
      proxy->settings_ = ::open(fifo.c_str(), O_RDWR | O_CLOEXEC);
      const std::string line =
          R"({"settings":{"host":"127.0.0.1","port":)" + std::to_string(entry) +
          R"(,"allow_http_get":false,"restriction":"allow","prefixes":["127.0.0.0/8"]},"targets":[")" +
          authority +
          R"("],"local":{"listen":"127.0.0.1","connections":9500,"connections_per_source":9500}})" + "\n";
      if (::write(proxy->settings_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
        throw std::runtime_error("write the settings");
      }
      spec.argv = {"sh", "-c", "exec \"$0\" proxy < \"$1\"", programs + "/jumpoint", fifo};
      proxy->entry_.greeting = connect;
      break;
    }
    case ZoneKind::haproxy_copying:
    case ZoneKind::haproxy_splicing:
      if (!is_installed("haproxy")) return nullptr;
      write_text(folder + "/haproxy.cfg", haproxy_text(entry, server, kind == ZoneKind::haproxy_splicing));
      spec.argv = {"haproxy", "-db", "-f", folder + "/haproxy.cfg"};
      break;
    case ZoneKind::squid:
      if (!is_installed("squid")) return nullptr;
      std::filesystem::permissions(folder, std::filesystem::perms::all);  // it becomes another user
      write_text(folder + "/squid.conf", squid_text(entry, server, folder));
      spec.argv = {"squid", "-N", "-f", folder + "/squid.conf"};
      proxy->entry_.greeting = connect;
      break;
    case ZoneKind::tinyproxy:
      if (!is_installed("tinyproxy")) return nullptr;
      write_text(folder + "/tinyproxy.conf", tinyproxy_text(entry, server, folder));
      spec.argv = {"tinyproxy", "-d", "-c", folder + "/tinyproxy.conf"};
      proxy->entry_.greeting = connect;
      break;
  }
  proxy->child_ = must(Child::start(spec));
  if (!wait_until([&] { return is_listening(entry) || !proxy->child_.running(); }, 20) ||
      !proxy->child_.running()) {
    throw std::runtime_error(std::string(proxy->name()) + " did not start");
  }
  return proxy;
}

}  // namespace jump::bench
