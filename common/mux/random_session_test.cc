// The heart of the promise: whatever is cut whenever, each byte arrives once and in order, and nothing is
// left behind. Two programs that open, write, end and reset streams at random, over links that are cut at any
// byte; every byte is a function of its stream, direction and offset.
//
// JUMP_SEEDS=20000 for a long run; JUMP_SEED=7 for one seed.
#include <gtest/gtest.h>

#include <random>

#include "common/mux/mux_lab.h"

namespace jump::mux {
namespace {

using lab::Lab;

struct Variant {
  const char* name;
  std::size_t step = 50000;     // most bytes that move at once
  std::size_t target = 5000;    // most bytes of one direction, mostly
  std::uint32_t streams = 12;   // opened in all
  std::uint32_t resets = 0;     // one in so many steps; 0 never
  std::uint32_t takeovers = 0;  // the same
  std::uint32_t cuts = 40;      // the same
  std::uint32_t full = 0;       // the same: the recording cannot be written for a while
  int steps = 400;
};

std::uint8_t byte_of(std::uint32_t stream, Side from, std::uint64_t offset) {
  const std::uint64_t mixed = (offset * 2 + static_cast<std::uint64_t>(from)) * 2654435761u + stream * 40503u;
  return static_cast<std::uint8_t>(mixed >> 13);
}

// What was said about one stream, by both sides.
struct Record {
  bool reset = false;  // or lost to a takeover
  std::array<std::optional<std::uint64_t>, 2> final_offset;
  std::array<std::uint64_t, 2> got{};
  std::array<bool, 2> saw_end{};
};
using Records = std::map<std::uint32_t, Record>;

// A recording that is sometimes full: it must see each byte before the other end does, without gaps.
struct Recording : Tap {
  explicit Recording(bool skips_allowed) : skips(skips_allowed) {}
  bool on_data(Side from, std::uint32_t stream, std::uint64_t offset, ByteView bytes) override {
    if (full) return false;
    std::uint64_t& end = seen[{from, stream}];
    if (offset > end && !skips) throw std::runtime_error("the recording misses bytes");
    for (std::size_t i = 0; stream != 0 && i < bytes.size(); ++i) {
      if (bytes[i] != byte_of(stream, from, offset + i)) throw std::runtime_error("recorded other bytes");
    }
    end = std::max(end, offset + bytes.size());
    return true;
  }
  std::map<std::pair<Side, std::uint32_t>, std::uint64_t> seen;
  bool skips;  // a takeover goes on behind what was lost
  bool full = false;
};

// The program at one end.
class Program {
 public:
  Program(SessionEnd& end, Side side, StreamOptions options, Records& records, std::mt19937& random,
          const Variant& variant)
      : end_(end), side_(side), options_(options), records_(records), random_(random), variant_(variant) {}

  void step(bool closing) {
    read_announcements();
    if (!closing && opened_ < variant_.streams && below(6) == 0) open();
    for (auto& [number, stream] : streams_) {
      if (!end_.live_stream(number)) continue;
      if (closing || below(2) == 0) write(number, stream);
      if (closing || below(3) != 0) read(number);
    }
    std::erase_if(streams_, [&](const auto& entry) { return gone(entry.first); });
    if (!closing && variant_.resets > 0 && below(variant_.resets) == 0 && !streams_.empty()) {
      auto victim = std::next(streams_.begin(), static_cast<std::ptrdiff_t>(below(streams_.size())));
      end_.reset(victim->first, ResetCode::cancelled, "at random");
      records_[victim->first].reset = true;
    }
  }
  // This one has taken over: the streams are what the other end says.
  void learn() {
    for (auto& [number, record] : records_) {
      const StreamState* state = end_.find(number);
      if (state == nullptr) {
        record.reset = true;
        continue;
      }
      Stream stream;
      stream.written = state->position().start;
      stream.target = stream.written + below(variant_.target);
      stream.ended = state->ended();
      std::optional<std::uint64_t>& final_offset = record.final_offset[at(side_)];
      if (!stream.ended) final_offset.reset();
      streams_[number] = stream;
    }
    learnt_ = true;
  }
  bool learnt() const { return learnt_; }
  bool idle() const { return streams_.empty() && announced_.empty(); }
  // Another console is there: what the one before said in full still counts, half of a message is void.
  // Called from within the session end, which only lets itself be read then.
  void on_takeover() {
    take_messages();
    half_.clear();
  }

