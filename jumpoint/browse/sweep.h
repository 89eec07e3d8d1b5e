// One sweep of the networks of this machine (PRODUCT.md 5.6). How it runs:
//
//     all nodes (ICMPv6), all responders (mDNS) ─┐
//     every address of the subnet (ARP), twice ──┴─> heard frames ─> Hosts ─> `found`, as it comes
//                                                                      │ each new address
//     names and ports:  NetBIOS, reverse mDNS, reverse DNS, connect ───┘
//
// Everything that is sent waits its turn at one Pacer. Without the right for Ethernet frames the kernel's
// neighbour table takes their place: a datagram to each address makes it ask.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/task_group.h"
#include "common/wake/browsing.h"
#include "jumpoint/browse/vendors.h"

namespace jump::browse {

struct SweepOptions {
  wake::BrowseOrder order;
  bool frames = true;                     // false: as if there were no right for them
  std::vector<std::string> name_servers;  // the first is asked; empty: no reverse DNS
  std::string vendor_folder = kVendorFolder;
};

// Calls `found` for each machine, again whenever more is known of it. Ends by itself, within 10 minutes at
// most; or by cancellation, when nothing of it runs any more.
Task<wake::BrowseEnd> sweep(asio::any_io_executor executor, SweepOptions options,
                            std::function<void(const wake::FoundHost&)> found);

// `jumpoint browse`: the job on standard input, lines on standard output; the exit status of the process.
int run_browse_process();

}  // namespace jump::browse
