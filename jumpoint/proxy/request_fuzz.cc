// What a client sends, whole and cut in two: never a wish out of what was refused before, and what is granted
// is exactly one header.
#include "common/base/bytes.h"
#include "common/base/check.h"
#include "jumpoint/proxy/request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jump::proxy;
  if (size < 2) return 0;
  const std::string_view text = jump::as_text({data + 2, size - 2});
  const bool allow_get = (data[0] & 1) != 0;
  const Asked whole = read_request(text, allow_get);
  CHECK(!(whole.wish && whole.refusal));
  const Asked part = read_request(text.substr(0, std::size_t{data[1]} * 32), allow_get);
  if (part.refusal) CHECK(!whole.wish);
  if (whole.refusal) static_cast<void>(refusal_answer(*whole.refusal, allow_get));
  if (!whole.wish) return 0;
  CHECK(text.ends_with("\r\n\r\n") && text.find("\r\n\r\n") == text.size() - 4);
  if (const auto* redirect = std::get_if<Redirect>(&*whole.wish)) {
    const std::string answer = redirect_answer(redirect->target, *redirect);
    const std::size_t end = answer.find("\r\n\r\n");
    CHECK(end != std::string::npos && answer.find("Location: https://") < end);
  }
  return 0;
}
