// What survives: a killed process, a file that another program rotates, a database of another version.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tools/appliance/store/event_file.h"
#include "tools/appliance/store/store.h"

namespace jump::store {
namespace {

class DurabilityTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "jump-store-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::string file(const std::string& name) const { return folder + "/" + name; }
  static std::string content(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::string folder;
};

Event event_of(int n) {
  Event event;
  event.at = 1'790'000'000 + n;
  event.who = "user:anna";
  event.what = "asset.edit";
  event.text = "edit " + std::to_string(n);
  return event;
}

// Runs in a child: edits one asset again and again, each edit with its event, and reports each commit.
[[noreturn]] void edit_for_ever(const std::string& path, int report) {
  std::unique_ptr<Store> store = Store::open(path, 0).value();
  JumpClient client = *store->jump_clients.get(1).value();
  for (int n = 1;; ++n) {
    client.comments = std::to_string(n);
    client.tag = "t" + std::to_string(n);
    Transaction whole(store->db());
    const bool done =
        store->jump_clients.change(client).has_value() && store->events.add(event_of(n)).has_value();
    if (!done || !whole.commit()) ::_exit(1);
    if (::write(report, &n, sizeof n) != sizeof n) ::_exit(1);
  }
}

TEST_F(DurabilityTest, LosesNothingThatWasCommittedWhenKilled) {
  const std::string path = file("jump.db");
  {
    std::unique_ptr<Store> store = Store::open(path, 0).value();
    JumpGroup group;
    group.name = "g";
    JumpClient client;
    client.jump_group_id = store->groups.create(group)->id;
    client.name = "web-01";
    ASSERT_EQ(store->jump_clients.create(client, 0)->id, 1);
  }
  std::int64_t events = 0;
  for (int round = 0; round < 3; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) edit_for_ever(path, pipe_ends[1]);
    ::close(pipe_ends[1]);
    int last = 0;
    while (last < 30 + round * 7) ASSERT_EQ(::read(pipe_ends[0], &last, sizeof last), ssize_t{sizeof last});
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    int late = 0;  // what it still reported before it died
    while (::read(pipe_ends[0], &late, sizeof late) == ssize_t{sizeof late}) last = late;
    ::close(pipe_ends[0]);

    std::unique_ptr<Store> store = Store::open(path, 0).value();
    const JumpClientRow row = *store->jump_clients.get(1).value();
    const int stored = std::stoi(row.comments);
    EXPECT_GE(stored, last);
    EXPECT_LE(stored, last + 1);  // committed, and killed before it could say so
    EXPECT_EQ(row.tag, "t" + row.comments);
    events += stored;
    EXPECT_EQ(store->events.last_id().value(), events);  // each edit with its event, never one alone
    JumpClientFilter filter;
    filter.search = "t" + row.comments + " web";
    EXPECT_EQ(store->jump_clients.list(filter, {})->total, 1);  // the search index goes along
    EXPECT_TRUE(store->db().script("INSERT INTO client_search (client_search) VALUES ('integrity-check')"));
  }
}

TEST_F(DurabilityTest, CreatesTheFileForItsOwnerOnly) {
  const std::string path = file("jump.db");
  std::unique_ptr<Store> store = Store::open(path, 0).value();
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    EXPECT_EQ(entry.status().permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)
        << entry.path();
  }
  EXPECT_TRUE(
      Store::open(file("no/where.db"), 0).error().message().starts_with("database " + file("no/where.db")));
}

TEST_F(DurabilityTest, RefusesADatabaseOfANewerProgram) {
  {
    ASSERT_TRUE(Db::open(file("jump.db"))
                    .value()
                    ->script("CREATE TABLE schema_versions (version INTEGER, applied_at INTEGER); INSERT "
                             "INTO schema_versions VALUES (99, 0)"));
  }
  EXPECT_TRUE(Store::open(file("jump.db"), 0).error().is(Fault::unsupported));
  std::ofstream(file("rubbish.db")) << std::string(5000, 'x');
  EXPECT_FALSE(Store::open(file("rubbish.db"), 0));
}

