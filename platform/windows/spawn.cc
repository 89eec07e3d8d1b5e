#include "platform/windows/spawn.h"

#include <windows.h>

#include <algorithm>
#include <array>
#include <cwctype>

#include "common/base/bytes.h"
#include "platform/windows/native.h"
#include "platform/windows/tokens.h"

namespace jump::platform {
namespace {

constexpr std::size_t kCommandLineMost = 32767;

// --- what is started ----------------------------------------------------------------------------------

void append_quoted(std::wstring& line, std::wstring_view word) {
  if (!line.empty()) line += L' ';
  if (!word.empty() && word.find_first_of(L" \t\n\v\"") == std::wstring_view::npos) {
    line += word;
    return;
  }
  line += L'"';
  std::size_t slashes = 0;
  for (const wchar_t letter : word) {
    if (letter == L'\\') {
      ++slashes;
    } else {
      // Before a quotation mark each backslash counts twice, elsewhere once.
      if (letter == L'"') line.append(slashes + 1, L'\\');
      slashes = 0;
    }
    line += letter;
  }
  line.append(slashes, L'\\');
  line += L'"';
}

std::string value_in(const std::vector<std::string>& env, std::string_view name) {
  for (const std::string& item : env) {
    if (item.size() > name.size() && item[name.size()] == '=' &&
        ::_strnicmp(item.c_str(), name.data(), name.size()) == 0)
      return item.substr(name.size() + 1);
  }
  return {};
}

bool is_file(const std::wstring& path) {
  const DWORD attributes = ::GetFileAttributesW(path.c_str());
  return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) == 0;
}

// As it is, or with one of the endings that stand for programs.
std::wstring with_ending(const std::wstring& path) {
  const std::size_t dot = path.rfind(L'.');
  if (dot != std::wstring::npos && path.find_first_of(L"\\/", dot) == std::wstring::npos && is_file(path))
    return path;
  for (const wchar_t* ending : {L".exe", L".com", L".bat", L".cmd"}) {
    if (is_file(path + ending)) return path + ending;
  }
  return {};
}

// Never in the present folder, nor beside our own program, where CreateProcess() would look first.
Result<std::wstring> find_program(const SpawnPlan& plan) {
  const std::string& name = plan.argv.front();
  std::wstring wide = to_wide(name);
  std::ranges::replace(wide, L'/', L'\\');
  if (wide.find_first_of(L"\\:") != std::wstring::npos) {
    std::wstring found = with_ending(wide);
    if (found.empty() && is_file(wide)) found = wide;
    if (!found.empty()) return found;
  } else {
    const std::wstring path = to_wide(value_in(plan.env, "PATH"));
    std::size_t at = 0;
    while (at <= path.size()) {
      const std::size_t end = std::min(path.find(L';', at), path.size());
      std::wstring folder = path.substr(at, end - at);
      std::erase(folder, L'"');
      at = end + 1;
      if (folder.size() < 3) continue;
      if (std::wstring found = with_ending(folder + L"\\" + wide); !found.empty()) return found;
    }
  }
  return windows_error(ERROR_FILE_NOT_FOUND, "start " + printable(name, 128));
}

// The command interpreter reads a batch file's arguments by rules of its own, in which these are commands.
Result<void> check_batch(const std::wstring& program, const std::vector<std::string>& argv) {
  const std::wstring_view ending(program.c_str() + program.size() - std::min<std::size_t>(4, program.size()));
  if (::_wcsicmp(ending.data(), L".bat") != 0 && ::_wcsicmp(ending.data(), L".cmd") != 0) return {};
  for (std::size_t i = 1; i < argv.size(); ++i) {
    if (argv[i].find_first_of("\"%!^&|<>()\r\n") == std::string::npos) continue;
    return Error(Fault::refused,
                 "start " + printable(argv.front(), 128) +
                     ": an argument of a batch file may have none of \" % ! ^ & | < > ( ); start "
                     "cmd.exe /c with the line that you mean");
  }
  return {};
}

Result<void> check_text(const std::vector<std::string>& list, const char* what) {
  for (const std::string& item : list) {
    if (item.find('\0') != std::string::npos)
      return Error(Fault::invalid, std::string(what) + " contains a NUL byte");
  }
  return {};
}

// "KEY=VALUE" one after the other, each ended by NUL, sorted by name.
std::wstring environment_block(const std::vector<std::string>& env) {
  std::vector<std::wstring> items;
  items.reserve(env.size());
  for (const std::string& item : env) items.push_back(to_wide(item));
  std::ranges::sort(items, [](const std::wstring& a, const std::wstring& b) {
    return ::CompareStringOrdinal(a.c_str(), static_cast<int>(a.find(L'=', 1)), b.c_str(),
                                  static_cast<int>(b.find(L'=', 1)), TRUE) == CSTR_LESS_THAN;
  });
  std::wstring block;
  for (const std::wstring& item : items) block += item + L'\0';
  if (block.empty()) block += L'\0';
  return block + L'\0';
}

// "/" and what is not there: the root of the system's disk.
std::wstring working_folder(const std::string& folder) {
  std::wstring wide = to_wide(folder);
  std::ranges::replace(wide, L'/', L'\\');
  const DWORD attributes = wide.size() < 3 ? INVALID_FILE_ATTRIBUTES : ::GetFileAttributesW(wide.c_str());
  if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0) return wide;
  std::wstring windows(MAX_PATH, L'\0');
  windows.resize(::GetWindowsDirectoryW(windows.data(), MAX_PATH));
  return windows.substr(0, 3);
}

