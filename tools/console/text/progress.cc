#include "tools/console/text/progress.h"

#include <algorithm>

#include "common/base/bytes.h"
#include "tools/console/text/human.h"
#include "tools/console/text/table.h"

namespace jump::console {
namespace {

constexpr auto kSpan = std::chrono::seconds(10);
constexpr auto kLeast = std::chrono::seconds(1);
constexpr auto kApart = std::chrono::milliseconds(100);  // points of the meter

double seconds_of(Duration time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

void RateMeter::add(std::uint64_t total, Instant now) {
  if (points_.size() > 1 && now - points_[points_.size() - 2].at < kApart) {
    points_.back() = {now, total};
  } else {
    points_.push_back({now, total});
  }
  while (points_.size() > 2 && now - points_[1].at >= kSpan) points_.pop_front();
}

std::optional<double> RateMeter::rate() const {
  if (points_.size() < 2) return std::nullopt;
  const Duration time = points_.back().at - points_.front().at;
  if (time < kLeast || points_.back().total < points_.front().total) return std::nullopt;
  return static_cast<double>(points_.back().total - points_.front().total) / seconds_of(time);
}

std::string progress_line(const ProgressView& view, std::size_t columns) {
  std::string line;
  if (view.total > 0) {
    const std::uint64_t done = std::min(view.done, view.total);
    // 100 only when it is all.
    const auto percent =
        static_cast<unsigned>(static_cast<double>(done) / static_cast<double>(view.total) * 100.0);
    std::string number = std::to_string(done < view.total ? std::min(percent, 99u) : 100u);
    line += std::string(3 - std::min<std::size_t>(number.size(), 3), ' ') + number + " %  ";
    line += human_size(view.done) + " of " + human_size(view.total);
  } else {
    line += human_size(view.done);
  }
  if (view.files_total > 1)
    line += "  " + std::to_string(view.files) + "/" + std::to_string(view.files_total);
  if (view.waiting) {
    line += "  waiting for the connection";
  } else if (view.rate) {
    line += "  " + human_rate(*view.rate);
    if (view.total > view.done && *view.rate >= 1) {
      const double left = static_cast<double>(view.total - view.done) / *view.rate;
      line += "  " + human_time(static_cast<std::int64_t>(left + 0.5)) + " left";
    }
  }
  if (!view.name.empty()) line += "  " + printable(view.name, 256);
  return cut_to_width(line, columns);
}

std::string transfer_summary(std::uint64_t files, std::uint64_t bytes, std::uint64_t resumed, Duration time) {
  std::string text =
      std::to_string(files) + (files == 1 ? " file, " : " files, ") + human_size(bytes) + " in ";
  const double seconds = seconds_of(time);
  text += human_time(static_cast<std::int64_t>(seconds + 0.5));
  if (seconds >= 0.1)
    text += " (" + human_rate(static_cast<double>(bytes - std::min(bytes, resumed)) / seconds) + ")";
  if (resumed > 0) text += ", " + human_size(resumed) + " of it were there already";
  return text;
}

}  // namespace jump::console
