// The office's part that joins a console and an endpoint in a session.
#include "common/base/log.h"
#include "common/identity/random.h"
#include "common/identity/sha256.h"
#include "common/session/messages.h"
#include "tools/appliance/tunnels/office.h"
#include "tools/appliance/tunnels/peer.h"

namespace jump::appliance {
namespace {

control::Answer failure(Fault fault, std::string text) {
  return control::to_failure(Error(fault, std::move(text)));
}

store::Event session_event(const store::Session& row, std::string what, std::string source) {
  store::Event event;
  event.at = wall_seconds();
  event.who = "user:" + row.username;
  event.source = std::move(source);
  event.what = std::move(what);
  event.object = "session:" + to_hex(row.id);
  event.result = "ok";
  event.details = {{"asset", row.asset}, {"name", row.asset_name}, {"kind", row.kind}};
  return event;
}

// Shells and commands are recorded whole, transfers and forwards as lists of what was done.
std::string recording_name(const store::Session& row) {
  return to_hex(row.id) + (row.kind == "shell" ? ".cast" : ".jsonl");
}

struct Opening {
  store::Session row;
  bool created = false;
  bool online = true;
};

}  // namespace

control::SessionOpened Office::opened(const store::Session& row) const {
  control::SessionOpened answer;
  answer.wait_limit_seconds = row.wait_limit_seconds;
  answer.endpoint = row.asset_name + " (agent:" + std::to_string(row.agent) + ")";
  answer.recorded = !row.recording.empty();
  return answer;
}

Result<std::unique_ptr<Recorder>> Office::record(const store::Session& row) {
  RecordingHeader header;
  for (const auto kind :
       {control::SessionKind::shell, control::SessionKind::exec, control::SessionKind::files,
        control::SessionKind::sysinfo, control::SessionKind::forward}) {
    if (row.kind == boost::describe::enum_to_string(kind, "?")) header.kind = kind;
  }
  if (const Result<session::ShellStart> shell = from_json<session::ShellStart>(row.arguments);
      shell && header.kind == control::SessionKind::shell) {
    header.columns = shell->columns;
    header.rows = shell->rows;
    header.term = shell->term;
  }
  header.title = row.asset_name + " by " + row.username;
  header.started = row.created_at;
  return Recorder::open(options_.recordings + "/" + row.recording, header);
}

Task<control::Answer> Office::open_session(Peer& console, control::OpenSession question) {
  const std::int64_t user = console.user_id();
  const std::string username = console.user()->user->username;
  const std::string source = console.remote_address();
  const Secret endpoint_secret = identity::random_secret(32);

  // The row is committed before anybody is told: a second open of this id joins, and never starts again.
  store::Session row;
  row.id = question.session;
  row.asset = static_cast<std::int64_t>(question.asset);
  row.user_id = user;
  row.username = username;
  row.kind = boost::describe::enum_to_string(question.kind, "?");
  row.arguments = question.arguments;
  row.console_secret_hash = question.console_secret_hash;
  row.endpoint_secret_hash = identity::sha256(endpoint_secret.reveal());
  row.created_at = wall_seconds();
  row.wait_limit_seconds = site_.wait_limit_seconds;
  row.recording = recording_name(row);
  auto commit = [row, user](Backend& backend) mutable -> Result<Opening> {
    const Result<std::optional<store::Session>> existing = backend.store->sessions.get(row.id);
    if (!existing) return existing.error();
    if (*existing) return Opening{**existing, false, true};
    const Result<store::JumpClientRow> asset = backend.api->may_start(user, row.asset);
    if (!asset) return asset.error();
    row.agent = asset->agent;
    row.asset_name = asset->name;
    row.jump_group_id = asset->jump_group_id;
    row.jump_group_type = asset->jump_group_type;
    const Result<bool> created = backend.store->sessions.create(row);
    if (!created) return created.error();
    (void)backend.store->jump_clients.note_access(asset->agent, row.created_at);
    return Opening{row, *created, true};
  };
  Result<Opening> opening = co_await database_.run(commit);
  if (!opening) co_return control::to_failure(opening.error());
  row = std::move(opening->row);
  if (!opening->created) {
    if (row.user_id != user ||
        !equal_in_constant_time(row.console_secret_hash, question.console_secret_hash)) {
      co_return failure(Fault::already_exists, "this session id is in use");
    }
    if (row.state == store::SessionState::ended)
      co_return failure(Fault::closed, "the session has ended: " + row.reason);
    co_return opened(row);
  }

  const auto give_up = [&](Fault fault, std::string text) -> control::Answer {
    if (LiveSession* session = hub_.find(row.id)) {
      session->finish({mux::Reason::failed, text});
    } else {
      session_over(row, {mux::Reason::failed, text}, 0);
    }
    return failure(fault, std::move(text));
  };
  if (agent(row.agent) == nullptr) co_return give_up(Fault::unavailable, row.asset_name + " is offline");
  const bool required = site_.recording == store::Recording::required;
  Result<std::unique_ptr<Recorder>> recorder = record(row);
  if (!recorder && required) {
    co_return give_up(Fault::unavailable, "the recording cannot be written: " + recorder.error().message());
  }
  hub_.add(row, recorder ? std::move(*recorder) : nullptr, required);
  update_session_count(row.agent);

  identity::Ticket ticket;
  ticket.session = row.id;
  ticket.kind = question.kind;
  ticket.arguments = question.arguments;
  ticket.representative = username;
  ticket.endpoint_secret = endpoint_secret;
  ticket.rights = {row.kind};
  ticket.wait_limit_seconds = row.wait_limit_seconds;
  Start start(executor_);
  starts_[row.id] = &start;
  struct Forget {
    std::map<store::SessionId, Start*>& starts;
    store::SessionId id;
    ~Forget() { starts.erase(id); }
  } forget{starts_, row.id};
  if (!order(row.agent, identity::OrderKind::start_session, to_json(ticket))) {
    co_return give_up(Fault::unavailable, row.asset_name + " went offline");
  }
  event(session_event(row, "session.open", source));
  const Instant until = BootClock::now() + limits::kTicketLife;
  while (!start.word && BootClock::now() < until) {
    const LiveSession* session = hub_.find(row.id);
    if (session == nullptr) co_return failure(Fault::closed, "the session was ended before it began");
    if (session->row().state == store::SessionState::running) break;
    co_await start.told.wait_for(until - BootClock::now());
  }
  const LiveSession* session = hub_.find(row.id);
  const bool running = session != nullptr && session->row().state == store::SessionState::running;
  if (start.word && !start.word->started)
    co_return give_up(Fault::refused, row.asset_name + " refused: " + printable(start.word->text));
  if (!start.word && !running) {
    co_return give_up(Fault::timed_out,
                      row.asset_name + " gave no answer within 60 s; unknown whether it ran");
  }
  co_return opened(row);
}

void Office::session_start(std::int64_t agent, const control::SessionStart& notice) {
  const auto start = starts_.find(notice.session);
  if (start == starts_.end()) return;
  const LiveSession* session = hub_.find(notice.session);
  if (session == nullptr || session->row().agent != agent) return;
  start->second->word = notice;
  start->second->told.set();
}

Task<control::Answer> Office::take_over_session(Peer& console, control::TakeOverSession question) {
  LiveSession* session = hub_.find(question.session);
  if (session == nullptr || session->row().user_id != console.user_id()) {
    const mux::Notice notice = co_await why_gone(question.session, console.who());
    co_return failure(Fault::not_found, notice.text);
  }
  if (session->row().kind != "shell") co_return failure(Fault::refused, "only shells can be taken over");
  session->row().console_secret_hash = question.console_secret_hash;
  const store::Session row = session->row();
  auto write = [row](Backend& backend) {
    return backend.store->sessions.take_over(row.id, row.console_secret_hash);
  };
  const Result<void> stored = co_await database_.run(write);
  if (!stored) co_return control::to_failure(stored.error());
  event(session_event(row, "session.take_over", console.remote_address()));
  co_return opened(row);
}

Task<control::Answer> Office::end_session(Peer& console, control::EndSession question) {
  LiveSession* session = hub_.find(question.session);
  const bool administrator = console.user() && console.user()->administrator();
  if (session == nullptr || (session->row().user_id != console.user_id() && !administrator)) {
    const mux::Notice notice = co_await why_gone(question.session, console.who());
    co_return failure(Fault::not_found, notice.text);
  }
  const bool owner = session->row().user_id == console.user_id();
  const std::string by = console.user()->user->username;
  session->finish({owner ? mux::Reason::ended_by_owner : mux::Reason::ended_by_administrator,
                   question.reason.empty() ? "ended by " + by
                                           : "ended by " + by + ": " + printable(question.reason, 200)});
  co_return control::Done{};
}

Task<mux::Notice> Office::why_gone(store::SessionId id, std::string who) {
  auto look_up = [id](Backend& backend) { return backend.store->sessions.get(id); };
  const Result<std::optional<store::Session>> row = co_await database_.run(look_up);
  // Whoever it does not belong to learns nothing of it.
  const bool concerned =
      row && *row && (who == "user:" + (*row)->username || who == "agent:" + std::to_string((*row)->agent));
  if (concerned && (*row)->state == store::SessionState::ended) {
    co_return mux::Notice{mux::Reason::finished,
                          (*row)->reason.empty() ? "the session has ended" : (*row)->reason};
  }
  co_return mux::Notice{mux::Reason::not_found, "there is no such session, or it is not yours"};
}

Hub::Events Office::hub_events() {
  Hub::Events events;
  events.on_started = [this](LiveSession& session) {
    const store::SessionId id = session.row().id;
    const std::string boot = session.row().endpoint_boot_id;
    if (const auto start = starts_.find(id); start != starts_.end()) start->second->told.set();
    tasks_.spawn("session started", run_quietly([id, boot](Backend& backend) {
                   return backend.store->sessions.set_started(id, boot, wall_seconds());
                 }));
  };
  events.on_console = [this](LiveSession& session) {
    const store::SessionId id = session.row().id;
    const store::SessionId instance = *session.row().console_instance;
    const std::uint64_t count = session.row().console_attach_count;
    tasks_.spawn("session console", run_quietly([id, instance, count](Backend& backend) {
                   return backend.store->sessions.set_console(id, instance, count);
                 }));
  };
  events.on_over = [this](const store::Session& row, const mux::Notice& why, std::uint64_t bytes) {
    session_over(row, why, bytes);
  };
  return events;
}

void Office::session_over(const store::Session& row, const mux::Notice& why, std::uint64_t bytes) {
  std::string reason = why.text;
  if (reason.empty()) reason = why.reason == mux::Reason::finished ? "finished" : "ended";
  tasks_.spawn("session over", run_quietly([id = row.id, reason, bytes](Backend& backend) -> Result<void> {
                 const Result<bool> ended = backend.store->sessions.end(id, reason, bytes, wall_seconds());
                 if (!ended) return ended.error();
                 return {};
               }));
  store::Event over = session_event(row, "session.end", {});
  over.text = reason;
  if (why.reason == mux::Reason::failed) over.result = "failed";
  event(std::move(over));
  update_session_count(row.agent);
}

void Office::update_session_count(std::int64_t agent) {
  presence_.set_sessions(agent, static_cast<std::uint32_t>(hub_.of_agent(agent)));
}

}  // namespace jump::appliance
