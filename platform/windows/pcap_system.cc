#include "platform/pcap_system.h"

#include <windows.h>

#include "platform/windows/adapter_name.h"

namespace jump::platform::pcap {

const char* const kLibrary = "Npcap";
const char* const kNoRights = "Npcap lets only administrators";

void* find(const char* name) {
  static const HMODULE loaded = [] {
    // By its whole path: a file of that name elsewhere is not loaded into a service.
    std::wstring folder(MAX_PATH, L'\0');
    folder.resize(::GetSystemDirectoryW(folder.data(), static_cast<UINT>(folder.size())));
    HMODULE module = nullptr;
    for (const wchar_t* place : {L"\\Npcap\\wpcap.dll", L"\\wpcap.dll"}) {
      if (module == nullptr)
        module = ::LoadLibraryExW((folder + place).c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
    }
    return module;
  }();
  return loaded == nullptr ? nullptr : reinterpret_cast<void*>(::GetProcAddress(loaded, name));
}

std::optional<std::string> device(const std::string& interface) {
  const std::optional<std::string> guid = adapter_guid(interface);
  if (!guid) return std::nullopt;
  return "\\Device\\NPF_" + *guid;
}

// Looks from time to time: frames are received by helpers that live for seconds.
struct Wait::Impl {};

Wait::Wait(asio::any_io_executor) {}
Wait::~Wait() = default;

Result<void> Wait::begin(void*) {
  return {};
}

Task<Result<void>> Wait::frames() {
  co_await sleep_for(std::chrono::milliseconds(10));
  co_return Result<void>();
}

}  // namespace jump::platform::pcap