 private:
  struct Stream {
    std::uint64_t written = 0;
    std::uint64_t target = 0;
    bool ended = false;
  };
  static constexpr std::size_t at(Side side) { return static_cast<std::size_t>(side); }
  std::size_t below(std::size_t n) { return n == 0 ? 0 : random_() % n; }

  void open() {
    if (end_.room(0) < 4) return;
    const Result<std::uint32_t> number = end_.open(options_);
    if (!number) return;
    Bytes message(4);
    put_u32(message.data(), *number);
    // Nearly always the program announces at once; what it says to the stream may still overtake that.
    end_.write(0, message);
    ++opened_;
    add(*number);
  }
  void add(std::uint32_t number) {
    Stream stream;
    stream.target = below(10) == 0 ? 0 : below(below(12) == 0 ? 10 * variant_.target : variant_.target);
    streams_[number] = stream;
    records_[number];
    if (below(30) == 0 && variant_.resets > 0) {
      end_.reset(number, ResetCode::cancelled, "at once");
      records_[number].reset = true;
    }
  }
  void take_messages() {
    Lab::drain(end_, 0, half_);
    for (; half_.size() >= 4; half_.erase(0, 4)) {
      announced_.push_back(get_u32(reinterpret_cast<const std::uint8_t*>(half_.data())));
    }
  }
  void read_announcements() {
    take_messages();
    for (; !announced_.empty() && below(4) != 0; announced_.pop_front()) {
      const std::uint32_t number = announced_.front();
      const Result<void> adopted = end_.adopt(number, options_);
      if (!adopted && adopted.error().is(Fault::closed)) {
        records_[number].reset = true;
        continue;
      }
      if (!adopted) throw std::runtime_error(adopted.error().message());
      if (!streams_.contains(number)) add(number);  // else it was learnt
    }
  }
  void write(std::uint32_t number, Stream& stream) {
    if (stream.ended) return;
    const std::size_t size =
        std::min({below(30000), end_.room(number), static_cast<std::size_t>(stream.target - stream.written)});
    Bytes bytes(size);
    for (std::uint8_t& byte : bytes) byte = byte_of(number, side_, stream.written++);
    end_.write(number, bytes);
    if (stream.written < stream.target) return;
    end_.end(number);
    stream.ended = true;
    records_[number].final_offset[at(side_)] = stream.written;
  }
  void read(std::uint32_t number) {
    const StreamState* state = end_.find(number);
    std::uint64_t offset = state->position().next - state->readable();
    std::string got;
    Lab::drain(end_, number, got, below(60000));
    for (const char byte : got) {
      if (static_cast<std::uint8_t>(byte) != byte_of(number, other(side_), offset++)) {
        throw std::runtime_error("stream " + std::to_string(number) + " differs at " +
                                 std::to_string(offset - 1));
      }
    }
    records_[number].got[at(side_)] = offset;
    if (state = end_.find(number); state != nullptr && state->at_end()) {
      records_[number].saw_end[at(side_)] = true;
    }
  }
  bool gone(std::uint32_t number) {
    if (end_.live_stream(number)) return false;
    if (!end_.reset_text(number).empty()) records_[number].reset = true;
    return true;
  }

