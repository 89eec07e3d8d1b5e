// user, group: who may do what.
#include <CLI/CLI.hpp>

#include "tools/console/commands/all.h"
#include "tools/console/terminal/terminal.h"
#include "tools/console/text/exit_status.h"
#include "tools/console/text/table.h"

namespace jump::console {
namespace {

// --- users
// --------------------------------------------------------------------------------------------------

struct UserOptions {
  std::string user;
  std::optional<std::string> display_name;
  std::optional<std::string> email;
  std::string password_file;
  std::optional<bool> admin;
  std::optional<bool> enabled;
  bool as_json = false;
};

json::object user_changes(const UserOptions& options) {
  json::object body;
  if (options.display_name) {
    body["public_display_name"] = *options.display_name;
    body["private_display_name"] = *options.display_name;
  }
  if (options.email) body["email_address"] = *options.email;
  if (options.admin) body["perm_admin"] = *options.admin;
  if (options.enabled) body["enabled"] = *options.enabled;
  return body;
}

Result<Secret> new_password(const UserOptions& options) {
  if (!options.password_file.empty()) return read_password_file(options.password_file);
  Result<Secret> password = ask_secret("Password of " + printable(options.user, 64) + ": ");
  if (!password) return Error(Fault::invalid, "no terminal to ask on: give --password-file");
  const Result<Secret> again = ask_secret("Again: ");
  if (!again) return again.error();
  if (!(*password == *again)) return Error(Fault::invalid, "the two passwords differ; nothing was changed");
  return password;
}

Task<int> add_user(Context& context, UserOptions options) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<Secret> password = new_password(options);
  if (!password) co_return fail(password.error());
  json::object body = user_changes(options);
  body["username"] = options.user;
  body["password"] = json::string(password->reveal_text());
  if (!options.display_name) {
    body["public_display_name"] = options.user;
    body["private_display_name"] = options.user;
  }
  const Result<json::value> made = co_await (*api)->post("/user", std::move(body));
  if (!made) co_return fail(made.error());
  co_return options.as_json ? print_json(*made) : kDone;
}

Task<int> edit_user(Context& context, UserOptions options) {
  json::object body = user_changes(options);
  if (body.empty() && options.password_file.empty()) {
    note("nothing to change was given; see `jump user edit --help`");
    co_return kWrongUse;
  }
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<std::int64_t> id = co_await user_id(**api, options.user);
  if (!id) co_return fail(id.error());
  if (!options.password_file.empty()) {
    const Result<Secret> password = read_password_file(options.password_file);
    if (!password) co_return fail(password.error());
    body["password"] = json::string(password->reveal_text());
  }
  const Result<json::value> changed = co_await (*api)->patch("/user/" + std::to_string(*id), std::move(body));
  if (!changed) co_return fail(changed.error());
  co_return options.as_json ? print_json(*changed) : kDone;
}

Task<int> list_users(Context& context, bool as_json) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<json::array> rows = co_await (*api)->list("/user", Query());
  if (!rows) co_return fail(rows.error());
  if (as_json) co_return print_json(*rows);
  Table table({"ID", "USER", "NAME", "E-MAIL", "ADMIN", "ENABLED", "LAST LOG-IN"});
  for (const json::value& row : *rows) {
    if (!row.is_object()) continue;
    const json::object& one = row.get_object();
    table.add({std::to_string(number_of(one, "id").value_or(0)), text_of(one, "username"),
               text_of(one, "private_display_name"), text_of(one, "email_address"),
               flag_of(one, "perm_admin") ? "yes" : "", flag_of(one, "enabled") ? "yes" : "no",
               text_of(one, "last_authentication")});
  }
  co_return print(table.text());
}

void put_user_options(CLI::App* one, const std::shared_ptr<UserOptions>& options, bool password) {
  one->add_option("USER", options->user, "Name of the user, or id")->required();
  one->add_option("--display-name", options->display_name, "1 to 64 characters");
  one->add_option("--email", options->email, "3 to 255 characters");
  if (password) {
    one->add_option("--password-file", options->password_file,
                    "File whose first line is the password; - is standard input")
        ->type_name("FILE");
  }
  add_choice(one, "--admin,!--no-admin", options->admin, "Administrators see and configure everything");
  one->add_flag("--json", options->as_json, "Print the user as it is now");
}

