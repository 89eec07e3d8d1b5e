// backup and restore: what is needed so that a lost disk strands no agent (DESIGN.md 5): keys, order serial,
// database. The file is one sealed box (common/identity/seal.h) around
//     repeated: u32 name length | name | u64 size | bytes
#include <unistd.h>

#include <algorithm>
#include <array>

#include <cstdio>
#include <filesystem>

#include "common/base/clock.h"
#include "common/identity/seal.h"
#include "platform/files.h"
#include "tools/appliance/server/commands.h"
#include "tools/appliance/store/store.h"

namespace jump::appliance {
namespace {

constexpr std::string_view kContext = "jump-appliance backup v1";
constexpr std::size_t kMost = std::size_t{1} << 31;
constexpr std::array<std::string_view, 6> kKeyFiles{"keys/authority.json", "keys/appliance.json",
                                                    "keys/psk.json",       "keys/installers.key",
                                                    "keys/vault.key",      "keys/order-serial"};

int complain(const Error& error) {
  std::fprintf(stderr, "jump-appliance: %s\n", error.message().c_str());
  return 1;
}

void add(Bytes& archive, std::string_view name, ByteView content) {
  const std::size_t at = archive.size();
  archive.resize(at + 4 + name.size() + 8);
  put_u32(&archive[at], static_cast<std::uint32_t>(name.size()));
  std::copy(name.begin(), name.end(), archive.begin() + static_cast<std::ptrdiff_t>(at + 4));
  put_u64(&archive[at + 4 + name.size()], content.size());
  archive.insert(archive.end(), content.begin(), content.end());
}

bool known_name(std::string_view name) {
  return name == "appliance.db" || std::find(kKeyFiles.begin(), kKeyFiles.end(), name) != kKeyFiles.end();
}

}  // namespace

namespace {

Result<Bytes> make_box(const Config& config, const Secret& passphrase) {
  const Result<platform::ActingAs> acting = act_as_owner(config);
  if (!acting) return acting.error();
  Result<std::unique_ptr<store::Store>> store = store::Store::open(database_path(config), wall_seconds());
  if (!store) return store.error();
  const std::string copy = config.data + "/backup." + std::to_string(::getpid()) + ".db";
  Result<void> copied = (*store)->copy_to(copy);
  const Result<Bytes> database = copied ? platform::read_file(copy, kMost) : Result<Bytes>(copied.error());
  (void)platform::remove_file(copy);
  if (!database) return database.error();
  Bytes archive;
  for (const std::string_view name : kKeyFiles) {
    const Result<Bytes> content = platform::read_private_file(config.data + "/" + std::string(name), 1 << 20);
    if (content) {
      add(archive, name, *content);
    } else if (name == "keys/authority.json" || !content.error().is(Fault::not_found)) {
      return content.error();
    }
  }
  add(archive, "appliance.db", *database);
  Result<Bytes> box = identity::seal_with_passphrase(passphrase, kContext, archive);
  wipe(archive.data(), archive.size());
  return box;
}

}  // namespace

int backup(const Config& config, const std::string& file, const Secret& passphrase) {
  const Result<Bytes> box = make_box(config, passphrase);
  if (!box) return complain(box.error());
  const Result<void> written = platform::write_file(file, *box, 0600);
  if (!written) return complain(written.error());
  std::printf("%s: %zu bytes; without its passphrase it opens for nobody. Recordings are not in it.\n",
              file.c_str(), box->size());
  return 0;
}

int restore(const Config& config, const std::string& file, const Secret& passphrase) {
  std::error_code ignored;
  if (std::filesystem::exists(config.data + "/keys", ignored) ||
      std::filesystem::exists(database_path(config), ignored)) {
    return complain(
        Error(Fault::already_exists, config.data + " holds an appliance; restore into an empty folder"));
  }
  const Result<Bytes> box = platform::read_file(file, kMost);
  if (!box) return complain(box.error());
  const Result<Secret> opened = identity::open_with_passphrase(passphrase, kContext, *box);
  if (!opened) return complain(opened.error());
  const Result<platform::ActingAs> acting = act_as_owner(config);
  if (!acting) return complain(acting.error());
  Result<void> done = platform::make_private_folder(config.data);
  if (done) done = platform::make_private_folder(config.data + "/keys");
  ByteView rest = opened->reveal();
  std::size_t files = 0;
  while (done && !rest.empty()) {
    const std::size_t name_size = rest.size() >= 4 ? get_u32(rest.data()) : rest.size();
    if (name_size > 256 || rest.size() < 12 + name_size)
      return complain(Error(Fault::malformed, "the backup is damaged"));
    const std::string name(as_text(rest.subspan(4, name_size)));
    const std::uint64_t size = get_u64(rest.data() + 4 + name_size);
    rest = rest.subspan(12 + name_size);
    if (size > rest.size() || !known_name(name))
      return complain(Error(Fault::malformed, "the backup is damaged"));
    done = platform::write_file(config.data + "/" + name, rest.first(static_cast<std::size_t>(size)), 0600);
    rest = rest.subspan(static_cast<std::size_t>(size));
    ++files;
  }
  if (!done) return complain(done.error());
  std::printf(
      "%zu files restored to %s. Is the address another one now? jump-appliance address add HOST:PORT; "
      "agents come\n"
      "back by themselves where one of their addresses leads here.\n",
      files, config.data.c_str());
  return 0;
}

}  // namespace jump::appliance
