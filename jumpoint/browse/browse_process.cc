#include <cstdio>

#include <boost/asio/io_context.hpp>

#include "common/endpoint/wake/helper_process.h"
#include "jumpoint/browse/sweep.h"
#include "platform/net_interfaces.h"

namespace jump::browse {
namespace {

void print(const wake::BrowseLine& line) {
  std::printf("%s\n", to_json_text(line).c_str());
  std::fflush(stdout);
}

void print_host(const wake::FoundHost& host) {
  wake::BrowseLine line;
  line.host = host;
  print(line);
}

Task<> keep_end(Task<wake::BrowseEnd> sweeping, wake::BrowseEnd& to) {
  to = co_await std::move(sweeping);
}

Result<wake::BrowseEnd> do_job() {
  Result<wake::BrowseJob> job = endpoint::read_job<wake::BrowseJob>(wake::kBrowseJobBytes);
  if (!job) return job.error();
  if (const Result<void> given = endpoint::keep_raw_network_alone(job->user); !given) return given.error();
  SweepOptions options;
  options.order = std::move(job->order);
  options.name_servers = platform::name_servers();
  asio::io_context io(1);
  TaskGroup group(io.get_executor());
  wake::BrowseEnd end;
  group.spawn("browse", keep_end(sweep(io.get_executor(), std::move(options), print_host), end));
  io.run();
  return end;
}

}  // namespace

int run_browse_process() {
  Result<wake::BrowseEnd> end = do_job();
  wake::BrowseLine line;
  line.end.emplace();
  if (end) {
    line.end = std::move(*end);
  } else {
    line.end->error = end.error().message();
  }
  print(line);
  return line.end->error.empty() ? 0 : 1;
}

}  // namespace jump::browse
