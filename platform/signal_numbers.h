// The system's numbers of Signal, for platform/signals.cc.
#pragma once

#include "platform/signals.h"

namespace jump::platform {

// As <csignal> has it; 0: nobody sends it on this system.
int number_of(Signal signal);

}  // namespace jump::platform
