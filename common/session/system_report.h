// What session kind sysinfo answers with: one JSON document on the stream "report".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/json.h"

namespace jump::session {

struct ReportSystem {
  std::string hostname;
  std::string fqdn;
  std::string operating_system;
  std::string kernel;
  std::string architecture;
  std::uint64_t uptime_seconds = 0;
  std::int64_t time = 0;  // seconds since 1970, the endpoint's clock
  std::optional<std::string> console_user;
};
BOOST_DESCRIBE_STRUCT(ReportSystem, (),
                      (hostname, fqdn, operating_system, kernel, architecture, uptime_seconds, time,
                       console_user))

struct ReportProcessor {
  std::string model;
  std::uint32_t count = 0;
  std::optional<double> percent;
  std::optional<double> load1;
  std::optional<double> load5;
  std::optional<double> load15;
};
BOOST_DESCRIBE_STRUCT(ReportProcessor, (), (model, count, percent, load1, load5, load15))

struct ReportMemory {
  std::uint64_t total = 0;  // bytes
  std::uint64_t available = 0;
  std::uint64_t swap_total = 0;
  std::uint64_t swap_free = 0;
};
BOOST_DESCRIBE_STRUCT(ReportMemory, (), (total, available, swap_total, swap_free))

struct ReportDisk {
  std::string mount;
  std::string type;
  std::uint64_t total = 0;  // bytes
  std::uint64_t used = 0;
};
BOOST_DESCRIBE_STRUCT(ReportDisk, (), (mount, type, total, used))

struct ReportInterface {
  std::string name;
  std::string mac;
  bool up = false;
  std::string kind;                    // "vlan", "bridge", …; empty for hardware
  std::vector<std::string> addresses;  // "10.0.0.7/24"
  std::vector<std::string> gateways;   // "10.0.0.1" or "10.0.0.1 (02:77:01:00:00:01)"
};
BOOST_DESCRIBE_STRUCT(ReportInterface, (), (name, mac, up, kind, addresses, gateways))

struct ReportProcess {
  std::int32_t pid = 0;
  std::int32_t parent = 0;
  std::string user;
  double cpu_seconds = 0;
  std::uint64_t memory = 0;  // resident bytes
  std::string command;
};
BOOST_DESCRIBE_STRUCT(ReportProcess, (), (pid, parent, user, cpu_seconds, memory, command))

struct ReportService {
  std::string name;
  std::string state;
  std::string detail;
  std::string description;
};
BOOST_DESCRIBE_STRUCT(ReportService, (), (name, state, detail, description))

struct SystemReport {
  ReportSystem system;
  ReportProcessor processor;
  std::optional<ReportMemory> memory;
  std::vector<ReportDisk> disks;
  std::vector<ReportInterface> interfaces;
  std::vector<ReportProcess> processes;         // at most 4096
  std::vector<ReportService> services;          // at most 4096
  std::optional<std::string> services_missing;  // why there are none
};
BOOST_DESCRIBE_STRUCT(SystemReport, (),
                      (system, processor, memory, disks, interfaces, processes, services, services_missing))

// 4096 processes of 1 KiB and as many services fit.
inline constexpr std::size_t kSystemReportMost = 16 * 1024 * 1024;

}  // namespace jump::session
