// The office's part that joins a console and an endpoint in a session.
#include "common/base/log.h"
#include "common/identity/random.h"
#include "common/identity/sha256.h"
#include "common/session/messages.h"
#include "platform/files.h"
#include "tools/appliance/api/jump_item_rules.h"
#include "tools/appliance/tunnels/assignment.h"
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
  json::object details{{"asset", row.asset}, {"name", row.asset_name}, {"kind", row.kind}};
  if (row.node) {
    details["node"] = *row.node;
    details["node_name"] = row.node_name;
  }
  event.details = std::move(details);
  return event;
}

// A shell is one whatever its arguments are: what it prints is recorded.
bool is_terminal(const store::Session& row) {
  return row.kind == "shell" || session::terminal_of(row.kind, row.arguments);
}

// Shells and commands are recorded whole, transfers and forwards as lists of what was done.
std::string recording_name(const store::Session& row) {
  return to_hex(row.id) + (is_terminal(row) ? ".cast" : ".jsonl");
}

constexpr auto kNextNode = std::chrono::seconds(1);

struct Opening {
  store::Session row;
  bool created = false;
  api::Startable asset;
  std::vector<store::Node> nodes;
};

// The row as it is committed: before anybody is told.
Result<Opening> commit_opening(Backend& backend, store::Session row, control::SessionKind kind,
                               const std::optional<control::AdHocTarget>& ad_hoc) {
  const Result<std::optional<store::Session>> existing = backend.store->sessions.get(row.id);
  if (!existing) return existing.error();
  if (*existing) return Opening{**existing, false, {}, {}};
  Result<api::Startable> asset = ad_hoc ? api::may_start_ad_hoc(*backend.store, row.user_id, *ad_hoc)
                                        : backend.api->may_start(row.user_id, row.asset);
  if (!asset) return asset.error();
  const Result<void> fits = api::check_kind(*asset, kind);
  if (!fits) return fits.error();
  row.asset_kind = asset->kind;
  row.agent = asset->agent;
  row.asset_name = asset->name;
  row.jump_group_id = asset->jump_group_id;
  row.jump_group_type = asset->jump_group_type;
  if (ad_hoc && row.arguments.is_object()) {
    control::AdHocTarget reached = *ad_hoc;
    reached.port = asset->target->port;
    row.arguments.get_object()["ad_hoc"] = to_json(reached);
  }
  const Result<bool> created = backend.store->sessions.create(row);
  if (!created) return created.error();
  Opening opening{row, *created, std::move(*asset), {}};
  if (!opening.asset.target) {
    (void)backend.store->jump_clients.note_access(row.agent, row.created_at);
    return opening;
  }
  (void)backend.store->jump_items.note_access(row.asset, row.created_at);
  Result<std::vector<store::Node>> nodes = backend.store->jumpoints.all_nodes(opening.asset.jumpoint);
  if (!nodes) return nodes.error();
  opening.nodes = std::move(*nodes);
  return opening;
}

}  // namespace

