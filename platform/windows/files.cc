#include "platform/files.h"

#include <windows.h>

#include <wincrypt.h>

#include <array>

#include "platform/paths.h"
#include "platform/windows/access.h"
#include "platform/windows/file_names.h"
#include "platform/windows/native.h"
#include "platform/windows/nt_files.h"

namespace jump::platform {
namespace {

constexpr DWORD kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
// Begins a file that is encrypted for this machine; what follows is a blob of CryptProtectData().
constexpr std::string_view kSealed = "jump-dpapi-1\n";
// A scanner that looks at a file the moment it changes holds it for a few milliseconds.
constexpr int kBusyTries = 10;
constexpr DWORD kBusyMilliseconds = 20;

bool is_absent(DWORD error) {
  return error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND;
}
bool is_busy(DWORD error) {
  return error == ERROR_SHARING_VIOLATION || error == ERROR_ACCESS_DENIED || error == ERROR_USER_MAPPED_FILE;
}

// Not a secret: only to keep two writers apart. CREATE_NEW guards what is left.
std::string random_suffix() {
  LARGE_INTEGER ticks{};
  ::QueryPerformanceCounter(&ticks);
  std::array<std::uint8_t, 12> bytes{};
  put_u64(bytes.data(), static_cast<std::uint64_t>(ticks.QuadPart));
  put_u32(bytes.data() + 8, ::GetCurrentProcessId());
  return to_hex(bytes);
}

Result<void> write_all(const Handle& to, ByteView content, const std::string& path) {
  while (!content.empty()) {
    const auto piece = static_cast<DWORD>(std::min<std::size_t>(content.size(), 1 << 20));
    DWORD written = 0;
    if (::WriteFile(native_handle(to), content.data(), piece, &written, nullptr) == 0)
      return windows_error("write " + path);
    content = content.subspan(written);
  }
  return {};
}

Result<void> fill(const std::string& path, ByteView content, bool secret) {
  const Handle file =
      own_handle(::CreateFileW(native_path(path).c_str(), GENERIC_WRITE | READ_CONTROL | WRITE_DAC, 0,
                               nullptr, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, nullptr));
  if (!file.valid()) return windows_error("create " + path);
  if (secret) {
    // Where the folder keeps others out already, its rules are kept: they may name more of ours.
    const Result<Others> others = others_may(native_handle(file), path);
    if (!others) return others.error();
    if (*others != Others::nothing) {
      Result<void> shut = shut_others_out(native_handle(file), Others::nothing, false, path);
      if (!shut) return shut;
    }
  }
  if (Result<void> written = write_all(file, content, path); !written) return written;
  if (::FlushFileBuffers(native_handle(file)) == 0) return windows_error("write " + path + " to disk");
  return {};
}

// Also when somebody reads the old one: MoveFileEx() would refuse that.
Result<void> replace(const std::string& from, const std::string& to) {
  const std::size_t slash = to.find_last_of("/\\");
  const std::string folder = slash == std::string::npos ? "." : to.substr(0, slash + 1);
  const Handle parent =
      own_handle(::CreateFileW(native_path(folder).c_str(), FILE_READ_ATTRIBUTES | FILE_TRAVERSE, kShareAll,
                               nullptr, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr));
  if (!parent.valid()) return windows_error("open folder " + folder);
  const Handle file = own_handle(::CreateFileW(native_path(from).c_str(), GENERIC_WRITE | DELETE, kShareAll,
                                               nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
  if (!file.valid()) return windows_error("open " + from);
  const std::string name = slash == std::string::npos ? to : to.substr(slash + 1);
  if (Result<void> fine = check_windows_name(name); !fine) return fine;
  for (int tries = 0;; ++tries) {
    const long status = rename_to(native_handle(file), native_handle(parent), name);
    if (status >= 0) break;
    const Error error = nt_error(status, "replace", to);
    const DWORD there = ::GetFileAttributesW(native_path(to).c_str());
    const bool is_folder = there != INVALID_FILE_ATTRIBUTES && (there & FILE_ATTRIBUTE_DIRECTORY) != 0;
    if (is_folder || !is_busy(static_cast<DWORD>(error.code.value())) || tries == kBusyTries) return error;
    ::Sleep(kBusyMilliseconds);
  }
  if (::FlushFileBuffers(native_handle(file)) == 0) return windows_error("write " + to + " to disk");
  return {};
}

Result<Handle> open_to_read(const std::string& path) {
  Handle file = own_handle(::CreateFileW(native_path(path).c_str(), GENERIC_READ, kShareAll, nullptr,
                                         OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
  if (file.valid()) return file;
  const DWORD error = ::GetLastError();
  if (is_absent(error)) return Error(Fault::not_found, path + " does not exist");
  return windows_error(error, "open " + path);
}

Result<Bytes> read_all(const Handle& from, const std::string& path, std::size_t limit) {
  Bytes content;
  std::array<std::uint8_t, 16384> piece;
  while (true) {
    DWORD got = 0;
    if (::ReadFile(native_handle(from), piece.data(), static_cast<DWORD>(piece.size()), &got, nullptr) == 0)
      return windows_error("read " + path);
    if (got == 0) return content;
    if (content.size() + got > limit)
      return Error(Fault::too_large, path + " is larger than " + std::to_string(limit) + " bytes");
    content.insert(content.end(), piece.begin(), piece.begin() + got);
  }
}

Result<Bytes> seal(ByteView content) {
  DATA_BLOB in{static_cast<DWORD>(content.size()), const_cast<BYTE*>(content.data())};
  DATA_BLOB out{};
  if (::CryptProtectData(&in, L"jump", nullptr, nullptr, nullptr,
                         CRYPTPROTECT_LOCAL_MACHINE | CRYPTPROTECT_UI_FORBIDDEN, &out) == 0) {
    return windows_error("encrypt a secret for this machine (DPAPI)");
  }
  Bytes sealed = to_bytes(kSealed);
  sealed.insert(sealed.end(), out.pbData, out.pbData + out.cbData);
  ::LocalFree(out.pbData);
  return sealed;
}

Result<Bytes> unseal(ByteView sealed, const std::string& path) {
  const ByteView blob = sealed.subspan(kSealed.size());
  DATA_BLOB in{static_cast<DWORD>(blob.size()), const_cast<BYTE*>(blob.data())};
  DATA_BLOB out{};
  if (::CryptUnprotectData(&in, nullptr, nullptr, nullptr, nullptr, CRYPTPROTECT_UI_FORBIDDEN, &out) == 0) {
    return windows_error("decrypt " + path + " (DPAPI: written by another machine or Windows?)");
  }
  Bytes content(out.pbData, out.pbData + out.cbData);
  ::SecureZeroMemory(out.pbData, out.cbData);
  ::LocalFree(out.pbData);
  return content;
}

Result<void> make_own_folder(std::string path, Others allowed);

// Every user may make folders in ProgramData. One that waits there with our name is nobody's but ours:
// whoever owns it could put others in the place of what is in it.
bool is_in_program_data(const std::string& path) {
  const std::string common = program_paths("x").data.substr(0, program_paths("x").data.size() - 6);
  return path.size() > common.size() && path.starts_with(common);
}

Result<void> make_parents(const std::string& path) {
  const std::size_t slash = path.find_last_of("/\\");
  if (slash == std::string::npos || slash == 0 || path[slash - 1] == ':') return {};
  const std::string parent = path.substr(0, slash);
  if (is_in_program_data(parent)) return make_own_folder(parent, Others::may_read);
  const std::wstring native = native_path(parent);
  if (::GetFileAttributesW(native.c_str()) != INVALID_FILE_ATTRIBUTES) return {};
  if (Result<void> above = make_parents(parent); !above) return above;
  if (::CreateDirectoryW(native.c_str(), nullptr) != 0 || ::GetLastError() == ERROR_ALREADY_EXISTS) return {};
  return windows_error("make folder " + parent);
}

Result<void> make_own_folder(std::string path, Others allowed) {
  while (path.size() > 1 && (path.back() == '/' || path.back() == '\\')) path.pop_back();
  if (Result<void> above = make_parents(path); !above) return above;
  const std::wstring native = native_path(path);
  SECURITY_ATTRIBUTES security{};
  security.nLength = sizeof security;
  security.lpSecurityDescriptor = new_descriptor(allowed, true);
  const bool made = ::CreateDirectoryW(native.c_str(), &security) != 0;
  const DWORD error = ::GetLastError();
  ::LocalFree(security.lpSecurityDescriptor);
  if (!made && error != ERROR_ALREADY_EXISTS) return windows_error(error, "make folder " + path);
  // Checked through one handle, so that nobody swaps it in between.
  const auto open = [&native](DWORD rights) {
    return own_handle(::CreateFileW(native.c_str(), FILE_READ_ATTRIBUTES | READ_CONTROL | rights, kShareAll,
                                    nullptr, OPEN_EXISTING,
                                    FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, nullptr));
  };
  Handle folder = open(WRITE_DAC);
  if (!folder.valid()) folder = open(0);
  if (!folder.valid()) return windows_error("open folder " + path);
  BY_HANDLE_FILE_INFORMATION info{};
  if (::GetFileInformationByHandle(native_handle(folder), &info) == 0)
    return windows_error("look at folder " + path);
  if ((info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0 ||
      (info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
    return Error(Fault::refused, path + " is not a folder");
  }
  const Result<bool> ours = is_owned_by_us(native_handle(folder), path);
  if (!ours) return ours.error();
  if (!*ours) return Error(Fault::refused, "folder " + path + " belongs to another user");
  const Result<Others> others = others_may(native_handle(folder), path);
  if (!others) return others.error();
  if (*others <= allowed) return {};
  return shut_others_out(native_handle(folder), allowed, true, path);
}

}  // namespace

Result<void> write_file(const std::string& path, ByteView content, unsigned mode) {
  const std::string temporary = path + ".new-" + random_suffix();
  Result<void> filled = fill(temporary, content, (mode & 077) == 0);
  if (filled) filled = replace(temporary, path);
  if (!filled) ::DeleteFileW(native_path(temporary).c_str());
  return filled;
}

Result<void> write_private_file(const std::string& path, ByteView content) {
  const Result<Bytes> sealed = seal(content);
  if (!sealed) return sealed.error();
  return write_file(path, *sealed, 0600);
}

Result<Bytes> read_file(const std::string& path, std::size_t limit) {
  const Result<Handle> file = open_to_read(path);
  if (!file) return file.error();
  return read_all(*file, path, limit);
}

Result<Bytes> read_private_file(const std::string& path, std::size_t limit) {
  const Result<Handle> file = open_to_read(path);
  if (!file) return file.error();
  if (::GetFileType(native_handle(*file)) != FILE_TYPE_DISK)
    return Error(Fault::refused, path + " is not a regular file");
  const Result<Others> others = others_may(native_handle(*file), path);
  if (!others) return others.error();
  if (*others != Others::nothing) {
    return Error(Fault::refused, path + " may be read or changed by others; `icacls \"" + path +
                                     "\" /inheritance:r /grant:r Administrators:F SYSTEM:F \"%USERNAME%\":F` "
                                     "takes their rights away");
  }
  const Result<bool> ours = is_owned_by_us(native_handle(*file), path);
  if (!ours) return ours.error();
  if (!*ours) return Error(Fault::refused, path + " belongs to another user");
  constexpr std::size_t kSealBytes = 1024;  // what DPAPI adds, and more
  Result<Bytes> content = read_all(*file, path, limit + kSealBytes);
  if (content && as_text(*content).starts_with(kSealed)) content = unseal(*content, path);
  if (content && content->size() > limit)
    return Error(Fault::too_large, path + " is larger than " + std::to_string(limit) + " bytes");
  return content;
}

Result<void> refuse_foreign_file(const std::string& path) {
  const Handle file = own_handle(::CreateFileW(native_path(path).c_str(), READ_CONTROL, kShareAll, nullptr,
                                               OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
  if (!file.valid()) return {};  // who reads it meets the same, and says so
  const Result<bool> ours = is_owned_by_us(native_handle(file), path);
  if (!ours) return ours.error();
  if (!*ours) return Error(Fault::refused, path + " belongs to another user and is not believed");
  const Result<Others> others = others_may(native_handle(file), path);
  if (!others) return others.error();
  if (*others == Others::may_write)
    return Error(Fault::refused, path + " may be changed by others and is not believed; `icacls \"" + path +
                                     "\" /inheritance:r /grant:r Administrators:F SYSTEM:F Users:R`");
  return {};
}

Result<void> make_private_folder(const std::string& path) {
  return make_own_folder(path, Others::nothing);
}
Result<void> make_folder(const std::string& path) {
  return make_own_folder(path, Others::may_read);
}

Result<void> remove_file(const std::string& path) {
  const std::wstring native = native_path(path);
  for (int tries = 0;; ++tries) {
    if (::DeleteFileW(native.c_str()) != 0) return {};
    const DWORD error = ::GetLastError();
    if (is_absent(error)) return {};
    const DWORD there = ::GetFileAttributesW(native.c_str());
    const bool folder = there != INVALID_FILE_ATTRIBUTES && (there & FILE_ATTRIBUTE_DIRECTORY) != 0;
    if (folder || error != ERROR_SHARING_VIOLATION || tries == kBusyTries)
      return windows_error(error, "remove " + path);
    ::Sleep(kBusyMilliseconds);
  }
}

Result<Space> disk_space(const std::string& path) {
  ULARGE_INTEGER free{};
  ULARGE_INTEGER total{};
  if (::GetDiskFreeSpaceExW(native_path(path).c_str(), &free, &total, nullptr) == 0)
    return windows_error("ask for the space of " + path);
  Space space;
  space.free = free.QuadPart;
  space.total = total.QuadPart;
  return space;
}

}  // namespace jump::platform
