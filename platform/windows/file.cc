#include <windows.h>

#include <algorithm>
#include <array>

#include "platform/folder.h"
#include "platform/windows/native.h"
#include "platform/windows/nt_files.h"

// File: an open one. Folder is in folder.cc.

namespace jump::platform {
namespace {

OVERLAPPED at_offset(std::uint64_t offset) {
  OVERLAPPED place{};
  place.Offset = static_cast<DWORD>(offset);
  place.OffsetHigh = static_cast<DWORD>(offset >> 32);
  return place;
}

}  // namespace

bool concerns_all_files(const Error& error) {
  if (error.code.category() != boost::system::system_category()) return false;
  constexpr std::array kNumbers = {
      ERROR_DISK_FULL,   ERROR_HANDLE_DISK_FULL,    ERROR_WRITE_PROTECT,       ERROR_NOT_ENOUGH_QUOTA,
      ERROR_CRC,         ERROR_IO_DEVICE,           ERROR_TOO_MANY_OPEN_FILES, ERROR_NOT_ENOUGH_MEMORY,
      ERROR_OUTOFMEMORY, ERROR_NO_SYSTEM_RESOURCES, ERROR_DEV_NOT_EXIST,       ERROR_NOT_READY};
  return std::ranges::find(kNumbers, static_cast<long>(error.code.value())) != kNumbers.end();
}

FileTime as_stored(FileTime time) {
  time.nanoseconds -= time.nanoseconds % 100;
  return time;
}

// --- File -----------------------------------------------------------------------------------------------

Result<FileInfo> File::info() const {
  return info_of(native_handle(handle_), "a file");
}

Result<std::size_t> File::read_at(std::uint64_t offset, std::span<std::uint8_t> into) const {
  OVERLAPPED place = at_offset(offset);
  DWORD got = 0;
  if (::ReadFile(native_handle(handle_), into.data(), static_cast<DWORD>(into.size()), &got, &place) != 0)
    return std::size_t{got};
  if (::GetLastError() == ERROR_HANDLE_EOF) return std::size_t{0};
  return windows_error("read");
}

Result<void> File::write_at(std::uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    OVERLAPPED place = at_offset(offset);
    DWORD put = 0;
    if (::WriteFile(native_handle(handle_), bytes.data(), static_cast<DWORD>(bytes.size()), &put, &place) ==
        0)
      return windows_error("write");
    offset += put;
    bytes = bytes.subspan(put);
  }
  return {};
}

Result<void> File::truncate(std::uint64_t size) {
  FILE_END_OF_FILE_INFO end{};
  end.EndOfFile.QuadPart = static_cast<LONGLONG>(size);
  if (::SetFileInformationByHandle(native_handle(handle_), FileEndOfFileInfo, &end, sizeof end) == 0)
    return windows_error("cut a file");
  return {};
}

Result<void> File::set_mode(std::uint32_t mode) {
  return set_attribute(native_handle(handle_), FILE_ATTRIBUTE_READONLY, (mode & 0200) == 0,
                       "set the mode of");
}

Result<void> File::set_hidden(bool hidden) {
  return set_attribute(native_handle(handle_), FILE_ATTRIBUTE_HIDDEN, hidden, "hide");
}

Result<void> File::set_modified(FileTime time) {
  return set_basic(native_handle(handle_), 0, time, "set the time of", "a file");
}

// Windows has no way to ask for it without waiting.
void File::begin_sync() {}

Result<void> File::sync() {
  if (::FlushFileBuffers(native_handle(handle_)) == 0) return windows_error("write to disk");
  return {};
}

bool File::try_lock() {
  // Locks of Windows keep others from reading too: so it is of a byte that no file has.
  OVERLAPPED place = at_offset(std::uint64_t{1} << 62);
  return ::LockFileEx(native_handle(handle_), LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0,
                      &place) != 0;
}

}  // namespace jump::platform
