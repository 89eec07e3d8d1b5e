// The custom actions of the MSI packages: what the Windows Installer cannot say in tables.
//
//   prepare   as the person who installs: checks the properties, reads KEY_INFO_FILE, and hands all of it to
//   enrol in
//             its CustomActionData, one word a line. That and KEY_INFO are hidden properties: no log shows
//             them
//   enrol     as LocalSystem: PROGRAM install --key-info-file -, the key on its standard input, so that no
//   command
//             line holds it. What it says goes to the installer's log, and what failed to the person
//   leave     as LocalSystem: PROGRAM uninstall, which tells the appliance; then the folder of data goes
//
// One DLL for all packages, without a runtime of its own.
#include <windows.h>

#include <msi.h>
#include <msiquery.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace {

constexpr std::size_t kKeyBytes = 8192;
constexpr std::size_t kOutputMost = 64 * 1024;
constexpr DWORD kPatience = 5 * 60 * 1000;  // milliseconds, of one program

struct Owned {
  HANDLE handle = nullptr;
  Owned() = default;
  explicit Owned(HANDLE h) : handle(h) {}
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { close(); }
  void close() {
    if (handle != nullptr && handle != INVALID_HANDLE_VALUE) ::CloseHandle(handle);
    handle = nullptr;
  }
  bool valid() const { return handle != nullptr && handle != INVALID_HANDLE_VALUE; }
};

std::wstring property(MSIHANDLE install, const wchar_t* name) {
  DWORD size = 0;
  wchar_t none = L'\0';
  ::MsiGetPropertyW(install, name, &none, &size);
  std::wstring value(++size, L'\0');
  if (::MsiGetPropertyW(install, name, value.data(), &size) != ERROR_SUCCESS) return {};
  value.resize(size);
  return value;
}

std::wstring to_wide(const std::string& text) {
  std::wstring wide(text.size(), L'\0');
  wide.resize(static_cast<std::size_t>(::MultiByteToWideChar(
      CP_UTF8, 0, text.data(), static_cast<int>(text.size()), wide.data(), static_cast<int>(wide.size()))));
  return wide;
}
std::string to_utf8(const std::wstring& wide) {
  std::string text(wide.size() * 3, '\0');
  text.resize(static_cast<std::size_t>(
      ::WideCharToMultiByte(CP_UTF8, 0, wide.data(), static_cast<int>(wide.size()), text.data(),
                            static_cast<int>(text.size()), nullptr, nullptr)));
  return text;
}

void say(MSIHANDLE install, INSTALLMESSAGE kind, const std::wstring& text) {
  PMSIHANDLE record = ::MsiCreateRecord(1);
  ::MsiRecordSetStringW(record, 0, L"[1]");
  ::MsiRecordSetStringW(record, 1, text.c_str());
  ::MsiProcessMessage(install, kind, record);
}
void note(MSIHANDLE install, const std::wstring& text) {
  say(install, INSTALLMESSAGE_INFO, text);
}
UINT fail(MSIHANDLE install, const std::wstring& text) {
  say(install, static_cast<INSTALLMESSAGE>(INSTALLMESSAGE_ERROR | MB_OK), text);
  return ERROR_INSTALL_FAILURE;
}

