#include "tools/bench/measure.h"

#include <dirent.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>

namespace jump::bench {
namespace {

double seconds_of(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// The number behind "Name:" in a file of /proc, 0 where there is none.
std::uint64_t field_of(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":")) return std::stoull(line.substr(name.size() + 1));
  }
  return 0;
}

std::string folder_of(int pid) {
  return "/proc/" + std::to_string(pid);
}

}  // namespace

double wall_time() {
  return seconds_of(CLOCK_MONOTONIC);
}
double own_cpu() {
  return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}
double thread_cpu() {
  return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

double cpu_of(int pid) {
  // Finer than the hundredths in /proc where the system gives it.
  clockid_t clock{};
  if (::clock_getcpuclockid(pid, &clock) == 0) return seconds_of(clock);
  std::ifstream file(folder_of(pid) + "/stat");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::size_t close = text.rfind(')');
  if (close == std::string::npos) return 0;
  std::istringstream fields(text.substr(close + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

Result<ProcessUse> use_of(int pid) {
  const std::string folder = folder_of(pid);
  std::error_code failed;
  if (!std::filesystem::exists(folder, failed)) {
    return Error(Fault::not_found, "process " + std::to_string(pid) + " is gone");
  }
  ProcessUse use;
  use.cpu = cpu_of(pid);
  use.resident = field_of(folder + "/status", "VmRSS") * 1024;
  use.proportional = field_of(folder + "/smaps_rollup", "Pss") * 1024;
  for (const auto& file : std::filesystem::directory_iterator(folder + "/fd", failed)) {
    static_cast<void>(file);
    ++use.descriptors;
  }
  for (const auto& task : std::filesystem::directory_iterator(folder + "/task", failed)) {
    use.wake_ups += field_of(task.path().string() + "/status", "voluntary_ctxt_switches");
  }
  return use;
}

std::vector<int> family_of(int pid) {
  std::multimap<int, int> children;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", failed)) {
    std::ifstream file(entry.path() / "stat");
    std::string text;
    if (!std::getline(file, text)) continue;
    // "17 (name) S 1 …": the name may hold anything.
    const std::size_t close = text.rfind(')');
    if (close == std::string::npos || close + 4 >= text.size()) continue;
    children.emplace(std::atoi(text.c_str() + close + 4), std::atoi(text.c_str()));
  }
  std::vector<int> family{pid};
  for (std::size_t i = 0; i < family.size(); ++i) {
    const auto [from, to] = children.equal_range(family[i]);
    for (auto child = from; child != to; ++child) family.push_back(child->second);
  }
  return family;
}

double percentile(std::vector<double> values, double p) {
  if (values.empty()) return 0;
  const auto at =
      std::min(values.size() - 1, static_cast<std::size_t>(static_cast<double>(values.size()) * p));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

double median(const std::vector<double>& values) {
  return percentile(values, 0.5);
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace jump::bench
