// What is asked, kind by kind.

#include "schemas/peer/values.h"

#include <algorithm>

namespace parley::schemas::peer {

// Not in an unnamed namespace: the lists of values.h find these by their arguments.

void write(Unfit& out, const ResumeFrom& from, wire::ResumeFrom::Builder to) {
  if (from.since) {
    to.setHasSince(true);
    write(out, *from.since, to.initSince());
  }
  to.setClientId(name(out, from.client_id));
  to.setRewind(from.rewind);
  to.setPageBytes(from.page_bytes);
  to.setNoPage(from.no_page);
}
void read(Unfit& in, wire::ResumeFrom::Reader from, ResumeFrom& to) {
  if (from.getHasSince()) read(in, from.getSince(), to.since.emplace());
  to.client_id = name(in, from.getClientId());
  to.rewind = from.getRewind();
  to.page_bytes = from.getPageBytes();
  to.no_page = from.getNoPage();
}

void write(Unfit& out, const Subscribe& from, wire::Subscribe::Builder to) {
  to.setChannel(channel(out, from.channel));
  to.setSubscription(from.subscription.value);
  if (from.member != nullptr) {
    to.setHasMember(true);
    write(out, *from.member, to.initMember());
  }
  write(out, from.resume, to.initResume());
  to.setUserId(name(out, from.user_id));
}
void read(Unfit& in, wire::Subscribe::Reader from, Subscribe& to) {
  to.channel = channel(in, from.getChannel());
  to.subscription.value = from.getSubscription();
  if (from.getHasMember()) read(in, from.getMember(), to.member);
  read(in, from.getResume(), to.resume);
  to.user_id = name(in, from.getUserId());
}

void write(Unfit& out, const Unsubscribe& from, wire::Unsubscribe::Builder to) {
  to.setChannel(channel(out, from.channel));
  to.setSubscription(from.subscription.value);
  to.setReason(static_cast<std::uint8_t>(from.reason));
  to.setClientId(name(out, from.client_id));
}
void read(Unfit& in, wire::Unsubscribe::Reader from, Unsubscribe& to) {
  to.channel = channel(in, from.getChannel());
  to.subscription.value = from.getSubscription();
  to.reason = enumeration(in, from.getReason(), LeaveReason::connection_lost);
  to.client_id = name(in, from.getClientId());
}

void write(Unfit& out, const MoreMissed& from, wire::MoreMissed::Builder to) {
  to.setChannel(channel(out, from.channel));
  to.setSubscription(from.subscription.value);
  write(out, from.after, to.initAfter());
  to.setBytes(from.bytes);
}
void read(Unfit& in, wire::MoreMissed::Reader from, MoreMissed& to) {
  to.channel = channel(in, from.getChannel());
  to.subscription.value = from.getSubscription();
  read(in, from.getAfter(), to.after);
  to.bytes = from.getBytes();
}

void write(Unfit& out, const Publish& from, wire::Publish::Builder to) {
  to.setChannel(channel(out, from.channel));
  to.setEvent(name(out, from.event));
  to.setData(data(from.data));
  to.setKind(static_cast<std::uint8_t>(from.kind));
  to.setExcept(from.except.value);
  to.setUserId(name(out, from.user_id));
  to.setUserIdIsNumber(from.id_form == IdForm::number);
  to.setClientEvent(from.client_event);
  to.setTransient(from.transient);
  to.setIdempotencyKey(name(out, from.idempotency_key));
  to.setKeyScope(name(out, from.key_scope));
  to.setOnce(name(out, from.once));
  to.setOnceRepeatMs(from.once_repeat.count());
  to.setWantsReply(from.wants_reply);
  to.setWantsCounts(from.wants_counts);
  to.setAck(from.ack);
}
void read(Unfit& in, wire::Publish::Reader from, Publish& to, MonoTime arrived) {
  to.accepted = arrived;
  to.channel = channel(in, from.getChannel());
  to.event = name(in, from.getEvent());
  to.data = string(from.getData());
  to.kind = enumeration(in, from.getKind(), DataKind::json);
  to.except.value = from.getExcept();
  to.user_id = name(in, from.getUserId());
  to.id_form = id_form(from.getUserIdIsNumber());
  to.client_event = from.getClientEvent();
  to.transient = from.getTransient();
  to.idempotency_key = name(in, from.getIdempotencyKey());
  to.key_scope = name(in, from.getKeyScope());
  to.once = name(in, from.getOnce());
  to.once_repeat = duration(in, from.getOnceRepeatMs());
  to.wants_reply = from.getWantsReply();
  to.wants_counts = from.getWantsCounts();
  to.ack = from.getAck();
}

void write(Unfit& out, const Confirm& from, wire::Confirm::Builder to) {
  to.setChannel(channel(out, from.channel));
  to.setClientId(name(out, from.client_id));
  to.setOffset(from.offset.value);
  to.setEpoch(from.epoch.value);
}
void read(Unfit& in, wire::Confirm::Reader from, Confirm& to) {
  to.channel = channel(in, from.getChannel());
  to.client_id = name(in, from.getClientId());
  to.offset.value = from.getOffset();
  to.epoch.value = from.getEpoch();
}

void write(Unfit& out, const SignIn& from, wire::SignIn::Builder to) {
  write(out, from.user, to.initUser());
  to.setUserInfo(text(from.user_info));
  write_names(out, from.watchlist, to.initWatchlist(count(out, from.watchlist)));
  to.setVia(static_cast<std::uint8_t>(from.via));
  if (from.domains) {
    to.setHasDomains(true);
    write_names(out, *from.domains, to.initDomains(count(out, *from.domains)));
  }
  if (from.token_issued) {
    to.setHasTokenIssued(true);
    to.setTokenIssuedMs(from.token_issued->ms);
  }
  write(out, from.about, to.initAbout());
  to.setUserIdIsNumber(from.id_form == IdForm::number);
}
void read(Unfit& in, wire::SignIn::Reader from, SignIn& to) {
  read(in, from.getUser(), to.user);
  to.user_info = string(from.getUserInfo());
  to.watchlist = read_names(in, from.getWatchlist());
  to.via = enumeration(in, from.getVia(), Via::presence);
  if (from.getHasDomains()) to.domains = read_names(in, from.getDomains());
  if (from.getHasTokenIssued()) to.token_issued = WallTime{from.getTokenIssuedMs()};
  read(in, from.getAbout(), to.about);
  to.id_form = id_form(from.getUserIdIsNumber());
}

void write(Unfit& out, const SignOut& from, wire::SignOut::Builder to) {
  write(out, from.user, to.initUser());
  write_names(out, from.watchlist, to.initWatchlist(count(out, from.watchlist)));
  to.setReason(static_cast<std::uint8_t>(from.reason));
  to.setSilentForMs(std::clamp(from.silent_for, milliseconds(0), kDurationMax).count());
}
void read(Unfit& in, wire::SignOut::Reader from, SignOut& to) {
  read(in, from.getUser(), to.user);
  to.watchlist = read_names(in, from.getWatchlist());
  to.reason = enumeration(in, from.getReason(), LeaveReason::connection_lost);
  to.silent_for = duration(in, from.getSilentForMs());
}

void write(Unfit& out, const JoinedAs& from, wire::JoinedAs::Builder to) {
  write(out, from.user, to.initUser());
  to.setUserInfo(text(from.user_info));
  to.setChannel(name(out, from.channel));
  write(out, from.about, to.initAbout());
  to.setUserIdIsNumber(from.id_form == IdForm::number);
}
void read(Unfit& in, wire::JoinedAs::Reader from, JoinedAs& to) {
  read(in, from.getUser(), to.user);
  to.user_info = string(from.getUserInfo());
  to.channel = name(in, from.getChannel());
  read(in, from.getAbout(), to.about);
  to.id_form = id_form(from.getUserIdIsNumber());
}

void write(Unfit& out, const LeftAs& from, wire::LeftAs::Builder to) {
  write(out, from.user, to.initUser());
  to.setChannel(name(out, from.channel));
}
void read(Unfit& in, wire::LeftAs::Reader from, LeftAs& to) {
  read(in, from.getUser(), to.user);
  to.channel = name(in, from.getChannel());
}

void write(Unfit& out, const SetActivity& from, wire::SetActivity::Builder to) {
  write(out, from.user, to.initUser());
  to.setStatus(static_cast<std::uint8_t>(from.status));
}
void read(Unfit& in, wire::SetActivity::Reader from, SetActivity& to) {
  read(in, from.getUser(), to.user);
  to.status = enumeration(in, from.getStatus(), UserStatus::online);
}

void write(Unfit& out, const TerminateUser& from, wire::TerminateUser::Builder to) {
  write(out, from.user, to.initUser());
  to.setRevokeTokens(from.revoke_tokens);
}
void read(Unfit& in, wire::TerminateUser::Reader from, TerminateUser& to) {
  read(in, from.getUser(), to.user);
  to.revoke_tokens = from.getRevokeTokens();
}

void write(Unfit& out, const KickUser& from, wire::KickUser::Builder to) {
  write(out, from.user, to.initUser());
  to.setChannel(name(out, from.channel));
  to.setUntilMs(from.until.ms);
}
void read(Unfit& in, wire::KickUser::Reader from, KickUser& to) {
  read(in, from.getUser(), to.user);
  to.channel = name(in, from.getChannel());
  to.until = WallTime{from.getUntilMs()};
}

void write(Unfit& out, const BanUser& from, wire::BanUser::Builder to) {
  write(out, from.user, to.initUser());
  to.setUntilMs(from.until.ms);
  to.setReason(text(from.reason));
}
void read(Unfit& in, wire::BanUser::Reader from, BanUser& to) {
  read(in, from.getUser(), to.user);
  to.until = WallTime{from.getUntilMs()};
  to.reason = string(from.getReason());
}

void write(Unfit& out, const ForgetUser& from, wire::ForgetUser::Builder to) { write(out, from.user, to.initUser()); }
void read(Unfit& in, wire::ForgetUser::Reader from, ForgetUser& to) { read(in, from.getUser(), to.user); }

void write(Unfit& out, const GetUsers& from, wire::GetUsers::Builder to) {
  to.setApp(name(out, from.app));
  write_names(out, from.ids, to.initIds(count(out, from.ids)));
}
void read(Unfit& in, wire::GetUsers::Reader from, GetUsers& to) {
  to.app = name(in, from.getApp());
  to.ids = read_names(in, from.getIds());
}

void write(Unfit& out, const GetSessions& from, wire::GetSessions::Builder to) { write(out, from.user, to.initUser()); }
void read(Unfit& in, wire::GetSessions::Reader from, GetSessions& to) { read(in, from.getUser(), to.user); }

void write(Unfit& out, const ListUsers& from, wire::ListUsers::Builder to) {
  to.setApp(name(out, from.app));
  if (from.status) {
    to.setHasStatus(true);
    to.setStatus(static_cast<std::uint8_t>(*from.status));
  }
  to.setAfter(name(out, from.after));
  to.setLimit(from.limit);
}
void read(Unfit& in, wire::ListUsers::Reader from, ListUsers& to) {
  to.app = name(in, from.getApp());
  if (from.getHasStatus()) to.status = enumeration(in, from.getStatus(), UserStatus::online);
  to.after = name(in, from.getAfter());
  to.limit = from.getLimit();
}

void write(Unfit& out, const ListDomain& from, wire::ListDomain::Builder to) {
  to.setApp(name(out, from.app));
  to.setDomain(name(out, from.domain));
  to.setAfter(name(out, from.after));
  to.setLimit(from.limit);
  to.setEcho(text(from.echo));
}
void read(Unfit& in, wire::ListDomain::Reader from, ListDomain& to) {
  to.app = name(in, from.getApp());
  to.domain = name(in, from.getDomain());
  to.after = name(in, from.getAfter());
  to.limit = from.getLimit();
  to.echo = string(from.getEcho());
}

void write(Unfit& out, const ListWebhooks& from, wire::ListWebhooks::Builder to) { to.setApp(name(out, from.app)); }
void read(Unfit& in, wire::ListWebhooks::Reader from, ListWebhooks& to) { to.app = name(in, from.getApp()); }

void write(Unfit& out, const ListDeadNotices& from, wire::ListDeadNotices::Builder to) {
  to.setTarget(name(out, from.target));
  to.setAfter(name(out, from.after));
  to.setLimit(from.limit);
}
void read(Unfit& in, wire::ListDeadNotices::Reader from, ListDeadNotices& to) {
  to.target = name(in, from.getTarget());
  to.after = name(in, from.getAfter());
  to.limit = from.getLimit();
}

void write(Unfit& out, const ReplayNotices& from, wire::ReplayNotices::Builder to) {
  to.setTarget(name(out, from.target));
  write_names(out, from.ids, to.initIds(count(out, from.ids)));
  to.setDrop(from.drop);
}
void read(Unfit& in, wire::ReplayNotices::Reader from, ReplayNotices& to) {
  to.target = name(in, from.getTarget());
  to.ids = read_names(in, from.getIds());
  to.drop = from.getDrop();
}

void write(Unfit& out, const GetChannel& from, wire::GetChannel::Builder to) {
  to.setChannel(channel(out, from.channel));
}
void read(Unfit& in, wire::GetChannel::Reader from, GetChannel& to) { to.channel = channel(in, from.getChannel()); }

void write(Unfit& out, const GetMembers& from, wire::GetMembers::Builder to) {
  to.setChannel(channel(out, from.channel));
}
void read(Unfit& in, wire::GetMembers::Reader from, GetMembers& to) { to.channel = channel(in, from.getChannel()); }

void write(Unfit& out, const ListChannels& from, wire::ListChannels::Builder to) {
  to.setApp(name(out, from.app));
  to.setPrefix(name(out, from.prefix));
}
void read(Unfit& in, wire::ListChannels::Reader from, ListChannels& to) {
  to.app = name(in, from.getApp());
  to.prefix = name(in, from.getPrefix());
}

void write(Unfit& out, const GetHistory& from, wire::GetHistory::Builder to) {
  to.setChannel(channel(out, from.channel));
  if (from.since) {
    to.setHasSince(true);
    write(out, *from.since, to.initSince());
  }
  if (from.from_time) {
    to.setHasFromTime(true);
    to.setFromTimeMs(from.from_time->ms);
  }
  if (from.to_time) {
    to.setHasToTime(true);
    to.setToTimeMs(from.to_time->ms);
  }
  to.setLimit(from.limit);
  to.setDirection(static_cast<std::uint8_t>(from.direction));
  to.setBytesMax(from.bytes_max);
}
void read(Unfit& in, wire::GetHistory::Reader from, GetHistory& to) {
  to.channel = channel(in, from.getChannel());
  if (from.getHasSince()) read(in, from.getSince(), to.since.emplace());
  if (from.getHasFromTime()) to.from_time = WallTime{from.getFromTimeMs()};
  if (from.getHasToTime()) to.to_time = WallTime{from.getToTimeMs()};
  to.limit = from.getLimit();
  to.direction = enumeration(in, from.getDirection(), Direction::backward);
  to.bytes_max = from.getBytesMax();
}

void write(Unfit& out, const DeletePublication& from, wire::DeletePublication::Builder to) {
  to.setChannel(channel(out, from.channel));
  write(out, from.position, to.initPosition());
}
void read(Unfit& in, wire::DeletePublication::Reader from, DeletePublication& to) {
  to.channel = channel(in, from.getChannel());
  read(in, from.getPosition(), to.position);
}

void write(Unfit& out, const DeleteHistory& from, wire::DeleteHistory::Builder to) {
  to.setChannel(channel(out, from.channel));
}
void read(Unfit& in, wire::DeleteHistory::Reader from, DeleteHistory& to) {
  to.channel = channel(in, from.getChannel());
}

void write(Unfit&, const ListActors& from, wire::ListActors::Builder to) { to.setLimit(from.limit); }
void read(Unfit&, wire::ListActors::Reader from, ListActors& to) { to.limit = from.getLimit(); }

void write(Unfit& out, const KeepSession& from, wire::KeepSession::Builder to) {
  to.setApp(name(out, from.app));
  to.setKey(name(out, from.key));
  to.setRecord(data(from.record));
  to.setExpiresMs(from.expires.ms);
  to.setWantsReply(from.wants_reply);
}
void read(Unfit& in, wire::KeepSession::Reader from, KeepSession& to) {
  to.app = name(in, from.getApp());
  to.key = name(in, from.getKey());
  to.record = string(from.getRecord());
  to.expires = WallTime{from.getExpiresMs()};
  to.wants_reply = from.getWantsReply();
}

void write(Unfit& out, const TakeSession& from, wire::TakeSession::Builder to) {
  to.setApp(name(out, from.app));
  to.setKey(name(out, from.key));
}
void read(Unfit& in, wire::TakeSession::Reader from, TakeSession& to) {
  to.app = name(in, from.getApp());
  to.key = name(in, from.getKey());
}

void write(Unfit& out, const DropSession& from, wire::DropSession::Builder to) {
  to.setApp(name(out, from.app));
  to.setKey(name(out, from.key));
}
void read(Unfit& in, wire::DropSession::Reader from, DropSession& to) {
  to.app = name(in, from.getApp());
  to.key = name(in, from.getKey());
}

void write(Unfit& out, const Announce::Subscription& from, wire::AnnouncedSubscription::Builder to) {
  to.setSession(from.session.value);
  to.setSubscription(from.subscription.value);
  if (from.member != nullptr) {
    to.setHasMember(true);
    write(out, *from.member, to.initMember());
  }
  to.setCame(from.came);
  to.setUserId(name(out, from.user_id));
  to.setClientId(name(out, from.client_id));
}
void read(Unfit& in, wire::AnnouncedSubscription::Reader from, Announce::Subscription& to) {
  to.session.value = from.getSession();
  to.subscription.value = from.getSubscription();
  if (from.getHasMember()) read(in, from.getMember(), to.member);
  to.came = from.getCame();
  to.user_id = name(in, from.getUserId());
  to.client_id = name(in, from.getClientId());
}

void write(Unfit& out, const Announce& from, wire::Announce::Builder to) {
  to.setChannel(channel(out, from.channel));
  write_each(out, from.subscriptions, to.initSubscriptions(count(out, from.subscriptions)));
  if (from.told) {
    to.setHasTold(true);
    write(out, *from.told, to.initTold());
  }
}
void read(Unfit& in, wire::Announce::Reader from, Announce& to) {
  to.channel = channel(in, from.getChannel());
  read_each(in, from.getSubscriptions(), to.subscriptions);
  if (from.getHasTold()) read(in, from.getTold(), to.told.emplace());
}

void write(Unfit& out, const AnnounceUser& from, wire::AnnounceUser::Builder to) {
  write(out, from.user, to.initUser());
  to.setUserInfo(text(from.user_info));
  to.setUserIdIsNumber(from.id_form == IdForm::number);
  to.setSignedIn(from.signed_in);
  to.setVia(static_cast<std::uint8_t>(from.via));
  if (from.token_issued) {
    to.setHasTokenIssued(true);
    to.setTokenIssuedMs(from.token_issued->ms);
  }
  to.setActivity(static_cast<std::uint8_t>(from.activity));
  write_names(out, from.channels, to.initChannels(count(out, from.channels)));
  write(out, from.about, to.initAbout());
}
void read(Unfit& in, wire::AnnounceUser::Reader from, AnnounceUser& to) {
  read(in, from.getUser(), to.user);
  to.user_info = string(from.getUserInfo());
  to.id_form = id_form(from.getUserIdIsNumber());
  to.signed_in = from.getSignedIn();
  to.via = enumeration(in, from.getVia(), Via::presence);
  if (from.getHasTokenIssued()) to.token_issued = WallTime{from.getTokenIssuedMs()};
  to.activity = enumeration(in, from.getActivity(), UserStatus::online);
  to.channels = read_names(in, from.getChannels());
  read(in, from.getAbout(), to.about);
}

// ---- which kind it is ----

void put(Unfit& out, const Subscribe& what, wire::Request::Builder to) { write(out, what, to.initSubscribe()); }
void put(Unfit& out, const Unsubscribe& what, wire::Request::Builder to) { write(out, what, to.initUnsubscribe()); }
void put(Unfit& out, const MoreMissed& what, wire::Request::Builder to) { write(out, what, to.initMoreMissed()); }
void put(Unfit& out, const Publish& what, wire::Request::Builder to) { write(out, what, to.initPublish()); }
void put(Unfit& out, const Confirm& what, wire::Request::Builder to) { write(out, what, to.initConfirm()); }
void put(Unfit& out, const SignIn& what, wire::Request::Builder to) { write(out, what, to.initSignIn()); }
void put(Unfit& out, const SignOut& what, wire::Request::Builder to) { write(out, what, to.initSignOut()); }
void put(Unfit& out, const JoinedAs& what, wire::Request::Builder to) { write(out, what, to.initJoinedAs()); }
void put(Unfit& out, const LeftAs& what, wire::Request::Builder to) { write(out, what, to.initLeftAs()); }
void put(Unfit& out, const SetActivity& what, wire::Request::Builder to) { write(out, what, to.initSetActivity()); }
void put(Unfit& out, const TerminateUser& what, wire::Request::Builder to) { write(out, what, to.initTerminateUser()); }
void put(Unfit& out, const KickUser& what, wire::Request::Builder to) { write(out, what, to.initKickUser()); }
void put(Unfit& out, const BanUser& what, wire::Request::Builder to) { write(out, what, to.initBanUser()); }
void put(Unfit& out, const ForgetUser& what, wire::Request::Builder to) { write(out, what, to.initForgetUser()); }
void put(Unfit& out, const GetUsers& what, wire::Request::Builder to) { write(out, what, to.initGetUsers()); }
void put(Unfit& out, const GetSessions& what, wire::Request::Builder to) { write(out, what, to.initGetSessions()); }
void put(Unfit& out, const ListUsers& what, wire::Request::Builder to) { write(out, what, to.initListUsers()); }
void put(Unfit& out, const ListDomain& what, wire::Request::Builder to) { write(out, what, to.initListDomain()); }
void put(Unfit& out, const ListWebhooks& what, wire::Request::Builder to) { write(out, what, to.initListWebhooks()); }
void put(Unfit& out, const ListDeadNotices& what, wire::Request::Builder to) {
  write(out, what, to.initListDeadNotices());
}
void put(Unfit& out, const ReplayNotices& what, wire::Request::Builder to) { write(out, what, to.initReplayNotices()); }
void put(Unfit& out, const GetChannel& what, wire::Request::Builder to) { write(out, what, to.initGetChannel()); }
void put(Unfit& out, const GetMembers& what, wire::Request::Builder to) { write(out, what, to.initGetMembers()); }
void put(Unfit& out, const ListChannels& what, wire::Request::Builder to) { write(out, what, to.initListChannels()); }
void put(Unfit& out, const GetHistory& what, wire::Request::Builder to) { write(out, what, to.initGetHistory()); }
void put(Unfit& out, const DeletePublication& what, wire::Request::Builder to) {
  write(out, what, to.initDeletePublication());
}
void put(Unfit& out, const DeleteHistory& what, wire::Request::Builder to) { write(out, what, to.initDeleteHistory()); }
void put(Unfit& out, const ListActors& what, wire::Request::Builder to) { write(out, what, to.initListActors()); }
void put(Unfit& out, const KeepSession& what, wire::Request::Builder to) { write(out, what, to.initKeepSession()); }
void put(Unfit& out, const TakeSession& what, wire::Request::Builder to) { write(out, what, to.initTakeSession()); }
void put(Unfit& out, const DropSession& what, wire::Request::Builder to) { write(out, what, to.initDropSession()); }
void put(Unfit& out, const Announce& what, wire::Request::Builder to) { write(out, what, to.initAnnounce()); }
void put(Unfit& out, const AnnounceUser& what, wire::Request::Builder to) { write(out, what, to.initAnnounceUser()); }

void take_what(Unfit& in, wire::Request::Reader from, decltype(Request::what)& to, MonoTime arrived) {
  switch (from.which()) {
    case wire::Request::SUBSCRIBE:
      read(in, from.getSubscribe(), to.emplace<Subscribe>());
      return;
    case wire::Request::UNSUBSCRIBE:
      read(in, from.getUnsubscribe(), to.emplace<Unsubscribe>());
      return;
    case wire::Request::MORE_MISSED:
      read(in, from.getMoreMissed(), to.emplace<MoreMissed>());
      return;
    case wire::Request::PUBLISH:
      read(in, from.getPublish(), to.emplace<Publish>(), arrived);
      return;
    case wire::Request::CONFIRM:
      read(in, from.getConfirm(), to.emplace<Confirm>());
      return;
    case wire::Request::SIGN_IN:
      read(in, from.getSignIn(), to.emplace<SignIn>());
      return;
    case wire::Request::SIGN_OUT:
      read(in, from.getSignOut(), to.emplace<SignOut>());
      return;
    case wire::Request::JOINED_AS:
      read(in, from.getJoinedAs(), to.emplace<JoinedAs>());
      return;
    case wire::Request::LEFT_AS:
      read(in, from.getLeftAs(), to.emplace<LeftAs>());
      return;
    case wire::Request::SET_ACTIVITY:
      read(in, from.getSetActivity(), to.emplace<SetActivity>());
      return;
    case wire::Request::TERMINATE_USER:
      read(in, from.getTerminateUser(), to.emplace<TerminateUser>());
      return;
    case wire::Request::KICK_USER:
      read(in, from.getKickUser(), to.emplace<KickUser>());
      return;
    case wire::Request::BAN_USER:
      read(in, from.getBanUser(), to.emplace<BanUser>());
      return;
    case wire::Request::FORGET_USER:
      read(in, from.getForgetUser(), to.emplace<ForgetUser>());
      return;
    case wire::Request::GET_USERS:
      read(in, from.getGetUsers(), to.emplace<GetUsers>());
      return;
    case wire::Request::GET_SESSIONS:
      read(in, from.getGetSessions(), to.emplace<GetSessions>());
      return;
    case wire::Request::LIST_USERS:
      read(in, from.getListUsers(), to.emplace<ListUsers>());
      return;
    case wire::Request::LIST_DOMAIN:
      read(in, from.getListDomain(), to.emplace<ListDomain>());
      return;
    case wire::Request::LIST_WEBHOOKS:
      read(in, from.getListWebhooks(), to.emplace<ListWebhooks>());
      return;
    case wire::Request::LIST_DEAD_NOTICES:
      read(in, from.getListDeadNotices(), to.emplace<ListDeadNotices>());
      return;
    case wire::Request::REPLAY_NOTICES:
      read(in, from.getReplayNotices(), to.emplace<ReplayNotices>());
      return;
    case wire::Request::GET_CHANNEL:
      read(in, from.getGetChannel(), to.emplace<GetChannel>());
      return;
    case wire::Request::GET_MEMBERS:
      read(in, from.getGetMembers(), to.emplace<GetMembers>());
      return;
    case wire::Request::LIST_CHANNELS:
      read(in, from.getListChannels(), to.emplace<ListChannels>());
      return;
    case wire::Request::GET_HISTORY:
      read(in, from.getGetHistory(), to.emplace<GetHistory>());
      return;
    case wire::Request::DELETE_PUBLICATION:
      read(in, from.getDeletePublication(), to.emplace<DeletePublication>());
      return;
    case wire::Request::DELETE_HISTORY:
      read(in, from.getDeleteHistory(), to.emplace<DeleteHistory>());
      return;
    case wire::Request::LIST_ACTORS:
      read(in, from.getListActors(), to.emplace<ListActors>());
      return;
    case wire::Request::KEEP_SESSION:
      read(in, from.getKeepSession(), to.emplace<KeepSession>());
      return;
    case wire::Request::TAKE_SESSION:
      read(in, from.getTakeSession(), to.emplace<TakeSession>());
      return;
    case wire::Request::DROP_SESSION:
      read(in, from.getDropSession(), to.emplace<DropSession>());
      return;
    case wire::Request::ANNOUNCE:
      read(in, from.getAnnounce(), to.emplace<Announce>());
      return;
    case wire::Request::ANNOUNCE_USER:
      read(in, from.getAnnounceUser(), to.emplace<AnnounceUser>());
      return;
  }
  in.note(Errc::newer_schema, "a request of a kind that only a later release knows");
}

void write(Unfit& out, const Request& from, wire::Request::Builder to) {
  write(from.from, to.initFrom());
  std::visit([&](const auto& what) { put(out, what, to); }, from.what);
}

void read(Unfit& in, wire::Request::Reader from, Request& to, MonoTime arrived) {
  read(from.getFrom(), to.from);
  take_what(in, from, to.what, arrived);
}

}  // namespace parley::schemas::peer