control::SessionOpened Office::opened(const store::Session& row) const {
  control::SessionOpened answer;
  answer.wait_limit_seconds = row.wait_limit_seconds;
  answer.endpoint = row.asset_name + " (" + row.endpoint().name();
  answer.endpoint += (row.node_name.empty() ? "" : " " + row.node_name) + ")";
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
  header.terminal = is_terminal(row);
  if (const std::optional<session::ShellStart> terminal = session::terminal_of(row.kind, row.arguments)) {
    header.columns = terminal->columns;
    header.rows = terminal->rows;
    header.term = terminal->term;
  }
  header.title = row.asset_name + " by " + row.username;
  header.started = row.created_at;
  header.best_effort = site_.recording == store::Recording::best_effort;
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
  const bool required = site_.recording == store::Recording::required;
  auto commit = [row, kind = question.kind, ad_hoc = question.ad_hoc, folder = options_.recordings, required,
                 least = options_.least_free](Backend& backend) -> Result<Opening> {
    const Result<platform::Space> space = platform::disk_space(folder);
    if (required && space && space->free < least) {
      return Error(Fault::unavailable, "new sessions must wait: " + std::to_string(space->free >> 20) +
                                           " MiB are free for recordings, " + std::to_string(least >> 20) +
                                           " MiB are needed");
    }
    return commit_opening(backend, row, kind, ad_hoc);
  };
  Result<Opening> opening = co_await database_.run(commit);
  if (!opening) co_return control::to_failure(opening.error());
  row = opening->row;
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
  const bool behind_jumpoint = opening->asset.target.has_value();
  if (!behind_jumpoint && endpoint(row.endpoint()) == nullptr)
    co_return give_up(Fault::unavailable, row.asset_name + " is offline");
  Result<std::unique_ptr<Recorder>> recorder = record(row);
  if (!recorder && required) {
    co_return give_up(Fault::unavailable, "the recording cannot be written: " + recorder.error().message());
  }
  hub_.add(row, recorder ? std::move(*recorder) : nullptr, required);

  identity::Ticket ticket;
  ticket.session = row.id;
  ticket.kind = question.kind;
  ticket.arguments = question.arguments;
  ticket.representative = username;
  ticket.endpoint_secret = endpoint_secret;
  ticket.rights = {row.kind};
  ticket.wait_limit_seconds = row.wait_limit_seconds;
  ticket.target = std::move(opening->asset.target);
  opening->asset.target.reset();
  Result<void> started;
  if (behind_jumpoint) {
    started = co_await start_on_node(row.id, ticket, opening->asset, opening->nodes);
  } else {
    update_session_count(row.endpoint());
    event(session_event(row, "session.open", source));
    started = co_await ask_to_start(row.id, ticket, limits::kTicketLife);
  }
  if (!started) {
    const Fault fault = started.error().is(Fault::closed)      ? Fault::closed
                        : started.error().is(Fault::refused)   ? Fault::refused
                        : started.error().is(Fault::timed_out) ? Fault::timed_out
                                                               : Fault::unavailable;
    co_return give_up(fault, started.error().context);
  }
  const LiveSession* session = hub_.find(row.id);
  if (session == nullptr) co_return failure(Fault::closed, "the session was ended before it began");
  if (behind_jumpoint) event(session_event(session->row(), "session.open", source));
  co_return opened(session->row());
}

Task<Result<void>> Office::start_on_node(store::SessionId id, const identity::Ticket& ticket,
                                         const api::Startable& asset, const std::vector<store::Node>& nodes) {
  std::vector<NodeCandidate> candidates;
  for (const store::Node& node : nodes) {
    const store::Endpoint at = store::node_endpoint(node.id);
    candidates.push_back({node.id, node.hostname, node.tag, node.abilities, endpoint(at) != nullptr,
                          node.draining, static_cast<std::uint32_t>(hub_.of_endpoint(at)),
                          assigned_[node.id]});
  }
  const NodeWish wish{asset.jumpoint_name, asset.ability, asset.node_id, asset.node_tag};
  const Result<std::vector<std::int64_t>> order = assign_nodes(candidates, wish);
  if (!order) co_return Error(Fault::unavailable, asset.name + ": " + order.error().context);
  Result<void> started = Error(Fault::unavailable, asset.name + " went offline");
  for (const std::int64_t number : *order) {
    LiveSession* session = hub_.find(id);
    if (session == nullptr) co_return Error(Fault::closed, "the session was ended before it began");
    const auto node =
        std::find_if(nodes.begin(), nodes.end(), [&](const store::Node& one) { return one.id == number; });
    // A secret of its own for each: one that answers too late cannot attach.
    identity::Ticket own = ticket;
    own.endpoint_secret = identity::random_secret(32);
    const store::Hash hash = identity::sha256(own.endpoint_secret.reveal());
    const store::Endpoint before = session->row().endpoint();
    session->row().node = number;
    session->row().node_name = node->hostname;
    session->row().endpoint_secret_hash = hash;
    ++assigned_[number];
    update_session_count(before);
    update_session_count(store::node_endpoint(number));
    auto assign = [id, number, name = node->hostname, hash](Backend& backend) {
      return backend.store->sessions.assign(id, number, name, hash);
    };
    const Result<void> stored = co_await database_.run(assign);
    if (!stored) co_return stored.error();
    const bool last = number == order->back();
    started = co_await ask_to_start(id, own, last ? Duration(limits::kTicketLife) : Duration(kNextNode));
    if (started || started.error().is(Fault::closed)) co_return started;
    log::info("office", "a node did not start a session",
              {{"session", to_hex(id)}, {"node", number}, {"reason", started.error().message()}});
  }
  co_return started;
}

