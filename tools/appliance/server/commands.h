// The commands of jump-appliance besides serve. Each returns the exit status of the program.
#pragma once

#include <string>
#include <vector>

#include "common/base/secret.h"
#include "platform/ownership.h"
#include "tools/appliance/server/config.h"

namespace jump::appliance {

struct InitOptions {
  std::string admin = "admin";
  Secret password;
  std::vector<std::string> addresses;  // "host:port" for deployment keys
  bool json = false;
};
// Keys, database, the first administrator, a group "default". Refused where there is one already.
int init(const Config& config, const InitOptions& options);

int doctor(const Config& config, bool json);

// One sealed file with the keys and a consistent copy of the database; the server may run meanwhile.
int backup(const Config& config, const std::string& file, const Secret& passphrase);
// Into an empty data folder.
int restore(const Config& config, const std::string& file, const Secret& passphrase);

// What agents dial. The running server tells them; `list` says how many know.
int address(const Config& config, const std::string& action, const std::string& address, bool json);

// prepare | promote | retire PIN | show: one step of changing the CA at a time.
int ca(const Config& config, const std::string& action, const std::string& pin, bool json);

// What root says about the data of a service with a user of its own leaves no files of root behind. backup
// and restore do that themselves: their file is root's.
Result<platform::ActingAs> act_as_owner(const Config& config);

// SIGHUP to the server that holds the lock of this data folder; false when none runs.
bool tell_server(const Config& config);
// Taken by serve, as long as it runs. Fault::already_exists.
Result<int> lock_data(const Config& config);

}  // namespace jump::appliance
