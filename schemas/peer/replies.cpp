// Answers, kind by kind.

#include "schemas/peer/values.h"
#include "schemas/people.h"

namespace parley::schemas::peer {

// Not in an unnamed namespace: the lists of values.h find these by their arguments.

void write_dead(Unfit&, const std::vector<DeadNotice>& from, capnp::List<schemas::wire::DeadNotice>::Builder to) {
  for (unsigned i = 0; i < to.size(); ++i) {
    write_notice(from[i].notice, to[i].initNotice());
    to[i].setDiedMs(from[i].died.ms);
    to[i].setWhy(text(from[i].why));
  }
}
void read_dead(Unfit& in, capnp::List<schemas::wire::DeadNotice>::Reader from, std::vector<DeadNotice>& to) {
  to.resize(length(in, from));
  for (unsigned i = 0; i < to.size(); ++i) {
    to[i].notice = take(in, read_notice(from[i].getNotice()));
    to[i].died = WallTime{from[i].getDiedMs()};
    to[i].why = string(from[i].getWhy());
  }
}

void write(Unfit& out, const Subscribed& from, wire::Subscribed::Builder to) {
  to.setChannel(channel(out, from.channel));
  to.setSubscription(from.subscription.value);
  if (from.roster != nullptr) {
    to.setHasRoster(true);
    write_each(out, from.roster->members, to.initRoster(count(out, from.roster->members)));
  }
  write(out, from.position, to.initPosition());
  to.setResume(static_cast<std::uint8_t>(from.resume));
  to.setGapAfter(from.gap_after.value);
  to.setGapBefore(from.gap_before.value);
  to.setCatchingUp(from.catching_up);
  write(out, from.from, to.initFrom());
  to.setCacheChannel(from.cache_channel);
  if (from.cached != nullptr) {
    to.setHasCached(true);
    write(out, *from.cached, to.initCached());
  }
  to.setSubscriptionCount(from.subscription_count);
  to.setCame(from.came);
}
void read(Unfit& in, wire::Subscribed::Reader from, Subscribed& to) {
  to.channel = channel(in, from.getChannel());
  to.subscription.value = from.getSubscription();
  if (from.getHasRoster()) {
    auto roster = std::make_shared<Roster>();
    read_each(in, from.getRoster(), roster->members);
    to.roster = std::move(roster);
  }
  read(in, from.getPosition(), to.position);
  to.resume = enumeration(in, from.getResume(), ResumeOutcome::gap);
  to.gap_after.value = from.getGapAfter();
  to.gap_before.value = from.getGapBefore();
  to.catching_up = from.getCatchingUp();
  read(in, from.getFrom(), to.from);
  to.cache_channel = from.getCacheChannel();
  if (from.getHasCached()) read(in, from.getCached(), to.cached);
  to.subscription_count = from.getSubscriptionCount();
  to.came = from.getCame();
}

void write(Unfit& out, const SubscribeRefused& from, wire::SubscribeRefused::Builder to) {
  to.setChannel(channel(out, from.channel));
  to.setSubscription(from.subscription.value);
  write(out, from.error, to.initError());
}
void read(Unfit& in, wire::SubscribeRefused::Reader from, SubscribeRefused& to) {
  to.channel = channel(in, from.getChannel());
  to.subscription.value = from.getSubscription();
  read(in, from.getError(), to.error);
}

void write(Unfit& out, const Missed& from, wire::Missed::Builder to) {
  to.setChannel(channel(out, from.channel));
  to.setSubscription(from.subscription.value);
  write_each(out, from.publications, to.initPublications(count(out, from.publications)));
  write(out, from.reached, to.initReached());
  to.setGapBefore(from.gap_before.value);
  to.setLast(from.last);
  if (from.error) {
    to.setHasError(true);
    write(out, *from.error, to.initError());
  }
}
void read(Unfit& in, wire::Missed::Reader from, Missed& to) {
  to.channel = channel(in, from.getChannel());
  to.subscription.value = from.getSubscription();
  read_each(in, from.getPublications(), to.publications);
  read(in, from.getReached(), to.reached);
  to.gap_before.value = from.getGapBefore();
  to.last = from.getLast();
  if (from.getHasError()) read(in, from.getError(), to.error.emplace());
}

void write(Unfit& out, const ChannelInfo& from, wire::ChannelInfo::Builder to) {
  to.setChannel(channel(out, from.channel));
  to.setSubscriptions(from.subscriptions);
  to.setUsers(from.users);
  to.setPresence(from.presence);
  to.setCacheChannel(from.cache_channel);
  if (from.cached != nullptr) {
    to.setHasCached(true);
    write(out, *from.cached, to.initCached());
  }
  to.setCacheTtlSeconds(from.cache_ttl_seconds);
  write(out, from.position, to.initPosition());
}
void read(Unfit& in, wire::ChannelInfo::Reader from, ChannelInfo& to) {
  to.channel = channel(in, from.getChannel());
  to.subscriptions = from.getSubscriptions();
  to.users = from.getUsers();
  to.presence = from.getPresence();
  to.cache_channel = from.getCacheChannel();
  if (from.getHasCached()) read(in, from.getCached(), to.cached);
  to.cache_ttl_seconds = from.getCacheTtlSeconds();
  read(in, from.getPosition(), to.position);
}

void write(Unfit& out, const Published& from, wire::Published::Builder to) {
  to.setChannel(channel(out, from.channel));
  to.setAck(from.ack);
  write(out, from.position, to.initPosition());
  to.setDuplicate(from.duplicate);
  if (from.counts) {
    to.setHasCounts(true);
    write(out, *from.counts, to.initCounts());
  }
}
void read(Unfit& in, wire::Published::Reader from, Published& to) {
  to.channel = channel(in, from.getChannel());
  to.ack = from.getAck();
  read(in, from.getPosition(), to.position);
  to.duplicate = from.getDuplicate();
  if (from.getHasCounts()) read(in, from.getCounts(), to.counts.emplace());
}

void write(Unfit& out, const PublishRefused& from, wire::PublishRefused::Builder to) {
  to.setChannel(channel(out, from.channel));
  to.setAck(from.ack);
  write(out, from.error, to.initError());
}
void read(Unfit& in, wire::PublishRefused::Reader from, PublishRefused& to) {
  to.channel = channel(in, from.getChannel());
  to.ack = from.getAck();
  read(in, from.getError(), to.error);
}

void write(Unfit& out, const WatchlistChanged& from, wire::WatchlistChanged::Builder to) {
  write_names(out, from.online, to.initOnline(count(out, from.online)));
  write_names(out, from.offline, to.initOffline(count(out, from.offline)));
}
void read(Unfit& in, wire::WatchlistChanged::Reader from, WatchlistChanged& to) {
  to.online = read_names(in, from.getOnline());
  to.offline = read_names(in, from.getOffline());
}

void write(Unfit& out, const Terminated& from, wire::Terminated::Builder to) { write(out, from.error, to.initError()); }
void read(Unfit& in, wire::Terminated::Reader from, Terminated& to) { read(in, from.getError(), to.error); }

void write(Unfit& out, const Kicked& from, wire::Kicked::Builder to) {
  to.setChannel(channel(out, from.channel));
  write(out, from.error, to.initError());
}
void read(Unfit& in, wire::Kicked::Reader from, Kicked& to) {
  to.channel = channel(in, from.getChannel());
  read(in, from.getError(), to.error);
}

void write(Unfit& out, const UserList& from, wire::UserList::Builder to) {
  write_each(out, from.users, to.initUsers(count(out, from.users)));
  to.setNext(name(out, from.next));
  to.setEcho(text(from.echo));
}
void read(Unfit& in, wire::UserList::Reader from, UserList& to) {
  read_each(in, from.getUsers(), to.users);
  to.next = name(in, from.getNext());
  to.echo = string(from.getEcho());
}

void write(Unfit& out, const UserSession& from, wire::UserSession::Builder to) {
  to.setSocket(from.socket.value);
  to.setVia(static_cast<std::uint8_t>(from.via));
  to.setActivity(static_cast<std::uint8_t>(from.activity));
  write_names(out, from.channels, to.initChannels(count(out, from.channels)));
  write(out, from.about, to.initAbout());
}
void read(Unfit& in, wire::UserSession::Reader from, UserSession& to) {
  to.socket.value = from.getSocket();
  to.via = enumeration(in, from.getVia(), Via::presence);
  to.activity = enumeration(in, from.getActivity(), UserStatus::online);
  to.channels = read_names(in, from.getChannels());
  read(in, from.getAbout(), to.about);
}

void write(Unfit& out, const SessionList& from, wire::SessionList::Builder to) {
  write(out, from.user, to.initUser());
  write_each(out, from.sessions, to.initSessions(count(out, from.sessions)));
}
void read(Unfit& in, wire::SessionList::Reader from, SessionList& to) {
  read(in, from.getUser(), to.user);
  read_each(in, from.getSessions(), to.sessions);
}

void write(Unfit& out, const WebhookAbout& from, wire::WebhookAbout::Builder to) {
  to.setTarget(name(out, from.target));
  to.setApp(name(out, from.app));
  to.setUrl(text(from.url));
  to.setConfigured(from.configured);
  to.setWaiting(from.waiting);
  to.setInFlight(from.in_flight);
  to.setDelivered(from.delivered);
  to.setFailures(from.failures);
  to.setLastFailure(text(from.last_failure));
  to.setDead(from.dead);
}
void read(Unfit& in, wire::WebhookAbout::Reader from, WebhookAbout& to) {
  to.target = name(in, from.getTarget());
  to.app = name(in, from.getApp());
  to.url = string(from.getUrl());
  to.configured = from.getConfigured();
  to.waiting = from.getWaiting();
  to.in_flight = from.getInFlight();
  to.delivered = from.getDelivered();
  to.failures = from.getFailures();
  to.last_failure = string(from.getLastFailure());
  to.dead = from.getDead();
}

void write(Unfit& out, const WebhookList& from, wire::WebhookList::Builder to) {
  write_each(out, from.webhooks, to.initWebhooks(count(out, from.webhooks)));
}
void read(Unfit& in, wire::WebhookList::Reader from, WebhookList& to) {
  read_each(in, from.getWebhooks(), to.webhooks);
}

void write(Unfit& out, const DeadNoticeList& from, wire::DeadNoticeList::Builder to) {
  write_dead(out, from.notices, to.initNotices(count(out, from.notices)));
  to.setNext(name(out, from.next));
}
void read(Unfit& in, wire::DeadNoticeList::Reader from, DeadNoticeList& to) {
  read_dead(in, from.getNotices(), to.notices);
  to.next = name(in, from.getNext());
}

void write(Unfit& out, const Members& from, wire::Members::Builder to) {
  write_each(out, from.members, to.initMembers(count(out, from.members)));
  to.setPresence(from.presence);
}
void read(Unfit& in, wire::Members::Reader from, Members& to) {
  read_each(in, from.getMembers(), to.members);
  to.presence = from.getPresence();
}

void write(Unfit& out, const ChannelList& from, wire::ChannelList::Builder to) {
  write_each(out, from.channels, to.initChannels(count(out, from.channels)));
}
void read(Unfit& in, wire::ChannelList::Reader from, ChannelList& to) {
  read_each(in, from.getChannels(), to.channels);
}

void write(Unfit& out, const HistoryPage& from, wire::HistoryPage::Builder to) {
  to.setChannel(channel(out, from.channel));
  write_each(out, from.publications, to.initPublications(count(out, from.publications)));
  write(out, from.newest, to.initNewest());
  to.setOldest(from.oldest.value);
  to.setGap(from.gap);
  to.setMore(from.more);
}
void read(Unfit& in, wire::HistoryPage::Reader from, HistoryPage& to) {
  to.channel = channel(in, from.getChannel());
  read_each(in, from.getPublications(), to.publications);
  read(in, from.getNewest(), to.newest);
  to.oldest.value = from.getOldest();
  to.gap = from.getGap();
  to.more = from.getMore();
}

void write(Unfit&, const Done& from, wire::Done::Builder to) { to.setCount(from.count); }
void read(Unfit&, wire::Done::Reader from, Done& to) { to.count = from.getCount(); }

void write(Unfit& out, const ActorInfo& from, wire::ActorInfo::Builder to) {
  to.setKind(name(out, from.kind));
  to.setName(text(from.name));
  to.setMailbox(from.mailbox);
  to.setMessages(from.messages);
  to.setLastError(text(from.last_error));
}
void read(Unfit& in, wire::ActorInfo::Reader from, ActorInfo& to) {
  to.kind = name(in, from.getKind());
  to.name = string(from.getName());
  to.mailbox = from.getMailbox();
  to.messages = from.getMessages();
  to.last_error = string(from.getLastError());
}

void write(Unfit& out, const ActorList& from, wire::ActorList::Builder to) {
  write_each(out, from.actors, to.initActors(count(out, from.actors)));
}
void read(Unfit& in, wire::ActorList::Reader from, ActorList& to) { read_each(in, from.getActors(), to.actors); }

void write(Unfit& out, const SessionTaken& from, wire::SessionTaken::Builder to) {
  to.setKey(name(out, from.key));
  if (from.record) {
    to.setHasRecord(true);
    to.setRecord(data(*from.record));
  }
  if (from.error) {
    to.setHasError(true);
    write(out, *from.error, to.initError());
  }
  to.setExpiresMs(from.expires.ms);
}
void read(Unfit& in, wire::SessionTaken::Reader from, SessionTaken& to) {
  to.key = name(in, from.getKey());
  if (from.getHasRecord()) to.record = string(from.getRecord());
  if (from.getHasError()) read(in, from.getError(), to.error.emplace());
  to.expires = WallTime{from.getExpiresMs()};
}

void write(Unfit& out, const Refused& from, wire::Refused::Builder to) { write(out, from.error, to.initError()); }
void read(Unfit& in, wire::Refused::Reader from, Refused& to) { read(in, from.getError(), to.error); }

// ---- which kind it is ----

void write(Unfit& out, const AnnounceRefused& from, wire::AnnounceRefused::Builder to) {
  to.setChannel(channel(out, from.channel));
}
void read(Unfit& in, wire::AnnounceRefused::Reader from, AnnounceRefused& to) {
  to.channel = channel(in, from.getChannel());
}

void write(Unfit& out, const Behind& from, wire::Behind::Builder to) {
  to.setChannel(channel(out, from.channel));
  write(out, from.newest, to.initNewest());
}
void read(Unfit& in, wire::Behind::Reader from, Behind& to) {
  to.channel = channel(in, from.getChannel());
  read(in, from.getNewest(), to.newest);
}

void write(Unfit& out, const RosterIs& from, wire::RosterIs::Builder to) {
  to.setChannel(channel(out, from.channel));
  if (from.roster == nullptr) return out.note(Errc::internal, "a roster that is none");
  write_each(out, from.roster->members, to.initRoster(count(out, from.roster->members)));
}
void read(Unfit& in, wire::RosterIs::Reader from, RosterIs& to) {
  to.channel = channel(in, from.getChannel());
  auto roster = std::make_shared<Roster>();
  read_each(in, from.getRoster(), roster->members);
  to.roster = std::move(roster);
}

// The hub that asked the application is the only one who can use what it said.
void put(Unfit& out, const ApplicationAnswer&, wire::Reply::Builder) {
  out.note(Errc::bad_request, "an application's answer does not travel to another node");
}
void put(Unfit& out, const LedAnew&, wire::Reply::Builder) {
  out.note(Errc::bad_request, "each node tells its own sessions who leads");
}
void put(Unfit& out, const Subscribed& what, wire::Reply::Builder to) { write(out, what, to.initSubscribed()); }
void put(Unfit& out, const SubscribeRefused& what, wire::Reply::Builder to) {
  write(out, what, to.initSubscribeRefused());
}
void put(Unfit& out, const Missed& what, wire::Reply::Builder to) { write(out, what, to.initMissed()); }
void put(Unfit& out, const Published& what, wire::Reply::Builder to) { write(out, what, to.initPublished()); }
void put(Unfit& out, const PublishRefused& what, wire::Reply::Builder to) { write(out, what, to.initPublishRefused()); }
void put(Unfit& out, const WatchlistChanged& what, wire::Reply::Builder to) {
  write(out, what, to.initWatchlistChanged());
}
void put(Unfit& out, const Terminated& what, wire::Reply::Builder to) { write(out, what, to.initTerminated()); }
void put(Unfit& out, const Kicked& what, wire::Reply::Builder to) { write(out, what, to.initKicked()); }
void put(Unfit& out, const UserList& what, wire::Reply::Builder to) { write(out, what, to.initUserList()); }
void put(Unfit& out, const SessionList& what, wire::Reply::Builder to) { write(out, what, to.initSessionList()); }
void put(Unfit& out, const WebhookList& what, wire::Reply::Builder to) { write(out, what, to.initWebhookList()); }
void put(Unfit& out, const DeadNoticeList& what, wire::Reply::Builder to) { write(out, what, to.initDeadNoticeList()); }
void put(Unfit& out, const ChannelInfo& what, wire::Reply::Builder to) { write(out, what, to.initChannelInfo()); }
void put(Unfit& out, const Members& what, wire::Reply::Builder to) { write(out, what, to.initMembers()); }
void put(Unfit& out, const ChannelList& what, wire::Reply::Builder to) { write(out, what, to.initChannelList()); }
void put(Unfit& out, const HistoryPage& what, wire::Reply::Builder to) { write(out, what, to.initHistoryPage()); }
void put(Unfit& out, const Done& what, wire::Reply::Builder to) { write(out, what, to.initDone()); }
void put(Unfit& out, const ActorList& what, wire::Reply::Builder to) { write(out, what, to.initActorList()); }
void put(Unfit& out, const SessionTaken& what, wire::Reply::Builder to) { write(out, what, to.initSessionTaken()); }
void put(Unfit& out, const Refused& what, wire::Reply::Builder to) { write(out, what, to.initRefused()); }
void put(Unfit& out, const AnnounceRefused& what, wire::Reply::Builder to) {
  write(out, what, to.initAnnounceRefused());
}
void put(Unfit& out, const Behind& what, wire::Reply::Builder to) { write(out, what, to.initBehind()); }
void put(Unfit& out, const RosterIs& what, wire::Reply::Builder to) { write(out, what, to.initRosterIs()); }

void take_what(Unfit& in, wire::Reply::Reader from, decltype(Reply::what)& to) {
  switch (from.which()) {
    case wire::Reply::SUBSCRIBED:
      read(in, from.getSubscribed(), to.emplace<Subscribed>());
      return;
    case wire::Reply::SUBSCRIBE_REFUSED:
      read(in, from.getSubscribeRefused(), to.emplace<SubscribeRefused>());
      return;
    case wire::Reply::MISSED:
      read(in, from.getMissed(), to.emplace<Missed>());
      return;
    case wire::Reply::PUBLISHED:
      read(in, from.getPublished(), to.emplace<Published>());
      return;
    case wire::Reply::PUBLISH_REFUSED:
      read(in, from.getPublishRefused(), to.emplace<PublishRefused>());
      return;
    case wire::Reply::WATCHLIST_CHANGED:
      read(in, from.getWatchlistChanged(), to.emplace<WatchlistChanged>());
      return;
    case wire::Reply::TERMINATED:
      read(in, from.getTerminated(), to.emplace<Terminated>());
      return;
    case wire::Reply::KICKED:
      read(in, from.getKicked(), to.emplace<Kicked>());
      return;
    case wire::Reply::USER_LIST:
      read(in, from.getUserList(), to.emplace<UserList>());
      return;
    case wire::Reply::SESSION_LIST:
      read(in, from.getSessionList(), to.emplace<SessionList>());
      return;
    case wire::Reply::WEBHOOK_LIST:
      read(in, from.getWebhookList(), to.emplace<WebhookList>());
      return;
    case wire::Reply::DEAD_NOTICE_LIST:
      read(in, from.getDeadNoticeList(), to.emplace<DeadNoticeList>());
      return;
    case wire::Reply::CHANNEL_INFO:
      read(in, from.getChannelInfo(), to.emplace<ChannelInfo>());
      return;
    case wire::Reply::MEMBERS:
      read(in, from.getMembers(), to.emplace<Members>());
      return;
    case wire::Reply::CHANNEL_LIST:
      read(in, from.getChannelList(), to.emplace<ChannelList>());
      return;
    case wire::Reply::HISTORY_PAGE:
      read(in, from.getHistoryPage(), to.emplace<HistoryPage>());
      return;
    case wire::Reply::DONE:
      read(in, from.getDone(), to.emplace<Done>());
      return;
    case wire::Reply::ACTOR_LIST:
      read(in, from.getActorList(), to.emplace<ActorList>());
      return;
    case wire::Reply::SESSION_TAKEN:
      read(in, from.getSessionTaken(), to.emplace<SessionTaken>());
      return;
    case wire::Reply::REFUSED:
      read(in, from.getRefused(), to.emplace<Refused>());
      return;
    case wire::Reply::ANNOUNCE_REFUSED:
      read(in, from.getAnnounceRefused(), to.emplace<AnnounceRefused>());
      return;
    case wire::Reply::BEHIND:
      read(in, from.getBehind(), to.emplace<Behind>());
      return;
    case wire::Reply::ROSTER_IS:
      read(in, from.getRosterIs(), to.emplace<RosterIs>());
      return;
  }
  in.note(Errc::newer_schema, "an answer of a kind that only a later release knows");
}

void write(Unfit& out, const Reply& from, wire::Reply::Builder to) {
  write(from.to, to.initTo());
  std::visit([&](const auto& what) { put(out, what, to); }, from.what);
}

void read(Unfit& in, wire::Reply::Reader from, Reply& to) {
  read(from.getTo(), to.to);
  take_what(in, from, to.what);
}

}  // namespace parley::schemas::peer
