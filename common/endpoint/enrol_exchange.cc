#include "common/endpoint/enrol_exchange.h"

#include <array>

#include "common/base/with_timeout.h"

namespace jump::endpoint {
namespace {

constexpr auto kAnswerTime = std::chrono::seconds(30);

Task<Result<std::string>> exchange(tunnel::Transport& stream, std::string body) {
  std::string framed(4, '\0');
  put_u32(reinterpret_cast<std::uint8_t*>(framed.data()), static_cast<std::uint32_t>(body.size()));
  framed += body;
  const ByteView part = as_bytes(framed);
  Result<void> written = stream.write_now({&part, 1});
  if (written && stream.backlog()) written = co_await stream.writable();
  if (!written) co_return written.error();
  std::string answer;
  std::array<std::uint8_t, 16384> bytes;
  while (true) {
    if (answer.size() >= 4) {
      const std::size_t size = get_u32(reinterpret_cast<const std::uint8_t*>(answer.data()));
      if (size > identity::kEnrollBytes)
        co_return Error(Fault::too_large, "the appliance's answer is too large");
      if (answer.size() >= 4 + size) co_return answer.substr(4, size);
    }
    // The appliance closes behind its answer: what it said comes first.
    const Result<std::size_t> size = stream.read_now(bytes);
    if (!size) co_return size.error();
    answer.append(reinterpret_cast<const char*>(bytes.data()), *size);
    if (*size > 0) continue;
    Result<void> ready = co_await stream.readable();
    if (!ready) co_return ready.error();
  }
}

}  // namespace

Task<Result<identity::EnrollResponse>> ask_to_enrol(tunnel::Transport& stream,
                                                    const identity::EnrollRequest& request) {
  Task<Result<std::string>> exchanging = exchange(stream, to_json_text(request));
  const Result<std::string> answer = co_await with_timeout(kAnswerTime, "enrolment", std::move(exchanging));
  if (!answer) co_return answer.error();
  co_return identity::parse_enroll_response(*answer);
}

}  // namespace jump::endpoint
