#include "platform/machine.h"

#include <windows.h>

#include <winioctl.h>
#include <winternl.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "platform/serial.h"
#include "platform/windows/native.h"
#include "platform/windows/registry.h"
#include "platform/windows/smbios.h"

// What the machine is. What goes on in it is in activity.cc.

namespace jump::platform {
namespace {

constexpr const wchar_t* kVersion = L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion";
constexpr const wchar_t* kProcessor = L"HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0";
constexpr int kDisksMost = 16;

std::string computer_name(COMPUTER_NAME_FORMAT format) {
  std::array<wchar_t, 512> name{};
  auto size = static_cast<DWORD>(name.size());
  return ::GetComputerNameExW(format, name.data(), &size) != 0 ? printable(to_utf8(name.data()), 255)
                                                               : std::string();
}

struct Version {
  DWORD major = 0;
  DWORD minor = 0;
  DWORD build = 0;
};

// GetVersionEx() tells programs what they were made for; this one tells the truth.
Version version() {
  OSVERSIONINFOW info{};
  info.dwOSVersionInfoSize = sizeof info;
  using Get = LONG(WINAPI*)(OSVERSIONINFOW*);
  const auto get = reinterpret_cast<Get>(
      reinterpret_cast<void*>(::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "RtlGetVersion")));
  Version result;
  if (get == nullptr || get(&info) != 0) return result;
  result.major = info.dwMajorVersion;
  result.minor = info.dwMinorVersion;
  result.build = info.dwBuildNumber;
  return result;
}

std::string architecture() {
  SYSTEM_INFO info{};
  ::GetNativeSystemInfo(&info);
  switch (info.wProcessorArchitecture) {
    case PROCESSOR_ARCHITECTURE_AMD64:
      return "x86_64";
    case PROCESSOR_ARCHITECTURE_ARM64:
      return "aarch64";
    case PROCESSOR_ARCHITECTURE_INTEL:
      return "i686";
    default:
      return "unknown";
  }
}

FirmwareNames firmware_names() {
  constexpr DWORD kTable = 0x52534D42;  // 'RSMB'
  constexpr std::size_t kHead = 8;      // RawSMBIOSData before its table
  const UINT size = ::GetSystemFirmwareTable(kTable, 0, nullptr, 0);
  if (size <= kHead || size > 1024 * 1024) return {};
  Bytes table(size);
  if (::GetSystemFirmwareTable(kTable, 0, table.data(), size) != size) return {};
  return parse_smbios(ByteView(table).subspan(kHead));
}

// Of disks that are built in: those that were plugged in may be pulled again.
std::optional<std::string> disk_serial(int number) {
  const std::wstring name = L"\\\\.\\PhysicalDrive" + std::to_wstring(number);
  const Handle disk = own_handle(
      ::CreateFileW(name.c_str(), 0, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_EXISTING, 0, nullptr));
  if (!disk.valid()) return std::nullopt;
  STORAGE_PROPERTY_QUERY query{};
  query.PropertyId = StorageDeviceProperty;
  query.QueryType = PropertyStandardQuery;
  std::array<std::uint8_t, 4096> answer{};
  DWORD got = 0;
  if (::DeviceIoControl(native_handle(disk), IOCTL_STORAGE_QUERY_PROPERTY, &query, sizeof query,
                        answer.data(), static_cast<DWORD>(answer.size()), &got, nullptr) == 0) {
    return std::nullopt;
  }
  STORAGE_DEVICE_DESCRIPTOR head{};
  if (got < sizeof head) return std::nullopt;
  std::memcpy(&head, answer.data(), sizeof head);
  if (head.RemovableMedia != 0 || head.BusType == BusTypeUsb || head.BusType == BusType1394 ||
      head.SerialNumberOffset == 0 || head.SerialNumberOffset >= got) {
    return std::nullopt;
  }
  const auto* text = reinterpret_cast<const char*>(answer.data()) + head.SerialNumberOffset;
  std::string serial(text, ::strnlen(text, got - head.SerialNumberOffset));
  serial.erase(serial.find_last_not_of(' ') + 1);
  serial.erase(0, serial.find_first_not_of(' '));
  if (!is_real_serial(serial)) return std::nullopt;
  return printable(serial, 128);
}

}  // namespace

