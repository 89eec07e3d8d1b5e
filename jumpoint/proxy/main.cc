// The proxy process without the rest of the Jumpoint, for tests and benchmarks.
#include "jumpoint/proxy/process.h"

int main() {
  return jump::proxy::run_proxy_process();
}
