#include "platform/windows/file_names.h"

#include <algorithm>
#include <array>
#include <string>

#include "common/base/bytes.h"
#include "platform/windows/native.h"

namespace jump::platform {
namespace {

constexpr std::size_t kUnitsMost = 255;

Error bad_name(std::string_view name, std::string_view why) {
  return {Fault::invalid,
          "name '" + printable(name, 80) + "' " + std::string(why) + ", which Windows cannot have"};
}

// "nul", "NUL.txt" and "nul .txt" are all the device; so are COM1 to COM9 with their superscript digits.
bool is_device(std::string_view name) {
  std::string stem(name.substr(0, name.find('.')));
  while (stem.ends_with(' ')) stem.pop_back();
  std::ranges::transform(stem, stem.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  constexpr std::array<std::string_view, 7> kDevices = {"CON",    "PRN",     "AUX",   "NUL",
                                                        "CONIN$", "CONOUT$", "CLOCK$"};
  if (std::ranges::find(kDevices, stem) != kDevices.end()) return true;
  if (!stem.starts_with("COM") && !stem.starts_with("LPT")) return false;
  const std::string_view number = std::string_view(stem).substr(3);
  constexpr std::array<std::string_view, 3> kSuperscripts = {"\xc2\xb9", "\xc2\xb2", "\xc2\xb3"};
  if (std::ranges::find(kSuperscripts, number) != kSuperscripts.end()) return true;
  return number.size() == 1 && number[0] >= '0' && number[0] <= '9';
}

}  // namespace

Result<void> check_windows_name(std::string_view name) {
  if (name.empty()) return bad_name(name, "is empty");
  if (name == "." || name == "..") return bad_name(name, "leads elsewhere");
  for (const char c : name) {
    if (std::string_view("\\/:*?\"<>|").find(c) != std::string_view::npos)
      return bad_name(name, std::string("contains '") + c + "'");
    if (static_cast<unsigned char>(c) < 0x20) return bad_name(name, "contains a control character");
  }
  if (name.ends_with('.')) return bad_name(name, "ends with a dot");
  if (name.ends_with(' ')) return bad_name(name, "ends with a space");
  if (is_device(name)) return bad_name(name, "is that of a device");
  if (!is_utf8(name)) return bad_name(name, "is not UTF-8");
  if (to_wide(name).size() > kUnitsMost) return bad_name(name, "is longer than 255 characters");
  return {};
}

}  // namespace jump::platform
