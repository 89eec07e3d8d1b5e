// Copies files and folders between this machine and one asset: one session, one stream for each source.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/files/requests.h"
#include "tools/console/session/opened_session.h"
#include "tools/console/text/progress.h"

namespace jump::console {

struct CopyPlan {
  bool upload = true;
  std::vector<std::string> sources;  // here when uploading, else there
  std::string target;
  bool recursive = false;
  bool resume = true;
  enum class Progress { automatic, always, never } progress = Progress::automatic;
};

struct CopyEnding {
  int status = 0;    // 1: some entries were left out
  std::string text;  // one line for standard error; empty: nothing to say
};

class Copy {
 public:
  Copy(OpenedSession& session, CopyPlan plan);
  Task<CopyEnding> run();

 private:
  Task<> work();
  Task<Result<void>> check_target();
  Task<Result<files::TransferResult>> one(std::string source);
  Task<> show_progress();
  Task<> watch_connection();
  Task<> watch_signals();
  void end(int status, std::string text);
  void count(const files::Progress& progress);
  void remember(const files::TransferResult& result);
  void draw();
  void clear();
  bool shows() const { return visible_; }

  OpenedSession& session_;
  CopyPlan plan_;
  bool visible_;
  bool drawn_ = false;
  Instant started_;
  RateMeter meter_;
  ProgressView view_;
  std::uint64_t files_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t resumed_ = 0;
  std::uint64_t skipped_ = 0;
  std::uint64_t finished_bytes_ = 0;  // of the sources that are done, travelled or not
  Event ended_;
  std::optional<CopyEnding> ending_;
};

// For the session's opening.
json::value copy_arguments();

}  // namespace jump::console
