#include "actors/people/user.h"

#include "actors/refusal.h"
#include "core/channel_name.h"
#include "core/json_string.h"
#include "core/revocations.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace parley::actors {
namespace {

constexpr auto kRetryAfter = seconds(1);  // when the disk refused or the record could not be read
constexpr std::string_view kStatusEvent = "user.status.changed";

template <class Value>
void erase_value(std::vector<Value>& from, const Value& value) {
  from.erase(std::remove(from.begin(), from.end(), value), from.end());
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const auto at = text.find(what);
  return at == std::string::npos ? text : text.replace(at, what.size(), by);
}

// user.status.changed; also what HTTP tells of a user begins with these fields.
std::string status_json(const UserKey& user, UserStatus previous, const UserRecord& record) {
  std::string json = R"({"user_id":)";
  append_id(json, user.id, record.id_form);
  json += fmt::format(R"(,"status":"{}","previous":"{}","since":)", status_name(record.status), status_name(previous));
  append_time(json, record.since);
  json += R"(,"last_seen":)";
  append_time(json, last_seen_at(record, record.since));
  return json + "}";
}

}  // namespace

UserMetrics::UserMetrics(Metrics& metrics)
    : online(metrics.users_online),
      away(metrics.users_away),
      changes(metrics.user_status_changes),
      sessions_refused(metrics.authorizations_refused("sessions_per_user")) {}

User::User(UserKey key, SettingsPtr settings, const UserMetrics& metrics, UserPort& port)
    : key_(std::move(key)), metrics_(metrics), port_(port) {
  configure(std::move(settings));
}

User::~User() {
  if (stage_ == Stage::open) count(saved_.status, -1);
}

void User::configure(SettingsPtr settings) {
  settings_ = std::move(settings);
  app_ = settings_->app_by_id(key_.app);
}

void User::attend() {
  if (stage_ != Stage::closed) return;
  stage_ = Stage::opening;
  port_.open();
}

void User::depose(const Error& why) {
  for (const auto& request : std::exchange(waiting_, {})) {
    if (auto reply = refusal(request, why)) port_.reply(std::move(*reply));
  }
  // What was to be stored may be, all the same: whoever asks the next leader learns it.
  auto answers = std::exchange(answers_, {});
  if (saving_) std::move(saving_->answers.begin(), saving_->answers.end(), std::back_inserter(answers));
  saving_.reset();
  for (const auto& answer : answers) port_.reply({answer.to, Refused{why}});
}

void User::node_gone(const NodeAddress& node, MonoTime now, WallTime wall) {
  std::erase_if(waiting_,
                [&](const Request& request) { return request.from.node == node && request.from.session.exists(); });
  std::erase_if(ended_, [&](const auto& row) { return row.second.node == node; });
  if (stage_ != Stage::open) return;
  for (std::size_t i = sessions_.size(); i-- > 0;) {
    if (sessions_[i].to.node != node) continue;
    depart(sessions_.begin() + static_cast<std::ptrdiff_t>(i), now + hold_after(LeaveReason::connection_lost), wall);
  }
  settle(now, wall);
}

void User::handle(Request request, MonoTime now, WallTime wall) {
  if (stage_ == Stage::open) {
    dispatch(request, now, wall);
    return settle(now, wall);
  }
  if (waiting_.size() >= settings_->limits.mailbox_messages_max && may_be_refused(request)) {
    if (auto reply = refusal(request, make_error(Errc::overloaded))) port_.reply(std::move(*reply));
    return;
  }
  waiting_.push_back(std::move(request));
  if (!retry_at_) attend();
}

void User::opened(Result<UserAbout> about, WallTime alive, MonoTime now, WallTime wall) {
  if (stage_ == Stage::open) return;
  if (!about) {
    // Who only asks is told; who came or left is kept in mind until the disk answers.
    stage_ = Stage::closed;
    retry_at_ = now + kRetryAfter;
    std::erase_if(waiting_, [&](const Request& request) {
      if (request.from.session.exists()) return false;
      if (auto reply = refusal(request, about.error())) port_.reply(std::move(*reply));
      return true;
    });
    return;
  }
  stage_ = Stage::open;
  retry_at_.reset();
  known_ = about->known;
  record_ = about->record;
  saved_ = record_;
  count(saved_.status, 1);
  last_seen_ = record_.last_seen;
  forget_old_blocks(wall);
  if (!saved_.blocks.empty()) port_.block(record_.blocks);
  if (record_.open()) {
    // The process before this one ended without telling. Who was here may be on the way back.
    last_seen_ = std::max({last_seen_, record_.since, alive});
    const auto until = now + settings_->timing.restart_grace;
    for (const auto& connection : record_.connections) ghosts_.push_back({until, record_.status, connection.socket});
    if (record_.connections.empty()) ghosts_.push_back({until, record_.status, {}});
  }
  for (auto& request : std::exchange(waiting_, {})) dispatch(request, now, wall);
  settle(now, wall);
}

