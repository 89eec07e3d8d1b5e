#include "tools/appliance/server/commands.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "common/base/clock.h"
#include "common/identity/host_port.h"
#include "common/identity/password.h"
#include "platform/files.h"
#include "platform/independent.h"
#include "tools/appliance/store/store.h"
#include "tools/appliance/tunnels/keys.h"

namespace jump::appliance {
namespace {

int complain(const Error& error) {
  std::fprintf(stderr, "jump-appliance: %s\n", error.message().c_str());
  return 1;
}

std::string lock_path(const Config& config) {
  return config.data + "/server.pid";
}
std::string authority_path(const Config& config) {
  return config.data + "/keys/authority.json";
}

Result<std::unique_ptr<store::Store>> open_store(const Config& config) {
  return store::Store::open(database_path(config), wall_seconds());
}

Result<void> first_records(store::Store& store, const InitOptions& options) {
  const Result<std::string> hash = identity::hash_password(options.password);
  if (!hash) return hash.error();
  store::User admin;
  admin.username = options.admin;
  admin.public_display_name = options.admin;
  admin.private_display_name = options.admin;
  admin.enabled = true;
  admin.perm_admin = true;
  admin.created_at = wall_seconds();
  const Result<store::User> created = store.users.create(admin, *hash);
  if (!created) return created.error();
  store::JumpGroup group;
  group.name = "default";
  group.code_name = "default";
  const Result<store::JumpGroup> made = store.groups.create(group);
  if (!made) return made.error();
  Result<store::SiteSettings> site = store.settings.site();
  if (!site) return site.error();
  site->addresses = options.addresses;
  return store.settings.change(*site);
}

}  // namespace

Result<int> lock_data(const Config& config) {
  const int file = ::open(lock_path(config).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (file < 0) return system_error("open " + lock_path(config));
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    ::close(file);
    return Error(Fault::already_exists, "an appliance runs already with " + config.data);
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file, 0) != 0 || ::pwrite(file, pid.data(), pid.size(), 0) < 0) {
    ::close(file);
    return system_error("write " + lock_path(config));
  }
  return file;
}

Result<platform::ActingAs> act_as_owner(const Config& config) {
  Result<platform::User> owner = platform::owner_of(config.data);
  if (!owner && owner.error().is(Fault::not_found)) owner = platform::current_user();
  if (!owner) return owner.error();
  return platform::ActingAs::begin(*owner);
}

