#include "platform/windows/pipe_ends.h"

#include <windows.h>

#include <aclapi.h>
#include <ntsecapi.h>
#include <sddl.h>

#include <array>
#include <cstdint>

#include "platform/windows/native.h"
#include "platform/windows/tokens.h"

namespace jump::platform {
namespace {

constexpr DWORD kBufferBytes = 64 * 1024;

// Nobody can know the name before the pipe is there, and then it has its only instance.
Result<std::wstring> secret_name() {
  std::array<std::uint8_t, 16> random;
  if (!::RtlGenRandom(random.data(), static_cast<ULONG>(random.size())))
    return Error(Fault::unavailable, "make the name of a pipe: the system has no random bytes");
  std::wstring name = L"\\\\.\\pipe\\jump-";
  for (const std::uint8_t byte : random) {
    name += L"0123456789abcdef"[byte >> 4];
    name += L"0123456789abcdef"[byte & 15];
  }
  return name;
}

DWORD direction_of(PipeWay way) {
  switch (way) {
    case PipeWay::to_child:
      return PIPE_ACCESS_OUTBOUND;
    case PipeWay::from_child:
      return PIPE_ACCESS_INBOUND;
    case PipeWay::both:
      break;
  }
  return PIPE_ACCESS_DUPLEX;
}

DWORD child_access(PipeWay way) {
  switch (way) {
    case PipeWay::to_child:
      return GENERIC_READ | FILE_WRITE_ATTRIBUTES;
    case PipeWay::from_child:
      return GENERIC_WRITE | FILE_READ_ATTRIBUTES;
    case PipeWay::both:
      break;
  }
  return GENERIC_READ | GENERIC_WRITE;
}

struct Descriptor {
  PSECURITY_DESCRIPTOR words = nullptr;
  ~Descriptor() { ::LocalFree(words); }
};

Result<Handle> create(const NewPipe& pipe, DWORD direction, DWORD instances) {
  Descriptor descriptor;
  if (!::ConvertStringSecurityDescriptorToSecurityDescriptorW(pipe.access.c_str(), SDDL_REVISION_1,
                                                              &descriptor.words, nullptr))
    return windows_error("make the access rights of a pipe");
  SECURITY_ATTRIBUTES security{sizeof security, descriptor.words, FALSE};
  const DWORD first = pipe.first ? FILE_FLAG_FIRST_PIPE_INSTANCE : 0;
  Handle handle = own_handle(
      ::CreateNamedPipeW(pipe.name.c_str(), direction | FILE_FLAG_OVERLAPPED | first,
                         PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS,
                         instances, kBufferBytes, kBufferBytes, 0, &security));
  if (handle.valid()) return handle;
  if (pipe.first && (::GetLastError() == ERROR_ACCESS_DENIED || ::GetLastError() == ERROR_PIPE_BUSY))
    return Error(Fault::already_exists, "another process has the pipe " + to_utf8(pipe.name));
  return windows_error("make the pipe " + to_utf8(pipe.name));
}

}  // namespace

Result<Handle> new_pipe(const NewPipe& pipe) {
  return create(pipe, PIPE_ACCESS_DUPLEX, PIPE_UNLIMITED_INSTANCES);
}

Result<std::pair<Handle, Handle>> pipe_ends(PipeWay way) {
  const Result<std::wstring> name = secret_name();
  if (!name) return name.error();
  NewPipe pipe;
  pipe.name = *name;
  pipe.access = L"D:P(A;;GA;;;" + own_sid() + L")";
  Result<Handle> ours = create(pipe, direction_of(way), 1);
  if (!ours) return ours.error();
  const DWORD flags = way == PipeWay::both ? FILE_FLAG_OVERLAPPED : 0;
  Handle theirs = own_handle(::CreateFileW(name->c_str(), child_access(way), 0, nullptr, OPEN_EXISTING,
                                           flags | SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS, nullptr));
  if (!theirs.valid()) return windows_error("open a pipe");
  return std::pair<Handle, Handle>(std::move(*ours), std::move(theirs));
}

}  // namespace jump::platform
