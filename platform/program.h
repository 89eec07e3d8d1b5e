// What a program of the suite does first, and when it has settled.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace jump::platform {

// At the beginning of main(): the arguments, in UTF-8. Windows: standard handles carry bytes as they are, a
// console shows UTF-8, libraries come from the system's folder only, and a fault of ours ends the program
// instead of asking a person.
std::vector<std::string> begin_program(int argc, char** argv);

// Gives back what a start needs and a service that idles does not: free memory, and code. Around every page
// of code that has run once the kernel keeps its neighbours too (64 KiB on Linux), for as long as the process
// lives: nearly all of it. What runs again comes back by itself.
void trim_memory();
constexpr std::chrono::seconds kSettled(10);  // after its start, or since it is connected: the time to do so

}  // namespace jump::platform
