@0xb8a7dbe8fbb1c8ae;
# What nodes of a cluster send each other: one Envelope a message. Its bytes are our own, so the wire is versioned by
# this file, and what a peer can make us decode is this closed set. Bounds: schemas/peer/envelope.h. How schemas may
# change: README.md.
#
# What is local to a process does not travel, and has no field here: monotonic times (when a publication was accepted:
# who gets it takes its own time, from its arrival on), holds on the node's bounds, an application's answer to a
# question of authorisation, which only the hub that asked can use.

using Cxx = import "/capnp/c++.capnp";
using Record = import "record.capnp";
$Cxx.namespace("parley::schemas::wire::peer");

struct Envelope {
  version @0 :UInt16;           # readers refuse a higher one than they know, and 0
  fromNode @1 :UInt64;
  fromIncarnation @2 :UInt64;
  toNode @3 :UInt64;
  toIncarnation @4 :UInt64;     # 0: whichever process the node has now
  forShard @5 :Bool;            # `shard` and `term` are said: the sender believes the receiver to lead it in that term
  shard @6 :UInt16;
  term @7 :UInt64;
  union {
    request @8 :Request;
    reply @9 :Reply;
    delivery @10 :Delivery;
    gossip @11 :Gossip;
    snapshotAsk @12 :SnapshotAsk;
    snapshotPart @13 :SnapshotPart;
    raft @14 :Data;               # a Batch of raft.capnp
    replicas @15 :ReplicaNews;
  }
}

# Who gets the answer: of the node in the envelope that sent the request, or to which the reply goes.
struct ReplyTo {
  hub @0 :UInt16;
  session @1 :UInt64;
  ticket @2 :UInt64;
  life @3 :UInt32;
  origin @4 :UInt64;
}

struct Request {
  from @0 :ReplyTo;
  union {
    subscribe @1 :Subscribe;
    unsubscribe @2 :Unsubscribe;
    moreMissed @3 :MoreMissed;
    publish @4 :Publish;
    confirm @5 :Confirm;
    signIn @6 :SignIn;
    signOut @7 :SignOut;
    joinedAs @8 :JoinedAs;
    leftAs @9 :LeftAs;
    setActivity @10 :SetActivity;
    terminateUser @11 :TerminateUser;
    kickUser @12 :KickUser;
    banUser @13 :BanUser;
    forgetUser @14 :ForgetUser;
    getUsers @15 :GetUsers;
    getSessions @16 :GetSessions;
    listUsers @17 :ListUsers;
    listDomain @18 :ListDomain;
    listWebhooks @19 :ListWebhooks;
    listDeadNotices @20 :ListDeadNotices;
    replayNotices @21 :ReplayNotices;
    getChannel @22 :GetChannel;
    getMembers @23 :GetMembers;
    listChannels @24 :ListChannels;
    getHistory @25 :GetHistory;
    deletePublication @26 :DeletePublication;
    deleteHistory @27 :DeleteHistory;
    listActors @28 :ListActors;
    keepSession @29 :KeepSession;
    takeSession @30 :TakeSession;
    dropSession @31 :DropSession;
    announce @32 :Announce;
    announceUser @33 :AnnounceUser;
  }
}

struct Reply {
  to @0 :ReplyTo;
  union {
    subscribed @1 :Subscribed;
    subscribeRefused @2 :SubscribeRefused;
    missed @3 :Missed;
    published @4 :Published;
    publishRefused @5 :PublishRefused;
    watchlistChanged @6 :WatchlistChanged;
    terminated @7 :Terminated;
    kicked @8 :Kicked;
    userList @9 :UserList;
    sessionList @10 :SessionList;
    webhookList @11 :WebhookList;
    deadNoticeList @12 :DeadNoticeList;
    channelInfo @13 :ChannelInfo;
    members @14 :Members;
    channelList @15 :ChannelList;
    historyPage @16 :HistoryPage;
    done @17 :Done;
    actorList @18 :ActorList;
    sessionTaken @19 :SessionTaken;
    refused @20 :Refused;
    announceRefused @21 :AnnounceRefused;
    behind @22 :Behind;
    rosterIs @23 :RosterIs;
  }
}

# One event for all of the node's hubs that have listeners.
struct Delivery {
  hubs @0 :List(UInt16);
  channel @1 :Text;             # `app/name`, here as everywhere
  exceptSocket @2 :UInt64;
  union {
    published @3 :Publication;
    memberAdded @4 :Member;
    memberRemoved @5 :MemberRemoved;
    subscriptionCount @6 :UInt64;
    gap @7 :Gap;
  }
}