void User::dispatch(Request& request, MonoTime now, WallTime wall) {
  std::visit(
      [&](auto& what) {
        if constexpr (requires { on(request.from, what, now, wall); }) {
          on(request.from, what, now, wall);
        } else {
          CHECK(false);  // the router sends no other
        }
      },
      request.what);
}

// ---- sessions come and go ----

User::Session* User::find(SocketId socket) {
  const auto place =
      std::find_if(sessions_.begin(), sessions_.end(), [&](const auto& one) { return one.to.session == socket; });
  return place == sessions_.end() ? nullptr : &*place;
}

User::Session* User::find(const ReplyTo& from) {
  auto* session = find(from.session);
  return session != nullptr && session->to.of_hub() == from.of_hub() ? session : nullptr;
}

User::Session* User::arrive(const ReplyTo& from, const ConnectionAbout& about, WallTime wall) {
  if (auto* known = find(from.session)) {
    if (known->to.of_hub() != from.of_hub()) {  // taken up here: what the connection before said holds no more
      known->channels.clear();
      known->signed_in = false;
      known->via = Via::presence;
      known->activity = UserStatus::online;
      known->about = about;
    }
    known->to = from;
    return known;
  }
  if (const auto ended = ended_.find(from.session); ended != ended_.end()) {
    if (ended->second == from.of_hub()) return nullptr;  // said on its way out; its SignOut follows
    ended_.erase(ended);                                 // it was taken up elsewhere
  }
  if (record_.blocks.banned_until > wall) {
    port_.reply({from, Terminated{ban_error(record_.blocks)}});
    return nullptr;
  }
  const auto sessions_max = app_ == nullptr ? AppLimits{}.sessions_per_user_max : app_->limits.sessions_per_user_max;
  if (sessions_.size() >= sessions_max) {
    metrics_.sessions_refused.add();
    port_.reply({from, Terminated{make_error(Errc::over_connection_limit,
                                             fmt::format("a user has at most {} connections", sessions_max))}});
    return nullptr;
  }
  auto& session = sessions_.emplace_back();
  session.to = from;
  session.about = about;
  take_place(session, wall);
  for (const auto& block : record_.blocks.channels) {
    if (block.until > wall) port_.reply({from, Kicked{{key_.app, block.channel}, make_error(Errc::kicked)}});
  }
  return &session;
}

// How long a session that ended counts on. What the backend is told is held back at least as long as the
// application asked for, so that the two never disagree.
milliseconds User::hold_after(LeaveReason reason) const {
  const auto& rule = settings_->rule_for("user." + key_.id);
  const auto hold = reason == LeaveReason::unsubscribed ? rule.presence_linger : rule.presence_grace;
  const bool told = std::any_of(
      settings_->webhooks.begin(), settings_->webhooks.end(),
      [&](const WebhookTarget& target) { return target.app == key_.app && (target.kinds & kUserNotices) != 0; });
  return told && app_ != nullptr ? std::max(hold, app_->webhook_hold) : hold;
}

void User::forget_old_blocks(WallTime wall) {
  auto& blocks = record_.blocks;
  std::erase_if(blocks.channels, [&](const ChannelBlock& block) { return block.until <= wall; });
  if (blocks.banned_until <= wall) {
    blocks.banned_until = {};
    blocks.ban_reason.clear();
  }
  // Tokens that old have all ended by themselves.
  if (app_ == nullptr || app_->tokens.lifetime_max.count() == 0) return;
  if (blocks.tokens_since + app_->tokens.lifetime_max + app_->tokens.leeway <= wall) blocks.tokens_since = {};
}

