// Lists, searches and status changes over 100,000 Jump Clients, as the database thread does them. Prints a
// table; with
// --json a line of JSON for each row.
//     api_bench [--clients N] [--json]
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <random>

#include "tools/appliance/api/api.h"

namespace jump::api {
namespace {

constexpr std::int64_t kNow = 1'790'000'000;

class NobodyThere final : public Presence {
 public:
  std::optional<AgentPresence> agent(std::int64_t) const override { return std::nullopt; }
  std::optional<AgentPresence> node(std::int64_t) const override { return std::nullopt; }
  std::int64_t online() const override { return 0; }
};

struct Row {
  std::string name;
  double cpu = 0, median = 0, worst = 0;  // milliseconds; cpu: of this thread, the median
  std::string note;
};

// On a busy machine the figure to trust.
double cpu_milliseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

class Bench {
 public:
  Bench(const std::string& folder, std::int64_t clients) : clients_(clients) {
    store_ = store::Store::open(folder + "/jump.db", kNow).value();
    options_.requests_a_second = options_.requests_an_hour = 1'000'000'000;
    options_.scrypt = {.log2_n = 4, .r = 1, .p = 1};
    api_ = std::make_unique<Api>(*store_, presence_, options_);
  }

  void fill() {
    std::mt19937 random(7);
    store::Transaction whole(store_->db());
    for (int n = 0; n < 500; ++n) {
      store::JumpGroup group;
      group.name = "Site " + std::to_string(n);
      groups_.push_back(store_->groups.create(group)->id);
    }
    const char* roles[] = {"web", "db", "mail", "print", "build", "cache"};
    for (std::int64_t n = 0; n < clients_; ++n) {
      store::JumpClient client;
      const std::string number = std::to_string(n);
      client.jump_group_id = groups_[random() % groups_.size()];
      client.name = std::string(roles[random() % 6]) + "-" + number;
      client.hostname = client.name;
      client.fqdn = client.name + ".site" + std::to_string(random() % 500) + ".example.org";
      client.tag = "rack " + std::to_string(random() % 40);
      client.comments = "installed by team " + std::to_string(random() % 20);
      client.private_ip =
          "10." + std::to_string(random() % 256) + "." + std::to_string(random() % 256) + ".7";
      client.public_ip = "198.51.100." + std::to_string(random() % 256);
      client.console_user = random() % 3 == 0 ? "user" + std::to_string(random() % 5000) : "";
      client.operating_system = "Debian GNU/Linux 12 (bookworm)";
      client.created_at = kNow;
      ids_.push_back(store_->jump_clients.create(client, 0)->id);
    }
    for (const char* name : {"admin", "anna"}) {
      store::User user;
      user.username = user.public_display_name = user.private_display_name = name;
      user.perm_admin = std::strcmp(name, "admin") == 0;
      const std::string hash =
          identity::hash_password(Secret(std::string_view("password")), options_.scrypt).value();
      users_.push_back(store_->users.create(user, hash)->id);
    }
    for (std::size_t n = 0; n < 100; ++n) {
      if (!store_->groups.add_member(groups_[n], {users_[1], store::kStartOnly})) std::abort();
    }
    if (!whole.commit()) std::abort();
  }

  std::string log_in(const std::string& name) {
    ApiRequest request;
    request.method = "POST";
    request.target = "/api/config/v1/login";
    request.content_type = "application/json";
    request.body = R"({"username":")" + name + R"(","password":"password"})";
    return std::string(json::parse(api_->handle(request, clock_).body).at("access_token").as_string());
  }

  void request(const std::string& name, const std::string& token, const std::string& method,
               const std::string& target, const std::string& body = {}) {
    ApiRequest request;
    request.method = method;
    request.target = "/api/config/v1" + target;
    request.authorization = "Bearer " + token;
    request.content_type = "application/json";
    request.body = body;
    std::string total;
    measure(name, 50, [&] {
      const ApiResponse response = api_->handle(request, clock_);
      if (response.status >= 300) {
        std::fprintf(stderr, "%s: %u %s\n", target.c_str(), response.status, response.body.c_str());
        std::exit(1);
      }
      for (const auto& header : response.headers) {
        if (header.first == "X-BT-Pagination-Total") total = header.second + " match";
      }
    });
    rows.back().note = total;
  }

  void presence_batch(const std::string& name, std::size_t count, store::PresenceChange::Kind kind) {
    std::mt19937 random(9);
    std::int64_t at = kNow;
    measure(name, 20, [&] {
      std::vector<store::PresenceChange> changes;
      ++at;
      for (std::size_t n = 0; n < count; ++n) {
        store::PresenceChange change;
        change.agent = ids_[random() % ids_.size()];
        change.kind = kind;
        change.at = at;
        change.run = at - kNow;
        change.route = "direct 10.0.0.5:443";
        change.boot_id = "0123456789abcdef";
        change.public_ip = "198.51.100." + std::to_string(random() % 256);
        change.software_version = "0.1.0";
        changes.push_back(std::move(change));
      }
      if (!store_->jump_clients.write_presence(changes)) std::abort();
    });
  }

