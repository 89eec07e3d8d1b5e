// What a program of the suite does first.
#pragma once

#include <string>
#include <vector>

namespace jump::platform {

// At the beginning of main(): the arguments, in UTF-8. Windows: standard handles carry bytes as they are, a
// console shows UTF-8, libraries come from the system's folder only, and a fault of ours ends the program
// instead of asking a person.
std::vector<std::string> begin_program(int argc, char** argv);

}  // namespace jump::platform
