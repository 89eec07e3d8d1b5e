#include "jumpoint/proxy/settings.h"

#include <algorithm>

#include "common/base/bytes.h"

namespace jump::proxy {
namespace {

template <typename T>
Result<void> take(const std::optional<std::uint32_t>& from, T& to, std::uint32_t least, std::uint32_t most,
                  const char* name) {
  if (!from) return {};
  if (*from < least || *from > most) {
    return Error(Fault::invalid, std::string(name) + " " + std::to_string(*from) + ": expected " +
                                     std::to_string(least) + " to " + std::to_string(most));
  }
  to = T(*from);
  return {};
}

Result<Limits> check_limits(const Local& local) {
  Limits limits;
  for (const Result<void>& taken :
       {take(local.header_bytes, limits.header_bytes, 256, kHeaderBytes, "header_bytes"),
        take(local.header_milliseconds, limits.header, 100, 60'000, "header_milliseconds"),
        take(local.dial_milliseconds, limits.dial, 100, 60'000, "dial_milliseconds"),
        take(local.connections, limits.connections, 1, 1'000'000, "connections"),
        take(local.connections_per_source, limits.connections_per_source, 1, 1'000'000,
             "connections_per_source")}) {
    if (!taken) return taken.error();
  }
  return limits;
}

Result<void> check_host(Settings& settings, std::string host) {
  if (host.empty()) return {};
  // As PRODUCT.md 7.1: a name, or an address that works as long as nobody renumbers.
  const std::optional<access::Address> address = access::parse_address(host);
  if (address) {
    host = to_text(Host{*address, {}});
    settings.warnings.push_back("proxy host " + host +
                                " is an address: clients lose the proxy when it changes");
  }
  const std::optional<Host> parsed = parse_host(host);
  if (!parsed) {
    return Error(Fault::invalid, "proxy host '" + printable(host, 80) +
                                     "': expected a host name without http:// or https://");
  }
  settings.host = to_text(*parsed);
  return {};
}

}  // namespace

Result<Input> read_input(std::string_view line) {
  return from_json_text<Input>(line, kInputBytes);
}

Result<Settings> check_input(const Input& input) {
  Settings settings;
  const bool own = input.local && !input.local->host.value_or("").empty();
  Result<void> host = check_host(settings, own ? *input.local->host : input.settings.host);
  if (!host) return host.error();
  settings.port = input.settings.port;
  settings.allow_get = input.settings.allow_http_get;
  const Result<access::Restriction> restriction = access::parse_restriction(input.settings.restriction);
  if (!restriction) return restriction.error();
  Result<access::RuleSet> rules = access::parse(*restriction, input.settings.prefixes);
  if (!rules) return wrap(rules.error(), "network restrictions");
  for (const access::LineNote& note : rules->warnings()) {
    settings.warnings.push_back("network restrictions: " + (note.line == 0 ? note.text : to_text(note)));
  }
  settings.rules = std::make_shared<const access::RuleSet>(std::move(*rules));
  for (const auto* list : {&input.targets, &input.settings.more_targets}) {
    for (const std::string& text : *list) {
      const std::optional<Authority> target = parse_authority(text);
      if (!target) {
        return Error(Fault::invalid, "target '" + printable(text, 80) + "': expected HOST:PORT");
      }
      if (std::find(settings.targets.begin(), settings.targets.end(), *target) == settings.targets.end()) {
        settings.targets.push_back(*target);
      }
    }
  }
  if (settings.targets.empty() || settings.targets.size() > kTargetsMost) {
    return Error(Fault::invalid, std::to_string(settings.targets.size()) +
                                     " addresses of the appliance: expected 1 to " +
                                     std::to_string(kTargetsMost));
  }
  if (input.local) {
    const Result<Limits> limits = check_limits(*input.local);
    if (!limits) return wrap(limits.error(), "zone proxy");
    settings.limits = *limits;
    settings.listen = input.local->listen.value_or("");
    if (!settings.listen.empty() && !access::parse_address(settings.listen)) {
      return Error(Fault::invalid,
                   "zone proxy: listen '" + printable(settings.listen, 80) + "': expected an address");
    }
  }
  return settings;
}

}  // namespace jump::proxy
