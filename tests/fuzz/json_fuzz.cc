// The reader of described structs: what it takes it writes again as something that reads the same.
#include "common/base/json.h"

namespace {
enum class Colour { red, green };
BOOST_DESCRIBE_ENUM(Colour, red, green)
struct Everything {
  bool flag = false;
  std::uint8_t small = 0;
  std::int64_t large = 0;
  std::string text;
  std::optional<jump::Bytes> bytes;
  std::array<std::uint8_t, 2> pair{};
  std::vector<Colour> colours;
  std::map<std::string, std::optional<double>> numbers;
};
BOOST_DESCRIBE_STRUCT(Everything, (), (flag, small, large, text, bytes, pair, colours, numbers))
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto value = jump::from_json_text<Everything>(jump::as_text({data, size}), 4096);
  if (!value) return 0;
  const std::string text = jump::to_json_text(*value);
  const auto again = jump::from_json_text<Everything>(text, 65536);
  if (!again || jump::to_json_text(*again) != text) __builtin_trap();
  return 0;
}