# Who is there: core/gossip.h says what each means. Bounds: ClusterLimits in core/limits.h.
struct Gossip {
  wallMs @0 :Int64;
  cluster @1 :UInt64;
  data @2 :Bool;
  refutation @3 :UInt32;
  rumours @4 :List(Rumour);
  union {
    ping @5 :Probe;
    ack @6 :UInt64;
    probeFor @7 :Probe;
    noAnswer @8 :NoAnswer;
    sync @9 :Sync;
  }
}
struct Probe {
  nonce @0 :UInt64;
  target @1 :UInt64;
  targetIncarnation @2 :UInt64;
}
struct NoAnswer {
  nonce @0 :UInt64;
  link @1 :UInt8;
}
struct Sync {
  answer @0 :Bool;
}
struct Rumour {
  node @0 :UInt64;
  incarnation @1 :UInt64;
  refutation @2 :UInt32;
  state @3 :UInt8;
  by @4 :UInt64;
  byIncarnation @5 :UInt64;
  hasRecord @6 :Bool;
  record @7 :NodeRecord;
}
struct NodeRecord {
  revision @0 :UInt64;
  name @1 :Text;
  host @2 :Text;
  port @3 :UInt16;
  zone @4 :Text;
  version @5 :Text;
  clockOffsetMs @6 :Int64;
  connections @7 :UInt32;
  channelsAwake @8 :UInt32;
  shardsLed @9 :UInt16;
  configDigest @10 :UInt64;
  cluster @11 :UInt64;
  data @12 :Bool;
  backs @13 :UInt64;
  backsIncarnation @14 :UInt64;
  round @15 :UInt32;
  expect @16 :UInt16;
  draining @17 :Bool;
  removed @18 :List(RemovedNode);
  orders @19 :List(DrainOrder);
}
struct RemovedNode {
  node @0 :UInt64;
  atMs @1 :Int64;
}
struct DrainOrder {
  node @0 :UInt64;
  incarnation @1 :UInt64;
  drain @2 :Bool;
  atMs @3 :Int64;
}

# ---- values ----

struct Position {  # of a publication; all zero: before the first
  epoch @0 :UInt64;
  offset @1 :UInt64;
}
struct Error {  # `code` is the name in docs/errors.md; one that the reader does not know counts as `internal`
  code @0 :Text;
  message @1 :Text;
  leader @2 :UInt64;
}
struct Publication {
  record @0 :Record.Publication;
  position @1 :Position;
}
struct Member {
  userId @0 :Text;
  userInfo @1 :Text;
  userIdIsNumber @2 :Bool;
}
struct UserKey {
  app @0 :Text;
  id @1 :Text;
}
struct UserAbout {
  user @0 :UserKey;
  known @1 :Bool;
  record @2 :Record.User;
}
struct ConnectionAbout {
  address @0 :Text;
  client @1 :Text;
  connectedMs @2 :Int64;
}

# ---- what is asked: core/request.h says what each means ----

