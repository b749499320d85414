#include "tests/scenarios/node.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <stdexcept>
#include <utility>

namespace parley::scenarios {

namespace json = boost::json;

void fail(const std::string& what) { throw std::runtime_error(what); }

std::string text(const json::object& object, std::string_view key, std::string_view otherwise) {
  const auto* value = object.if_contains(key);
  return value == nullptr ? std::string(otherwise) : std::string(value->as_string());
}
std::uint64_t number(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value == nullptr ? 0 : value->to_number<std::uint64_t>();
}
bool flag(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->as_bool();
}

namespace {

Errc error_named(std::string_view name) {
  for (const auto& row : all_errors()) {
    if (row.name == name) return row.code;
  }
  fail("no such error: " + std::string(name));
}

constexpr Epoch kEpoch{0xABCDULL};
}  // namespace

Position at(std::uint64_t offset) { return offset == 0 ? Position{} : Position{kEpoch, Offset{offset}}; }

namespace {

// The same in a later life of the channel, if the transcript says so.
Position in_life(std::uint64_t offset, const json::object& object) {
  auto position = at(offset);
  if (position.exists()) position.epoch.value += number(object, "life");
  return position;
}

// Offset 0 in a transcript: an ephemeral publication.
PublicationPtr publication(const json::object& object) {
  auto made = std::make_shared<Publication>();
  made->event = text(object, "event", "message.sent");
  made->kind = text(object, "kind", "text") == "json" ? DataKind::json : DataKind::text;
  made->data = text(object, "data", "{}");
  made->user_id = text(object, "user_id");
  made->position = in_life(number(object, "offset"), object);
  made->deleted = flag(object, "deleted");
  if (object.contains("except")) made->except = *SocketId::parse(text(object, "except"));
  return made;
}

const char* reason_text(LeaveReason reason) {
  switch (reason) {
    case LeaveReason::unsubscribed:
      return "unsubscribed";
    case LeaveReason::closed_by_client:
      return "closed_by_client";
    case LeaveReason::connection_lost:
      return "connection_lost";
  }
  return "?";
}

// An id that the application said as a number stands as one.
std::string said(std::string_view id, IdForm form) {
  return form == IdForm::number ? fmt::format("{} (a number)", id) : std::string(id);
}

struct RequestWords {
  WallTime now;
  std::string operator()(const Subscribe& what) const {
    auto out = fmt::format("Subscribe {} #{}", what.channel.text(), what.subscription.value);
    if (what.member != nullptr) {
      out +=
          fmt::format(" member={} info={}", said(what.member->user_id, what.member->id_form), what.member->user_info);
    }
    if (what.resume.since) out += " since=" + position_text(*what.resume.since);
    if (!what.resume.client_id.empty()) out += " client=" + what.resume.client_id;
    if (what.resume.rewind > 0) out += fmt::format(" rewind={}", what.resume.rewind);
    if (what.member == nullptr && !what.user_id.empty()) out += " user=" + what.user_id;
    return out;
  }
  std::string operator()(const Unsubscribe& what) const {
    auto out =
        fmt::format("Unsubscribe {} #{} {}", what.channel.text(), what.subscription.value, reason_text(what.reason));
    return what.client_id.empty() ? out : out + " client=" + what.client_id;
  }
  std::string operator()(const Publish& what) const {
    auto out =
        fmt::format("Publish {} {} {} except={}", what.channel.text(), what.event, what.data, what.except.text());
    if (what.kind != DataKind::json || !what.client_event) out += " (not a client event)";
    if (!what.user_id.empty()) out += " user=" + said(what.user_id, what.id_form);
    if (!what.idempotency_key.empty()) out += " key=" + what.idempotency_key;
    if (what.ack != 0) out += fmt::format(" ack={}", what.ack);
    if (what.wants_reply) out += " wants a reply";
    return out;
  }
  std::string operator()(const MoreMissed& what) const {
    return fmt::format("MoreMissed {} #{} after={}", what.channel.text(), what.subscription.value,
                       position_text(what.after));
  }
  std::string operator()(const Confirm& what) const {
    return fmt::format("Confirm {} {} client={}", what.channel.text(), what.offset.value, what.client_id);
  }
  std::string operator()(const SignIn& what) const {
    auto out = fmt::format("SignIn {}/{} info={} watchlist=[{}]", what.user.app, said(what.user.id, what.id_form),
                           what.user_info, fmt::join(what.watchlist, ","));
    if (what.via != Via::signature) out += fmt::format(" via={}", via_name(what.via));
    if (what.domains) out += fmt::format(" domains=[{}]", fmt::join(*what.domains, ","));
    return out;
  }
  std::string operator()(const JoinedAs& what) const {
    return fmt::format("JoinedAs {}/{} {} info={} client={} address={}", what.user.app,
                       said(what.user.id, what.id_form), what.channel, what.user_info, what.about.client,
                       what.about.address);
  }
  std::string operator()(const LeftAs& what) const {
    return fmt::format("LeftAs {}/{} {}", what.user.app, what.user.id, what.channel);
  }
  std::string operator()(const SetActivity& what) const {
    return fmt::format("SetActivity {}/{} {}", what.user.app, what.user.id, status_name(what.status));
  }
  std::string operator()(const ListDomain& what) const {
    return fmt::format("ListDomain {}/{} after={} limit={} echo={}", what.app, what.domain, what.after, what.limit,
                       what.echo);
  }
  std::string operator()(const GetHistory& what) const {
    return fmt::format("GetHistory {} since={} limit={} {}", what.channel.text(),
                       what.since ? position_text(*what.since) : "-", what.limit,
                       what.direction == Direction::forward ? "forward" : "backward");
  }
  std::string operator()(const SignOut& what) const {
    return fmt::format("SignOut {}/{} watchlist=[{}] {} silent_for={}ms", what.user.app, what.user.id,
                       fmt::join(what.watchlist, ","), reason_text(what.reason), what.silent_for.count());
  }
  std::string operator()(const GetMembers& what) const { return fmt::format("GetMembers {}", what.channel.text()); }
  std::string operator()(const KeepSession& what) const {
    return fmt::format("KeepSession {} {} for {}s: {}", what.app, what.key, (what.expires.ms - now.ms) / 1'000,
                       what.record);
  }
  std::string operator()(const TakeSession& what) const { return fmt::format("TakeSession {} {}", what.app, what.key); }
  std::string operator()(const DropSession& what) const { return fmt::format("DropSession {} {}", what.app, what.key); }
  template <class Other>
  std::string operator()(const Other&) const {
    return "a request that no session makes";
  }
};

Subscribed subscribed(const json::object& object, const ChannelKey& channel, SubscriptionId id) {
  Subscribed made{.channel = channel, .subscription = id, .position = at(number(object, "offset"))};
  made.catching_up = flag(object, "catching_up");
  if (object.contains("from")) made.from = at(number(object, "from"));
  const auto resume = text(object, "resume", "none");
  if (resume == "complete") made.resume = ResumeOutcome::complete;
  if (resume == "gap") {
    made.resume = ResumeOutcome::gap;
    made.gap_after = Offset{number(object, "after")};
    made.gap_before = Offset{number(object, "before")};
  }
  if (const auto* cache = object.if_contains("cache")) {
    made.cache_channel = true;
    if (cache->is_object()) made.cached = publication(cache->as_object());
  }
  if (const auto* members = object.if_contains("members")) {
    auto roster = std::make_shared<Roster>();
    for (const auto& [user, user_info] : members->as_object()) {
      roster->members.push_back(std::make_shared<Member>(Member{user, std::string(user_info.as_string())}));
    }
    made.roster = roster;
  }
  return made;
}

}  // namespace

std::string unhex(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string hex(std::string_view bytes) {
  std::string digits;
  for (const char c : bytes) digits += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return digits;
}

std::chrono::nanoseconds duration(std::string_view words) {
  const auto count = std::stoll(std::string(words));
  return words.ends_with("ms") ? std::chrono::nanoseconds(milliseconds(count))
                               : std::chrono::nanoseconds(seconds(count));
}

WallTime wall_at(MonoTime now) {
  return WallTime{1'760'000'000'000} + std::chrono::duration_cast<milliseconds>(now - kBegin);
}

std::string describe(const Request& request, WallTime now) {
  const auto ticket = request.from.ticket == 0 ? "" : fmt::format(" [{}]", request.from.ticket);
  return std::visit(RequestWords{now}, request.what) + ticket;
}

std::string describe(const net::AuthQuestion& question) {
  auto line = fmt::format("Ask {} {} {} from {}", question.app, question.socket.text(), question.channel,
                          question.client_address);
  for (const auto& [name, value] : question.headers) line += fmt::format(" {}={}", name, value);
  return line;
}

void block(Revocations& revocations, const json::object& object, WallTime now) {
  UserBlocks blocks;
  if (object.contains("banned_for")) blocks.banned_until = now + seconds(number(object, "banned_for"));
  blocks.ban_reason = text(object, "reason");
  if (object.contains("channel"))
    blocks.channels.push_back({text(object, "channel"), now + seconds(number(object, "for"))});
  if (object.contains("tokens_since")) blocks.tokens_since = now;
  revocations.set({"4711", text(object, "user")}, blocks);
}

bool is_event(std::string_view what) {
  return what == "publish" || what == "member_added" || what == "member_removed" || what == "count" || what == "gap";
}

ChannelEvent make_event(std::string_view what, const json::object& object) {
  ChannelEvent event{.channel = ChannelKey("4711", text(object, "channel"))};
  if (object.contains("except")) event.except = *SocketId::parse(text(object, "except"));
  if (what == "publish") event.what = ChannelEvent::Published{publication(object)};
  if (what == "member_added") {
    event.what =
        ChannelEvent::MemberAdded{std::make_shared<Member>(Member{text(object, "user_id"), text(object, "user_info")})};
  }
  if (what == "member_removed") event.what = ChannelEvent::MemberRemoved{text(object, "user_id")};
  if (what == "count") event.what = ChannelEvent::SubscriptionCount{number(object, "count")};
  if (what == "gap") {
    event.what = ChannelEvent::Gap{in_life(number(object, "before"), object).epoch, Offset{number(object, "after")},
                                   Offset{number(object, "before")}};
  }
  return event;
}

Reply make_reply(std::string_view what, const json::object& object, SubscriptionId id) {
  const auto channel = ChannelKey("4711", text(object, "channel"));
  if (object.contains("id")) id.value = static_cast<std::uint32_t>(number(object, "id"));
  Reply reply;
  if (what == "subscribed") {
    reply.what = subscribed(object, channel, id);
  } else if (what == "denied") {
    reply.what = SubscribeRefused{channel, id, make_error(error_named(text(object, "error")))};
  } else if (what == "missed") {
    Missed missed{.channel = channel, .subscription = id, .last = flag(object, "last")};
    if (object.contains("publications")) {
      for (const auto& row : object.at("publications").as_array())
        missed.publications.push_back(publication(row.as_object()));
    }
    if (object.contains("reached")) missed.reached = in_life(number(object, "reached"), object);
    if (flag(object, "held")) missed.held = std::make_shared<const int>(0);
    if (object.contains("gap_before")) missed.gap_before.value = number(object, "gap_before");
    if (object.contains("error")) missed.error = make_error(error_named(text(object, "error")));
    reply.what = std::move(missed);
  } else if (what == "published") {
    reply.what = Published{.channel = channel, .ack = number(object, "ack"), .position = at(number(object, "offset"))};
  } else if (what == "lost") {
    reply.what = PublishRefused{channel, number(object, "ack"), make_error(error_named(text(object, "error")))};
  } else if (what == "watchlist") {
    WatchlistChanged changed;
    for (const auto& id_value : object.at("online").as_array()) changed.online.emplace_back(id_value.as_string());
    for (const auto& id_value : object.at("offline").as_array()) changed.offline.emplace_back(id_value.as_string());
    reply.what = std::move(changed);
  } else if (what == "terminated") {
    reply.what = Terminated{make_error(error_named(text(object, "error", "terminated")))};
  } else if (what == "kicked") {
    reply.what = Kicked{channel, make_error(Errc::kicked)};
  } else if (what == "application") {
    ApplicationAnswer said{.channel = std::string(channel.name()),
                           .allowed = flag(object, "allowed"),
                           .channel_data = text(object, "channel_data")};
    if (!said.allowed)
      said.error = make_error(error_named(text(object, "error", "unauthorized")), "the application said no");
    reply.what = std::move(said);
  } else if (what == "people") {
    UserList list{.next = text(object, "next"), .echo = text(object, "channel")};
    for (const auto& [user, status] : object.at("users").as_object()) {
      UserAbout about{.user = {"4711", user}, .known = true};
      about.record.status = *status_named(status.as_string());
      about.record.since = WallTime{1};
      about.record.last_seen = WallTime{2};
      list.users.push_back(std::move(about));
    }
    reply.what = std::move(list);
  } else if (what == "members") {
    Members list;
    for (const auto& [user, user_info] : object.at("members").as_object()) {
      list.members.push_back(std::make_shared<Member>(Member{user, std::string(user_info.as_string())}));
    }
    reply.what = std::move(list);
  } else if (what == "history") {
    HistoryPage page{.channel = channel, .newest = at(number(object, "newest")), .oldest = {number(object, "oldest")}};
    for (const auto& row : object.at("publications").as_array())
      page.publications.push_back(publication(row.as_object()));
    page.more = flag(object, "more");
    page.gap = flag(object, "gap");
    reply.what = std::move(page);
  } else if (what == "refused") {
    reply.what = Refused{make_error(error_named(text(object, "error")))};
  } else {
    fail("nothing is known about " + std::string(what));
  }
  reply.to.ticket = number(object, "ticket");
  return reply;
}

}  // namespace parley::scenarios
