// What is measured, and with what: clocks, the CPU time and memory of processes, order statistics.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/error.h"

namespace jump::bench {

double wall_time();   // seconds, of a clock that never jumps
double own_cpu();     // seconds, user and system, of this process with all its threads
double thread_cpu();  // seconds, of the calling thread

// Of another process, now.
struct ProcessUse {
  double cpu = 0;              // seconds, user and system; hundredths at best
  std::uint64_t resident = 0;  // bytes, shared ones included
  std::uint64_t proportional = 0;
  std::size_t descriptors = 0;
  std::uint64_t wake_ups = 0;  // voluntary switches of all its threads
};
Result<ProcessUse> use_of(int pid);
// The process and all that it started and that they started, as long as they are its descendants.
std::vector<int> family_of(int pid);
// CPU time alone, which costs one small read.
double cpu_of(int pid);

// The p-th part of the values (0.5: the median), 0 for none.
double percentile(std::vector<double> values, double p);
double median(const std::vector<double>& values);

// Lets this process open as many descriptors as the system allows; that number.
std::size_t raise_descriptor_limit();

}  // namespace jump::bench