std::vector<std::wstring> lines_of(const std::wstring& text) {
  std::vector<std::wstring> lines;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find(L'\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// As CommandLineToArgvW() takes it apart again.
std::wstring quoted(const std::wstring& word) {
  std::wstring text = L"\"";
  std::size_t slashes = 0;
  for (const wchar_t c : word) {
    if (c == L'"') text.append(slashes + 1, L'\\');
    slashes = c == L'\\' ? slashes + 1 : 0;
    text += c;
  }
  text.append(slashes, L'\\');
  return text + L'"';
}

struct Outcome {
  DWORD status = 0;
  std::wstring output;
  bool ran = false;
};

// Runs it without a window, `input` on its standard input, to its end.
Outcome run(const std::vector<std::wstring>& words, const std::string& input) {
  Outcome outcome;
  SECURITY_ATTRIBUTES inherited{sizeof inherited, nullptr, TRUE};
  Owned in_read, in_write, out_read, out_write;
  if (::CreatePipe(&in_read.handle, &in_write.handle, &inherited, 0) == 0 ||
      ::CreatePipe(&out_read.handle, &out_write.handle, &inherited, 0) == 0) {
    return outcome;
  }
  ::SetHandleInformation(in_write.handle, HANDLE_FLAG_INHERIT, 0);
  ::SetHandleInformation(out_read.handle, HANDLE_FLAG_INHERIT, 0);
  std::wstring line;
  for (const std::wstring& word : words) line += (line.empty() ? L"" : L" ") + quoted(word);
  STARTUPINFOW start{};
  start.cb = sizeof start;
  start.dwFlags = STARTF_USESTDHANDLES;
  start.hStdInput = in_read.handle;
  start.hStdOutput = out_write.handle;
  start.hStdError = out_write.handle;
  PROCESS_INFORMATION made{};
  if (::CreateProcessW(words.front().c_str(), line.data(), nullptr, nullptr, TRUE, CREATE_NO_WINDOW, nullptr,
                       nullptr, &start, &made) == 0) {
    outcome.status = ::GetLastError();
    return outcome;
  }
  const Owned process(made.hProcess);
  const Owned thread(made.hThread);
  in_read.close();
  out_write.close();
  DWORD done = 0;
  ::WriteFile(in_write.handle, input.data(), static_cast<DWORD>(input.size()), &done, nullptr);
  in_write.close();
  std::string output;
  std::array<char, 4096> piece{};
  // Ends with the program, and with whatever it left behind that holds this pipe: nothing does.
  while (::ReadFile(out_read.handle, piece.data(), static_cast<DWORD>(piece.size()), &done, nullptr) != 0 &&
         done > 0) {
    if (output.size() < kOutputMost) output.append(piece.data(), done);
  }
  if (::WaitForSingleObject(process.handle, kPatience) != WAIT_OBJECT_0) {
    ::TerminateProcess(process.handle, 1);
    ::WaitForSingleObject(process.handle, 5000);
  }
  ::GetExitCodeProcess(process.handle, &outcome.status);
  output.erase(std::remove(output.begin(), output.end(), '\r'), output.end());
  while (output.ends_with('\n')) output.pop_back();
  outcome.output = to_wide(output);
  outcome.ran = true;
  return outcome;
}

void note_output(MSIHANDLE install, const std::wstring& program, const Outcome& outcome) {
  for (const std::wstring& line : lines_of(outcome.output)) note(install, program + L": " + line);
  note(install, program + L": exit status " + std::to_wstring(outcome.status));
}

// Reads what a person typed into KEY_INFO_FILE. False when it cannot be read.
bool read_key(const std::wstring& path, std::wstring& key) {
  const Owned file(::CreateFileW(path.c_str(), GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING,
                                 FILE_ATTRIBUTE_NORMAL, nullptr));
  if (!file.valid()) return false;
  std::string text(kKeyBytes, '\0');
  DWORD got = 0;
  if (::ReadFile(file.handle, text.data(), static_cast<DWORD>(text.size()), &got, nullptr) == 0) return false;
  text.resize(got);
  // Notepad may have put a mark before it.
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  key = to_wide(text);
  return true;
}

// The word that a person set, for a person: "JC_NAME must not contain a line end".
bool is_one_line(const std::wstring& value) {
  return value.find_first_of(L"\r\n") == std::wstring::npos;
}

// Of a tree: links in it are removed, not followed; what is in use goes with the next start of Windows.
void remove_tree(const std::wstring& path) {
  const DWORD attributes = ::GetFileAttributesW(path.c_str());
  if (attributes == INVALID_FILE_ATTRIBUTES) return;
  const bool folder = (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
  const bool link = (attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0;
  if (folder && !link) {
    WIN32_FIND_DATAW found{};
    const HANDLE search = ::FindFirstFileW((path + L"\\*").c_str(), &found);
    if (search != INVALID_HANDLE_VALUE) {
      do {
        const std::wstring name = found.cFileName;
        if (name != L"." && name != L"..") remove_tree(path + L"\\" + name);
      } while (::FindNextFileW(search, &found) != 0);
      ::FindClose(search);
    }
  }
  ::SetFileAttributesW(path.c_str(), FILE_ATTRIBUTE_NORMAL);
  const BOOL gone = folder ? ::RemoveDirectoryW(path.c_str()) : ::DeleteFileW(path.c_str());
  if (gone == 0) ::MoveFileExW(path.c_str(), nullptr, MOVEFILE_DELAY_UNTIL_REBOOT);
}

}  // namespace

// What the property is called, and the option of `install` that it becomes.
struct Setting {
  const wchar_t* property;
  const wchar_t* option;
};
constexpr Setting kSettings[] = {
    {L"JC_NAME", L"--name"},
    {L"JC_JUMP_GROUP", L"--group"},
    {L"JC_TAG", L"--tag"},
    {L"JC_COMMENTS", L"--comments"},
    {L"JC_MAX_OFFLINE_MINUTES", L"--max-offline-minutes"},
    {L"JC_SESSION_USER", L"--session-user"},
};

// The old version's removal must know that it makes room for a newer one. Windows says so by
// UPGRADINGPRODUCTCODE, Wine does not: the new package makes this while it is installed.
std::wstring upgrade_sign(const std::wstring& title) {
  return L"Global\\upgrade of " + title;
}

extern "C" __declspec(dllexport) UINT __stdcall prepare(MSIHANDLE install) {
  // Closed by the end of this process, which is that of the installation.
  if (!property(install, L"WIX_UPGRADE_DETECTED").empty())
    ::CreateEventW(nullptr, TRUE, FALSE, upgrade_sign(property(install, L"ProgramTitle")).c_str());
  std::wstring key = property(install, L"KEY_INFO");
  const std::wstring file = property(install, L"KEY_INFO_FILE");
  if (key.empty() && !file.empty() && !read_key(file, key))
    return fail(install, L"KEY_INFO_FILE: " + file + L" cannot be read");
  while (!key.empty() && (key.back() == L'\n' || key.back() == L'\r' || key.back() == L' ')) key.pop_back();
  if (!is_one_line(key)) return fail(install, L"the deployment key is not one line");
  std::wstring data =
      key + L"\n" + property(install, L"INSTALLDIR") + property(install, L"ProgramFile") + L"\n";
  for (const Setting& setting : kSettings) {
    const std::wstring value = property(install, setting.property);
    if (!is_one_line(value)) return fail(install, std::wstring(setting.property) + L" must be one line");
    if (!value.empty()) data += std::wstring(setting.option) + L"\n" + value + L"\n";
  }
  if (!property(install, L"JC_EPHEMERAL").empty()) data += L"--ephemeral\n";
  if (property(install, L"START_SERVICES").empty()) data += L"--no-start\n";
  const std::wstring leaving = property(install, L"INSTALLDIR") + property(install, L"ProgramFile") + L"\n" +
                               property(install, L"CommonAppDataFolder") + property(install, L"ProgramTitle");
  ::MsiSetPropertyW(install, L"Leave", leaving.c_str());
  return ::MsiSetPropertyW(install, L"Enrol", data.c_str());
}

extern "C" __declspec(dllexport) UINT __stdcall enrol(MSIHANDLE install) {
  std::vector<std::wstring> lines = lines_of(property(install, L"CustomActionData"));
  if (lines.size() < 2) return fail(install, L"nobody said what to enrol with");
  const std::string key = to_utf8(lines[0]) + "\n";
  std::vector<std::wstring> words = {lines[1], L"install", L"--key-info-file", L"-"};
  words.insert(words.end(), lines.begin() + 2, lines.end());
  const Outcome outcome = run(words, key);
  if (!outcome.ran)
    return fail(install, words.front() + L" cannot be started: error " + std::to_wstring(outcome.status));
  note_output(install, L"install", outcome);
  if (outcome.status == 0) return ERROR_SUCCESS;
  return fail(install, outcome.output + L" (exit status " + std::to_wstring(outcome.status) + L")");
}

extern "C" __declspec(dllexport) UINT __stdcall leave(MSIHANDLE install) {
  const std::vector<std::wstring> lines = lines_of(property(install, L"CustomActionData"));
  if (lines.size() < 2) return ERROR_SUCCESS;
  const std::size_t slash = lines[1].find_last_of(L'\\');
  const Owned sign(::OpenEventW(
      SYNCHRONIZE, FALSE,
      upgrade_sign(slash == std::wstring::npos ? lines[1] : lines[1].substr(slash + 1)).c_str()));
  if (sign.valid()) return ERROR_SUCCESS;
  // Uninstalling goes on whatever happens: what cannot be told is said in the log.
  const Outcome outcome = run({lines[0], L"uninstall"}, "");
  if (outcome.ran) note_output(install, L"uninstall", outcome);
  std::wstring data = lines[1];
  while (data.ends_with(L'\\')) data.pop_back();
  if (data.size() > 3) remove_tree(data);
  return ERROR_SUCCESS;
}
