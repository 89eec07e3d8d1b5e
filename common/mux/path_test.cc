// Windows and what is under way, on short and long paths.
#include <gtest/gtest.h>

#include "common/mux/mux_lab.h"

namespace jump::mux {
namespace {

using lab::Lab;

// Sends from the endpoint to the console for `seconds` (of the lab's time); gives bytes a second.
double bulk_rate(Lab& lab, double seconds, std::size_t bytes_per_step, bool reads = true) {
  const std::uint32_t stream = lab.endpoint->open({.interactive = false, .retain = 0}).value();
  if (!lab.console->adopt(stream, {.interactive = false, .retain = 0})) return 0;
  const std::string block(65536, 'x');
  std::string got;
  std::uint64_t total = 0;
  const auto steps = static_cast<int>(seconds / 50e-6);
  for (int i = 0; i < steps; ++i) {
    const std::size_t room = std::min(lab.endpoint->room(stream), block.size());
    lab.endpoint->write(stream, as_bytes(block).first(room));
    if (reads) {
      got.clear();
      Lab::drain(*lab.console, stream, got);
      if (i > steps / 2) total += got.size();
    }
    lab.step(bytes_per_step);
  }
  return static_cast<double>(total) / (seconds / 2);
}

TEST(Path, ALongPathIsFilled) {
  Lab lab(false);
  lab.delay = std::chrono::milliseconds(25);  // 100 ms there and back over both tunnels
  lab.connect();
  lab.settle(4000);
  ASSERT_EQ(lab.console->state(), SessionEnd::State::live);
  // 40 MB/s at the most: 4 MB under way. With 256 KiB it would be 2.6 MB/s.
  EXPECT_GT(bulk_rate(lab, 3, 2000), 30e6);
}

TEST(Path, AShortPathCarriesLittle) {
  Lab lab(false);
  lab.connect();
  lab.settle(10);
  EXPECT_GT(bulk_rate(lab, 0.3, 20000), 100e6);
  EXPECT_LE(lab.anchor->relay().promised_bytes(), 1024u * 1024);
  EXPECT_LE(lab.anchor->relay().queued_bytes(), limits::kRelayBudget);
}

TEST(Path, AConsoleThatReadsNothingHoldsBackItsStreamOnly) {
  Lab lab(false);
  lab.delay = std::chrono::milliseconds(5);
  lab.connect();
  lab.settle(1000);
  bulk_rate(lab, 0.2, 20000, false);
  EXPECT_GT(bulk_rate(lab, 0.8, 5000), 50e6);
}

}  // namespace
}  // namespace jump::mux
