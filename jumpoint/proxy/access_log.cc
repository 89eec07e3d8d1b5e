#include "jumpoint/proxy/access_log.h"

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/file_path.h"
#include "common/base/json.h"
#include "common/base/log.h"

namespace jump::proxy {

std::string log_line(const Report& report, std::int64_t wall_now) {
  json::object line;
  line["time"] = iso8601(wall_now - std::chrono::duration_cast<std::chrono::seconds>(report.time).count());
  line["source"] = to_text(report.source);
  line["request"] = report.request;
  line["verdict"] = boost::describe::enum_to_string(report.verdict, "?");
  line["status"] = report.status;
  if (report.rule != 0) line["rule"] = report.rule;
  if (!report.reason.empty()) line["reason"] = report.reason;
  if (!report.address.empty()) line["address"] = report.address;
  line["up"] = report.up;
  line["down"] = report.down;
  line["ms"] = report.time.count();
  return json::serialize(line) + "\n";
}

struct AccessLog::File {
  std::string path;
  std::uint64_t most = 0;
  unsigned kept = 0;
  std::ofstream out;
  std::uint64_t written = 0;

  std::mutex mutex;
  std::condition_variable ready;
  std::string queue;
  bool reopen = false;
  bool end = false;
  std::atomic<std::uint64_t> dropped{0};
  std::thread thread;

  Result<void> open() {
    std::error_code ignored;
    const std::filesystem::path file = file_path(path);
    written = std::filesystem::exists(file, ignored) ? std::filesystem::file_size(file, ignored) : 0;
    std::ofstream fresh(file, std::ios::app | std::ios::binary);
    if (!fresh) return system_error("open the access log " + path);
    out = std::move(fresh);
    return {};
  }

  // access.log → access.log.1 → … The oldest goes. Where that is not permitted the file grows on.
  void rotate() {
    std::error_code failed;
    for (unsigned number = kept; number > 0; --number) {
      const std::string from = number == 1 ? path : path + "." + std::to_string(number - 1);
      failed.clear();
      std::filesystem::rename(file_path(from), file_path(path + "." + std::to_string(number)), failed);
    }
    if (kept == 0) std::filesystem::remove(file_path(path), failed);
    if (failed && std::filesystem::exists(file_path(path))) {
      log::warning("proxy", "the access log cannot be rotated",
                   {{"file", path}, {"reason", failed.message()}});
      written = 0;
      return;
    }
    open_again();
  }

  void open_again() {
    const Result<void> opened = open();
    if (!opened) log::warning("proxy", opened.error().message());
  }

  void run() {
    std::unique_lock lock(mutex);
    while (true) {
      ready.wait(lock, [this] { return end || reopen || !queue.empty(); });
      std::string text = std::exchange(queue, {});
      const bool again = std::exchange(reopen, false);
      const bool last = end;
      lock.unlock();
      if (again) open_again();
      if (!text.empty()) {
        if (most > 0 && written > 0 && written + text.size() > most) rotate();
        out.clear();
        out.write(text.data(), static_cast<std::streamsize>(text.size()));
        out.flush();
        written += text.size();
        if (!out) dropped += 1;
      }
      if (last) return;
      lock.lock();
    }
  }
};

Result<AccessLog> AccessLog::open(std::string path, std::uint64_t most_bytes, unsigned kept) {
  auto file = std::make_unique<File>();
  file->path = std::move(path);
  file->most = most_bytes;
  file->kept = kept;
  if (Result<void> opened = file->open(); !opened) return opened.error();
  return AccessLog(std::move(file));
}

AccessLog::AccessLog(std::unique_ptr<File> file) : file_(std::move(file)) {}
AccessLog::AccessLog(AccessLog&&) noexcept = default;
AccessLog& AccessLog::operator=(AccessLog&&) noexcept = default;

AccessLog::~AccessLog() {
  if (!file_ || !file_->thread.joinable()) return;
  {
    const std::lock_guard lock(file_->mutex);
    file_->end = true;
  }
  file_->ready.notify_one();
  file_->thread.join();
}

void AccessLog::write(std::string line) {
  // Not before the first line: the file is opened before threads may be started.
  if (!file_->thread.joinable()) file_->thread = std::thread([file = file_.get()] { file->run(); });
  {
    const std::lock_guard lock(file_->mutex);
    if (file_->queue.size() + line.size() > kQueueBytes) {
      file_->dropped += 1;
      return;
    }
    file_->queue += line;
  }
  file_->ready.notify_one();
}

void AccessLog::reopen() {
  {
    const std::lock_guard lock(file_->mutex);
    file_->reopen = true;
  }
  file_->ready.notify_one();
}

std::uint64_t AccessLog::dropped() const {
  return file_->dropped;
}

}  // namespace jump::proxy
