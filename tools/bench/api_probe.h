// ApiProbe: asks the asset search of the API again and again while something else goes on, and notes how long
// each answer takes.
#pragma once

#include <string>
#include <vector>

#include "tools/bench/appliance.h"

namespace jump::bench {

class ApiProbe {
 public:
  explicit ApiProbe(const Appliance& appliance);
  ~ApiProbe() { worker_.stop(); }

  // Seconds of each answer since the last call.
  std::vector<double> take();
  // What went wrong last, empty when nothing did.
  std::string trouble();

 private:
  Task<> ask_again();
  Task<Result<void>> ask_over_one_connection();

  const Appliance& appliance_;
  std::shared_ptr<const tunnel::TlsClient> client_;
  std::vector<double> answers_;
  std::string trouble_;
  Worker worker_;
};

}  // namespace jump::bench