void add_user_commands(CLI::App& app, Chosen& chosen) {
  CLI::App* group = add_group(app, "user", "The appliance's users");
  {
    auto options = std::make_shared<UserOptions>();
    CLI::App* one =
        add_command(*group, "add", "Make a user", "jump user add anna --display-name \"Anna B.\"");
    put_user_options(one, options, true);
    runs(one, chosen, [options](Context& context) { return add_user(context, *options); });
  }
  {
    auto as_json = std::make_shared<bool>(false);
    CLI::App* one = add_command(*group, "list", "List users", "jump user list --json");
    one->add_flag("--json", *as_json, "For programs");
    runs(one, chosen, [as_json](Context& context) { return list_users(context, *as_json); });
  }
  {
    auto options = std::make_shared<UserOptions>();
    CLI::App* one =
        add_command(*group, "edit", "Change a user", "jump user edit anna --email anna@example.com");
    put_user_options(one, options, true);
    add_choice(one, "--enable,!--disable", options->enabled,
               "Let him in again, or end everything he has open");
    runs(one, chosen, [options](Context& context) { return edit_user(context, *options); });
  }
  auto options = std::make_shared<UserOptions>();
  options->enabled = false;
  CLI::App* one = add_command(*group, "disable", "Refuse a user; ends everything that he has open",
                              "jump user disable anna");
  one->add_option("USER", options->user, "Name of the user, or id")->required();
  runs(one, chosen, [options](Context& context) { return edit_user(context, *options); });
}

// --- groups
// -------------------------------------------------------------------------------------------------

struct GroupOptions {
  std::string group;
  std::optional<std::string> name;
  std::optional<std::string> code_name;
  std::optional<std::string> comments;
  bool as_json = false;
};

json::object group_changes(const GroupOptions& options) {
  json::object body;
  if (options.name) body["name"] = *options.name;
  if (options.code_name) body["code_name"] = *options.code_name;
  if (options.comments) body["comments"] = *options.comments;
  return body;
}

Task<int> add_asset_group(Context& context, GroupOptions options) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  options.name = options.group;
  const Result<json::value> made = co_await (*api)->post("/jump-group", group_changes(options));
  if (!made) co_return fail(made.error());
  co_return options.as_json ? print_json(*made) : kDone;
}

Task<int> edit_asset_group(Context& context, GroupOptions options) {
  json::object body = group_changes(options);
  if (body.empty()) {
    note("nothing to change was given; see `jump group edit --help`");
    co_return kWrongUse;
  }
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<std::int64_t> id = co_await group_id(**api, options.group);
  if (!id) co_return fail(id.error());
  const Result<json::value> changed =
      co_await (*api)->patch("/jump-group/" + std::to_string(*id), std::move(body));
  if (!changed) co_return fail(changed.error());
  co_return options.as_json ? print_json(*changed) : kDone;
}

Task<int> remove_asset_group(Context& context, std::string group) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<std::int64_t> id = co_await group_id(**api, group);
  if (!id) co_return fail(id.error());
  const Result<json::value> gone = co_await (*api)->remove("/jump-group/" + std::to_string(*id));
  co_return gone ? kDone : fail(gone.error());
}

Task<int> list_groups(Context& context, bool as_json) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<json::array> rows = co_await (*api)->list("/jump-group", Query());
  if (!rows) co_return fail(rows.error());
  if (as_json) co_return print_json(*rows);
  Table table({"ID", "NAME", "CODE NAME", "COMMENTS"});
  for (const json::value& row : *rows) {
    if (!row.is_object()) continue;
    const json::object& one = row.get_object();
    table.add({std::to_string(number_of(one, "id").value_or(0)), text_of(one, "name"),
               text_of(one, "code_name"), cut_to_width(printable(text_of(one, "comments")), 60)});
  }
  co_return print(table.text());
}

struct MemberOptions {
  std::string group;
  std::string add;
  std::string remove;
  std::string role;
  bool as_json = false;
};

// A member that is there gets the role.
Task<Result<void>> put_member(ApiClient& api, std::int64_t group, MemberOptions options) {
  const Result<std::int64_t> user = co_await user_id(api, options.add);
  if (!user) co_return user.error();
  json::object body;
  body["user_id"] = *user;
  if (!options.role.empty()) {
    const Result<std::int64_t> role = co_await role_id(api, options.role);
    if (!role) co_return role.error();
    body["jump_item_role_id"] = *role;
  }
  const std::string members = "/jump-group/" + std::to_string(group) + "/user";
  const Result<json::value> there = co_await api.get(members + "/" + std::to_string(*user));
  if (!there && !there.error().is(Fault::not_found)) co_return there.error();
  auto request = there ? api.patch(members + "/" + std::to_string(*user), std::move(body))
                       : api.post(members, std::move(body));
  const Result<json::value> done = co_await std::move(request);
  if (!done) co_return done.error();
  co_return Result<void>();
}

