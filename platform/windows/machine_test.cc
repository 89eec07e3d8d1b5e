#include "platform/machine.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "platform/windows/smbios.h"
#include "tests/support/run_task.h"

namespace jump::platform {
namespace {

Bytes structure(std::uint8_t type, Bytes body, std::string_view strings) {
  Bytes all = {type, static_cast<std::uint8_t>(body.size() + 4), 0, 0};
  all.insert(all.end(), body.begin(), body.end());
  all.insert(all.end(), strings.begin(), strings.end());
  return all;
}

Bytes example_table() {
  Bytes system = {1, 2, 3, 2};  // maker, product, version, serial: numbers of strings
  const Bytes uuid = {0x44, 0x45, 0x4c, 0x4c, 0x51, 0x00, 0x10, 0x35,
                      0x80, 0x52, 0xb4, 0xc0, 0x4f, 0x5a, 0x32, 0x32};
  system.insert(system.end(), uuid.begin(), uuid.end());
  Bytes table = structure(0, {1, 2}, std::string_view("bios\0x\0\0", 8));
  const Bytes one = structure(1, system, std::string_view("Maker\0SN-4711  \0v\0\0", 19));
  const Bytes two = structure(2, {1, 2, 3, 4}, std::string_view("a\0b\0c\0To Be Filled By O.E.M.\0\0", 30));
  const Bytes three = structure(2, {0, 0, 0, 1}, std::string_view("BOARD9\0\0", 8));
  for (const Bytes& part : {one, two, three}) table.insert(table.end(), part.begin(), part.end());
  const Bytes end = structure(127, {}, std::string_view("\0\0", 2));
  table.insert(table.end(), end.begin(), end.end());
  return table;
}

TEST(Smbios, TellsUuidAndSerials) {
  const FirmwareNames names = parse_smbios(example_table());
  EXPECT_EQ(names.uuid, "4c4c4544-0051-3510-8052-b4c04f5a3232");
  EXPECT_EQ(names.product_serial, "SN-4711");
  EXPECT_EQ(names.board_serial, "BOARD9");
}

TEST(Smbios, EveryTruncationIsHarmless) {
  const Bytes table = example_table();
  for (std::size_t size = 0; size < table.size(); ++size) parse_smbios(ByteView(table).first(size));
  Bytes zero = {1, 0, 0, 0, 0, 0};
  EXPECT_FALSE(parse_smbios(zero).uuid);
}

TEST(Machine, IsOneOfWindows) {
  EXPECT_EQ(boot_id()->size(), 24u);
  EXPECT_NE(operating_system().name.find("Windows"), std::string::npos) << operating_system().name;
  EXPECT_TRUE(operating_system().kernel.starts_with("Windows 10.0.")) << operating_system().kernel;
  EXPECT_EQ(operating_system().architecture, "x86_64");
  EXPECT_FALSE(processor().model.empty());
  EXPECT_FALSE(load());
  EXPECT_FALSE(disks().empty());
  EXPECT_EQ(fingerprint_parts().at("machine_id").size(), 1u);
}

TEST(Machine, ListsItsServices) {
  asio::io_context io(1);
  const Result<std::vector<ServiceInfo>> list = test::run_task(io, services());
  ASSERT_TRUE(list) << list.error().message();
  EXPECT_FALSE(list->empty());
  EXPECT_FALSE(list->front().name.empty());
  EXPECT_EQ(test::run_task(io, services(1))->size(), 1u);
}

}  // namespace
}  // namespace jump::platform
