// A copy of an enrolled machine gets an identity of its own (PRODUCT.md 2.5). The appliance has told it that
// its identity is in use elsewhere; it enrols by the copied certificate, with a new key.
//
// Two processes have to agree: the tunnel process holds the key, the supervisor says for whom orders are. So
// the new files lie beside the old ones until the supervisor has written down the new name, and whoever
// starts next finishes what was begun.
#pragma once

#include <string>

#include "common/base/task_group.h"
#include "common/endpoint/family.h"
#include "common/endpoint/state.h"
#include "common/identity/enrolment.h"

namespace jump::endpoint {

// --- tunnel process ---

// Asks the appliance, and stores what it gave beside the present identity. Fault::unavailable: an
// administrator has to allow it, or nobody answers; ask again later.
Task<Result<NewIdentity>> enrol_as_clone(asio::any_io_executor executor, const Begin& begin);

// Puts the new files in the place of the old when they are those of `peer_id`; else nothing happens. Before
// the identity is read.
Result<void> settle_identity(const std::string& identity_folder, const std::string& peer_id);

// --- supervisor ---

// The new name, when a CA that is believed has issued the certificate for an agent, later than the present
// identity was enrolled, and its key has signed this start. What a taken-over tunnel process could gain by a
// lie: orders that are meant for nobody. They are bound to the start nonce all the same.
Result<std::string> believe_new_identity(const NewIdentity& message, const EndpointState& state,
                                         const control::Nonce& start_nonce);

}  // namespace jump::endpoint
