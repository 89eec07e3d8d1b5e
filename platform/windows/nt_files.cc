#include "platform/windows/nt_files.h"

#include <windows.h>

#include <winternl.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "common/base/check.h"
#include "platform/windows/native.h"

// What winternl.h of mingw-w64 has not; from the documentation of the Windows driver kit.
extern "C" NTSTATUS NTAPI NtSetInformationFile(HANDLE, PIO_STATUS_BLOCK, PVOID, ULONG,
                                               FILE_INFORMATION_CLASS);

namespace jump::platform {
namespace {

constexpr ULONG kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

constexpr NTSTATUS kNoSuchFile = static_cast<NTSTATUS>(0xC000000Fu);

// FILE_RENAME_INFORMATION(_EX)
struct RenameRequest {
  ULONG flags;
  HANDLE root;
  ULONG name_bytes;
  WCHAR name[256];
};
constexpr auto kRename = static_cast<FILE_INFORMATION_CLASS>(10);
constexpr auto kRenameEx = static_cast<FILE_INFORMATION_CLASS>(65);
constexpr ULONG kReplace = 0x1;
constexpr ULONG kPosix = 0x2;  // also over a file that somebody has open
constexpr ULONG kIgnoreReadOnly = 0x40;

// FILE_DISPOSITION_INFORMATION(_EX)
constexpr auto kDisposition = static_cast<FILE_INFORMATION_CLASS>(13);
constexpr auto kDispositionEx = static_cast<FILE_INFORMATION_CLASS>(64);
constexpr ULONG kDelete = 0x1;
constexpr ULONG kDeletePosix = 0x2;  // the name is gone at once
constexpr ULONG kDeleteReadOnly = 0x10;

// Other file systems than NTFS, and Wine, know only the older of two requests.
bool is_unknown_request(NTSTATUS status) {
  switch (NT_SUCCESS(status) ? 0 : ::RtlNtStatusToDosError(status)) {
    case ERROR_INVALID_PARAMETER:
    case ERROR_INVALID_FUNCTION:
    case ERROR_NOT_SUPPORTED:
    case ERROR_CALL_NOT_IMPLEMENTED:
    case ERROR_MR_MID_NOT_FOUND:
    case ERROR_BAD_LENGTH:
      return true;
    default:
      return false;
  }
}

constexpr std::int64_t kEpoch = 116'444'736'000'000'000;  // 1601 to 1970, in 100 ns

FileTime to_time(const FILETIME& from) {
  const std::int64_t ticks =
      static_cast<std::int64_t>(std::uint64_t{from.dwHighDateTime} << 32 | from.dwLowDateTime) - kEpoch;
  FileTime time;
  time.seconds = ticks / 10'000'000 - (ticks % 10'000'000 < 0 ? 1 : 0);
  time.nanoseconds = static_cast<std::uint32_t>((ticks - time.seconds * 10'000'000) * 100);
  return time;
}

LARGE_INTEGER to_ticks(FileTime time) {
  LARGE_INTEGER ticks{};
  // Windows knows no time before 1601, and means "leave it" by 0 and -1.
  constexpr std::int64_t kSecondsLeast = -11'644'473'599;
  constexpr std::int64_t kSecondsMost = 900'000'000'000;
  const std::int64_t seconds = std::clamp(time.seconds, kSecondsLeast, kSecondsMost);
  ticks.QuadPart =
      kEpoch + seconds * 10'000'000 + std::min<std::uint32_t>(time.nanoseconds, 999'999'999) / 100;
  return ticks;
}

}  // namespace

Error nt_error(NTSTATUS status, const char* doing, const std::string& path) {
  return windows_error(
      ::RtlNtStatusToDosError(status),
      std::string(doing) + " " + (path.empty() ? std::string("the folder") : printable(path)));
}
Error last_error(const char* doing, const std::string& path) {
  return windows_error(std::string(doing) + " " +
                       (path.empty() ? std::string("the folder") : printable(path)));
}
bool is_absent(NTSTATUS status) {
  const ULONG error = ::RtlNtStatusToDosError(status);
  return error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND || status == kNoSuchFile;
}

NTSTATUS open_at(int from, const std::string& name, ACCESS_MASK access, ULONG disposition, ULONG options,
                 Handle& opened) {
  std::wstring wide = to_wide(name);
  UNICODE_STRING text{};
  text.Buffer = wide.data();
  text.Length = static_cast<USHORT>(wide.size() * sizeof(wchar_t));
  text.MaximumLength = text.Length;
  OBJECT_ATTRIBUTES object{};
  object.Length = sizeof object;
  object.RootDirectory = native_handle(from);
  object.ObjectName = &text;
  object.Attributes = OBJ_CASE_INSENSITIVE;
  IO_STATUS_BLOCK io{};
  HANDLE handle = nullptr;
  const NTSTATUS status = ::NtCreateFile(&handle, access | SYNCHRONIZE, &object, &io, nullptr,
                                         FILE_ATTRIBUTE_NORMAL, kShareAll, disposition, options, nullptr, 0);
  if (NT_SUCCESS(status)) opened = own_handle(handle);
  return status;
}

bool is_link(HANDLE handle, DWORD attributes) {
  if ((attributes & FILE_ATTRIBUTE_REPARSE_POINT) == 0) return false;
  FILE_ATTRIBUTE_TAG_INFO tag{};
  if (::GetFileInformationByHandleEx(handle, FileAttributeTagInfo, &tag, sizeof tag) == 0) return true;
  return IsReparseTagNameSurrogate(tag.ReparseTag) != 0;
}

Result<FileInfo> info_of(HANDLE handle, const std::string& path) {
  BY_HANDLE_FILE_INFORMATION from{};
  if (::GetFileInformationByHandle(handle, &from) == 0) return last_error("look at", path);
  const DWORD attributes = from.dwFileAttributes;
  FileInfo info;
  info.kind = FileKind::file;
  if ((attributes & FILE_ATTRIBUTE_DIRECTORY) != 0) info.kind = FileKind::folder;
  if (is_link(handle, attributes)) info.kind = FileKind::link;
  if (::GetFileType(handle) != FILE_TYPE_DISK) info.kind = FileKind::other;
  const bool folder = info.kind == FileKind::folder;
  const bool read_only = !folder && (attributes & FILE_ATTRIBUTE_READONLY) != 0;
  info.mode = (folder ? 0755u : 0644u) & (read_only ? ~0222u : ~0u);
  info.hidden = (attributes & FILE_ATTRIBUTE_HIDDEN) != 0;
  if (info.kind == FileKind::file) info.size = std::uint64_t{from.nFileSizeHigh} << 32 | from.nFileSizeLow;
  info.modified = to_time(from.ftLastWriteTime);
  info.device = from.dwVolumeSerialNumber;
  info.inode = std::uint64_t{from.nFileIndexHigh} << 32 | from.nFileIndexLow;
  return info;
}

Result<void> set_basic(HANDLE handle, DWORD attributes, std::optional<FileTime> modified, const char* doing,
                       const std::string& path) {
  FILE_BASIC_INFO basic{};
  basic.FileAttributes = attributes;
  if (modified) basic.LastWriteTime = to_ticks(*modified);
  if (::SetFileInformationByHandle(handle, FileBasicInfo, &basic, sizeof basic) == 0)
    return last_error(doing, path);
  return {};
}

Result<DWORD> attributes_of(HANDLE handle, const std::string& path) {
  FILE_BASIC_INFO basic{};
  if (::GetFileInformationByHandleEx(handle, FileBasicInfo, &basic, sizeof basic) == 0)
    return last_error("look at", path);
  return basic.FileAttributes;
}

Result<void> set_attribute(HANDLE handle, DWORD attribute, bool on, const char* doing) {
  const Result<DWORD> now = attributes_of(handle, "a file");
  if (!now) return now.error();
  DWORD wanted = on ? *now | attribute : *now & ~attribute;
  if (wanted == *now) return {};
  if (wanted == 0) wanted = FILE_ATTRIBUTE_NORMAL;
  return set_basic(handle, wanted, std::nullopt, doing, "a file");
}

NTSTATUS rename_to(HANDLE what, HANDLE root, const std::string& name) {
  const std::wstring wide = to_wide(name);  // at most 255: check_windows_name()
  RenameRequest request{};
  CHECK(wide.size() < std::size(request.name));
  request.root = root;
  request.name_bytes = static_cast<ULONG>(wide.size() * sizeof(wchar_t));
  std::memcpy(request.name, wide.data(), request.name_bytes);
  const auto size = static_cast<ULONG>(offsetof(RenameRequest, name) + request.name_bytes + sizeof(wchar_t));
  IO_STATUS_BLOCK io{};
  request.flags = kReplace | kPosix | kIgnoreReadOnly;
  const NTSTATUS status = ::NtSetInformationFile(what, &io, &request, size, kRenameEx);
  if (!is_unknown_request(status)) return status;
  request.flags = kReplace;
  return ::NtSetInformationFile(what, &io, &request, size, kRename);
}

NTSTATUS delete_it(HANDLE what) {
  IO_STATUS_BLOCK io{};
  ULONG flags = kDelete | kDeletePosix | kDeleteReadOnly;
  const NTSTATUS status = ::NtSetInformationFile(what, &io, &flags, sizeof flags, kDispositionEx);
  if (!is_unknown_request(status)) return status;
  BOOLEAN yes = TRUE;
  return ::NtSetInformationFile(what, &io, &yes, sizeof yes, kDisposition);
}

}  // namespace jump::platform
