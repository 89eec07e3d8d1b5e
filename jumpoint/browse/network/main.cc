// The helper process alone, as `jumpoint browse` starts it: for its test.
#include "jumpoint/browse/sweep.h"

int main() {
  return jump::browse::run_browse_process();
}
