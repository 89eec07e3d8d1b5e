// What old protocols want of a TCP connection beyond its bytes. Sockets are native handles; nothing here
// waits, and nothing fails loudly: without these things a connection only works less well.
#pragma once

#include <chrono>

namespace jump::platform {

// Urgent data has arrived and what is read next comes before it (RFC 854 page 9, RFC 9293 section 3.8.5). One
// read never goes past the place; with urgent data kept in line it begins a read of its own.
bool urgent_ahead(int socket);

// Asks the peer's system for a sign of life after each `interval` of silence, and gives the connection up
// after three without any; so too when data waits as long without being acknowledged. Whole seconds; 0: off.
void ask_for_signs_of_life(int socket, std::chrono::seconds interval);

}  // namespace jump::platform