  template <typename F>
  void measure(const std::string& name, int rounds, F&& work) {
    std::vector<double> times, cpu;
    for (int n = 0; n < rounds; ++n) {
      const Instant before = BootClock::now();
      const double cpu_before = cpu_milliseconds();
      work();
      cpu.push_back(cpu_milliseconds() - cpu_before);
      times.push_back(std::chrono::duration<double, std::milli>(BootClock::now() - before).count());
    }
    std::sort(times.begin(), times.end());
    std::sort(cpu.begin(), cpu.end());
    rows.push_back({name, cpu[cpu.size() / 2], times[times.size() / 2], times.back(), {}});
  }

  store::Store& store() { return *store_; }
  std::int64_t first_id() const { return ids_.front(); }

  std::vector<Row> rows;

 private:
  std::int64_t clients_;
  std::unique_ptr<store::Store> store_;
  NobodyThere presence_;
  ApiOptions options_;
  std::unique_ptr<Api> api_;
  ApiClock clock_{kNow, Instant{} + std::chrono::hours(1), 1000};
  std::vector<std::int64_t> groups_, ids_, users_;
};

void run(Bench& bench) {
  bench.measure("fill, all in one transaction", 1, [&] { bench.fill(); });
  const std::string admin = bench.log_in("admin"), anna = bench.log_in("anna");
  const std::string last_page = "/jump-client?per_page=100&current_page=1000";
  bench.request("admin: first page of 100", admin, "GET", "/jump-client");
  bench.request("admin: page 1000", admin, "GET", last_page);
  bench.request("admin: search, one asset", admin, "GET", "/jump-client?search=-77777");
  bench.request("admin: search, two words", admin, "GET", "/jump-client?search=web+site123");
  bench.request("admin: search, common word", admin, "GET", "/jump-client?search=example");
  bench.request("admin: search, nothing", admin, "GET", "/jump-client?search=zebra");
  bench.request("admin: search, short word", admin, "GET", "/jump-client?search=db");
  bench.request("admin: search, group name", admin, "GET", "/jump-client?search=site+77");
  bench.request("admin: filter by tag", admin, "GET", "/jump-client?tag=rack+7");
  bench.request("admin: filter by name", admin, "GET", "/jump-client?name=web-4711");
  bench.request("user: first page of 20 % visible", anna, "GET", "/jump-client");
  bench.request("user: search, one asset", anna, "GET", "/jump-client?search=777");
  bench.request("admin: one asset", admin, "GET", "/jump-client/" + std::to_string(bench.first_id()));
  int n = 0;
  bench.request("edit of one asset, unchanged", admin, "PATCH",
                "/jump-client/" + std::to_string(bench.first_id()), R"({"tag":"new"})");
  store::JumpClient one = *bench.store().jump_clients.get(bench.first_id()).value();
  bench.measure("edit of one asset, synchronous", 50, [&] {
    one.tag = "t" + std::to_string(++n);
    if (!bench.store().jump_clients.change(one)) std::abort();
  });
  bench.presence_batch("last_seen of 5,000", 5000, store::PresenceChange::Kind::seen);
  bench.presence_batch("connect of 1,000, new addresses", 1000, store::PresenceChange::Kind::connected);
  bench.presence_batch("disconnect of 1,000", 1000, store::PresenceChange::Kind::disconnected);
  bench.measure("absence check", 50, [&] {
    if (!bench.store().jump_clients.absent(5000, 180 * 86400, 1000)) std::abort();
  });
  bench.measure("all offline at a start", 1, [&] {
    if (!bench.store().jump_clients.all_offline(5000, kNow)) std::abort();
  });
}

}  // namespace
}  // namespace jump::api

int main(int argc, char** argv) {
  std::int64_t clients = 100'000;
  bool as_json = false;
  for (int n = 1; n < argc; ++n) {
    if (std::strcmp(argv[n], "--json") == 0) as_json = true;
    if (std::strcmp(argv[n], "--clients") == 0 && n + 1 < argc) clients = std::atoll(argv[++n]);
  }
  std::string folder = (std::filesystem::temp_directory_path() / "api-bench-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return 1;
  {
    jump::api::Bench bench(folder, clients);
    jump::api::run(bench);
    for (const jump::api::Row& row : bench.rows) {
      if (as_json) {
        std::printf("{\"name\":\"%s\",\"cpu_ms\":%.3f,\"median_ms\":%.3f,\"worst_ms\":%.3f}\n",
                    row.name.c_str(), row.cpu, row.median, row.worst);
      } else {
        std::printf("%-36s cpu %9.2f ms, median %9.2f ms, worst %9.2f ms  %s\n", row.name.c_str(), row.cpu,
                    row.median, row.worst, row.note.c_str());
      }
    }
    std::printf("%-36s %10.1f MiB\n", "database",
                static_cast<double>(std::filesystem::file_size(folder + "/jump.db")) / (1 << 20));
  }
  std::filesystem::remove_all(folder);
  return 0;
}