  SessionEnd& end_;
  Side side_;
  StreamOptions options_;
  Records& records_;
  std::mt19937& random_;
  const Variant& variant_;
  std::map<std::uint32_t, Stream> streams_;
  std::string half_;
  std::deque<std::uint32_t> announced_;
  std::uint32_t opened_ = 0;
  bool learnt_ = false;
};

void run(const Variant& variant, unsigned seed) {
  std::mt19937 random(seed);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  StreamOptions options;
  if (variant.takeovers > 0) options.retain = limits::kShellKept;
  Lab lab(below(2) == 0, options);
  Recording recording(variant.takeovers > 0);
  lab.use_tap(recording);
  if (below(3) == 0) lab.most_frame = 1024 + below(4000);
  Records records;
  auto console = std::make_unique<Program>(*lab.console, Side::console, options, records, random, variant);
  Program endpoint(*lab.endpoint, Side::endpoint, options, records, random, variant);
  bool learning = false;
  std::uint8_t instance = 10;
  lab.endpoint_ear.state_hook = [&, peer = Id16{}]() mutable {
    if (lab.endpoint->state() != SessionEnd::State::live) return;
    if (std::exchange(peer, lab.endpoint->peer_instance()) != lab.endpoint->peer_instance()) {
      endpoint.on_takeover();
    }
  };
  lab.connect();

  const auto step_programs = [&](bool closing) {
    if (learning && lab.console->live_stream(0)) {
      console->learn();
      learning = false;
    }
    if (!learning) console->step(closing);
    endpoint.step(closing);
  };
  for (int step = 0; step < variant.steps; ++step) {
    step_programs(false);
    lab.step(1 + below(below(3) == 0 ? 50 : variant.step));
    if (below(variant.cuts) == 0) lab.cut(static_cast<int>(below(3)));
    if (below(variant.cuts * 5) == 0) lab.restart_appliance();
    if (below(10) == 0) lab.connect();
    if (variant.full > 0 && below(variant.full) == 0) recording.full = !recording.full;
    if (!recording.full) lab.stop_holding();
    if (variant.takeovers > 0 && below(variant.takeovers) == 0) {
      lab.cut(0);
      lab.take_over(++instance);
      console = std::make_unique<Program>(*lab.console, Side::console, options, records, random, variant);
      learning = true;
    }
  }
  recording.full = false;
  lab.stop_holding();
  int quiet = 0;
  for (int round = 0; round < 5000 && quiet < 3; ++round) {
    lab.connect();
    step_programs(true);
    lab.step(1 << 20);
    quiet = !learning && console->idle() && endpoint.idle() && lab.quiet() ? quiet + 1 : 0;
  }
  ASSERT_EQ(lab.console->state(), SessionEnd::State::live) << lab.console->notice().text;
  ASSERT_EQ(lab.endpoint->state(), SessionEnd::State::live) << lab.endpoint->notice().text;
  ASSERT_FALSE(learning);
  for (const auto& [number, record] : records) {
    ASSERT_FALSE(lab.console->live_stream(number)) << "stream " << number;
    ASSERT_FALSE(lab.endpoint->live_stream(number)) << "stream " << number;
    if (record.reset) continue;
    for (const Side side : {Side::console, Side::endpoint}) {
      const auto from = static_cast<std::size_t>(other(side));
      const auto to = static_cast<std::size_t>(side);
      ASSERT_TRUE(record.final_offset[from]) << "stream " << number;
      ASSERT_TRUE(record.saw_end[to]) << "stream " << number;
      ASSERT_EQ(record.got[to], *record.final_offset[from]) << "stream " << number;
    }
  }
  ASSERT_EQ(lab.anchor->relay().queued_bytes(), 0u);
  ASSERT_LE(lab.anchor->relay().streams(), 1u);
  ASSERT_LE(lab.middle->streams(), 1u);
}

class RandomSession : public testing::TestWithParam<Variant> {};

TEST_P(RandomSession, LosesAndDoublesNothing) {
  const char* one = std::getenv("JUMP_SEED");
  const unsigned first = one == nullptr ? 1 : static_cast<unsigned>(std::strtoul(one, nullptr, 10));
  const unsigned count = one == nullptr ? lab::seeds(30) : 1;
  for (unsigned seed = first; seed < first + count; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    try {
      run(GetParam(), seed);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Variants, RandomSession,
    testing::Values(Variant{.name = "Plain"}, Variant{.name = "Large", .target = 150000, .streams = 3},
                    Variant{.name = "Calm", .target = 60000, .streams = 4, .cuts = 1000},
                    Variant{.name = "ManyStreams", .target = 300, .streams = 300, .resets = 9},
                    Variant{.name = "Resets", .resets = 12},
                    Variant{.name = "FullDisk", .cuts = 80, .full = 30},
                    Variant{.name = "TinySteps",
                            .step = 3,
                            .target = 40,
                            .streams = 4,
                            .resets = 60,
                            .cuts = 300,
                            .steps = 3000},
                    Variant{.name = "Takeovers", .streams = 6, .takeovers = 90},
                    Variant{
                        .name = "Everything", .streams = 20, .resets = 25, .takeovers = 120, .full = 100}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace jump::mux
