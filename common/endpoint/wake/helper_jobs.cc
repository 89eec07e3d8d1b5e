#include "common/endpoint/wake/helper_jobs.h"

#include <array>

#include "common/base/log.h"
#include "common/base/scoped_group.h"
#include "common/base/with_timeout.h"
#include "common/endpoint/wake/helper_errors.h"

namespace jump::endpoint {
namespace {

// A sweep of a large network says much. On a slow line its reports must leave room for the rest: this much,
// this often.
constexpr std::size_t kBatchBytes = 16 * 1024;
constexpr auto kBatchPause = std::chrono::milliseconds(150);

// One more of something while this lives.
class Counted {
 public:
  explicit Counted(std::uint32_t& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::uint32_t& count_;
};

}  // namespace

// What is read of one helper, and where its lines go.
struct HelperJobs::Lines {
  control::HelperJob job = control::HelperJob::wake;
  std::uint64_t number = 0;
  std::size_t line_bytes = 0;  // at most, of one; longer ends the helper
  bool over = false;           // the last line has come

  std::string text;  // not yet told
  // Whole lines of `text`, up to kBatchBytes of them and at least one, taken out of it.
  Result<std::vector<json::value>> take() {
    std::vector<json::value> lines;
    std::size_t begin = 0;
    while (!over && begin < kBatchBytes) {
      const std::size_t end = text.find('\n', begin);
      if (end == std::string::npos) break;
      Result<json::value> line =
          parse_json_value(std::string_view(text).substr(begin, end - begin), line_bytes);
      if (!line) return wrap(line.error(), "what the helper says");
      const json::object* object = line->if_object();
      if (object == nullptr) return Error(Fault::malformed, "what the helper says is no object");
      over = job == control::HelperJob::wake || object->contains("end");
      lines.push_back(std::move(*line));
      begin = end + 1;
    }
    text.erase(0, begin);
    if (text.size() > line_bytes && text.find('\n') == std::string::npos)
      return Error(Fault::too_large,
                   "a line of the helper is longer than " + std::to_string(line_bytes) + " bytes");
    return lines;
  }
};

HelperJobs::HelperJobs(asio::any_io_executor executor, HelperProgram program, Tell tell)
    : executor_(executor), program_(std::move(program)), tell_(std::move(tell)) {}

Task<> HelperJobs::wake(wake::WakeOrder order, std::string refusal) {
  Lines lines;
  lines.number = order.attempt;
  lines.line_bytes = wake::kWakeReportBytes;
  if (refusal.empty() && wakes_ >= kWakesMost)
    refusal = std::to_string(kWakesMost) + " magic packets are being sent already";
  if (refusal.empty()) {
    log::info("supervisor", "a magic packet is sent", {{"attempt", order.attempt}});
    const Counted one(wakes_);
    wake::WakeJob job;
    job.order = std::move(order);
    job.user = program_.user;
    Task<Result<void>> running = run("wake", Secret(to_json_text(job)), lines);
    const Result<void> done = co_await with_timeout(kWakeLimit, "the wake helper", std::move(running));
    if (!done) refusal = done.error().message();
  }
  if (lines.over) co_return;
  wake::WakeReport report;
  report.attempt = lines.number;
  report.error = refusal.empty() ? "the helper process said nothing" : refusal;
  log::warning("supervisor", "no magic packet was sent", {{"reason", report.error}});
  std::vector<json::value> last(1, to_json(report));
  co_await tell(control::HelperJob::wake, lines.number, std::move(last));
}

Task<> HelperJobs::browse(wake::BrowseOrder order, std::string refusal) {
  Lines lines;
  lines.job = control::HelperJob::browse;
  lines.number = order.sweep;
  lines.line_bytes = wake::kBrowseLineBytes;
  if (refusal.empty() && sweeps_ >= kSweepsMost) refusal = "this node is browsing its network already";
  if (refusal.empty()) {
    log::info("supervisor", "the network is browsed", {{"sweep", order.sweep}});
    const Counted one(sweeps_);
    wake::BrowseJob job;
    job.order = std::move(order);
    job.user = program_.user;
    Task<Result<void>> running = run("browse", Secret(to_json_text(job)), lines);
    const Result<void> done = co_await with_timeout(kSweepLimit, "the browse helper", std::move(running));
    if (!done) refusal = done.error().message();
  }
  if (lines.over) co_return;
  wake::BrowseLine line;
  line.end.emplace();
  line.end->sweep = lines.number;
  line.end->error = refusal.empty() ? "the helper process ended in the middle" : refusal;
  log::warning("supervisor", "the network was not browsed", {{"reason", line.end->error}});
  std::vector<json::value> last(1, to_json(line));
  co_await tell(control::HelperJob::browse, lines.number, std::move(last));
}

Task<> HelperJobs::tell(control::HelperJob job, std::uint64_t number, std::vector<json::value> lines) {
  control::JobReport report;
  report.job = job;
  report.number = number;
  report.lines = std::move(lines);
  Task<> telling = tell_(std::move(report));
  co_await std::move(telling);
}

Task<Result<void>> HelperJobs::run(std::string role, Secret job, Lines& lines) {
  platform::ProcessSpec spec;
  spec.argv = {program_.own_path, role};
  spec.env = platform::service_environment();
  Result<platform::PipedProcess> process = platform::start_with_pipes(executor_, std::move(spec));
  if (!process) co_return wrap(process.error(), "start the helper process");
  TaskGroup group(executor_);
  group.spawn("helper errors", pass_on_errors(process->error_output));
  Task<Result<void>> listening = listen(*process, std::move(job), lines);
  co_return co_await and_stop(group, std::move(listening));
}

Task<Result<void>> HelperJobs::listen(platform::PipedProcess& process, Secret job, Lines& lines) {
  const Result<void> given = co_await process.input.write(job.reveal());
  if (!given) co_return wrap(given.error(), "give the helper its job");
  process.input.close();
  std::array<std::uint8_t, 4096> piece;
  bool open = true;
  while (!lines.over && (open || lines.text.find('\n') != std::string::npos)) {
    if (open && lines.text.size() < kBatchBytes) {
      const Result<std::size_t> got = co_await process.output.read(piece);
      open = got && *got > 0;
      if (open) lines.text += as_text(ByteView(piece).first(*got));
    }
    Result<std::vector<json::value>> batch = lines.take();
    if (!batch) co_return batch.error();
    if (batch->empty()) continue;
    co_await tell(lines.job, lines.number, std::move(*batch));
    if (!lines.over) co_await sleep_for(kBatchPause);
  }
  if (lines.over) co_return Result<void>();
  const Result<platform::ExitStatus> exit = co_await process.process.wait();
  if (!exit) co_return exit.error();
  if (exit->signal) co_return Error(Fault::closed, "the helper process was killed by SIG" + *exit->signal);
  co_return Error(Fault::closed, "the helper process ended with " + std::to_string(exit->status.value_or(0)));
}

}  // namespace jump::endpoint
