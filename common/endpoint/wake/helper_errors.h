// What a helper process says on its standard error is the log of the supervisor that started it.
#pragma once

#include "common/base/task_group.h"
#include "platform/pipe.h"

namespace jump::endpoint {

// Until the helper closes it. The pipe outlives this.
Task<> pass_on_errors(platform::Pipe& from);

}  // namespace jump::endpoint