struct ResumeFrom {
  hasSince @0 :Bool;
  since @1 :Position;
  clientId @2 :Text;
  rewind @3 :UInt32;
  pageBytes @4 :UInt64;
  noPage @5 :Bool;
}
struct Subscribe {
  channel @0 :Text;
  subscription @1 :UInt32;
  hasMember @2 :Bool;
  member @3 :Member;
  resume @4 :ResumeFrom;
  userId @5 :Text;
}
struct Unsubscribe {
  channel @0 :Text;
  subscription @1 :UInt32;
  reason @2 :UInt8;
  clientId @3 :Text;
}
struct MoreMissed {
  channel @0 :Text;
  subscription @1 :UInt32;
  after @2 :Position;
  bytes @3 :UInt64;
}
struct Publish {
  channel @0 :Text;
  event @1 :Text;
  data @2 :Data;
  kind @3 :UInt8;
  except @4 :UInt64;
  userId @5 :Text;
  userIdIsNumber @6 :Bool;
  clientEvent @7 :Bool;
  transient @8 :Bool;
  idempotencyKey @9 :Text;
  keyScope @10 :Text;
  once @11 :Text;
  onceRepeatMs @12 :Int64;
  wantsReply @13 :Bool;
  wantsCounts @14 :Bool;
  ack @15 :UInt64;
}
struct Confirm {
  channel @0 :Text;
  clientId @1 :Text;
  offset @2 :UInt64;
  epoch @3 :UInt64;
}
struct SignIn {
  user @0 :UserKey;
  userInfo @1 :Text;
  watchlist @2 :List(Text);
  via @3 :UInt8;
  hasDomains @4 :Bool;
  domains @5 :List(Text);
  hasTokenIssued @6 :Bool;
  tokenIssuedMs @7 :Int64;
  about @8 :ConnectionAbout;
  userIdIsNumber @9 :Bool;
}
struct SignOut {
  user @0 :UserKey;
  watchlist @1 :List(Text);
  reason @2 :UInt8;
  silentForMs @3 :Int64;
}
struct JoinedAs {
  user @0 :UserKey;
  userInfo @1 :Text;
  channel @2 :Text;
  about @3 :ConnectionAbout;
  userIdIsNumber @4 :Bool;
}
struct LeftAs {
  user @0 :UserKey;
  channel @1 :Text;
}
struct SetActivity {
  user @0 :UserKey;
  status @1 :UInt8;
}
struct TerminateUser {
  user @0 :UserKey;
  revokeTokens @1 :Bool;
}
struct KickUser {
  user @0 :UserKey;
  channel @1 :Text;
  untilMs @2 :Int64;
}
struct BanUser {
  user @0 :UserKey;
  untilMs @1 :Int64;
  reason @2 :Text;
}
struct ForgetUser {
  user @0 :UserKey;
}
struct GetUsers {
  app @0 :Text;
  ids @1 :List(Text);
}
struct GetSessions {
  user @0 :UserKey;
}
struct ListUsers {
  app @0 :Text;
  hasStatus @1 :Bool;
  status @2 :UInt8;
  after @3 :Text;
  limit @4 :UInt64;
}
struct ListDomain {
  app @0 :Text;
  domain @1 :Text;
  after @2 :Text;
  limit @3 :UInt64;
  echo @4 :Text;
}
struct ListWebhooks {
  app @0 :Text;
}
struct ListDeadNotices {
  target @0 :Text;
  after @1 :Text;
  limit @2 :UInt64;
}
struct ReplayNotices {
  target @0 :Text;
  ids @1 :List(Text);
  drop @2 :Bool;
}
struct GetChannel {
  channel @0 :Text;
}
struct GetMembers {
  channel @0 :Text;
}
struct ListChannels {
  app @0 :Text;
  prefix @1 :Text;
}
struct GetHistory {
  channel @0 :Text;
  hasSince @1 :Bool;
  since @2 :Position;
  hasFromTime @3 :Bool;
  fromTimeMs @4 :Int64;
  hasToTime @5 :Bool;
  toTimeMs @6 :Int64;
  limit @7 :UInt64;
  direction @8 :UInt8;
  bytesMax @9 :UInt64;
}
struct DeletePublication {
  channel @0 :Text;
  position @1 :Position;
}
struct DeleteHistory {
  channel @0 :Text;
}
struct ListActors {
  limit @0 :UInt64;
}
struct KeepSession {
  app @0 :Text;
  key @1 :Text;
  record @2 :Data;
  expiresMs @3 :Int64;
  wantsReply @4 :Bool;
}
struct TakeSession {
  app @0 :Text;
  key @1 :Text;
}
struct DropSession {
  app @0 :Text;
  key @1 :Text;
}
struct AnnouncedSubscription {
  session @0 :UInt64;
  subscription @1 :UInt32;
  hasMember @2 :Bool;
  member @3 :Member;
  came @4 :UInt64;
  userId @5 :Text;
  clientId @6 :Text;
}
struct Announce {
  channel @0 :Text;
  subscriptions @1 :List(AnnouncedSubscription);
  hasTold @2 :Bool;
  told @3 :Position;
}
struct AnnounceUser {
  user @0 :UserKey;
  userInfo @1 :Text;
  userIdIsNumber @2 :Bool;
  signedIn @3 :Bool;
  via @4 :UInt8;
  hasTokenIssued @5 :Bool;
  tokenIssuedMs @6 :Int64;
  activity @7 :UInt8;
  channels @8 :List(Text);
  about @9 :ConnectionAbout;
}

# ---- answers ----

