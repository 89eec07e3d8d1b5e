// The proxy process of a node: `jumpoint proxy`, started by its supervisor. No keys, no identity, no rights.
#pragma once

namespace jump::proxy {

// Lines of JSON: Input on standard input, control::ZoneProxyState on standard output; until the input ends.
// SIGHUP: the access log is opened again. Exit status 0; 1 when it could not begin.
int run_proxy_process();

}  // namespace jump::proxy
