// A configuration file of anybody's making: read, printed and read again.
#include "common/config/config.h"

namespace {
struct Inner {
  std::string name;
  std::uint16_t port = 1;
  std::optional<jump::config::Size> size;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (name, port, size))
struct Outer {
  std::vector<Inner> list;
  std::map<std::string, std::string> labels;
  std::chrono::seconds wait{1};
  double ratio = 0;
};
BOOST_DESCRIBE_STRUCT(Outer, (), (list, labels, wait, ratio))
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = jump::config::parse_config<Outer>(jump::as_text({data, size}), "fuzz");
  if (!read) return 0;
  const std::string printed = jump::config::print_config(*read);
  const auto again = jump::config::parse_config<Outer>(printed, "printed");
  if (!again || jump::config::print_config(*again) != printed) __builtin_trap();
  return 0;
}
