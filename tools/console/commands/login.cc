// login, logout, whoami, passwd.
#include <CLI/CLI.hpp>

#include "common/base/clock.h"
#include "tools/console/commands/all.h"
#include "tools/console/terminal/terminal.h"
#include "tools/console/text/exit_status.h"
#include "tools/console/text/table.h"

namespace jump::console {
namespace {

struct LoginOptions {
  std::string url;
  std::string user;
  std::string password_file;
  std::string ca_pin;
};

// Shows who is there and asks; only a person can know whether it is the right one.
Task<Result<void>> confirm_stranger(identity::HostPort address, TlsClientPtr tls,
                                    const FirstContact& contact) {
  auto connecting = connect(address, tls, std::string(tunnel::kAlpnPinnedHttp));
  const Result<std::unique_ptr<tunnel::TlsStream>> seen = co_await std::move(connecting);
  if (!seen) co_return seen.error();
  const std::string shown = "The appliance at " + to_text(address) + " shows a site CA with the pin\n  " +
                            contact.pin +
                            "\nCompare it with what `jump-appliance init` printed. Is it the same? [yes/no] ";
  const Result<std::string> answer = ask_line(shown);
  if (!answer) {
    co_return Error(Fault::refused,
                    "the appliance is not known, and there is no terminal to ask on: give --ca-pin (it "
                    "shows " +
                        contact.pin + ")");
  }
  if (*answer != "yes") co_return Error(Fault::refused, "not logged in: the pin was not confirmed");
  co_return Result<void>();
}

Result<std::string> user_of(const LoginOptions& options) {
  if (!options.user.empty()) return options.user;
  Result<std::string> user = ask_line("User: ");
  if (!user) return Error(Fault::invalid, "no terminal to ask on: give --user");
  return user;
}

Result<Secret> password_of(const std::string& file, const std::string& prompt) {
  if (!file.empty()) return read_password_file(file);
  Result<Secret> password = ask_secret(prompt);
  if (!password && password.error().is(Fault::unavailable)) {
    return Error(Fault::invalid, "no terminal to ask on: give --password-file");
  }
  return password;
}

Task<int> login(Context& context, LoginOptions options) {
  const Result<identity::HostPort> address = parse_address(options.url);
  if (!address) co_return fail(address.error());
  FirstContact contact;
  contact.pin = options.ca_pin;
  const Result<TlsClientPtr> tls = first_contact(contact);
  if (!tls) co_return fail(tls.error());
  if (contact.pin.empty()) {
    const Result<void> confirmed = co_await confirm_stranger(*address, *tls, contact);
    if (!confirmed) co_return fail(confirmed.error());
  }
  const Result<std::string> user = user_of(options);
  if (!user) co_return fail(user.error());
  const Result<Secret> password =
      password_of(options.password_file, "Password of " + printable(*user, 64) + ": ");
  if (!password) co_return fail(password.error());

  ApiClient api(*address, std::make_shared<Trust>(*tls), "");
  json::object body;
  body["username"] = *user;
  body["password"] = json::string(password->reveal_text());
  const Result<json::value> answer = co_await api.post("/login", std::move(body));
  if (!answer) co_return fail(answer.error());
  const json::object object = answer->is_object() ? answer->get_object() : json::object();
  Login stored;
  stored.address = to_text(*address);
  stored.ca_pin = contact.pin;
  stored.authorities = contact.authorities;
  stored.user = *user;
  stored.token = Secret(text_of(object, "access_token"));
  const std::optional<std::int64_t> seconds = number_of(object, "expires_in");
  if (seconds) stored.token_expires = wall_seconds() + *seconds;
  const json::value* who = object.if_contains("user");
  if (who != nullptr && who->is_object()) stored.user_id = number_of(who->get_object(), "id");
  if (stored.token.empty()) co_return fail("the appliance's answer has no token in it");
  const Result<void> kept = context.home().keep(stored);
  if (!kept) co_return fail(kept.error());
  if (flag_of(object, "password_change_required"))
    note("the password must be changed first: run `jump passwd`");
  co_return print("logged in at " + stored.address + " as " + printable(*user, 64) +
                  (stored.token_expires ? " until " + iso8601(*stored.token_expires) : std::string()) + "\n");
}

Task<int> logout(Context& context) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api && api.error().is(Fault::unauthenticated)) co_return fail(api.error());
  Result<json::value> told = api ? Result<json::value>(json::value()) : Result<json::value>(api.error());
  if (api) told = co_await (*api)->post("/logout", nullptr);
  // The token is forgotten here in any case.
  const Result<void> forgotten = context.home().forget_login();
  if (!forgotten) co_return fail(forgotten.error());
  if (!told && !told.error().is(Fault::unauthenticated)) {
    co_return fail(
        "logged out here, but the appliance could not be told, so the token lives on until it expires: " +
        told.error().message());
  }
  co_return kDone;
}