// A user who comes back within the grace period has not been away: the backend hears nothing.
void User::take_place(Session& session, WallTime wall) {
  if (!ghosts_.empty()) {
    session.told = ghosts_.front().told;
    ghosts_.erase(ghosts_.begin());
  }
  if (session.told.exists() || !wants_connections()) return;
  // Who comes back under the id that it had may find it taken, by one who came meanwhile: it takes that one's own.
  auto id = session.to.session;
  const auto told_as = [&] {
    return std::find_if(sessions_.begin(), sessions_.end(), [&](const Session& one) { return one.told == id; });
  };
  for (auto other = told_as(); other != sessions_.end(); other = told_as()) id = other->to.session;
  session.told = id;
  record_.connections.push_back({session.told, wall});
}

void User::depart(std::vector<Session>::iterator place, MonoTime until, WallTime seen) {
  last_seen_ = std::max(last_seen_, seen);
  ghosts_.push_back({until, place->activity, place->told});
  sessions_.erase(place);
}

void User::forget_connection(SocketId told) {
  std::erase_if(record_.connections, [&](const ToldConnection& one) { return one.socket == told; });
}

void User::on(const ReplyTo& from, SignIn& what, MonoTime, WallTime wall) {
  if (what.token_issued && *what.token_issued < record_.blocks.tokens_since) {
    // Checked when it came in; the tokens were revoked while it was on its way to us.
    port_.reply({from, Terminated{make_error(Errc::terminated)}});
    return;
  }
  auto* session = arrive(from, what.about, wall);
  if (session == nullptr) return;
  session->signed_in = true;
  session->via = what.via;
  name_domains(what.domains);
  learn_about(what.user_info, what.id_form);
}

void User::on(const ReplyTo& from, SignOut& what, MonoTime now, WallTime wall) {
  if (const auto ended = ended_.find(from.session); ended != ended_.end() && ended->second == from.of_hub()) {
    ended_.erase(ended);
  }
  const auto* session = find(from);
  if (session == nullptr) return;  // terminated or refused before
  depart(sessions_.begin() + (session - sessions_.data()), now + hold_after(what.reason), wall - what.silent_for);
}

void User::on(const ReplyTo& from, JoinedAs& what, MonoTime, WallTime wall) {
  auto* session = arrive(from, what.about, wall);
  if (session == nullptr) return;
  if (std::find(session->channels.begin(), session->channels.end(), what.channel) == session->channels.end()) {
    session->channels.push_back(what.channel);
  }
  const auto traits = channel_traits(what.channel);
  if (traits.kind == ChannelKind::domain) add_domain(std::string(traits.base.substr(traits.base.find('.') + 1)));
  learn_about(what.user_info, what.id_form);
}

// Who is here already: it takes the place of one whom the leader before knew, and nothing has changed.
void User::on(const ReplyTo& from, AnnounceUser& what, MonoTime, WallTime wall) {
  if (what.token_issued && *what.token_issued < record_.blocks.tokens_since) {
    port_.reply({from, Terminated{make_error(Errc::terminated)}});
    return;
  }
  auto* session = arrive(from, what.about, wall);
  if (session == nullptr) return;
  session->signed_in = what.signed_in;
  session->via = what.via;
  session->activity = what.activity;
  session->channels = std::move(what.channels);
  for (const auto& channel : session->channels) {  // the word of its joining may have been lost with the leader before
    const auto traits = channel_traits(channel);
    if (traits.kind == ChannelKind::domain) add_domain(std::string(traits.base.substr(traits.base.find('.') + 1)));
  }
  learn_about(what.user_info, what.id_form);
}

void User::on(const ReplyTo& from, LeftAs& what, MonoTime now, WallTime wall) {
  auto* session = find(from);
  if (session == nullptr) return;
  erase_value(session->channels, what.channel);
  if (session->signed_in || !session->channels.empty()) return;
  depart(sessions_.begin() + (session - sessions_.data()), now + hold_after(LeaveReason::unsubscribed), wall);
}

void User::on(const ReplyTo& from, SetActivity& what, MonoTime, WallTime) {
  if (auto* session = find(from)) session->activity = what.status;
}

// ---- what others do to a user ----

// All sessions end now and nothing is held: this is no blip.
std::size_t User::end_sessions(const Error& error, WallTime wall) {
  for (const auto& session : sessions_) {
    port_.reply({session.to, Terminated{error}});
    ended_.insert_or_assign(session.to.session, session.to.of_hub());
  }
  const auto count = sessions_.size();
  if (count > 0) last_seen_ = std::max(last_seen_, wall);
  sessions_.clear();
  ghosts_.clear();
  record_.connections.clear();
  return count;
}

