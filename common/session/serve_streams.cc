#include "common/session/serve_streams.h"

#include <utility>
#include <variant>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/scoped_group.h"
#include "common/session/codec.h"

namespace jump::session {
namespace {

void open_one(Session& session, StreamServer& server, TaskGroup& group, const StreamOpen& open) {
  Result<std::unique_ptr<Stream>> stream = session.adopt_stream(open.stream);
  if (!stream) {
    log::info("session", "stream not adopted", {{"why", stream.error().message()}});
    return;
  }
  if (group.size() >= limits::kLiveStreams) {
    (*stream)->reset(std::to_string(limits::kLiveStreams) + " streams at once are the most");
    return;
  }
  group.spawn("stream " + printable(open.purpose, 32), server.serve(open, std::move(*stream)));
}

Task<Result<void>> accept_streams(Session& session, StreamServer& server, TaskGroup& group) {
  while (true) {
    const Result<Message> message = co_await receive_message(session, End::console);
    if (!message) co_return message.error();
    if (std::holds_alternative<Hangup>(*message)) co_return Result<void>();
    if (const auto* open = std::get_if<StreamOpen>(&*message)) open_one(session, server, group, *open);
  }
}

}  // namespace

Task<Result<void>> serve_streams(Session& session, StreamServer& server) {
  TaskGroup group(co_await asio::this_coro::executor);
  Task<Result<void>> work = accept_streams(session, server, group);
  co_return co_await and_stop(group, std::move(work));
}

}  // namespace jump::session
