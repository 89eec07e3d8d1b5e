#include "tools/bench/direct_pair.h"

#include "tools/bench/streams.h"

namespace jump::bench {
namespace {

Task<> run_end(MuxEnd& end) {
  static_cast<void>(co_await end.run());
}

Task<bool> echo_to_the_end(session::Stream& stream) {
  co_await echo(stream);
  co_return true;
}

}  // namespace

DirectPair::End::End(Worker& worker, StreamPtr stream, bool is_console)
    : session(worker.executor(), session_options(is_console), {}), mux(worker.executor(), std::move(stream)) {
  mux.add(session);
}

DirectPair::DirectPair(const Site& site, const Credentials& own) {
  Connected both = connect(console_, site.client(own), endpoint_, site.server());
  console_.call([&] { ends_[0] = std::make_unique<End>(console_, std::move(both.client), true); });
  endpoint_.call([&] { ends_[1] = std::make_unique<End>(endpoint_, std::move(both.server), false); });
  console_.spawn(run_end(ends_[0]->mux));
  endpoint_.spawn(run_end(ends_[1]->mux));
  must(console_.run(live(ends_[0]->session)));
  must(endpoint_.run(live(ends_[1]->session)));
}

DirectPair::~DirectPair() {
  console_.stop();
  endpoint_.stop();
}

DirectPair::StreamPair DirectPair::open() {
  StreamPair pair;
  pair.console = must(console_.call([&] { return ends_[0]->session.open_stream(); }));
  const std::uint32_t number = pair.console->number();
  pair.endpoint = must(endpoint_.call([&] { return ends_[1]->session.adopt_stream(number); }));
  return pair;
}

void DirectPair::close(StreamPair pair) {
  console_.call([&] { pair.console.reset(); });
  endpoint_.call([&] { pair.endpoint.reset(); });
}

EchoStream::EchoStream(DirectPair& pair)
    : pair_(pair),
      streams_(pair.open()),
      echoing_(pair.endpoint().start(echo_to_the_end(*streams_.endpoint))) {}

EchoStream::~EchoStream() {
  pair_.console().call([this] { streams_.console->end(); });
  echoing_.wait();
  pair_.close(std::move(streams_));
}

std::vector<double> EchoStream::ping(std::size_t times) {
  return must(pair_.console().run(bench::ping(*streams_.console, times)));
}

}  // namespace jump::bench
