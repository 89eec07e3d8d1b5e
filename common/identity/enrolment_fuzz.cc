// What reaches the appliance before anybody proved anything, and what a person pastes.
#include "common/identity/deployment_key.h"
#include "common/identity/enrolment.h"
#include "common/identity/host_port.h"
#include "common/identity/password.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jump::identity;
  const std::string_view text = jump::as_text({data, size});
  if (const auto request = parse_enroll_request(text)) {
    if (!parse_enroll_request(jump::to_json_text(*request))) __builtin_trap();
  }
  static_cast<void>(parse_enroll_response(text));
  static_cast<void>(parse_host_port(text));
  static_cast<void>(needs_rehash(text));
  if (const auto key = parse_deployment_key(text)) {
    if (!format_deployment_key(*key)) __builtin_trap();
  }
  return 0;
}