void User::on(const ReplyTo& from, TerminateUser& what, MonoTime, WallTime wall) {
  Done done;
  if (what.revoke_tokens) {
    record_.blocks.tokens_since = wall + milliseconds(1);
    port_.block(record_.blocks);
  }
  done.count = end_sessions(make_error(Errc::terminated), wall);
  if (!what.revoke_tokens) return port_.reply({from, done});
  answers_.push_back({from, done});
}

void User::on(const ReplyTo& from, KickUser& what, MonoTime, WallTime wall) {
  auto& blocks = record_.blocks.channels;
  std::erase_if(blocks, [&](const auto& one) { return one.until <= wall; });
  const bool lasting = what.until > wall;
  const bool known =
      std::any_of(blocks.begin(), blocks.end(), [&](const auto& one) { return one.channel == what.channel; });
  const auto blocks_max = app_ == nullptr ? AppLimits{}.blocks_per_user_max : app_->limits.blocks_per_user_max;
  if (lasting && !known && blocks.size() >= blocks_max) {
    return port_.reply({from, Refused{make_error(Errc::bad_request,
                                                 fmt::format("a user is kept off at most {} channels", blocks_max))}});
  }
  std::erase_if(blocks, [&](const auto& one) { return one.channel == what.channel; });
  if (lasting) blocks.push_back({what.channel, what.until});
  port_.block(record_.blocks);
  for (const auto& session : sessions_) {
    port_.reply({session.to, Kicked{{key_.app, what.channel}, make_error(Errc::kicked)}});
  }
  answers_.push_back({from, Done{sessions_.size()}});
}

void User::on(const ReplyTo& from, BanUser& what, MonoTime, WallTime wall) {
  const bool banned = what.until > wall;
  record_.blocks.banned_until = banned ? what.until : WallTime{};
  record_.blocks.ban_reason = banned ? what.reason : std::string();
  port_.block(record_.blocks);
  answers_.push_back({from, Done{banned ? end_sessions(ban_error(record_.blocks), wall) : 0}});
}

// Who was never here leaves no trace: an empty record is taken away by the machine.
void User::on(const ReplyTo& from, ForgetUser&, MonoTime, WallTime wall) {
  const Done done{end_sessions(make_error(Errc::terminated), wall)};
  for (const auto& domain : record_.domains) members_[domain] = false;
  record_ = UserRecord{.blocks = std::move(record_.blocks)};
  last_seen_ = {};
  answers_.push_back({from, done});
}

void User::on(const ReplyTo& from, GetSessions&, MonoTime, WallTime) {
  SessionList list{.user = {key_, known_ || !sessions_.empty(), record_}, .sessions = {}};
  for (const auto& session : sessions_) {
    list.sessions.push_back({session.to.session, session.via, session.activity, session.channels, session.about});
  }
  port_.reply({from, std::move(list)});
}

// ---- facts ----

void User::name_domains(const std::optional<std::vector<std::string>>& claimed) {
  if (!claimed) return;
  auto domains = *claimed;
  for (const auto& session : sessions_) {  // members of a domain's presence channel belong to it anyhow
    for (const auto& channel : session.channels) {
      const auto traits = channel_traits(channel);
      if (traits.kind == ChannelKind::domain) domains.emplace_back(traits.base.substr(traits.base.find('.') + 1));
    }
  }
  std::sort(domains.begin(), domains.end());
  domains.erase(std::unique(domains.begin(), domains.end()), domains.end());
  const auto most = app_ == nullptr ? AppLimits{}.domains_per_user_max : app_->limits.domains_per_user_max;
  if (domains.size() > most) domains.resize(most);
  for (const auto& gone : record_.domains) {
    if (!std::binary_search(domains.begin(), domains.end(), gone)) members_[gone] = false;
  }
  for (const auto& fresh : domains) {
    if (!std::binary_search(record_.domains.begin(), record_.domains.end(), fresh)) members_[fresh] = true;
  }
  record_.domains = std::move(domains);
}

void User::add_domain(std::string domain) {
  const auto place = std::lower_bound(record_.domains.begin(), record_.domains.end(), domain);
  if (place != record_.domains.end() && *place == domain) return;
  const auto most = app_ == nullptr ? AppLimits{}.domains_per_user_max : app_->limits.domains_per_user_max;
  if (record_.domains.size() >= most) return;
  members_[domain] = true;
  record_.domains.insert(place, std::move(domain));
}

