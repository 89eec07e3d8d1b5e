#include "platform/folder.h"

#include <windows.h>

#include <winioctl.h>
#include <winternl.h>

#include <algorithm>
#include <cstring>

#include "platform/folder_walk.h"
#include "platform/windows/access.h"
#include "platform/windows/file_names.h"
#include "platform/windows/native.h"
#include "platform/windows/nt_files.h"

// What winternl.h of mingw-w64 has not; from the documentation of the Windows driver kit.
extern "C" NTSTATUS NTAPI NtQueryDirectoryFile(HANDLE, HANDLE, PIO_APC_ROUTINE, PVOID, PIO_STATUS_BLOCK,
                                               PVOID, ULONG, FILE_INFORMATION_CLASS, BOOLEAN, PUNICODE_STRING,
                                               BOOLEAN);

namespace jump::platform {
namespace {

constexpr ULONG kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
constexpr ACCESS_MASK kWalk = FILE_LIST_DIRECTORY | FILE_TRAVERSE | FILE_READ_ATTRIBUTES | SYNCHRONIZE;
constexpr ACCESS_MASK kLook = FILE_READ_ATTRIBUTES | SYNCHRONIZE;
constexpr ULONG kOpenSelf =
    FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_REPARSE_POINT | FILE_OPEN_FOR_BACKUP_INTENT;
constexpr NTSTATUS kNoMoreFiles = static_cast<NTSTATUS>(0x80000006u);
constexpr NTSTATUS kNoSuchFile = static_cast<NTSTATUS>(0xC000000Fu);
constexpr NTSTATUS kObjectNameCollision = static_cast<NTSTATUS>(0xC0000035u);

// FILE_FULL_DIR_INFORMATION
struct DirectoryEntry {
  ULONG next;
  ULONG index;
  LARGE_INTEGER created, accessed, written, changed, end, allocated;
  ULONG attributes;
  ULONG name_bytes;
  ULONG ea_bytes;
  WCHAR name[1];
};
constexpr auto kFullDirectory = static_cast<FILE_INFORMATION_CLASS>(2);

// REPARSE_DATA_BUFFER, as far as links and junctions go
struct ReparseHead {
  ULONG tag;
  USHORT bytes;
  USHORT reserved;
  USHORT substitute_at, substitute_bytes, print_at, print_bytes;
};

// An existing regular file.
Result<Handle> open_regular(int from, const std::string& name, ACCESS_MASK access, const std::string& path) {
  Handle file;
  NTSTATUS status = open_at(from, name, access, FILE_OPEN, kOpenSelf | FILE_NON_DIRECTORY_FILE, file);
  if (!NT_SUCCESS(status)) {
    if (is_absent(status)) return Error(Fault::not_found, printable(path) + " does not exist");
    Handle look;
    if (NT_SUCCESS(open_at(from, name, kLook, FILE_OPEN, kOpenSelf, look))) {
      const Result<FileInfo> info = info_of(native_handle(look), path);
      if (info && info->kind == FileKind::folder)
        return Error(Fault::refused, printable(path) + ": not a regular file");
      if (info && info->kind == FileKind::link)
        return Error(Fault::refused, printable(path) + ": a link is not followed");
    }
    return nt_error(status, "open", path);
  }
  const Result<FileInfo> info = info_of(native_handle(file), path);
  if (!info) return info.error();
  if (info->kind == FileKind::link)
    return Error(Fault::refused, printable(path) + ": a link is not followed");
  if (info->kind != FileKind::file) return Error(Fault::refused, printable(path) + ": not a regular file");
  const Result<DWORD> attributes = attributes_of(native_handle(file), path);
  if (!attributes) return attributes.error();
  if ((*attributes & FILE_ATTRIBUTE_REPARSE_POINT) == 0) return file;
  // Stored in another way: opened through whoever stores it, if it is the same file still.
  Handle through;
  status = open_at(from, name, access, FILE_OPEN,
                   (kOpenSelf & ~ULONG{FILE_OPEN_REPARSE_POINT}) | FILE_NON_DIRECTORY_FILE, through);
  if (!NT_SUCCESS(status)) return nt_error(status, "open", path);
  const Result<FileInfo> now = info_of(native_handle(through), path);
  if (!now) return now.error();
  if (now->device != info->device || now->inode != info->inode)
    return Error(Fault::refused, printable(path) + ": it changed while it was opened");
  return through;
}

// Links cannot be made below a handle without knowing whether a file or a folder is meant.
Error no_links(const std::string& path) {
  return {Fault::unsupported, printable(path) + ": links are not made on Windows"};
}

}  // namespace

Result<void> check_name(const std::string& name, const std::string&) {
  return check_windows_name(name);
}

Result<Handle> step_down(int from, const std::string& name, const std::string& path) {
  Handle next;
  const NTSTATUS status = open_at(from, name, kWalk, FILE_OPEN, kOpenSelf | FILE_DIRECTORY_FILE, next);
  if (!NT_SUCCESS(status)) {
    Handle look;
    if (NT_SUCCESS(open_at(from, name, kLook, FILE_OPEN, kOpenSelf, look))) {
      const Result<FileInfo> info = info_of(native_handle(look), path);
      if (info && info->kind == FileKind::link)
        return Error(Fault::refused, printable(path) + ": a link is not followed");
      if (info && info->kind != FileKind::folder)
        return Error(Fault::refused, printable(path) + ": not a folder");
    }
    return nt_error(status, "open", path);
  }
  const Result<DWORD> attributes = attributes_of(native_handle(next), path);
  if (!attributes) return attributes.error();
  if (is_link(native_handle(next), *attributes))
    return Error(Fault::refused, printable(path) + ": a link is not followed");
  return next;
}

Result<Folder> Folder::open(const std::string& path) {
  Handle root = own_handle(::CreateFileW(native_path(path).c_str(), kWalk, kShareAll, nullptr, OPEN_EXISTING,
                                         FILE_FLAG_BACKUP_SEMANTICS, nullptr));
  if (!root.valid()) return last_error("open folder", path);
  const Result<DWORD> attributes = attributes_of(native_handle(root), path);
  if (!attributes) return attributes.error();
  if ((*attributes & FILE_ATTRIBUTE_DIRECTORY) == 0)
    return windows_error(ERROR_DIRECTORY, "open folder " + printable(path));
  return Folder(std::move(root));
}

Result<FileInfo> Folder::info(const std::string& path) {
  if (path.empty()) return info_of(native_handle(root_), path);
  std::string name;
  const Result<int> parent = parent_of(path, name);
  if (!parent) return parent.error();
  Handle look;
  const NTSTATUS status = open_at(*parent, name, kLook, FILE_OPEN, kOpenSelf, look);
  if (NT_SUCCESS(status)) return info_of(native_handle(look), path);
  if (is_absent(status)) return Error(Fault::not_found, printable(path) + " does not exist");
  return nt_error(status, "look at", path);
}

Result<std::vector<std::string>> Folder::names(const std::string& path, std::size_t limit) {
  const Result<int> at = folder_at(path);
  if (!at) return at.error();
  std::vector<std::string> names;
  std::vector<std::uint64_t> buffer(8192);  // 64 KiB, aligned
  IO_STATUS_BLOCK io{};
  bool first = true;
  while (true) {
    const NTSTATUS status =
        ::NtQueryDirectoryFile(native_handle(*at), nullptr, nullptr, nullptr, &io, buffer.data(),
                               static_cast<ULONG>(buffer.size() * sizeof(std::uint64_t)), kFullDirectory,
                               FALSE, nullptr, first ? TRUE : FALSE);
    if (status == kNoMoreFiles || (first && status == kNoSuchFile)) break;
    if (!NT_SUCCESS(status)) return nt_error(status, "list", path);
    first = false;
    const auto* place = reinterpret_cast<const std::uint8_t*>(buffer.data());
    while (true) {
      const auto* entry = reinterpret_cast<const DirectoryEntry*>(place);
      const std::wstring_view wide(entry->name, entry->name_bytes / sizeof(wchar_t));
      if (wide != L"." && wide != L"..") {
        if (names.size() == limit)
          return Error(Fault::too_large,
                       printable(path) + " holds more than " + std::to_string(limit) + " names");
        names.push_back(to_utf8(wide));
      }
      if (entry->next == 0) break;
      place += entry->next;
    }
  }
  std::ranges::sort(names);
  return names;
}

Result<std::string> Folder::link_target(const std::string& path) {
  std::string name;
  const Result<int> parent = parent_of(path, name);
  if (!parent) return parent.error();
  Handle link;
  const NTSTATUS status = open_at(*parent, name, kLook, FILE_OPEN, kOpenSelf, link);
  if (!NT_SUCCESS(status)) return nt_error(status, "read link", path);
  std::vector<std::uint64_t> buffer(MAXIMUM_REPARSE_DATA_BUFFER_SIZE / sizeof(std::uint64_t));
  DWORD got = 0;
  if (::DeviceIoControl(native_handle(link), FSCTL_GET_REPARSE_POINT, nullptr, 0, buffer.data(),
                        MAXIMUM_REPARSE_DATA_BUFFER_SIZE, &got, nullptr) == 0) {
    return last_error("read link", path);
  }
  ReparseHead head{};
  if (got < sizeof head) return Error(Fault::malformed, printable(path) + ": a link that says nothing");
  std::memcpy(&head, buffer.data(), sizeof head);
  const bool symbolic = head.tag == IO_REPARSE_TAG_SYMLINK;
  if (!symbolic && head.tag != IO_REPARSE_TAG_MOUNT_POINT)
    return Error(Fault::unsupported, printable(path) + ": a link of a kind that is not known");
  // A symbolic link has flags before its text.
  const std::size_t text = sizeof head + (symbolic ? sizeof(ULONG) : 0);
  const bool print = head.print_bytes != 0;
  const std::size_t begin = text + (print ? head.print_at : head.substitute_at);
  const std::size_t bytes = print ? head.print_bytes : head.substitute_bytes;
  if (begin + bytes > got || begin % sizeof(wchar_t) != 0)
    return Error(Fault::malformed, printable(path) + ": a damaged link");
  std::wstring target(bytes / sizeof(wchar_t), L'\0');
  std::memcpy(target.data(), reinterpret_cast<const std::uint8_t*>(buffer.data()) + begin, bytes);
  if (target.starts_with(L"\\??\\")) target.erase(0, 4);
  return plain_path(target);
}

Result<File> Folder::open_file(const std::string& path) {
  std::string name;
  const Result<int> parent = parent_of(path, name);
  if (!parent) return parent.error();
  Result<Handle> file = open_regular(*parent, name, GENERIC_READ, path);
  if (!file) return file.error();
  return File(std::move(*file));
}

Result<File> Folder::create_file(const std::string& path) {
  std::string name;
  const Result<int> parent = parent_of(path, name);
  if (!parent) return parent.error();
  Handle file;
  const NTSTATUS status = open_at(*parent, name, GENERIC_READ | GENERIC_WRITE, FILE_CREATE,
                                  kOpenSelf | FILE_NON_DIRECTORY_FILE, file);
  if (NT_SUCCESS(status)) return File(std::move(file));
  if (status == kObjectNameCollision)
    return Error(Fault::already_exists, printable(path) + " is there already");
  return nt_error(status, "create", path);
}

Result<File> Folder::open_own_file(const std::string& path) {
  std::string name;
  const Result<int> parent = parent_of(path, name);
  if (!parent) return parent.error();
  Result<Handle> file = open_regular(*parent, name, GENERIC_READ | GENERIC_WRITE, path);
  if (!file) return file.error();
  BY_HANDLE_FILE_INFORMATION info{};
  if (::GetFileInformationByHandle(native_handle(*file), &info) == 0) return last_error("look at", path);
  const Result<bool> ours = is_owned_by_us(native_handle(*file), printable(path));
  if (!ours) return ours.error();
  if (!*ours || info.nNumberOfLinks != 1)
    return Error(Fault::refused, printable(path) + ": not a file of ours alone");
  return File(std::move(*file));
}

Result<bool> Folder::make_folder(const std::string& path) {
  std::string name;
  const Result<int> parent = parent_of(path, name);
  if (!parent) return parent.error();
  Handle made;
  const NTSTATUS status = open_at(*parent, name, kLook, FILE_CREATE, kOpenSelf | FILE_DIRECTORY_FILE, made);
  if (NT_SUCCESS(status)) return true;
  if (status != kObjectNameCollision) return nt_error(status, "make folder", path);
  const Result<FileInfo> info = this->info(path);
  if (!info) return info.error();
  if (info->kind == FileKind::folder) return false;
  return Error(
      Fault::already_exists,
      printable(path) + (info->kind == FileKind::link ? " is a link" : " is there and is no folder"));
}

Result<void> Folder::make_link(const std::string& path, const std::string&) {
  return no_links(path);
}

Result<void> Folder::rename(const std::string& from, const std::string& to) {
  std::string from_name;
  const Result<int> source = parent_of(from, from_name);
  if (!source) return source.error();
  Handle what;
  NTSTATUS status = open_at(*source, from_name, DELETE | kLook, FILE_OPEN, kOpenSelf, what);
  if (!NT_SUCCESS(status)) return nt_error(status, "rename", from);
  std::string to_name;
  const Result<int> goal = parent_of(to, to_name);
  if (!goal) return goal.error();
  status = rename_to(native_handle(what), native_handle(*goal), to_name);
  if (NT_SUCCESS(status)) return {};
  const Result<FileInfo> there = info(to);
  if (there && there->kind == FileKind::folder)
    return Error(Fault::already_exists, printable(to) + " is a folder");
  return nt_error(status, "replace", to);
}

Result<void> Folder::remove(const std::string& path) {
  std::string name;
  const Result<int> parent = parent_of(path, name);
  if (!parent) return parent.error();
  Handle what;
  NTSTATUS status =
      open_at(*parent, name, DELETE | kLook | FILE_WRITE_ATTRIBUTES, FILE_OPEN, kOpenSelf, what);
  if (!NT_SUCCESS(status)) return nt_error(status, "remove", path);
  const Result<FileInfo> info = info_of(native_handle(what), path);
  if (!info) return info.error();
  if (info->kind == FileKind::folder)
    return windows_error(ERROR_ACCESS_DENIED, "remove " + printable(path) + ", a folder");
  Result<void> writable = set_attribute(native_handle(what), FILE_ATTRIBUTE_READONLY, false, "make writable");
  static_cast<void>(writable);  // where that is needed, removing says why it is not possible
  status = delete_it(native_handle(what));
  if (!NT_SUCCESS(status)) return nt_error(status, "remove", path);
  return {};
}

Result<void> Folder::remove_folder(const std::string& path) {
  std::string name;
  const Result<int> parent = parent_of(path, name);
  if (!parent) return parent.error();
  // Our own handle in it would keep the name.
  if (last_path_ == path || last_path_.starts_with(path + "/")) last_.close();
  Handle what;
  NTSTATUS status = open_at(*parent, name, DELETE | kLook, FILE_OPEN, kOpenSelf | FILE_DIRECTORY_FILE, what);
  if (!NT_SUCCESS(status)) return nt_error(status, "remove folder", path);
  status = delete_it(native_handle(what));
  if (!NT_SUCCESS(status)) return nt_error(status, "remove folder", path);
  return {};
}

Result<void> Folder::set_folder(const std::string& path, std::uint32_t, FileTime modified) {
  Handle what;
  NTSTATUS status = 0;
  if (path.empty()) {
    // Through a name of its own: the walk's handles may not write.
    HANDLE again = ::ReOpenFile(native_handle(root_), FILE_WRITE_ATTRIBUTES | FILE_READ_ATTRIBUTES, kShareAll,
                                FILE_FLAG_BACKUP_SEMANTICS);
    what = own_handle(again);
    if (!what.valid()) return last_error("set the time of", path);
  } else {
    std::string name;
    const Result<int> parent = parent_of(path, name);
    if (!parent) return parent.error();
    status = open_at(*parent, name, kLook | FILE_WRITE_ATTRIBUTES, FILE_OPEN, kOpenSelf | FILE_DIRECTORY_FILE,
                     what);
    if (!NT_SUCCESS(status)) return nt_error(status, "set the time of", path);
    const Result<DWORD> attributes = attributes_of(native_handle(what), path);
    if (!attributes) return attributes.error();
    if (is_link(native_handle(what), *attributes))
      return Error(Fault::refused, printable(path) + ": a link is not followed");
  }
  return set_basic(native_handle(what), 0, modified, "set the time of", path);
}

Result<void> Folder::set_link_time(const std::string& path, FileTime) {
  return no_links(path);
}

// NTFS writes names through its journal, and gives no way to wait for a folder.
Result<void> Folder::sync(const std::string& path) {
  const Result<int> at = folder_at(path);
  if (!at) return at.error();
  return {};
}

}  // namespace jump::platform
