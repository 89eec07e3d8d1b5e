// HelperJobs: how a supervisor carries out the orders that need a helper process (`jump-client wake`,
// `jumpoint browse`): the job goes to its standard input, what it says on its standard output goes to the
// appliance in JobReports, and it ends within its limit or is killed. The last report always comes: of the
// helper, or of this in its place.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/base/task_group.h"
#include "common/control/messages.h"
#include "common/wake/browsing.h"
#include "common/wake/messages.h"
#include "platform/process.h"

namespace jump::endpoint {

struct HelperProgram {
  std::string own_path;  // of the executable; started with "wake" and "browse"
  std::string user;      // the helper becomes this user; empty: stays
};

class HelperJobs {
 public:
  static constexpr std::uint32_t kWakesMost = 8;   // at once; more are refused
  static constexpr std::uint32_t kSweepsMost = 1;  // at once; more are refused
  static constexpr auto kWakeLimit = std::chrono::seconds(8);
  static constexpr auto kSweepLimit = std::chrono::minutes(11);

  using Tell = std::function<Task<>(control::JobReport)>;
  HelperJobs(asio::any_io_executor executor, HelperProgram program, Tell tell);

  // `refusal`: why the endpoint's own file forbids it; empty: it does not.
  Task<> wake(wake::WakeOrder order, std::string refusal);
  Task<> browse(wake::BrowseOrder order, std::string refusal);

 private:
  struct Lines;
  Task<Result<void>> run(std::string role, Secret job, Lines& lines);
  Task<Result<void>> listen(platform::PipedProcess& process, Secret job, Lines& lines);
  Task<> tell(control::HelperJob job, std::uint64_t number, std::vector<json::value> lines);

  asio::any_io_executor executor_;
  HelperProgram program_;
  Tell tell_;
  std::uint32_t wakes_ = 0;
  std::uint32_t sweeps_ = 0;
};

}  // namespace jump::endpoint