void User::learn_about(const std::string& user_info, IdForm id_form) {
  if (!user_info.empty()) record_.user_info = user_info;
  record_.id_form = id_form;
}

bool User::wants_connections() const {
  return std::any_of(settings_->webhooks.begin(), settings_->webhooks.end(), [&](const WebhookTarget& target) {
    return target.app == key_.app &&
           (target.wants(NoticeKind::user_connected) || target.wants(NoticeKind::user_disconnected));
  });
}

// ---- the status, stored and told ----

UserStatus User::wanted() const {
  auto status = UserStatus::offline;
  for (const auto& session : sessions_) status = std::max(status, session.activity);
  for (const auto& ghost : ghosts_) status = std::max(status, ghost.activity);
  return status;
}

void User::settle(MonoTime now, WallTime wall) {
  if (stage_ != Stage::open) return;
  if (const auto status = wanted(); status != record_.status) {
    record_.status = status;
    record_.since = wall;
    if (status == UserStatus::offline) record_.last_seen = last_seen_;
  }
  propose_members(wall);
  save(now, wall);
}

// Before the record that names them: a crash between the two leaves a member whose record says no,
// which readers pass over, and not one who is missing for ever.
void User::propose_members(WallTime wall) {
  for (auto place = members_.begin(); place != members_.end();) {
    const auto& [domain, belongs] = *place;
    // Going is told to the disk after the record: see above, the other way round.
    const bool later = !belongs && (saving_ || record_ != saved_);
    // One word at a time about each domain: two on their way could be refused and repeated out of order.
    const bool out = std::any_of(members_out_.begin(), members_out_.end(),
                                 [&, name = &domain](const auto& row) { return row.second.first == *name; });
    if (later || out || retry_at_) {
      ++place;
      continue;
    }
    const auto token = next_token_++;
    members_out_.emplace(token, std::pair(domain, belongs));
    port_.propose(Command{domain_place(key_.app, domain), wall, SaveMember{key_.id, belongs}}, token);
    place = members_.erase(place);
  }
}

void User::save(MonoTime, WallTime wall) {
  if (saving_ || retry_at_) return;
  if (record_ == saved_ && (known_ || sessions_.empty())) {
    for (auto& answer : std::exchange(answers_, {})) port_.reply({answer.to, answer.done});
    return;
  }
  const auto adds = [](const auto& row) { return row.second; };
  const bool joins_wait =
      std::any_of(members_.begin(), members_.end(), adds) ||
      std::any_of(members_out_.begin(), members_out_.end(), [](const auto& row) { return row.second.second; });
  if (joins_wait) return;  // what comes back of them calls us again
  SaveUser what{record_, notices_of_change(wall), notice_bounds(*settings_)};
  saving_.emplace(
      Saving{next_token_++, Command{user_place(key_), wall, std::move(what)}, std::exchange(answers_, {}), true});
  port_.propose(saving_->command, saving_->token);
}

std::vector<Notice> User::notices_of_change(WallTime wall) {
  std::vector<Notice> notices;
  const auto notice = [&](NoticeKind kind, SocketId socket) {
    for (const auto& target : settings_->webhooks) {
      if (target.app != key_.app || !target.wants(kind)) continue;
      auto& made =
          notices.emplace_back(Notice{.id = port_.notice_id(), .app = key_.app, .target = target.name, .kind = kind});
      made.time = wall;
      made.user_id = key_.id;
      made.id_form = record_.id_form;
      made.socket = socket;
      made.domains = record_.domains;
      if (kind == NoticeKind::user_offline) made.last_seen = record_.last_seen;
    }
  };
  const auto missing_in = [](const std::vector<ToldConnection>& list, SocketId socket) {
    return std::none_of(list.begin(), list.end(), [&](const auto& one) { return one.socket == socket; });
  };
  for (const auto& one : saved_.connections) {
    if (missing_in(record_.connections, one.socket)) notice(NoticeKind::user_disconnected, one.socket);
  }
  for (const auto& one : record_.connections) {
    if (missing_in(saved_.connections, one.socket)) notice(NoticeKind::user_connected, one.socket);
  }
  if (record_.status != saved_.status) {
    constexpr NoticeKind kinds[] = {NoticeKind::user_offline, NoticeKind::user_away, NoticeKind::user_online};
    notice(kinds[static_cast<std::size_t>(record_.status)], {});
  }
  return notices;
}

