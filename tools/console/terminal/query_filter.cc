#include "tools/console/terminal/query_filter.h"

#include <utility>

namespace jump::console {
namespace {

constexpr char kEscape = 0x1b;
constexpr char kBell = 0x07;
constexpr char kEnquiry = 0x05;
constexpr std::size_t kMost = 8192;  // a longer sequence is no question, but an image or a clipboard

bool is_final(char c) {
  return c >= 0x40 && c <= 0x7e;
}

// The operations of CSI … t that answer (xterm: 11, 13-16, 18-21).
bool window_report(std::string_view parameters) {
  const std::string_view first = parameters.substr(0, parameters.find(';'));
  for (const std::string_view one : {"11", "13", "14", "15", "16", "18", "19", "20", "21"}) {
    if (first == one) return true;
  }
  return false;
}

}  // namespace

// `held_` is a whole sequence.
bool QueryFilter::asks() const {
  const std::string_view all = held_;
  if (place_ == Place::csi) {
    const std::string_view parameters = all.substr(2, all.size() - 3);
    switch (all.back()) {
      case 'c':
      case 'n':
        return true;
      case 'q':
        return parameters.starts_with('>');
      case 'p':
        return parameters.ends_with('$');
      case 't':
        return window_report(parameters);
      case 'u':
        return parameters == "?";
      default:
        return false;
    }
  }
  if (kind_ == 'P') return all.starts_with("\x1bP$q") || all.starts_with("\x1bP+q");
  if (kind_ == ']') return all.find(";?") != std::string_view::npos;
  return kind_ != '^';
}

void QueryFilter::finish(std::string& out) {
  if (!asks()) out += held_;
  held_.clear();
  place_ = Place::text;
}

std::string QueryFilter::feed(std::string_view output) {
  std::string out;
  for (const char c : output) {
    if (place_ == Place::text) {
      if (c == kEscape) {
        held_ = c;
        place_ = Place::escape;
      } else if (c != kEnquiry) {
        out += c;
      }
      continue;
    }
    held_ += c;
    if (held_.size() > kMost) {
      out += rest();
      continue;
    }
    switch (place_) {
      case Place::escape:
        if (c == '[') {
          place_ = Place::csi;
        } else if (c == 'P' || c == ']' || c == '_' || c == 'X' || c == '^') {
          kind_ = c;
          place_ = Place::string;
        } else if (c == 'Z') {  // DECID
          held_.clear();
          place_ = Place::text;
        } else {
          out += rest();
        }
        break;
      case Place::csi:
        if (is_final(c)) finish(out);
        break;
      case Place::string:
        if (c == kEscape) place_ = Place::string_escape;
        if (c == kBell && kind_ == ']') finish(out);
        break;
      case Place::string_escape:
        place_ = Place::string;
        if (c == '\\') finish(out);
        break;
      case Place::text:
        break;
    }
  }
  return out;
}

std::string QueryFilter::rest() {
  place_ = Place::text;
  return std::exchange(held_, {});
}

}  // namespace jump::console