TEST_F(DurabilityTest, CopiesWhileItIsOpen) {
  std::unique_ptr<Store> store = Store::open(file("jump.db"), 0).value();
  ASSERT_TRUE(store->events.add(event_of(1)));
  ASSERT_TRUE(store->copy_to(file("copy.db")));
  EXPECT_FALSE(store->copy_to(file("copy.db")));  // never over another file
  EXPECT_EQ(Store::open(file("copy.db"), 0).value()->events.last_id().value(), 1);
}

TEST_F(DurabilityTest, SeesSettingsThatAnotherProcessChanged) {
  std::unique_ptr<Store> serving = Store::open(file("jump.db"), 0).value();
  EXPECT_EQ(serving->settings.site()->addresses_serial, 0u);
  std::unique_ptr<Store> command = Store::open(file("jump.db"), 0).value();
  SiteSettings site = command->settings.site().value();
  site.addresses = {"a.example:443"};
  ASSERT_TRUE(command->settings.change(site));
  EXPECT_EQ(serving->settings.site()->addresses_serial, 1u);
}

TEST_F(DurabilityTest, AddsWhatTheEventsFileMissesAndCutsHalfALine) {
  std::unique_ptr<Store> store = Store::open(file("jump.db"), 0).value();
  for (int n = 0; n < 5; ++n) ASSERT_TRUE(store->events.add(event_of(n)));
  const std::string path = file("events.jsonl");
  {
    EventFile out = EventFile::open(path).value();
    EXPECT_EQ(out.follow(store->events, store->settings).value(), 5);
    EXPECT_EQ(out.follow(store->events, store->settings).value(), 0);
  }
  std::string text = content(path);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5);
  EXPECT_NE(text.find("\"time\":\"2026-09-21T14:13:20Z\""), std::string::npos) << text;
  std::filesystem::resize_file(path, text.size() - 20);  // killed while it wrote the fifth
  ASSERT_TRUE(store->events.add(event_of(5)));
  {
    EventFile out = EventFile::open(path).value();
    EXPECT_EQ(out.last_id(), 4);
    EXPECT_EQ(out.follow(store->events, store->settings).value(), 2);
  }
  EXPECT_TRUE(content(path).starts_with(text));
  // Another program took the file away: the new one goes on where the old one ended.
  std::filesystem::rename(path, path + ".1");
  ASSERT_TRUE(store->events.add(event_of(6)));
  EventFile out = EventFile::open(path).value();
  EXPECT_EQ(out.follow(store->events, store->settings).value(), 1);
  std::filesystem::remove(path);
  ASSERT_TRUE(out.reopen());
  ASSERT_TRUE(store->events.add(event_of(7)));
  EXPECT_EQ(out.follow(store->events, store->settings).value(), 1);
  text = content(path);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST_F(DurabilityTest, TellsWhenItCannotWriteAndGoesOnWhenItCan) {
  std::unique_ptr<Store> store = Store::open(file("jump.db"), 0).value();
  ASSERT_TRUE(store->db().script("PRAGMA max_page_count = 200"));  // a disk that is nearly full
  int stored = 0;
  Event event = event_of(0);
  event.text = std::string(20000, 'x');
  Result<std::int64_t> added = 0;
  while ((added = store->events.add(event)) && stored < 1000) ++stored;
  ASSERT_FALSE(added);
  EXPECT_TRUE(added.error().is(Fault::unavailable)) << added.error().message();
  {
    Transaction whole(store->db());
    EXPECT_FALSE(store->events.add(event));
    EXPECT_FALSE(store->events.add(event_of(1)));  // not by itself, outside of what was undone
    EXPECT_FALSE(whole.commit());
  }
  EXPECT_EQ(store->events.last_id().value(), stored);
  ASSERT_TRUE(store->db().script("PRAGMA max_page_count = 100000"));
  EXPECT_TRUE(store->events.add(event));
}

}  // namespace
}  // namespace jump::store
