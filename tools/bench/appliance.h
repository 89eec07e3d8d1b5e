// A real jump-appliance, made new in a folder, and what a representative needs to use it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/identity/deployment_key.h"
#include "tools/bench/child.h"
#include "tools/bench/site.h"

namespace jump::bench {

class Appliance {
 public:
  // Makes it, unless `folder` holds one already; starts it, and logs in. `programs`: where the suite's
  // programs are.
  Appliance(std::string programs, std::string folder);

  std::uint16_t port() const { return port_; }
  int pid() const { return process_.pid(); }
  std::string folder() const { return folder_; }
  const std::string& programs() const { return programs_; }

  // Started; ready when it answers. Seconds until then.
  double start();
  void kill() { process_.kill(); }
  void stop() { process_.stop(); }

  // `jump WORDS…` as the administrator: what it prints.
  std::string jump(std::vector<std::string> words) const;
  // Of the administrator; for the API and for a console's hello.
  const std::string& token() const { return token_; }
  identity::DeploymentKey deployment_key() const;
  // Shows no certificate and believes this appliance's CA.
  std::shared_ptr<const tunnel::TlsClient> client() const;

 private:
  std::string programs_;
  std::string folder_;
  std::uint16_t port_ = 0;
  std::string pin_;
  std::string token_;
  Child process_;
};

// GET of the API: the body of a 200, else an error.
Task<Result<std::string>> get(tunnel::Transport& stream, std::string path, std::string token);

}  // namespace jump::bench
