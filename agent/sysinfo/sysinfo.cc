#include "agent/sysinfo/sysinfo.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/session/serve_streams.h"
#include "platform/machine.h"
#include "platform/net_interfaces.h"

namespace jump::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kCpuLook = 250ms;
constexpr std::size_t kPieceBytes = 64 * 1024;

session::ReportSystem report_system() {
  const platform::MachineName name = platform::machine_name();
  const platform::OperatingSystem os = platform::operating_system();
  session::ReportSystem system;
  system.hostname = name.hostname;
  system.fqdn = name.fqdn;
  system.operating_system = os.name;
  system.kernel = os.kernel;
  system.architecture = os.architecture;
  system.uptime_seconds = platform::uptime_seconds();
  system.time = wall_seconds();
  system.console_user = platform::console_user();
  return system;
}

Task<session::ReportProcessor> report_processor() {
  platform::CpuMeter meter;
  meter.sample();
  co_await sleep_for(kCpuLook);
  const platform::Processor known = platform::processor();
  session::ReportProcessor processor;
  processor.model = known.model;
  processor.count = known.count;
  processor.percent = meter.sample();
  if (const std::optional<platform::Load> load = platform::load()) {
    processor.load1 = load->one;
    processor.load5 = load->five;
    processor.load15 = load->fifteen;
  }
  co_return processor;
}

std::optional<session::ReportMemory> report_memory() {
  const std::optional<platform::Memory> known = platform::memory();
  if (!known) return std::nullopt;
  session::ReportMemory memory;
  memory.total = known->total;
  memory.available = known->available;
  memory.swap_total = known->swap_total;
  memory.swap_free = known->swap_free;
  return memory;
}

std::vector<session::ReportDisk> report_disks() {
  std::vector<session::ReportDisk> disks;
  for (platform::DiskUse& known : platform::disks()) {
    session::ReportDisk disk;
    disk.mount = std::move(known.mount);
    disk.type = std::move(known.type);
    disk.total = known.total;
    disk.used = known.used;
    disks.push_back(std::move(disk));
  }
  return disks;
}

std::vector<session::ReportInterface> report_interfaces() {
  std::vector<session::ReportInterface> interfaces;
  const Result<std::vector<platform::NetInterface>> known = platform::net_interfaces();
  const Result<std::vector<platform::Gateway>> gateways = platform::default_gateways();
  if (!known) return interfaces;
  for (const platform::NetInterface& net : *known) {
    session::ReportInterface item;
    item.name = net.name;
    item.mac = net.mac;
    item.up = net.up;
    item.kind = net.kind;
    for (const platform::InterfaceAddress& address : net.addresses) {
      item.addresses.push_back(address.address + "/" + std::to_string(address.prefix));
    }
    for (const platform::Gateway& gateway : gateways ? *gateways : std::vector<platform::Gateway>()) {
      if (gateway.interface_index != net.index) continue;
      item.gateways.push_back(gateway.address + (gateway.mac ? " (" + *gateway.mac + ")" : std::string()));
    }
    interfaces.push_back(std::move(item));
  }
  return interfaces;
}

std::vector<session::ReportProcess> report_processes() {
  std::vector<session::ReportProcess> processes;
  for (platform::ProcessInfo& known : platform::processes()) {
    session::ReportProcess process;
    process.pid = known.pid;
    process.parent = known.parent;
    process.user = std::move(known.user);
    process.cpu_seconds = known.cpu_seconds;
    process.memory = known.memory;
    process.command = std::move(known.command);
    processes.push_back(std::move(process));
  }
  return processes;
}

Task<> report_services(session::SystemReport& report) {
  Result<std::vector<platform::ServiceInfo>> known = co_await platform::services();
  if (!known) {
    report.services_missing = known.error().message();
    co_return;
  }
  for (platform::ServiceInfo& info : *known) {
    session::ReportService service;
    service.name = std::move(info.name);
    service.state = std::move(info.state);
    service.detail = std::move(info.detail);
    service.description = std::move(info.description);
    report.services.push_back(std::move(service));
  }
}

Task<Result<void>> send_all(session::Stream& stream, const std::string& text) {
  ByteView rest = as_bytes(text);
  while (!rest.empty()) {
    const ByteView piece = rest.first(std::min(rest.size(), kPieceBytes));
    Result<void> written = co_await stream.write(piece);
    if (!written) co_return written.error();
    rest = rest.subspan(piece.size());
  }
  stream.end();
  // The console has nothing to say on this stream but its end.
  std::uint8_t byte = 0;
  const Result<std::size_t> end = co_await stream.read(std::span(&byte, 1));
  if (!end) co_return end.error();
  co_return co_await stream.flushed();
}

class Reporter : public session::StreamServer {
 public:
  Task<> serve(session::StreamOpen open, std::unique_ptr<session::Stream> stream) override {
    if (open.purpose != "report") {
      stream->reset("system information has no stream '" + printable(open.purpose, 32) + "'");
      co_return;
    }
    const session::SystemReport report = co_await make_report();
    const std::string text = to_json_text(report);
    const Result<void> sent = co_await send_all(*stream, text);
    if (!sent) log::info("sysinfo", "report not delivered", {{"why", sent.error().message()}});
  }
};

}  // namespace

Task<session::SystemReport> make_report() {
  session::SystemReport report;
  report.system = report_system();
  report.processor = co_await report_processor();
  report.memory = report_memory();
  report.disks = report_disks();
  report.interfaces = report_interfaces();
  report.processes = report_processes();
  co_await report_services(report);
  co_return report;
}

Task<Result<void>> run_sysinfo(session::Session& session) {
  Reporter reporter;
  co_return co_await session::serve_streams(session, reporter);
}

}  // namespace jump::agent
