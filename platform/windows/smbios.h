// The tables of the firmware (SMBIOS 3.6, DMTF DSP0134), as far as they tell one machine from another.
#pragma once

#include <optional>
#include <string>

#include "common/base/bytes.h"

namespace jump::platform {

struct FirmwareNames {
  std::optional<std::string> uuid;            // "4c4c4544-0051-3510-8052-b4c04f5a3232", as Linux shows it
  std::optional<std::string> product_serial;  // of the system
  std::optional<std::string> board_serial;
};
// The structure table, without the head that Windows puts before it. Damaged tables tell what they can.
FirmwareNames parse_smbios(ByteView table);

}  // namespace jump::platform
