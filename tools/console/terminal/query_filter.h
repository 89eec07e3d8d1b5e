// QueryFilter: takes out of a program's output what makes a terminal answer. When a session is taken over,
// its last output is shown again; a question in it (where is the cursor? what are you?) was answered long
// ago, and a second answer would be typed into whatever runs now.
//
// Taken out: ENQ; CSI … c (DA), CSI … n (DSR), CSI … q with '>' (XTVERSION), CSI … p with '$' (DECRQM), CSI …
// t that reports, CSI ? u (keyboard), DCS $ q and + q (DECRQSS, XTGETTCAP), OSC … ? (colours and the like),
// APC and SOS.
#pragma once

#include <string>
#include <string_view>

namespace jump::console {

class QueryFilter {
 public:
  // What may be shown. The beginning of a sequence is held back until the rest comes.
  std::string feed(std::string_view output);
  // What was held back.
  std::string rest();

 private:
  enum class Place { text, escape, csi, string, string_escape };
  bool asks() const;
  void finish(std::string& out);

  Place place_ = Place::text;
  char kind_ = 0;     // of a string: P DCS, ] OSC, _ APC, X SOS, ^ PM
  std::string held_;  // the sequence so far, at most kMost bytes
};

}  // namespace jump::console
