// The helper process that sends magic packets (PRODUCT.md 4.3): started by the supervisor on a signed order,
// with a wake::WakeJob on standard input and CAP_NET_RAW as its only right; one line of wake::WakeReport on
// standard output, and it ends within 2 s.
#pragma once

#include "common/base/task_group.h"
#include "common/wake/messages.h"

namespace jump::endpoint {

// On each named interface: UDP to the directed broadcast of each of its subnets and to 255.255.255.255, on
// ports 7 and 9, and Ethernet frames where that is permitted; where there is only IPv6, UDP to all nodes of
// the link. Three times. What cannot be sent stands in the report.
Task<wake::WakeReport> send_wake(asio::any_io_executor executor, wake::WakeOrder order);

// `jump-client wake`, `jumpoint wake`: the exit status of the process.
int run_wake_process();

}  // namespace jump::endpoint