// The time of the start, without what setting the clock has moved it by since: the kernel keeps both.
Result<std::string> boot_id() {
  struct TimeOfDay {  // SYSTEM_TIMEOFDAY_INFORMATION
    LARGE_INTEGER boot_time;
    LARGE_INTEGER current_time;
    LARGE_INTEGER zone_bias;
    ULONG zone_id;
    ULONG reserved;
    ULONGLONG boot_time_bias;
    ULONGLONG sleep_time_bias;
  } times{};
  ULONG got = 0;
  const NTSTATUS status = ::NtQuerySystemInformation(SystemTimeOfDayInformation, &times, sizeof times, &got);
  if (!NT_SUCCESS(status) || times.boot_time.QuadPart == 0)
    return Error(Fault::unavailable, "the machine's time of start cannot be read");
  std::array<std::uint8_t, 8> bytes{};
  put_u64(bytes.data(), static_cast<std::uint64_t>(times.boot_time.QuadPart) - times.boot_time_bias);
  return "windows-" + to_hex(bytes);
}

MachineName machine_name() {
  MachineName name;
  name.hostname = computer_name(ComputerNameDnsHostname);
  if (name.hostname.empty()) name.hostname = computer_name(ComputerNameNetBIOS);
  name.fqdn = computer_name(ComputerNameDnsFullyQualified);
  if (name.fqdn.empty()) name.fqdn = name.hostname;
  return name;
}

std::string_view system_family() {
  return "windows";
}

OperatingSystem operating_system() {
  OperatingSystem system;
  const Version number = version();
  system.kernel = "Windows " + std::to_string(number.major) + "." + std::to_string(number.minor) + "." +
                  std::to_string(number.build);
  system.architecture = architecture();
  std::string name = registry_text(kVersion, L"ProductName").value_or(std::string());
  // Windows 11 calls itself 10 there; its builds begin at 22000. Servers say their name.
  constexpr std::string_view kTen = "Windows 10";
  constexpr DWORD kEleven = 22000;
  if (name.starts_with(kTen) && number.build >= kEleven) name.replace(0, kTen.size(), "Windows 11");
  if (const auto display = registry_text(kVersion, L"DisplayVersion"); display && !name.empty())
    name += " " + *display;
  system.name = name.empty() ? system.kernel : printable(name, 128);
  return system;
}

std::uint64_t uptime_seconds() {
  return ::GetTickCount64() / 1000;
}

std::map<std::string, std::vector<std::string>> fingerprint_parts() {
  std::map<std::string, std::vector<std::string>> parts;
  const FirmwareNames firmware = firmware_names();
  if (firmware.uuid) parts["dmi_uuid"].push_back(*firmware.uuid);
  if (firmware.board_serial) parts["board_serial"].push_back(printable(*firmware.board_serial, 128));
  if (firmware.product_serial) parts["product_serial"].push_back(printable(*firmware.product_serial, 128));
  for (int i = 0; i < kDisksMost; ++i) {
    const std::optional<std::string> serial = disk_serial(i);
    if (!serial) continue;
    std::vector<std::string>& values = parts["disk_serial"];
    if (std::ranges::find(values, *serial) == values.end()) values.push_back(*serial);
  }
  const auto machine = registry_text(L"SOFTWARE\\Microsoft\\Cryptography", L"MachineGuid");
  if (machine && is_real_serial(*machine)) parts["machine_id"].push_back(*machine);
  return parts;
}

Processor processor() {
  Processor result;
  result.count = ::GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
  std::string model = registry_text(kProcessor, L"ProcessorNameString").value_or(std::string());
  model.erase(model.find_last_not_of(' ') + 1);
  result.model = printable(model, 128);
  return result;
}

}  // namespace jump::platform
