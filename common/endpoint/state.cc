#include "common/endpoint/state.h"

#include "platform/files.h"

namespace jump::endpoint {
namespace {
constexpr std::size_t kStateBytes = 256 * 1024;
}

std::string state_path(const std::string& data) {
  return data + "/state.json";
}
std::string identity_folder(const std::string& data) {
  return data + "/identity";
}
std::string tunnel_folder(const std::string& run) {
  return run + "/tunnel";
}
std::string session_socket(const std::string& run) {
  return tunnel_folder(run) + "/session.sock";
}
std::string status_socket(const std::string& run) {
  return tunnel_folder(run) + "/status.sock";
}

Result<EndpointState> load_state(const std::string& data) {
  const Result<Bytes> text = platform::read_private_file(state_path(data), kStateBytes);
  if (!text) return text.error();
  Result<EndpointState> state = from_json_text<EndpointState>(as_text(*text), kStateBytes);
  if (!state) return wrap(state.error(), state_path(data));
  return state;
}

Result<void> save_state(const std::string& data, const EndpointState& state) {
  return platform::write_file(state_path(data), as_bytes(to_json_text(state)), 0600);
}

}  // namespace jump::endpoint
