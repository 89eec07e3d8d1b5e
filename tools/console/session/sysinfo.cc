#include "tools/console/session/sysinfo.h"

#include <algorithm>
#include <cmath>

#include "common/base/scoped_group.h"
#include "common/base/with_timeout.h"
#include "tools/console/text/human.h"
#include "tools/console/text/table.h"

namespace jump::console {
namespace {

constexpr auto kReportTime = std::chrono::seconds(30);
constexpr std::size_t kPiece = 64 * 1024;
constexpr std::size_t kProcessesShown = 15;

Task<Result<std::string>> read_all(session::Stream& stream) {
  std::string text;
  Bytes buffer(kPiece);
  while (true) {
    const Result<std::size_t> size = co_await stream.read(buffer);
    if (!size) co_return size.error();
    if (*size == 0) co_return text;
    if (text.size() + *size > session::kSystemReportMost) {
      co_return Error(Fault::too_large, "the report is larger than 16 MiB");
    }
    text.append(as_text(ByteView(buffer).first(*size)));
    stream.taken(*size);
  }
}

std::string percent(std::uint64_t used, std::uint64_t total) {
  return total == 0 ? std::string() : " (" + std::to_string(used * 100 / total) + " %)";
}

void add_system(Details& details, const session::SystemReport& report) {
  const session::ReportSystem& system = report.system;
  details.add("host name", system.hostname);
  details.add("FQDN", system.fqdn);
  details.add("system", system.operating_system);
  details.add("kernel", system.kernel + " " + system.architecture);
  details.add("up for", human_time(static_cast<std::int64_t>(system.uptime_seconds)));
  details.add("time there", iso8601(system.time));
  details.add("console user", system.console_user.value_or(""));
  const session::ReportProcessor& processor = report.processor;
  std::string text = std::to_string(processor.count) + " x " + processor.model;
  if (processor.percent) text += ", " + std::to_string(std::lround(*processor.percent)) + " % busy";
  details.add("processor", text);
  if (report.memory) {
    const std::uint64_t used =
        report.memory->total - std::min(report.memory->total, report.memory->available);
    details.add("memory", human_size(used) + " of " + human_size(report.memory->total) + " in use" +
                              percent(used, report.memory->total));
  }
  for (const session::ReportDisk& disk : report.disks) {
    details.add("disk " + printable(disk.mount, 64), human_size(disk.used) + " of " + human_size(disk.total) +
                                                         percent(disk.used, disk.total) + " " + disk.type);
  }
  for (const session::ReportInterface& interface : report.interfaces) {
    std::string line = interface.up ? "up" : "down";
    for (const std::string& address : interface.addresses) line += " " + address;
    for (const std::string& gateway : interface.gateways) line += " via " + gateway;
    details.add("interface " + printable(interface.name, 32), line);
  }
}

}  // namespace

Task<Result<std::string>> fetch_report(OpenedSession& session) {
  Result<std::unique_ptr<session::Stream>> stream = session.open_stream("report");
  if (!stream) co_return stream.error();
  (*stream)->end();
  TaskGroup beside(session.tunnel().executor());
  beside.spawn("wait limit", session.io().watch());
  beside.spawn("listener", session.listen());
  auto reading = with_timeout(kReportTime, session.endpoint(), read_all(**stream));
  Result<std::string> text = co_await and_stop(beside, std::move(reading));
  co_return text;
}

std::string report_text(const session::SystemReport& report) {
  Details details;
  add_system(details, report);
  std::vector<session::ReportProcess> processes = report.processes;
  std::ranges::sort(processes, std::greater<>(), &session::ReportProcess::memory);
  Table table({"PID", "USER", "MEMORY", "CPU TIME", "COMMAND"});
  for (std::size_t i = 0; i < std::min(processes.size(), kProcessesShown); ++i) {
    const session::ReportProcess& process = processes[i];
    table.add({std::to_string(process.pid), process.user, human_size(process.memory),
               human_time(static_cast<std::int64_t>(process.cpu_seconds)),
               cut_to_width(printable(process.command), 60)});
  }
  const auto failed = std::ranges::count_if(
      report.services, [](const session::ReportService& one) { return one.state == "failed"; });
  details.add("processes", std::to_string(report.processes.size()));
  details.add("services", report.services_missing ? *report.services_missing
                                                  : std::to_string(report.services.size()) + ", " +
                                                        std::to_string(failed) + " failed");
  std::string text = details.text();
  if (!table.empty()) text += "\n" + table.text();
  return text;
}

}  // namespace jump::console
