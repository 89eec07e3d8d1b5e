#include <gtest/gtest.h>

#include "common/identity/fingerprint.h"

namespace jump::identity {
namespace {

const Bytes kSalt = to_bytes("salt of one site");

HashedFingerprint hashed(const FingerprintParts& parts) {
  return hash_parts(parts, kSalt);
}

const FingerprintParts kMachine = {{"dmi_uuid", {"4C4C4544-0042-3510-8052-B4C04F4E3332"}},
                                   {"board_serial", {"CN7016342"}},
                                   {"disks", {"S3Z8NB0K", "WD-WCC4N"}}};

struct Row {
  const char* what;
  FingerprintParts other;
  bool same;
};

TEST(Fingerprint, TellsTheSameMachineFromAnother) {
  const std::vector<Row> table = {
      {"nothing changed", kMachine, true},
      {"disks named in another order",
       {{"dmi_uuid", {"4C4C4544-0042-3510-8052-B4C04F4E3332"}},
        {"board_serial", {"CN7016342"}},
        {"disks", {"WD-WCC4N", "S3Z8NB0K"}}},
       true},
      {"case and blanks",
       {{"dmi_uuid", {" 4c4c4544-0042-3510-8052-b4c04f4e3332\n"}},
        {"board_serial", {"cn7016342 "}},
        {"disks", {"s3z8nb0k"}}},
       true},
      {"one of two disks replaced",
       {{"dmi_uuid", {"4C4C4544-0042-3510-8052-B4C04F4E3332"}},
        {"board_serial", {"CN7016342"}},
        {"disks", {"WD-WCC4N", "NEW"}}},
       true},
      {"all disks replaced",
       {{"dmi_uuid", {"4C4C4544-0042-3510-8052-B4C04F4E3332"}},
        {"board_serial", {"CN7016342"}},
        {"disks", {"NEW"}}},
       true},
      {"new board, UUID with it",
       {{"dmi_uuid", {"other"}}, {"board_serial", {"other"}}, {"disks", {"S3Z8NB0K", "WD-WCC4N"}}},
       false},
      {"a copied disk in another machine, cloned by a tool that keeps serials",
       {{"dmi_uuid", {"other"}}, {"board_serial", {"other"}}, {"disks", {"S3Z8NB0K"}}},
       false},
      {"all differs", {{"dmi_uuid", {"x"}}, {"board_serial", {"y"}}, {"disks", {"z"}}}, false},
      {"a part cannot be read any more, the rest agrees",
       {{"dmi_uuid", {"4C4C4544-0042-3510-8052-B4C04F4E3332"}}, {"board_serial", {"CN7016342"}}},
       true},
      {"a part cannot be read any more, one of two differs: half is not most",
       {{"dmi_uuid", {"4C4C4544-0042-3510-8052-B4C04F4E3332"}}, {"board_serial", {"other"}}},
       true},
      {"only a part that is the same", {{"board_serial", {"CN7016342"}}}, true},
      {"only a part that differs", {{"board_serial", {"other"}}}, false},
      {"another kind of part alone", {{"machine_id", {"CN7016342"}}}, false},
      {"nothing at all", {}, false},
      {"a serial that its maker never filled in says nothing",
       {{"dmi_uuid", {"other"}}, {"board_serial", {"Default string"}}, {"disks", {"S3Z8NB0K"}}},
       true},
  };
  for (const Row& row : table) {
    EXPECT_EQ(similar(hashed(kMachine), hashed(row.other)), row.same) << row.what;
    EXPECT_EQ(similar(hashed(row.other), hashed(kMachine)), row.same) << row.what << ", the other way round";
  }
}

TEST(Fingerprint, UnfilledValuesMakeNoTwoMachinesEqual) {
  for (const char* value :
       {"", "  ", "To Be Filled By O.E.M.", "Default string", "None", "Not Specified",
        "00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "03000200-0400-0500-0006-000700080009", "........", "System Serial Number", "xxxxxxxx"}) {
    EXPECT_TRUE(hashed({{"board_serial", {value}}}).parts.empty()) << value;
  }
  EXPECT_FALSE(hashed({{"board_serial", {"0000001"}}}).parts.empty());
}

TEST(Fingerprint, HashesDependOnSaltAndNameAndHideTheValue) {
  const HashedFingerprint one = hash_parts({{"a", {"v"}}, {"b", {"v"}}}, kSalt);
  const HashedFingerprint two = hash_parts({{"a", {"v"}}, {"b", {"v"}}}, to_bytes("another site"));
  EXPECT_NE(one.parts.at("a"), one.parts.at("b"));
  EXPECT_FALSE(similar(one, two));
  EXPECT_EQ(one.parts.at("a").front().size(), 32u);
  EXPECT_TRUE(check(one));
}

TEST(Fingerprint, SummaryChangesWithAnything) {
  const Digest base = summary(hashed(kMachine));
  EXPECT_EQ(base, summary(hashed(kMachine)));
  FingerprintParts changed = kMachine;
  changed["disks"].push_back("NEW");
  EXPECT_NE(base, summary(hashed(changed)));
  changed = kMachine;
  changed.erase("disks");
  EXPECT_NE(base, summary(hashed(changed)));
  // Boundaries count: a value cannot move from one part into the next.
  HashedFingerprint a;
  a.parts = {{"x", {"1", "2"}}};
  HashedFingerprint b;
  b.parts = {{"x", {"1"}}, {"2", {}}};
  EXPECT_NE(summary(a), summary(b));
}

TEST(Fingerprint, LimitsOfAPeer) {
  const auto refused = [](const HashedFingerprint& f) { return check(f).error().message(); };
  HashedFingerprint f;
  f.parts = {{"disks", {"xyz"}}};
  EXPECT_EQ(refused(f), "fingerprint.disks: a value that is not 32 hex digits");
  f.parts = {{"di sks", {}}};
  EXPECT_EQ(refused(f), "fingerprint.di sks: no name of a part");
  f.parts = {{"disks", {}}};
  EXPECT_EQ(refused(f), "fingerprint.disks: 0 values, 1 to 64 are taken");
  f.parts.clear();
  for (int i = 0; i < 17; ++i) f.parts["p" + std::to_string(i)] = {std::string(32, 'a')};
  EXPECT_EQ(refused(f), "fingerprint: 17 parts, at most 16 are taken");
  f.parts = {{"disks", std::vector<std::string>(65, std::string(32, 'a'))}};
  EXPECT_FALSE(check(f));
}

}  // namespace
}  // namespace jump::identity
