#include "tools/bench/appliance.h"

#include <filesystem>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "platform/files.h"
#include "tools/bench/measure.h"

namespace jump::bench {
namespace {

constexpr double kStartTime = 30;  // seconds

std::string text_of(const std::string& file) {
  return std::string(as_text(must(platform::read_file(file, 65536))));
}

json::object object_of(const std::string& text) {
  json::value value = must(parse_json_value(text, 1 << 20));
  if (!value.is_object()) give_up(Error(Fault::malformed, "no JSON object: " + text));
  return value.get_object();
}

std::string string_at(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) {
    give_up(Error(Fault::malformed, std::string("no ") + name + " in " + json::serialize(object)));
  }
  return std::string(std::string_view(value->get_string()));
}

}  // namespace

Appliance::Appliance(std::string programs, std::string folder)
    : programs_(std::move(programs)), folder_(std::move(folder)), port_(free_port()) {
  const std::string password = folder_ + "/password";
  must(platform::make_private_folder(folder_));
  if (!std::filesystem::exists(folder_ + "/data/keys/authority.json")) {
    must(platform::write_file(password, as_bytes("correct horse battery staple\n"), 0600));
    const std::string made = must(run_program(
        {programs_ + "/jump-appliance", "--config", "/dev/null", "--data", folder_ + "/data", "init",
         "--address", "127.0.0.1:" + std::to_string(port_), "--password-file", password, "--json"}));
    must(platform::write_file(folder_ + "/pin", as_bytes(string_at(object_of(made), "ca_pin")), 0600));
  }
  pin_ = text_of(folder_ + "/pin");
  start();
  jump({"login", "https://127.0.0.1:" + std::to_string(port_), "--user", "admin", "--password-file", password,
        "--ca-pin", pin_});
  token_ = string_at(object_of(jump({"token", "create", "bench", "--json"})), "token");
}

double Appliance::start() {
  const std::string ready = folder_ + "/ready";
  std::error_code ignored;
  std::filesystem::remove(ready, ignored);
  const double begin = wall_time();
  process_ =
      must(Child::start({{programs_ + "/jump-appliance", "--config", "/dev/null", "--data", folder_ + "/data",
                          "serve", "--listen", "127.0.0.1:" + std::to_string(port_), "--ready-file", ready},
                         {},
                         folder_ + "/appliance.log"}));
  const bool there =
      wait_until([&] { return std::filesystem::exists(ready, ignored) || !process_.running(); }, kStartTime);
  if (!there || !process_.running()) {
    give_up(Error(Fault::unavailable, "the appliance did not start; see " + folder_ + "/appliance.log"));
  }
  return wall_time() - begin;
}

std::string Appliance::jump(std::vector<std::string> words) const {
  words.insert(words.begin(), programs_ + "/jump");
  return must(run_program(words, {"JUMP_HOME=" + folder_ + "/home"}));
}

identity::DeploymentKey Appliance::deployment_key() const {
  const json::object made = object_of(
      jump({"installer", "create", "--group", "default", "--name", "bench", "--allow", "name", "--json"}));
  const json::value* info = made.if_contains("key_info");
  if (info == nullptr || !info->is_object()) give_up(Error(Fault::malformed, "no deployment key"));
  return must(identity::parse_deployment_key(string_at(info->get_object(), "encodedInfo")));
}

std::shared_ptr<const tunnel::TlsClient> Appliance::client() const {
  tunnel::TlsClientSettings settings;
  settings.appliance = std::make_shared<tunnel::PinVerifier>(pin_, &wall_seconds);
  return must(tunnel::TlsClient::create(std::move(settings)));
}

Task<Result<std::string>> get(tunnel::Transport& stream, std::string path, std::string token) {
  namespace http = boost::beast::http;
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " +
                              token + "\r\nAccept: application/json\r\n\r\n";
  const ByteView part = as_bytes(request);
  Result<void> written = stream.write_now({&part, 1});
  if (written && stream.backlog()) written = co_await stream.writable();
  if (!written) co_return written.error();
  http::response_parser<http::string_body> parser;
  parser.eager(true);
  std::string text;
  Bytes bytes(16384);
  while (!parser.is_done()) {
    const Result<void> ready = co_await stream.readable();
    if (!ready) co_return ready.error();
    const Result<std::size_t> got = stream.read_now(bytes);
    if (!got) co_return got.error();
    text.append(as_text(ByteView(bytes).first(*got)));
    boost::system::error_code failed;
    const std::size_t used = parser.put(asio::buffer(text), failed);
    text.erase(0, used);
    if (failed && failed != http::error::need_more) co_return Error(failed, "the API's answer");
  }
  if (parser.get().result_int() != 200) {
    co_return Error(Fault::refused, "GET " + path + ": status " + std::to_string(parser.get().result_int()) +
                                        " " + parser.get().body().substr(0, 200));
  }
  co_return parser.get().body();
}

}  // namespace jump::bench
