#include "platform/program.h"

#include <windows.h>

#include <fcntl.h>
#include <io.h>
#include <shellapi.h>

#include <cstdio>
#include <cstdlib>

#include "platform/windows/native.h"

namespace jump::platform {
namespace {

UINT code_page_before = 0;

void give_console_back() {
  ::SetConsoleOutputCP(code_page_before);
}

}  // namespace

std::vector<std::string> begin_program(int argc, char** argv) {
  ::SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
  ::SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32);
  for (const int number : {0, 1, 2}) ::_setmode(number, _O_BINARY);
  // Standard error comes in whole lines, and at once.
  std::setvbuf(stderr, nullptr, _IONBF, 0);
  code_page_before = ::GetConsoleOutputCP();
  if (code_page_before != 0 && code_page_before != CP_UTF8 && ::SetConsoleOutputCP(CP_UTF8) != 0) {
    std::atexit(&give_console_back);
  }
  int count = 0;
  wchar_t** const words = ::CommandLineToArgvW(::GetCommandLineW(), &count);
  if (words == nullptr) return {argv, argv + argc};
  std::vector<std::string> all;
  for (int i = 0; i < count; ++i) all.push_back(to_utf8(words[i]));
  ::LocalFree(words);
  return all;
}

void trim_memory() {
  constexpr auto kAll = static_cast<SIZE_T>(-1);
  ::SetProcessWorkingSetSize(::GetCurrentProcess(), kAll, kAll);
}

}  // namespace jump::platform