Task<Result<void>> Office::ask_to_start(store::SessionId id, const identity::Ticket& ticket, Duration limit) {
  const LiveSession* session = hub_.find(id);
  if (session == nullptr) co_return Error(Fault::closed, "the session was ended before it began");
  const std::string name = session->row().asset_name;
  Start start(executor_);
  starts_[id] = &start;
  struct Forget {
    std::map<store::SessionId, Start*>& starts;
    store::SessionId id;
    ~Forget() { starts.erase(id); }
  } forget{starts_, id};
  if (!order(session->row().endpoint(), identity::OrderKind::start_session, to_json(ticket))) {
    co_return Error(Fault::unavailable, name + " went offline");
  }
  hub_.find(id)->note_ordered();
  const Instant until = BootClock::now() + limit;
  while (!start.word && BootClock::now() < until) {
    session = hub_.find(id);
    if (session == nullptr) co_return Error(Fault::closed, "the session was ended before it began");
    if (session->row().state == store::SessionState::running) co_return Result<void>();
    co_await start.told.wait_for(until - BootClock::now());
  }
  session = hub_.find(id);
  if (session != nullptr && session->row().state == store::SessionState::running) co_return Result<void>();
  if (start.word && start.word->started) co_return Result<void>();
  if (start.word) co_return Error(Fault::refused, name + " refused: " + printable(start.word->text));
  co_return Error(Fault::timed_out, no_answer(name, limit));
}

void Office::session_start(const store::Endpoint& from, const control::SessionStart& notice) {
  const auto start = starts_.find(notice.session);
  if (start == starts_.end()) return;
  const LiveSession* session = hub_.find(notice.session);
  if (session == nullptr || session->row().endpoint() != from) return;
  start->second->word = notice;
  start->second->told.set();
}

Task<control::Answer> Office::take_over_session(Peer& console, control::TakeOverSession question) {
  LiveSession* session = hub_.find(question.session);
  if (session == nullptr || session->row().user_id != console.user_id()) {
    const mux::Notice notice = co_await why_gone(question.session, console.who());
    co_return failure(Fault::not_found, notice.text);
  }
  if (!is_terminal(session->row()))
    co_return failure(Fault::refused, "only a session with a terminal can be taken over");
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
      row && *row && (who == "user:" + (*row)->username || who == (*row)->endpoint().name());
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
  events.on_host_key = [this](const LiveSession& session, const Conversation::HostKey& key) {
    keep_host_key(session, key.key);
  };
  events.on_remark = [this](const LiveSession& session, const Conversation::Said& said) {
    store::Event remark =
        session_event(session.row(), said.warning ? "session.warning" : "session.remark", {});
    remark.who = session.row().endpoint().name();
    remark.text = said.text;
    event(std::move(remark));
  };
  return events;
}

// Confirmed by the representative on first use: from now on it is the one that is expected.
void Office::keep_host_key(const LiveSession& session, const std::string& key) {
  if (session.row().asset_kind != store::AssetKind::shell_jump || !api::host_key_fault(key).empty()) return;
  // A machine that is no asset: its key is the Jumpoint's.
  std::optional<control::AdHocTarget> ad_hoc;
  if (const json::object* arguments = session.row().arguments.if_object();
      session.row().asset == 0 && arguments != nullptr && arguments->contains("ad_hoc")) {
    const Result<control::AdHocTarget> read = from_json<control::AdHocTarget>(arguments->at("ad_hoc"));
    if (read) ad_hoc = *read;
  }
  store::Event learnt = session_event(session.row(), "asset.host_key", {});
  learnt.object = ad_hoc ? "jumpoint:" + std::to_string(ad_hoc->jumpoint)
                         : "asset:" + std::to_string(session.row().asset);
  learnt.text = "confirmed the host key of " + session.row().asset_name + " on first use";
  json::object details = learnt.details.as_object();
  details["host_key"] = key;
  details["session"] = to_hex(session.row().id);
  learnt.details = std::move(details);
  auto write = [asset = session.row().asset, ad_hoc, key, learnt](Backend& backend) -> Result<void> {
    store::Transaction whole(backend.store->db());
    store::JumpItems& items = backend.store->jump_items;
    const Result<bool> first =
        ad_hoc ? items.add_first_ad_hoc_host_key(static_cast<std::int64_t>(ad_hoc->jumpoint), ad_hoc->host,
                                                 ad_hoc->port, key, learnt.who, learnt.at)
               : items.add_first_host_key(asset, key, learnt.who, learnt.at);
    if (!first) return first.error();
    if (*first) {
      const Result<std::int64_t> added = backend.store->events.add(learnt);
      if (!added) return added.error();
    }
    return whole.commit();
  };
  tasks_.spawn("host key", run_quietly(std::move(write)));
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
  update_session_count(row.endpoint());
}

void Office::update_session_count(const store::Endpoint& endpoint) {
  presence_.set_sessions(endpoint, static_cast<std::uint32_t>(hub_.of_endpoint(endpoint)));
}

}  // namespace jump::appliance