// --- what it inherits -----------------------------------------------------------------------------------

Result<Handle> inherited(int handle, DWORD null_access) {
  if (handle < 0) {
    SECURITY_ATTRIBUTES security{sizeof security, nullptr, TRUE};
    Handle null_device = own_handle(::CreateFileW(L"NUL", null_access, FILE_SHARE_READ | FILE_SHARE_WRITE,
                                                  &security, OPEN_EXISTING, 0, nullptr));
    if (!null_device.valid()) return windows_error("open the null device");
    return null_device;
  }
  HANDLE copy = nullptr;
  if (!::DuplicateHandle(::GetCurrentProcess(), native_handle(handle), ::GetCurrentProcess(), &copy, 0, TRUE,
                         DUPLICATE_SAME_ACCESS))
    return windows_error("hand a handle to a program");
  return own_handle(copy);
}

// Two at the most: what is inherited, or the pseudo-console.
class Attributes {
 public:
  Attributes() = default;
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() {
    if (list_ != nullptr) ::DeleteProcThreadAttributeList(list_);
  }

  Result<void> set(DWORD_PTR what, void* value, std::size_t size) {
    SIZE_T needed = 0;
    ::InitializeProcThreadAttributeList(nullptr, 1, 0, &needed);
    memory_.resize(needed);
    auto* list = reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(memory_.data());
    if (!::InitializeProcThreadAttributeList(list, 1, 0, &needed))
      return windows_error("prepare what a program inherits");
    list_ = list;
    if (!::UpdateProcThreadAttribute(list, 0, what, value, size, nullptr, nullptr))
      return windows_error("prepare what a program inherits");
    return {};
  }
  LPPROC_THREAD_ATTRIBUTE_LIST get() const { return list_; }

 private:
  std::vector<std::uint8_t> memory_;
  LPPROC_THREAD_ATTRIBUTE_LIST list_ = nullptr;
};

// --- its job --------------------------------------------------------------------------------------------

Result<Handle> make_job(const SpawnPlan& plan) {
  Handle job = own_handle(::CreateJobObjectW(nullptr, nullptr));
  if (!job.valid()) return windows_error("make a job");
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
  DWORD& flags = limits.BasicLimitInformation.LimitFlags;
  if (!plan.detached) flags |= JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
  if (!plan.confined) flags |= JOB_OBJECT_LIMIT_BREAKAWAY_OK;
  if (plan.memory_bytes) {
    flags |= JOB_OBJECT_LIMIT_JOB_MEMORY;
    limits.JobMemoryLimit = static_cast<SIZE_T>(*plan.memory_bytes);
  }
  if (!::SetInformationJobObject(native_handle(job), JobObjectExtendedLimitInformation, &limits,
                                 sizeof limits))
    return windows_error("set the limits of a job");
  return job;
}

bool has_console() {
  return ::GetConsoleCP() != 0;
}

DWORD creation_flags(const SpawnPlan& plan) {
  DWORD flags =
      CREATE_SUSPENDED | CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT | CREATE_NEW_PROCESS_GROUP;
  if (plan.detached) {
    flags |= DETACHED_PROCESS | CREATE_BREAKAWAY_FROM_JOB;
  } else if (plan.terminal == nullptr && !has_console()) {
    flags |= CREATE_NO_WINDOW;  // a console that nobody sees
  }
  if (plan.terminal != nullptr) flags &= ~static_cast<DWORD>(CREATE_NEW_PROCESS_GROUP);  // Ctrl-C is for it
  return flags;
}

struct Start {
  std::wstring program, line, env, folder;
  std::wstring desktop;
  STARTUPINFOEXW info{};
  DWORD flags = 0;
};

Result<Handle> token_of(const SpawnPlan& plan) {
  if (plan.user) {
    const Result<User> own = current_user();
    if (!own || own->uid != plan.user->uid) return token_for(*plan.user);
  }
  if (plan.confined) return lowered_token();
  return Handle();
}

