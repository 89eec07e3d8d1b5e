// The tunnel process: the part of an endpoint's service that faces the network, and has no rights. It dials
// the appliance, shows the identity key, reports, and passes the frames of session processes on. It holds no
// state of a session: when the tunnel is lost it closes its local sockets, and the session processes come
// back and attach.
#pragma once

namespace jump::endpoint {

// Its control socket is standard input (family.h). The exit code of the process.
int run_tunnel_process();

}  // namespace jump::endpoint