Task<int> whoami(Context& context, bool as_json) {
  const Result<Login> login = context.home().login();
  if (!login) co_return fail(login.error());
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<json::value> answer = co_await (*api)->get("/whoami");
  if (!answer) co_return fail(answer.error());
  if (as_json) co_return print_json(*answer);
  const json::object object = answer->is_object() ? answer->get_object() : json::object();
  Details details;
  details.add("name", text_of(object, "name"));
  details.add("administrator", flag_of(object, "administrator") ? "yes" : "no");
  details.add("appliance", login->address);
  details.add("CA pin", login->ca_pin);
  if (login->token_expires) details.add("token until", iso8601(*login->token_expires));
  if (flag_of(object, "password_change_required"))
    details.add("password", "must be changed: run `jump passwd`");
  co_return print(details.text());
}

struct PasswdOptions {
  std::string user;
  std::string password_file;
  std::string current_file;
};

Task<int> passwd(Context& context, PasswdOptions options) {
  const Result<Login> login = context.home().login();
  if (!login) co_return fail(login.error());
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const bool own = options.user.empty() || same_text(options.user, login->user);
  std::int64_t id = login->user_id.value_or(0);
  if (!own || id == 0) {
    const Result<std::int64_t> found = co_await user_id(**api, own ? login->user : options.user);
    if (!found) co_return fail(found.error());
    id = *found;
  }
  json::object body;
  if (own) {
    const Result<Secret> current = password_of(options.current_file, "Current password: ");
    if (!current) co_return fail(current.error());
    body["current_password"] = json::string(current->reveal_text());
  }
  const Result<Secret> password = password_of(options.password_file, "New password: ");
  if (!password) co_return fail(password.error());
  if (options.password_file.empty()) {
    const Result<Secret> again = ask_secret("New password again: ");
    if (!again) co_return fail(again.error());
    if (!(*again == *password)) co_return fail("the two passwords differ; nothing was changed");
  }
  body["password"] = json::string(password->reveal_text());
  const Result<json::value> done =
      co_await (*api)->post("/user/" + std::to_string(id) + "/password", std::move(body));
  co_return done ? kDone : fail(done.error());
}

}  // namespace

void add_login_commands(CLI::App& app, Chosen& chosen) {
  {
    auto options = std::make_shared<LoginOptions>();
    CLI::App* one = add_command(app, "login", "Log in at an appliance",
                                "jump login https://jump.example.com --user anna --ca-pin 7Hq…");
    one->add_option("URL", options->url, "https://HOST[:PORT]")->required();
    one->add_option("--user", options->user, "Who; asked for when it is left out");
    one->add_option("--password-file", options->password_file,
                    "File whose first line is the password; - is standard input")
        ->type_name("FILE");
    one->add_option("--ca-pin", options->ca_pin,
                    "The pin of the site's CA. Without it the appliance's is shown, for you to compare")
        ->type_name("PIN");
    runs(one, chosen, [options](Context& context) { return login(context, *options); });
  }
  runs(add_command(app, "logout", "Forget the log-in, here and on the appliance", "jump logout"), chosen,
       logout);
  {
    auto as_json = std::make_shared<bool>(false);
    CLI::App* one = add_command(app, "whoami", "Who is logged in, where, until when", "jump whoami --json");
    one->add_flag("--json", *as_json, "For programs");
    runs(one, chosen, [as_json](Context& context) { return whoami(context, *as_json); });
  }
  {
    auto options = std::make_shared<PasswdOptions>();
    CLI::App* one = add_command(app, "passwd", "Change a password", "jump passwd");
    one->add_option("USER", options->user, "Whose, for administrators; without it your own");
    one->add_option("--password-file", options->password_file,
                    "File whose first line is the new one; - is standard input")
        ->type_name("FILE");
    one->add_option("--current-password-file", options->current_file,
                    "File whose first line is the present one")
        ->type_name("FILE");
    runs(one, chosen, [options](Context& context) { return passwd(context, *options); });
  }
}

}  // namespace jump::console
