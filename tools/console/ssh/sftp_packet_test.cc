#include "tools/console/ssh/sftp_packet.h"

#include <gtest/gtest.h>

namespace jump::console::sftp {
namespace {

TEST(SftpPacket, HasItsLengthInFront) {
  const Bytes packet = Writer(Type::version).u32(3).packet();
  EXPECT_EQ(to_hex(packet), "000000050200000003");
}

TEST(SftpPacket, IsCutOutOfAnyPieces) {
  const Bytes one = Writer(Type::realpath).u32(1).text(".").packet();
  Cutter cutter;
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_FALSE(cutter.next()->has_value());
    cutter.feed(ByteView(one).subspan(i, 1));
  }
  const Result<std::optional<Bytes>> packet = cutter.next();
  ASSERT_TRUE(packet && *packet);
  Reader reader(**packet);
  EXPECT_EQ(reader.byte(), 16);
  EXPECT_EQ(reader.u32(), 1u);
  EXPECT_EQ(reader.text(), ".");
  EXPECT_FALSE(reader.bad());
  EXPECT_FALSE(cutter.next()->has_value());
}

TEST(SftpPacket, OfNothingOrOfTooMuchIsRefused) {
  for (const char* length : {"00000000", "00040001", "ffffffff"}) {
    Cutter cutter;
    cutter.feed(*from_hex(length));
    EXPECT_FALSE(cutter.next()) << length;
  }
}

TEST(SftpPacket, EveryTruncationReadsAsBad) {
  Attributes all;
  all.size = 5;
  all.mode = 0100644;
  all.accessed = 1;
  all.modified = 2;
  const Bytes whole = Writer(Type::open).u32(7).text("/etc/motd").u32(1).attributes(all).packet();
  for (std::size_t size = 4; size <= whole.size(); ++size) {
    Reader reader(ByteView(whole).first(size).subspan(4));
    reader.byte();
    reader.u32();
    reader.text();
    reader.u32();
    const Attributes read = reader.attributes();
    EXPECT_EQ(reader.bad(), size < whole.size()) << size;
    if (!reader.bad()) {
      EXPECT_EQ(read.size, 5u);
      EXPECT_EQ(read.mode, 0100644u);
      EXPECT_EQ(read.modified, 2u);
    }
  }
}

TEST(SftpPacket, ALyingLengthInsideIsBad) {
  const Bytes packet = *from_hex("10000000017fffffff2e");
  Reader reader(packet);
  reader.byte();
  reader.u32();
  EXPECT_EQ(reader.text(), "");
  EXPECT_TRUE(reader.bad());
}

TEST(SftpPacket, ExtendedAttributesAreSkipped) {
  const Bytes packet =
      Writer(Type::setstat).u32(0x80000000).u32(2).text("a").text("b").text("c").text("d").u32(9).packet();
  Reader reader(ByteView(packet).subspan(5));
  static_cast<void>(reader.attributes());
  EXPECT_EQ(reader.u32(), 9u);
  EXPECT_FALSE(reader.bad());
}

}  // namespace
}  // namespace jump::console::sftp