struct Subscribed {
  channel @0 :Text;
  subscription @1 :UInt32;
  hasRoster @2 :Bool;
  roster @3 :List(Member);
  position @4 :Position;
  resume @5 :UInt8;
  gapAfter @6 :UInt64;
  gapBefore @7 :UInt64;
  catchingUp @8 :Bool;
  from @9 :Position;
  cacheChannel @10 :Bool;
  hasCached @11 :Bool;
  cached @12 :Publication;
  subscriptionCount @13 :UInt64;
  came @14 :UInt64;
}
struct SubscribeRefused {
  channel @0 :Text;
  subscription @1 :UInt32;
  error @2 :Error;
}
struct Missed {
  channel @0 :Text;
  subscription @1 :UInt32;
  publications @2 :List(Publication);
  reached @3 :Position;
  gapBefore @4 :UInt64;
  last @5 :Bool;
  hasError @6 :Bool;
  error @7 :Error;
}
struct ChannelInfo {
  channel @0 :Text;
  subscriptions @1 :UInt64;
  users @2 :UInt64;
  presence @3 :Bool;
  cacheChannel @4 :Bool;
  hasCached @5 :Bool;
  cached @6 :Publication;
  cacheTtlSeconds @7 :Int64;
  position @8 :Position;
}
struct Published {
  channel @0 :Text;
  ack @1 :UInt64;
  position @2 :Position;
  duplicate @3 :Bool;
  hasCounts @4 :Bool;
  counts @5 :ChannelInfo;
}
struct PublishRefused {
  channel @0 :Text;
  ack @1 :UInt64;
  error @2 :Error;
}
struct WatchlistChanged {
  online @0 :List(Text);
  offline @1 :List(Text);
}
struct Terminated {
  error @0 :Error;
}
struct Kicked {
  channel @0 :Text;
  error @1 :Error;
}
struct UserList {
  users @0 :List(UserAbout);
  next @1 :Text;
  echo @2 :Text;
}
struct UserSession {
  socket @0 :UInt64;
  via @1 :UInt8;
  activity @2 :UInt8;
  channels @3 :List(Text);
  about @4 :ConnectionAbout;
}
struct SessionList {
  user @0 :UserAbout;
  sessions @1 :List(UserSession);
}
struct WebhookAbout {
  target @0 :Text;
  app @1 :Text;
  url @2 :Text;
  configured @3 :Bool;
  waiting @4 :UInt64;
  inFlight @5 :UInt64;
  delivered @6 :UInt64;
  failures @7 :UInt64;
  lastFailure @8 :Text;
  dead @9 :UInt64;
}
struct WebhookList {
  webhooks @0 :List(WebhookAbout);
}
struct DeadNoticeList {
  notices @0 :List(Record.DeadNotice);
  next @1 :Text;
}
struct Members {
  members @0 :List(Member);
  presence @1 :Bool;
}
struct ChannelList {
  channels @0 :List(ChannelInfo);
}
struct HistoryPage {
  channel @0 :Text;
  publications @1 :List(Publication);
  newest @2 :Position;
  oldest @3 :UInt64;
  gap @4 :Bool;
  more @5 :Bool;
}
struct Done {
  count @0 :UInt64;
}
struct ActorInfo {
  kind @0 :Text;
  name @1 :Text;
  mailbox @2 :UInt64;
  messages @3 :UInt64;
  lastError @4 :Text;
}
struct ActorList {
  actors @0 :List(ActorInfo);
}
struct SessionTaken {
  key @0 :Text;
  hasRecord @1 :Bool;
  record @2 :Data;
  hasError @3 :Bool;
  error @4 :Error;
  expiresMs @5 :Int64;
}
struct Refused {
  error @0 :Error;
}
struct AnnounceRefused {
  channel @0 :Text;
}
struct Behind {
  channel @0 :Text;
  newest @1 :Position;
}
struct RosterIs {
  channel @0 :Text;
  roster @1 :List(Member);
}

# ---- what a channel tells ----

struct MemberRemoved {
  userId @0 :Text;
  userInfo @1 :Text;
  userIdIsNumber @2 :Bool;
}
struct Gap {
  epoch @0 :UInt64;
  after @1 :UInt64;
  before @2 :UInt64;
}

# Of replicas, beside what the consensus says: core/replica_news.h.
struct ReplicaNews {
  led @0 :List(ShardLed);         # by the sender
  members @1 :List(ReplicaOnNode);
  strangers @2 :List(ReplicaOnNode);
}

struct ShardLed {
  shard @0 :UInt16;
  term @1 :UInt64;
  spares @2 :Bool;
}

struct ReplicaOnNode {
  shard @0 :UInt16;
  replica @1 :UInt64;
  term @2 :UInt64;
}

# A shard's state on its way to a replica that is too far behind: core/snapshot_transfer.h says what each means. Bounds:
# SnapshotLimits in core/limits.h.
struct SnapshotCursor {
  family @0 :UInt8;             # SnapshotFamily
  key @1 :Data;
  offset @2 :UInt64;
}

struct SnapshotAsk {
  shard @0 :UInt16;
  kind @1 :UInt8;               # SnapshotAsk::Kind
  id @2 :UInt64;
  from @3 :UInt64;
  to @4 :UInt64;
  cursor @5 :SnapshotCursor;
}

struct SnapshotRow {
  family @0 :UInt8;
  goesOn @1 :Bool;
  key @2 :Data;
  value @3 :Data;
}

struct SnapshotPart {
  shard @0 :UInt16;
  gone @1 :Bool;
  last @2 :Bool;
  id @3 :UInt64;
  from @4 :UInt64;
  to @5 :UInt64;
  cursor @6 :SnapshotCursor;
  rows @7 :List(SnapshotRow);
  checksum @8 :UInt64;
  whole @9 :UInt64;
}