bool create(Start& start, const Handle& token, PROCESS_INFORMATION& made) {
  // On a pseudo-console a program inherits nothing.
  const BOOL inherits = start.info.StartupInfo.hStdOutput == nullptr ? FALSE : TRUE;
  std::wstring line = start.line;  // Windows writes into it
  STARTUPINFOW* info = &start.info.StartupInfo;
  if (!token.valid()) {
    return ::CreateProcessW(start.program.c_str(), line.data(), nullptr, nullptr, inherits, start.flags,
                            start.env.data(), start.folder.c_str(), info, &made);
  }
  return ::CreateProcessAsUserW(native_handle(token), start.program.c_str(), line.data(), nullptr, nullptr,
                                inherits, start.flags, start.env.data(), start.folder.c_str(), info, &made);
}

}  // namespace

std::wstring command_line(const std::vector<std::string>& argv) {
  std::wstring line;
  for (const std::string& word : argv) append_quoted(line, to_wide(word));
  return line;
}

void let_live(const Handle& job) {
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
  limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_BREAKAWAY_OK;
  ::SetInformationJobObject(native_handle(job), JobObjectExtendedLimitInformation, &limits, sizeof limits);
}

Result<Spawned> spawn(const SpawnPlan& plan) {
  if (plan.argv.empty() || plan.argv.front().empty()) return Error(Fault::invalid, "no program is named");
  for (const auto& [list, what] :
       {std::pair(&plan.argv, "an argument"), std::pair(&plan.env, "the environment")}) {
    if (Result<void> fine = check_text(*list, what); !fine) return fine.error();
  }
  const std::string doing = "start " + printable(plan.argv.front(), 128);
  Result<std::wstring> program = find_program(plan);
  if (!program) return program.error();
  if (Result<void> fine = check_batch(*program, plan.argv); !fine) return fine.error();
  Start start;
  start.program = std::move(*program);
  start.line = command_line(plan.argv);
  if (start.line.size() >= kCommandLineMost) {
    return Error(Fault::too_large, doing + ": its arguments have " + std::to_string(start.line.size()) +
                                       " characters, at most " + std::to_string(kCommandLineMost - 1) +
                                       " are possible");
  }
  start.env = environment_block(plan.env);
  start.folder = working_folder(plan.folder);
  start.flags = creation_flags(plan);
  const Result<Handle> token = token_of(plan);
  if (!token) return wrap(token.error(), doing);

  Attributes attributes;
  std::array<Handle, 3> handles;
  std::array<HANDLE, 3> natives{};
  start.info.StartupInfo.cb = sizeof start.info;
  Result<void> set;
  if (plan.terminal != nullptr) {
    set = attributes.set(PROC_THREAD_ATTRIBUTE_PSEUDOCONSOLE, plan.terminal, sizeof plan.terminal);
    // Without this the program would get our own standard handles where they are no consoles.
    start.info.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
  } else {
    const std::array<int, 3> wanted{plan.input, plan.output, plan.error_output};
    for (std::size_t i = 0; i < handles.size(); ++i) {
      Result<Handle> one = inherited(wanted[i], i == 0 ? GENERIC_READ : GENERIC_WRITE);
      if (!one) return wrap(one.error(), doing);
      handles[i] = std::move(*one);
      natives[i] = native_handle(handles[i]);
    }
    // Nothing else, whatever is inheritable in this process.
    set = attributes.set(PROC_THREAD_ATTRIBUTE_HANDLE_LIST, natives.data(), sizeof natives);
    start.info.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    start.info.StartupInfo.hStdInput = natives[0];
    start.info.StartupInfo.hStdOutput = natives[1];
    start.info.StartupInfo.hStdError = natives[2];
  }
  if (!set) return wrap(set.error(), doing);
  start.info.lpAttributeList = attributes.get();
  // A desktop of its own, which the other user may use.
  if (plan.user && token->valid()) start.info.StartupInfo.lpDesktop = start.desktop.data();

  Result<Handle> job = make_job(plan);
  if (!job) return wrap(job.error(), doing);
  PROCESS_INFORMATION made{};
  bool created = create(start, *token, made);
  if (!created && plan.detached && ::GetLastError() == ERROR_ACCESS_DENIED) {
    // Whoever started us forbids to leave his job: then it lives as long as that.
    start.flags &= ~static_cast<DWORD>(CREATE_BREAKAWAY_FROM_JOB);
    created = create(start, *token, made);
  }
  if (!created) return windows_error(plan.user ? doing + " as " + plan.user->name : doing);
  const Handle thread = own_handle(made.hThread);
  Spawned spawned;
  spawned.pid = static_cast<int>(made.dwProcessId);
  spawned.process = own_handle(made.hProcess);
  const bool needs_job = !plan.detached || plan.memory_bytes;
  if (needs_job && !::AssignProcessToJobObject(native_handle(*job), made.hProcess)) {
    const Error failed = windows_error(doing + ": put it into a job");
    ::TerminateProcess(made.hProcess, 1);
    return failed;
  }
  ::ResumeThread(native_handle(thread));
  if (!plan.detached) spawned.job = std::move(*job);
  return spawned;
}

}  // namespace jump::platform