Task<Result<std::string>> member_table(ApiClient& api, std::int64_t group, bool as_json) {
  const Result<json::array> rows =
      co_await api.list("/jump-group/" + std::to_string(group) + "/user", Query());
  if (!rows) co_return rows.error();
  if (as_json) co_return json::serialize(*rows) + "\n";
  const Result<json::array> roles = co_await api.list("/jump-item-role", Query());
  if (!roles) co_return roles.error();
  std::map<std::int64_t, std::string> role_names;
  for (const json::value& role : *roles) {
    if (role.is_object())
      role_names[number_of(role.get_object(), "id").value_or(0)] = text_of(role.get_object(), "name");
  }
  Table table({"USER", "ROLE"});
  for (const json::value& row : *rows) {
    if (!row.is_object()) continue;
    const std::int64_t role = number_of(row.get_object(), "jump_item_role_id").value_or(0);
    table.add({text_of(row.get_object(), "username"), role_names[role]});
  }
  co_return table.text();
}

Task<int> members(Context& context, MemberOptions options) {
  if (!options.role.empty() && options.add.empty()) {
    note("--role belongs to --add");
    co_return kWrongUse;
  }
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<std::int64_t> group = co_await group_id(**api, options.group);
  if (!group) co_return fail(group.error());
  if (!options.add.empty()) {
    const Result<void> put = co_await put_member(**api, *group, options);
    if (!put) co_return fail(put.error());
  }
  if (!options.remove.empty()) {
    const Result<std::int64_t> user = co_await user_id(**api, options.remove);
    if (!user) co_return fail(user.error());
    const std::string path = "/jump-group/" + std::to_string(*group) + "/user/" + std::to_string(*user);
    const Result<json::value> gone = co_await (*api)->remove(path);
    if (!gone) co_return fail(gone.error());
  }
  if (!options.add.empty() || !options.remove.empty()) co_return kDone;
  const Result<std::string> table = co_await member_table(**api, *group, options.as_json);
  co_return table ? print(*table) : fail(table.error());
}

void add_group_commands(CLI::App& app, Chosen& chosen) {
  CLI::App* group = add_group(app, "group", "Asset groups and their members");
  for (const bool anew : {true, false}) {
    auto options = std::make_shared<GroupOptions>();
    CLI::App* one =
        anew ? add_command(*group, "add", "Make an asset group", "jump group add Servers --code-name servers")
             : add_command(*group, "edit", "Change an asset group",
                           "jump group edit Servers --name \"All servers\"");
    one->add_option("GROUP", options->group, anew ? "Its name, 1 to 255 characters" : "Name or id")
        ->required();
    if (!anew) one->add_option("--name", options->name, "1 to 255 characters");
    one->add_option("--code-name", options->code_name, "A-Z a-z 0-9 _ -, at most 64 characters");
    one->add_option("--comments", options->comments, "At most 4096 characters");
    one->add_flag("--json", options->as_json, "Print the group as it is now");
    runs(one, chosen, [options, anew](Context& context) {
      return anew ? add_asset_group(context, *options) : edit_asset_group(context, *options);
    });
  }
  {
    auto as_json = std::make_shared<bool>(false);
    CLI::App* one = add_command(*group, "list", "List asset groups", "jump group list");
    one->add_flag("--json", *as_json, "For programs");
    runs(one, chosen, [as_json](Context& context) { return list_groups(context, *as_json); });
  }
  {
    auto name = std::make_shared<std::string>();
    CLI::App* one =
        add_command(*group, "remove", "Remove an asset group that is empty", "jump group remove Servers");
    one->add_option("GROUP", *name, "Name or id")->required();
    runs(one, chosen, [name](Context& context) { return remove_asset_group(context, *name); });
  }
  auto options = std::make_shared<MemberOptions>();
  CLI::App* one = add_command(*group, "members", "List, add or remove the members of an asset group",
                              "jump group members Servers --add anna --role \"Start Sessions Only\"");
  one->add_option("GROUP", options->group, "Name or id")->required();
  one->add_option("--add", options->add, "Let this user in, or change his role")->type_name("USER");
  one->add_option("--role", options->role, "Asset role, by name")->type_name("ROLE");
  one->add_option("--remove", options->remove, "Take this user out")->type_name("USER");
  one->add_flag("--json", options->as_json, "For programs");
  runs(one, chosen, [options](Context& context) { return members(context, *options); });
}

}  // namespace

void add_people_commands(CLI::App& app, Chosen& chosen) {
  add_user_commands(app, chosen);
  add_group_commands(app, chosen);
}

}  // namespace jump::console
