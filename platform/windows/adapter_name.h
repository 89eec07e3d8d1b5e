// What drivers call a network interface.
#pragma once

#include <optional>
#include <string>

namespace jump::platform {

// "{4D36E972-…}" of the interface with this name ("Ethernet"); nothing where there is none.
std::optional<std::string> adapter_guid(const std::string& interface_name);

}  // namespace jump::platform
