#include "tools/bench/api_probe.h"

#include "common/base/with_timeout.h"
#include "tools/bench/measure.h"

namespace jump::bench {
namespace {
// One principal may ask 20 times a second.
constexpr auto kPause = std::chrono::milliseconds(60);
constexpr auto kAnswerTime = std::chrono::seconds(30);
}  // namespace

ApiProbe::ApiProbe(const Appliance& appliance) : appliance_(appliance), client_(appliance.client()) {
  worker_.spawn(ask_again());
}

Task<> ApiProbe::ask_again() {
  while (true) {
    const Result<void> done = co_await ask_over_one_connection();
    if (!done) trouble_ = done.error().message();
    co_await sleep_for(kPause);
  }
}

Task<Result<void>> ApiProbe::ask_over_one_connection() {
  DialTo to;
  to.port = appliance_.port();
  to.alpn = std::string(tunnel::kAlpnPinnedHttp);
  Result<StreamPtr> stream = co_await dial(client_, std::move(to));
  if (!stream) co_return stream.error();
  for (std::size_t i = 0; i < 900; ++i) {
    const std::string path = "/api/config/v1/jump-client?per_page=20&search=bench-" + std::to_string(i);
    const double start = wall_time();
    Task<Result<std::string>> asking = get(**stream, path, appliance_.token());
    const Result<std::string> answer = co_await with_timeout(kAnswerTime, "the API", std::move(asking));
    if (!answer) co_return answer.error();
    answers_.push_back(wall_time() - start);
    co_await sleep_for(kPause);
  }
  co_return Result<void>();
}

std::vector<double> ApiProbe::take() {
  return worker_.call([this] { return std::exchange(answers_, {}); });
}
std::string ApiProbe::trouble() {
  return worker_.call([this] { return trouble_; });
}

}  // namespace jump::bench