bool tell_server(const Config& config) {
  const Result<Bytes> text = platform::read_file(lock_path(config), 64);
  if (!text) return false;
  const int file = ::open(lock_path(config).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return false;
  // Who holds the lock wrote the number.
  const bool running = ::flock(file, LOCK_EX | LOCK_NB) != 0;
  ::close(file);
  const int pid = std::atoi(std::string(as_text(*text)).c_str());
  return running && pid > 1 && ::kill(pid, SIGHUP) == 0;
}

int init(const Config& config, const InitOptions& options) {
  std::error_code ignored;
  if (std::filesystem::exists(authority_path(config), ignored)) {
    return complain(
        Error(Fault::already_exists, config.data + " holds an appliance already; nothing was changed"));
  }
  for (const std::string& address : options.addresses) {
    const Result<identity::HostPort> parsed = identity::parse_host_port(address);
    if (!parsed) return complain(parsed.error());
  }
  Result<void> done = platform::make_private_folder(config.data);
  if (done) done = Keys::create(config.data, wall_seconds());
  if (!done) return complain(done.error());
  Result<std::unique_ptr<store::Store>> store = open_store(config);
  if (store) {
    done = first_records(**store, options);
  } else {
    done = store.error();
  }
  if (!done) {
    // All or nothing: a second try must find the folder as the first did.
    std::filesystem::remove_all(config.data + "/keys", ignored);
    for (const char* suffix : {"", "-wal", "-shm"})
      std::filesystem::remove(database_path(config) + suffix, ignored);
    return complain(done.error());
  }
  const Result<std::unique_ptr<Keys>> keys = Keys::load(config.data);
  if (!keys) return complain(keys.error());
  if (options.json) {
    json::object report{{"data", config.data}, {"ca_pin", (*keys)->pin()}, {"admin", options.admin}};
    std::printf("%s\n", json::serialize(report).c_str());
  } else {
    std::printf("appliance made in %s\nCA pin     %s\nuser       %s (administrator)\nnext       %s\n",
                config.data.c_str(), (*keys)->pin().c_str(), options.admin.c_str(),
                platform::systemd_runs() ? "systemctl start jump-appliance" : "jump-appliance serve");
  }
  return 0;
}

int doctor(const Config& config, bool json) {
  struct Finding {
    std::string what;
    Result<void> result;
  };
  std::vector<Finding> findings;
  const auto add = [&](std::string what, const auto& result) {
    findings.push_back({std::move(what), result ? Result<void>() : Result<void>(result.error())});
  };
  Result<std::unique_ptr<Keys>> keys = Keys::load(config.data);
  add("keys", keys);
  Result<std::unique_ptr<store::Store>> store = open_store(config);
  add("database", store);
  const Result<platform::Space> space = platform::disk_space(config.data);
  add("disk", space);
  if (space && space->free < (std::uint64_t{1} << 30)) {
    findings.back().result =
        Error(Fault::unavailable, "less than 1 GiB free under " + config.data + ": new sessions are refused");
  }
  if (keys) {
    const bool due = (*keys)->authority().next_due(wall_seconds());
    findings.push_back({"ca", due ? Result<void>(Error(Fault::expired,
                                                       "two thirds of the CA's life are over: "
                                                       "jump-appliance ca prepare"))
                                  : Result<void>()});
  }
  if (store) {
    const Result<store::SiteSettings> site = (*store)->settings.site();
    const bool reachable = site && !site->addresses.empty();
    findings.push_back({"addresses", reachable ? Result<void>()
                                               : Result<void>(Error(Fault::not_found,
                                                                    "no address is set: jump-appliance "
                                                                    "address add HOST:PORT"))});
  }
  bool well = true;
  json::array report;
  for (const Finding& finding : findings) {
    well = well && finding.result.has_value();
    const std::string text = finding.result ? "ok" : finding.result.error().message();
    if (json) {
      report.push_back({{"what", finding.what}, {"ok", finding.result.has_value()}, {"text", text}});
    } else {
      std::printf("%-4s %-10s %s\n", finding.result ? "ok" : "BAD", finding.what.c_str(), text.c_str());
    }
  }
  if (json) std::printf("%s\n", json::serialize(report).c_str());
  return well ? 0 : 1;
}

int address(const Config& config, const std::string& action, const std::string& address, bool json) {
  Result<std::unique_ptr<store::Store>> store = open_store(config);
  if (!store) return complain(store.error());
  Result<store::SiteSettings> site = (*store)->settings.site();
  if (!site) return complain(site.error());
  if (action != "list") {
    const Result<identity::HostPort> parsed = identity::parse_host_port(address);
    if (!parsed) return complain(parsed.error());
    const auto found = std::find(site->addresses.begin(), site->addresses.end(), address);
    if (action == "add") {
      if (found != site->addresses.end())
        return complain(Error(Fault::already_exists, address + " is listed already"));
      site->addresses.push_back(address);
    } else {
      if (found == site->addresses.end())
        return complain(Error(Fault::not_found, address + " is not listed"));
      if (site->addresses.size() == 1) {
        return complain(Error(Fault::refused, "the last address stays: without one no agent finds back"));
      }
      site->addresses.erase(found);
    }
    const Result<void> changed = (*store)->settings.change(*site);
    if (!changed) return complain(changed.error());
    site = (*store)->settings.site();
    if (!site) return complain(site.error());
    if (!tell_server(config)) std::fprintf(stderr, "no server runs; agents are told when it does\n");
  }
  const Result<std::int64_t> know = (*store)->jump_clients.holding_addresses(site->addresses_serial);
  const Result<std::int64_t> all = (*store)->jump_clients.agents();
  if (!know) return complain(know.error());
  if (!all) return complain(all.error());
  if (json) {
    json::object report{{"addresses", to_json(site->addresses)},
                        {"serial", site->addresses_serial},
                        {"agents", *all},
                        {"agents_that_know", *know}};
    std::printf("%s\n", json::serialize(report).c_str());
    return 0;
  }
  for (const std::string& one : site->addresses) std::printf("%s\n", one.c_str());
  std::printf("known to %lld of %lld agents\n", static_cast<long long>(*know), static_cast<long long>(*all));
  return 0;
}

int ca(const Config& config, const std::string& action, const std::string& pin, bool json) {
  Result<identity::Authority> authority = identity::Authority::load(authority_path(config));
  if (!authority) return complain(authority.error());
  const std::int64_t now = wall_seconds();
  Result<void> done;
  if (action == "prepare") done = authority->prepare_next(now);
  if (action == "promote") done = authority->promote_next(now);
  if (action == "retire") done = authority->retire(pin, now);
  if (!done) return complain(done.error());
  if (action != "show") {
    done = authority->save(authority_path(config));
    if (!done) return complain(done.error());
    if (!tell_server(config)) std::fprintf(stderr, "no server runs; agents are told when it does\n");
  }
  Result<std::unique_ptr<store::Store>> store = open_store(config);
  if (!store) return complain(store.error());
  const identity::TrustBundle bundle = authority->bundle();
  const Result<std::int64_t> know = (*store)->jump_clients.holding_trust(bundle.serial);
  const Result<std::int64_t> all = (*store)->jump_clients.agents();
  if (!know) return complain(know.error());
  if (!all) return complain(all.error());
  const auto authorities = bundle.authorities();
  if (!authorities) return complain(authorities.error());
  json::array pins;
  for (const identity::Certificate& one : *authorities) pins.push_back(json::string(one.pin()));
  if (json) {
    json::object report{{"pins", pins},
                        {"next_prepared", authority->has_next()},
                        {"serial", bundle.serial},
                        {"agents", *all},
                        {"agents_that_trust", *know}};
    std::printf("%s\n", json::serialize(report).c_str());
    return 0;
  }
  for (std::size_t i = 0; i < authorities->size(); ++i) {
    const char* role = i == 0 ? "in use" : (i == 1 && authority->has_next() ? "next" : "old");
    std::printf("%-7s %s until %s\n", role, (*authorities)[i].pin().c_str(),
                iso8601((*authorities)[i].not_after()).c_str());
  }
  std::printf("this bundle (%llu) is held by %lld of %lld agents\n",
              static_cast<unsigned long long>(bundle.serial), static_cast<long long>(*know),
              static_cast<long long>(*all));
  return 0;
}

}  // namespace jump::appliance
