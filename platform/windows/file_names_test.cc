#include "platform/windows/file_names.h"

#include <gtest/gtest.h>

#include <string>

namespace jump::platform {
namespace {

TEST(FileNames, OrdinaryOnesAreFine) {
  for (const char* name : {"a", "a.txt", ".hidden", "Grüße", "with space.doc", "CONSOLE", "com", "COM10",
                           "lpt", "nulls.txt", "a..b", "~$x", "PROGRA~1"}) {
    EXPECT_TRUE(check_windows_name(name)) << name;
  }
}

TEST(FileNames, WhatWindowsGivesAnotherMeaningIsRefused) {
  for (const char* name :
       {"",           ".",   "..",      "a\\b",     "a/b",  "C:",       "file:stream", "file::$DATA",
        "a*",         "a?",  "\"",      "<",        ">",    "|",        "a\x01",       "end.",
        "end ",       "con", "CON.txt", "nul .txt", "COM1", "lpt9.log", "com\xc2\xb9", "conin$",
        "aux.tar.gz", "\xff"}) {
    EXPECT_FALSE(check_windows_name(name)) << name;
  }
  EXPECT_TRUE(check_windows_name(std::string(255, 'x')));
  EXPECT_FALSE(check_windows_name(std::string(256, 'x')));
}

}  // namespace
}  // namespace jump::platform
