#include "tools/console/api/home.h"

#include "common/base/json.h"
#include "platform/files.h"

namespace jump::console {
namespace {

constexpr std::size_t kFileBytes = 256 * 1024;
constexpr unsigned kPrivate = 0600;

template <typename T>
Result<T> read_private(const std::string& path) {
  const Result<Bytes> bytes = platform::read_private_file(path, kFileBytes);
  if (!bytes) return bytes.error();
  Result<T> value = from_json_text<T>(as_text(*bytes), kFileBytes);
  if (!value) return wrap(value.error(), path);
  return value;
}

template <typename T>
Result<void> write_private(const std::string& path, const T& value) {
  std::string text = to_json_text(value) + "\n";
  Result<void> written = platform::write_file(path, as_bytes(text), kPrivate);
  wipe(text.data(), text.size());
  return written;
}

}  // namespace

Result<Login> Home::login() const {
  Result<Login> login = read_private<Login>(login_path());
  if (!login && login.error().is(Fault::not_found)) {
    return Error(Fault::unauthenticated, "nobody is logged in: run `jump login URL`");
  }
  return login;
}

Result<void> Home::keep(const Login& login) const {
  Result<void> folder = platform::make_private_folder(folder_);
  if (!folder) return folder;
  return write_private(login_path(), login);
}

Result<void> Home::forget_login() const {
  return platform::remove_file(login_path());
}

}  // namespace jump::console
