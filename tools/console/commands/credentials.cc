// credential add|list|delete: vault accounts, as far as assets need them. Secrets come from files, standard
// input or the terminal, never from the command line, where every user of the machine could read them.
#include <CLI/CLI.hpp>

#include "tools/console/commands/all.h"
#include "tools/console/commands/fields.h"
#include "tools/console/terminal/terminal.h"
#include "tools/console/text/exit_status.h"
#include "tools/console/text/table.h"

namespace jump::console {
namespace {

struct AddOptions {
  std::string name;
  std::string user;
  std::string description;
  std::string password_file;
  std::string key_file;
  std::string passphrase_file;
  std::string certificate_file;
  bool as_json = false;
};

Result<Secret> password_of(const AddOptions& options) {
  if (!options.password_file.empty()) return read_password_file(options.password_file);
  Result<Secret> password =
      ask_secret("Password of " + printable(options.user, 64) + " for " + printable(options.name, 64) + ": ");
  if (!password) {
    return Error(Fault::invalid, "no terminal to ask on: give --password-file or --private-key-file");
  }
  return password;
}

Result<json::object> body_of(const AddOptions& options) {
  json::object body;
  body["name"] = options.name;
  body["username"] = options.user;
  if (!options.description.empty()) body["description"] = options.description;
  if (options.key_file.empty()) {
    if (!options.passphrase_file.empty() || !options.certificate_file.empty()) {
      return Error(Fault::invalid, "--passphrase-file and --certificate-file belong to --private-key-file");
    }
    const Result<Secret> password = password_of(options);
    if (!password) return password.error();
    body["type"] = "username_password";
    body["password"] = json::string(password->reveal_text());
    return body;
  }
  if (!options.password_file.empty()) {
    return Error(Fault::invalid, "give --password-file or --private-key-file, not both");
  }
  const Result<std::string> key = read_text_file(options.key_file);
  if (!key) return key.error();
  body["type"] = "ssh";
  body["private_key"] = *key;
  if (!options.passphrase_file.empty()) {
    const Result<Secret> passphrase = read_password_file(options.passphrase_file);
    if (!passphrase) return passphrase.error();
    body["private_key_passphrase"] = json::string(passphrase->reveal_text());
  }
  if (!options.certificate_file.empty()) {
    Result<std::string> certificate = read_text_file(options.certificate_file);
    if (!certificate) return certificate.error();
    while (certificate->ends_with('\n') || certificate->ends_with('\r')) certificate->pop_back();
    body["private_key_public_cert"] = *certificate;
  }
  return body;
}

Task<int> add_credential(Context& context, AddOptions options) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  Result<json::object> body = body_of(options);
  if (!body) co_return fail(body.error());
  const Result<json::value> made = co_await (*api)->post("/vault/account", std::move(*body));
  if (!made) co_return fail(made.error());
  if (options.as_json) co_return print_json(*made);
  note("stored; give it to an asset with: jump asset edit ASSET --credential " + printable(options.name, 80));
  co_return kDone;
}

Task<int> list_credentials(Context& context, bool as_json) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<json::array> rows = co_await (*api)->list("/vault/account", Query());
  if (!rows) co_return fail(rows.error());
  if (as_json) co_return print_json(*rows);
  Table table({"ID", "NAME", "KIND", "USER NAME", "DESCRIPTION"});
  for (const json::value& row : *rows) {
    if (!row.is_object()) continue;
    const json::object& one = row.get_object();
    const std::string type = text_of(one, "type");
    table.add({std::to_string(number_of(one, "id").value_or(0)), text_of(one, "name"),
               type == "username_password" ? "password"
               : type == "ssh"             ? "private key"
                                           : type,
               text_of(one, "username"), cut_to_width(printable(text_of(one, "description")), 60)});
  }
  co_return print(table.text());
}

Task<int> delete_credentials(Context& context, std::vector<std::string> names) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  int status = kDone;
  for (const std::string& name : names) {
    const Result<std::int64_t> id = co_await credential_id(**api, name);
    if (!id) {
      status = fail(id.error());
      continue;
    }
    const Result<json::value> gone = co_await (*api)->remove("/vault/account/" + std::to_string(*id));
    if (!gone) status = fail(wrap(gone.error(), name));
  }
  co_return status;
}

}  // namespace

void add_credential_commands(CLI::App& app, Chosen& chosen) {
  CLI::App* group = add_group(app, "credential", "Stored credentials that log in behind a Jumpoint");
  {
    auto options = std::make_shared<AddOptions>();
    CLI::App* one =
        add_command(*group, "add", "Store a password or a private key; nobody is ever shown it again",
                    "jump credential add switches --user admin --password-file secret.txt");
    one->add_option("NAME", options->name, "1 to 255 characters")->required();
    one->add_option("--user", options->user, "User name on the machine")->required()->type_name("NAME");
    one->add_option("--description", options->description, "At most 4096 characters");
    one->add_option(
           "--password-file", options->password_file,
           "File whose first line is the password; - is standard input; it is asked for when left out")
        ->type_name("FILE");
    one->add_option("--private-key-file", options->key_file, "SSH private key instead of a password")
        ->type_name("FILE");
    one->add_option("--passphrase-file", options->passphrase_file, "Of the private key")->type_name("FILE");
    one->add_option("--certificate-file", options->certificate_file, "OpenSSH certificate for the key")
        ->type_name("FILE");
    one->add_flag("--json", options->as_json, "Print what is stored, without the secrets");
    runs(one, chosen, [options](Context& context) { return add_credential(context, *options); });
  }
  {
    auto as_json = std::make_shared<bool>(false);
    CLI::App* one =
        add_command(*group, "list", "List stored credentials, without the secrets", "jump credential list");
    one->add_flag("--json", *as_json, "For programs");
    runs(one, chosen, [as_json](Context& context) { return list_credentials(context, *as_json); });
  }
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App* one = add_command(*group, "delete", "Delete stored credentials that no asset uses",
                              "jump credential delete switches");
  one->add_option("CREDENTIAL", *names, "Names or ids")->required();
  runs(one, chosen, [names](Context& context) { return delete_credentials(context, *names); });
}

}  // namespace jump::console