void User::applied(CommandToken token, MonoTime now, WallTime wall) {
  if (members_out_.erase(token) > 0) return settle(now, wall);
  if (!saving_ || saving_->token != token) return;
  auto done = std::move(*saving_);
  saving_.reset();
  const auto before = std::exchange(saved_, std::move(std::get<SaveUser>(done.command.what).record));
  known_ = saved_ != UserRecord{};
  tell_status(before, saved_);
  for (auto& answer : done.answers) port_.reply({answer.to, answer.done});
  settle(now, wall);
}

void User::refused(CommandToken token, const Error& error, MonoTime now, WallTime) {
  if (const auto member = members_out_.find(token); member != members_out_.end()) {
    const auto& domain = member->second.first;
    members_[domain] = std::binary_search(record_.domains.begin(), record_.domains.end(), domain);
    members_out_.erase(member);
  } else if (saving_ && saving_->token == token) {
    // In force here; it will be stored when the disk is back.
    for (auto& answer : std::exchange(saving_->answers, {})) port_.reply({answer.to, Refused{error}});
    saving_->out = false;
  } else {
    return;
  }
  retry_at_ = now + kRetryAfter;
}

// A change goes to all that may see the user. A domain entered meanwhile has not seen the user yet: it is told
// how the user is, as of one who was offline. One that was left hears of the end only.
void User::tell_status(const UserRecord& before, const UserRecord& record) {
  const bool changed = before.status != record.status;
  auto domains = record.domains;
  if (changed) {
    count(before.status, -1);
    count(record.status, 1);
    metrics_.changes.add();
    if (record.status == UserStatus::offline) {
      domains.insert(domains.end(), before.domains.begin(), before.domains.end());
    }
  } else {
    std::erase_if(domains, [&](const std::string& domain) {
      return std::binary_search(before.domains.begin(), before.domains.end(), domain);
    });
    if (domains.empty() || record.status == UserStatus::offline) return;
  }
  if (app_ == nullptr) return;
  const auto data = status_json(key_, changed ? before.status : UserStatus::offline, record);
  std::vector<std::string> told;
  const auto tell = [&](std::string channel) {
    if (!check_channel_name(channel, app_->limits.channel_name_chars_max).ok() || !channel_traits(channel).needs_auth)
      return;
    if (std::find(told.begin(), told.end(), channel) != told.end()) return;
    told.push_back(channel);
    Publish publish{.channel = {key_.app, channel}, .event = std::string(kStatusEvent), .data = data};
    publish.transient = true;
    publish.wants_reply = false;
    port_.publish(std::move(publish));
  };
  for (const auto& pattern : app_->status.channels) {
    auto channel = replaced(pattern, "{user}", key_.id);
    if (channel.find("{domain}") != std::string::npos) {
      for (const auto& domain : domains) tell(replaced(channel, "{domain}", domain));
    } else if (changed) {
      tell(std::move(channel));
    }
  }
}

void User::count(UserStatus status, double by) const {
  if (status == UserStatus::online) metrics_.online.add(by);
  if (status == UserStatus::away) metrics_.away.add(by);
}

// ---- time ----

void User::tick(MonoTime now, WallTime wall) {
  std::erase_if(ghosts_, [&](const Ghost& ghost) {
    if (ghost.until > now) return false;
    forget_connection(ghost.told);
    return true;
  });
  if (retry_at_ && *retry_at_ <= now) {
    retry_at_.reset();
    if (stage_ == Stage::closed) return attend();
    if (saving_ && !saving_->out) {
      saving_->out = true;
      saving_->token = next_token_++;
      port_.propose(saving_->command, saving_->token);
    }
  }
  settle(now, wall);
}

std::optional<MonoTime> User::deadline() const {
  auto first = retry_at_;
  for (const auto& ghost : ghosts_) {
    if (!first || ghost.until < *first) first = ghost.until;
  }
  return first;
}

bool User::idle() const {
  return sessions_.empty() && ghosts_.empty() && waiting_.empty() && !saving_ && answers_.empty() && members_.empty() &&
         members_out_.empty() && record_ == saved_ && !retry_at_ && stage_ != Stage::opening;
}

}  // namespace parley::actors
