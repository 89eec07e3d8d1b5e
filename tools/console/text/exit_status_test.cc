#include "tools/console/text/exit_status.h"

#include <gtest/gtest.h>

namespace jump::console {
namespace {

TEST(ExitStatus, OfASignalIsTheShells) {
  EXPECT_EQ(status_of_signal("INT"), 130);
  EXPECT_EQ(status_of_signal("KILL"), 137);
  EXPECT_EQ(status_of_signal("SEGV"), 139);
  EXPECT_EQ(status_of_signal("34"), 162);
}

TEST(ExitStatus, OfWhatIsNoSignalIsOurs) {
  for (const char* bad : {"", "SIGINT", "0", "65", "-1", "9x"}) EXPECT_EQ(status_of_signal(bad), 255) << bad;
}

}  // namespace
}  // namespace jump::console
