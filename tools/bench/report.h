// What a benchmark found, as a table for people and as JSON for programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/json.h"

namespace jump::bench {

// What is demanded of a row: of the ratio to the peer where there is one, else of the value itself.
struct Target {
  double must = 0;
  std::optional<double> stretch;
  bool at_least = true;  // false: at most
};

struct Row {
  std::string what;
  std::string unit;  // of both values: "MB/s", "µs"
  double value = 0;
  std::string peer;  // whom it is compared with; empty: nobody
  double peer_value = 0;
  std::optional<Target> target;

  double ratio() const { return peer_value > 0 ? value / peer_value : 0; }
  // Of the target's number; nothing where there is no target.
  std::optional<bool> met() const;
  std::optional<bool> stretch_met() const;
};

class Report {
 public:
  explicit Report(std::string command) : command_(std::move(command)) {}

  void add(Row row) { rows_.push_back(std::move(row)); }
  // What must be known beside the figures: a peer that is not installed, what was not measured and why.
  void note(std::string text) { notes_.push_back(std::move(text)); }
  const std::vector<Row>& rows() const { return rows_; }

  std::string table() const;
  json::object to_json() const;

 private:
  std::string command_;
  std::vector<Row> rows_;
  std::vector<std::string> notes_;
};

// Processors, kernel, load: figures without their machine say nothing.
json::object describe_machine();

// A word to the person while it takes its time; on standard error.
void say(const std::string& text);

}  // namespace jump::bench
