// wake: a machine that is off, by a neighbour that is on.
#include <CLI/CLI.hpp>

#include "common/base/clock.h"
#include "tools/console/commands/all.h"
#include "tools/console/text/exit_status.h"

namespace jump::console {
namespace {

constexpr auto kLook = std::chrono::milliseconds(500);
// The appliance ends an attempt itself; this is for one that does not.
constexpr auto kPatience = std::chrono::minutes(6);

struct WakeOptions {
  std::string asset;
  std::string password_file;
  bool wait = false;
  bool as_json = false;
};

bool helpers_answered(const json::object& attempt) {
  return text_of(attempt, "state") != "sending";
}

bool is_over(const json::object& attempt) {
  const std::string state = text_of(attempt, "state");
  return state != "sending" && state != "watching";
}

// One line for each helper: what it sent, or why it did not.
std::string helper_lines(const json::object& attempt) {
  std::string lines;
  const json::value* helpers = attempt.if_contains("helpers");
  if (helpers == nullptr || !helpers->is_array()) return lines;
  for (const json::value& one : helpers->get_array()) {
    if (!one.is_object()) continue;
    const json::object& helper = one.get_object();
    lines += printable(text_of(helper, "name"), 128) + " (" + printable(text_of(helper, "helper"), 32) +
             (flag_of(helper, "same_gateway") ? ", same gateway" : ", same gateway address") +
             "): " + printable(text_of(helper, "text"), 1024) + "\n";
  }
  return lines;
}

// Asks until `enough`, over as many cut connections as it takes.
Task<Result<json::object>> follow(ApiClient& api, std::string path, bool (*enough)(const json::object&)) {
  const Instant until = BootClock::now() + kPatience;
  while (true) {
    const Result<json::value> now = co_await api.get(path);
    if (now && now->is_object() && enough(now->get_object())) co_return now->get_object();
    if (!now && now.error().is(Fault::not_found))
      co_return Error(Fault::closed, "the appliance was restarted: how it went on is not known");
    const bool hopeless = !now && (now.error().is(Fault::unauthenticated) || now.error().is(Fault::refused));
    if (hopeless) co_return now.error();
    if (BootClock::now() > until) co_return Error(Fault::timed_out, "the appliance came to no end");
    co_await sleep_for(kLook);
  }
}

int ended(const json::object& attempt, const WakeOptions& options) {
  const std::string state = text_of(attempt, "state");
  const bool well = state == "online" || (state == "watching" && !options.wait);
  if (options.as_json) {
    const int printed = print_json(attempt);
    return printed != kDone ? printed : well ? kDone : kJumpFailed;
  }
  if (!well) return fail(printable(text_of(attempt, "text"), 1024));
  return print(printable(text_of(attempt, "text"), 1024) + "\n");
}

Task<int> wake(Context& context, WakeOptions options) {
  json::object body;
  if (!options.password_file.empty()) {
    const Result<Secret> password = read_password_file(options.password_file);
    if (!password) co_return fail(password.error());
    body["password"] = json::string(password->reveal_text());
  }
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const PickedAsset picked = co_await pick_asset(**api, options.asset);
  if (!picked.asset) co_return picked.status;
  if (picked.asset->kind != AssetKind::jump_client) {
    co_return fail(printable(picked.asset->names.name, 128) + " is a " +
                   std::string(name_of(picked.asset->kind)) +
                   ": only machines with a Jump Client can be woken");
  }
  const std::string path = path_of(AssetKind::jump_client, picked.asset->names.id) + "/wake";
  const Result<json::value> begun = co_await api.value()->post(path, std::move(body));
  if (!begun) co_return fail(begun.error());
  Task<Result<json::object>> sending = follow(**api, path, &helpers_answered);
  Result<json::object> attempt = co_await std::move(sending);
  if (!attempt) co_return fail(attempt.error());
  if (!options.as_json) {
    const int printed = print(helper_lines(*attempt));
    if (printed != kDone) co_return printed;
  }
  if (options.wait && !is_over(*attempt)) {
    note("waiting for " + printable(picked.asset->names.name, 128) + ", at most 5 min");
    Task<Result<json::object>> watching = follow(**api, path, &is_over);
    attempt = co_await std::move(watching);
    if (!attempt) co_return fail(attempt.error());
  }
  co_return ended(*attempt, options);
}

}  // namespace

void add_wake_command(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<WakeOptions>();
  CLI::App* one = add_command(app, "wake",
                              "Wake a machine that is off: up to three neighbours that are on (Jump Clients "
                              "or nodes of a Jumpoint behind the same gateway) send magic packets. `jump "
                              "info` says beforehand who could. Again after 30 s",
                              "jump wake web-01 --wait");
  one->add_option("ASSET", options->asset, "Id, name or group/name")->required();
  one->add_option("--password-file", options->password_file,
                  "SecureOn password of its network card: 4 or 6 bytes, 1.2.3.4 or 01:02:03:04:05:06; - for "
                  "standard input")
      ->type_name("FILE");
  one->add_flag("--wait", options->wait, "Until it is online, at most 5 min; exit status 255 when it is not");
  one->add_flag("--json", options->as_json, "For programs");
  runs(one, chosen, [options](Context& context) { return wake(context, *options); });
}

}  // namespace jump::console
