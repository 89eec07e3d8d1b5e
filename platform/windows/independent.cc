#include "platform/independent.h"

#include <windows.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "common/base/bytes.h"
#include "platform/files.h"
#include "platform/pipe.h"
#include "platform/windows/native.h"
#include "platform/windows/spawn.h"

namespace jump::platform {
namespace {

constexpr std::size_t kInputMost = 60'000;
constexpr std::size_t kPieceBytes = 1024 * 1024;

Result<Handle> open_program(const std::string& path) {
  Handle file =
      own_handle(::CreateFileW(native_path(path).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE,
                               nullptr, OPEN_EXISTING, 0, nullptr));
  if (!file.valid()) return windows_error("open " + path);
  return file;
}

Result<std::size_t> read_piece(const Handle& file, std::vector<std::uint8_t>& into) {
  into.resize(kPieceBytes);
  DWORD got = 0;
  if (!::ReadFile(native_handle(file), into.data(), static_cast<DWORD>(into.size()), &got, nullptr))
    return windows_error("read the program");
  into.resize(got);
  return into.size();
}

// Tells versions apart, no more: who may write there needs no tricks.
Result<std::string> digest_of(const std::string& path) {
  const Result<Handle> file = open_program(path);
  if (!file) return file.error();
  std::uint64_t hash = 14695981039346656037ULL;
  std::vector<std::uint8_t> piece;
  while (true) {
    const Result<std::size_t> got = read_piece(*file, piece);
    if (!got) return got.error();
    if (*got == 0) break;
    for (const std::uint8_t byte : piece) hash = (hash ^ byte) * 1099511628211ULL;
  }
  std::array<std::uint8_t, 8> bytes;
  put_u64(bytes.data(), hash);
  return to_hex(bytes);
}

// A program that runs cannot be removed, and stays.
void remove_others(const std::string& folder, const std::string& kept) {
  WIN32_FIND_DATAW found{};
  const HANDLE search = ::FindFirstFileW(native_path(folder + "/*.exe").c_str(), &found);
  if (search == INVALID_HANDLE_VALUE) return;
  do {
    const std::string name = to_utf8(found.cFileName);
    if (name != kept) ::DeleteFileW(native_path(folder + "/" + name).c_str());
  } while (::FindNextFileW(search, &found));
  ::FindClose(search);
}

}  // namespace

Result<std::string> independent_program(const std::string& own, const std::string& folder) {
  // A session of another user must be able to run it.
  if (Result<void> made = make_folder(folder); !made) return made.error();
  const Result<std::string> digest = digest_of(own);
  if (!digest) return digest.error();
  const std::size_t slash = own.find_last_of("/\\") + 1;
  const std::string name = own.substr(slash, own.rfind('.') - slash) + "-" + *digest + ".exe";
  const std::string path = folder + "/" + name;
  const Result<std::string> there = digest_of(path);
  if (!there || *there != *digest) {
    const std::string fresh = path + ".new";
    if (!::CopyFileW(native_path(own).c_str(), native_path(fresh).c_str(), FALSE) ||
        !::MoveFileExW(native_path(fresh).c_str(), native_path(path).c_str(),
                       MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
      return windows_error("copy the program to " + path);
  }
  remove_others(folder, name);
  return path;
}

Task<Result<void>> start_independent(IndependentSpec spec) {
  if (spec.input.size() > kInputMost) {
    co_return Error(Fault::too_large, "start " + spec.name + ": input of " +
                                          std::to_string(spec.input.size()) + " bytes, at most " +
                                          std::to_string(kInputMost));
  }
  HANDLE read = nullptr;
  HANDLE write = nullptr;
  // Room for all of it, so that writing never waits.
  if (!::CreatePipe(&read, &write, nullptr, static_cast<DWORD>(kInputMost + 4096)))
    co_return windows_error("make a pipe");
  const Handle input = own_handle(read);
  Handle ours = own_handle(write);
  const ByteView secret = spec.input.reveal();
  DWORD gone = 0;
  if (!secret.empty() &&
      !::WriteFile(native_handle(ours), secret.data(), static_cast<DWORD>(secret.size()), &gone, nullptr))
    co_return windows_error("hand the input to " + spec.name);
  ours.close();
  SpawnPlan plan;
  plan.argv = spec.argv;
  plan.env = spec.env;
  plan.folder = spec.folder;
  plan.user = spec.user;
  plan.memory_bytes = spec.memory_bytes;
  plan.input = input.get();
  plan.error_output = standard_error();  // the log of the service
  plan.detached = true;
  const Result<Spawned> spawned = spawn(plan);
  if (!spawned) co_return spawned.error();
  co_return Result<void>();
}

bool systemd_runs() {
  return false;
}

std::vector<std::string> unit_command(const IndependentSpec&, const std::string&) {
  return {};
}

}  // namespace jump::platform
