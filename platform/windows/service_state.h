// What the parts of a service of Windows share: the manager's ear, and the order to stop.
#pragma once

namespace jump::platform {

// Tells the manager; nothing happens where it has not started this process.
void tell_running();
void tell_stopping();
bool started_by_manager();

// An event that is signalled for good once this process shall stop.
void* stop_event();

}  // namespace jump::platform
