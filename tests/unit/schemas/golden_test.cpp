// The bytes that a release wrote stay readable, and a release writes the same bytes for the same
// values. A file changes only together with a note in schemas/README.md; UPDATE=1 records new ones.
#include "schemas/codec.h"
#include "schemas/log_frame.h"
#include "tests/unit/schemas/golden_file.h"

#include <gtest/gtest.h>

namespace parley::schemas {
namespace {

using testing::from_hex;
using testing::golden;
using testing::golden_text;

TEST(Golden, Publication) {
  Publication publication;
  publication.event = "message.sent";
  publication.data = "{\"text\":\"hello\"}";
  publication.kind = DataKind::json;
  publication.user_id = "42";
  publication.time = WallTime{1'760'000'000'123};
  publication.except = SocketId{0x0102030405060708};
  const auto back = decode_publication(golden("publication", encode_publication(publication)));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->event, "message.sent");
  EXPECT_EQ(back->data, "{\"text\":\"hello\"}");
  EXPECT_EQ(back->kind, DataKind::json);
  EXPECT_EQ(back->user_id, "42");
  EXPECT_EQ(back->except, SocketId{0x0102030405060708});
  EXPECT_EQ(back->time.ms, 1'760'000'000'123);
}

TEST(Golden, WrittenBeforeItWasKeptWhomAPublicationExcludes) {
  const auto publication = decode_publication(from_hex(golden_text("publication_to_all")));
  ASSERT_TRUE(publication.ok());
  EXPECT_EQ(publication->event, "message.sent");
  EXPECT_FALSE(publication->except.exists());
  const auto stored = from_hex(golden_text("log_entry_to_all"));
  const auto framed = unframe_log_entry(ShardId{3}, LogIndex{42}, stored);
  ASSERT_TRUE(framed.ok());
  const auto entry = decode_entry(framed->payload);
  ASSERT_TRUE(entry.ok());
  const auto& append = std::get<AppendPublication>(entry->commands[0].what);
  EXPECT_EQ(append.data, "hello");
  EXPECT_FALSE(append.except.exists());
}

TEST(Golden, DeletedPublication) {
  Publication hole;
  hole.time = WallTime{1'760'000'000'123};
  hole.deleted = true;
  const auto back = decode_publication(golden("publication_deleted", encode_publication(hole)));
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(back->deleted);
}

TEST(Golden, ChannelMeta) {
  ChannelMeta meta;
  meta.epoch = Epoch{0x0123456789abcdef};
  meta.newest = Offset{20};
  meta.oldest = Offset{11};
  meta.stored_from = Offset{5};
  meta.bytes = 12'345;
  meta.oldest_time = WallTime{1'760'000'000'000};
  meta.cached = Offset{19};
  meta.retention = {seconds(86'400), 10, 65'536};
  meta.cursors = 2;
  meta.cursors_oldest = WallTime{1'760'000'000'001};
  meta.cursors_unsure_until = WallTime{1'760'000'000'002};
  meta.unsynced = true;
  meta.lineage = 3;
  const auto back = decode_channel_meta(golden("channel_meta", encode_channel_meta(meta)));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->epoch.value, 0x0123456789abcdefu);
  EXPECT_EQ(back->oldest.value, 11u);
  EXPECT_EQ(back->retention.age, seconds(86'400));
  EXPECT_EQ(back->cursors_unsure_until.ms, 1'760'000'000'002);
  EXPECT_TRUE(back->unsynced);
  EXPECT_EQ(back->lineage, 3u);
}

TEST(Golden, WrittenBeforeItWasKeptWhichTailsMayBeLost) {
  const auto meta = decode_channel_meta(from_hex(golden_text("channel_meta_without_lineage")));
  ASSERT_TRUE(meta.ok());
  EXPECT_EQ(meta->newest.value, 20u);
  EXPECT_FALSE(meta->unsynced);
  EXPECT_EQ(meta->lineage, 0u);
  const auto stored = from_hex(golden_text("log_entry_without_lineage"));
  const auto framed = unframe_log_entry(ShardId{3}, LogIndex{42}, stored);
  ASSERT_TRUE(framed.ok());
  const auto entry = decode_entry(framed->payload);
  ASSERT_TRUE(entry.ok());
  EXPECT_FALSE(std::get<AppendPublication>(entry->commands[0].what).unsynced);
  EXPECT_EQ(std::get<SaveCursors>(entry->commands[4].what).cursors[0].epoch.value, 0u);
}

TEST(Golden, WrittenBeforePositionsAndSessionsHadBytesAndAnOrigin) {
  const auto meta = decode_channel_meta(from_hex(golden_text("channel_meta_without_lineage")));
  ASSERT_TRUE(meta.ok());
  EXPECT_EQ(meta->cursors, 2U);
  EXPECT_EQ(meta->cursors_unsure_until.ms, 0);
  const auto cursor = decode_cursor(from_hex(golden_text("cursor_of_nobody")));
  ASSERT_TRUE(cursor.ok());
  EXPECT_FALSE(cursor->origin.exists());
  const auto of_no_life = decode_cursor(from_hex(golden_text("cursor_of_no_life")));
  ASSERT_TRUE(of_no_life.ok());
  EXPECT_EQ(of_no_life->origin, Origin{7});
  EXPECT_EQ(of_no_life->epoch.value, 0U);
  EXPECT_FALSE(of_no_life->owes_gap);
  const auto before = decode_entry(from_hex(golden_text("log_entry_positions_without_gaps")));
  ASSERT_TRUE(before.ok());
  EXPECT_EQ(std::get<SaveCursors>(before->commands.at(0).what).cursors.at(0).offset, Offset{3});
  const auto entry = decode_entry(from_hex(golden_text("log_entry_sessions_by_count")));
  ASSERT_TRUE(entry.ok());
  const auto& save = std::get<SaveSession>(entry->commands[0].what);
  EXPECT_EQ(save.bounds.kept_max, 20'000U);
  EXPECT_EQ(save.bounds.bytes_max, 0U);
  EXPECT_FALSE(save.origin.exists());
}

TEST(Golden, LogEntryOfPositions) {
  const WallTime time{1'760'000'000'000};
  const ChannelKey channel("4711", "private-domain.7");
  const SaveCursors positions{
      {{"client-1", Offset{3}, false, Epoch{5}, Origin{7}}, {"client-2", Offset{2}, false, Epoch{5}, Origin{7}, true}},
      {10, 65'536, 4'096},
      SaveCursors::For::first,
      WallTime{1'760'000'000'001}};
  const auto entry = decode_entry(golden("log_entry_positions", encode_entry(time, {{channel, time, positions}})));
  ASSERT_TRUE(entry.ok());
  const auto& save = std::get<SaveCursors>(entry->commands.at(0).what);
  ASSERT_EQ(save.cursors.size(), 2U);
  EXPECT_EQ(save.cursors[0].client_id, "client-1");
  EXPECT_EQ(save.cursors[0].offset, Offset{3});
  EXPECT_EQ(save.cursors[0].epoch, Epoch{5});
  EXPECT_EQ(save.cursors[0].origin, Origin{7});
  EXPECT_FALSE(save.cursors[0].owes_gap);
  EXPECT_TRUE(save.cursors[1].owes_gap);
  EXPECT_EQ(save.bounds.per_channel_max, 10U);
  EXPECT_EQ(save.bounds.bytes_max, 65'536U);
  EXPECT_EQ(save.bounds.origin_bytes_max, 4'096U);
  EXPECT_EQ(save.kept_for, SaveCursors::For::first);
  EXPECT_EQ(save.unsure_until.ms, 1'760'000'000'001);
}

TEST(Golden, LogEntry) {
  const ChannelKey channel("4711", "private-domain.7");
  AppendPublication append{"message.sent", "hello",  DataKind::text,          "",   "key-1",
                           "signature",    Epoch{1}, {seconds(60), 10, 1000}, true, SocketId{9}};
  append.unsynced = true;
  append.key_scope = "batch";
  append.once_repeat = seconds(5);
  const std::vector<Command> commands{
      {channel, {1'760'000'000'000}, append},
      {channel, {1'760'000'000'001}, RemovePublication{{Epoch{1}, Offset{1}}}},
      {channel, {1'760'000'000'002}, RemoveHistory{Epoch{2}}},
      {channel, {1'760'000'000'003}, TrimHistory{{seconds(1), 2, 3}}},
      {channel, {1'760'000'000'004}, SaveCursors{{{"client-1", Offset{3}, false, Epoch{1}}}}}};
  const auto bytes =
      frame_log_entry({ShardId{3}, Term{7}, LogIndex{42}},
                      encode_entry({1'760'000'000'000}, commands, {seconds(600), 1'000, seconds(86'400)}));
  const auto stored = golden("log_entry", bytes);
  const auto framed = unframe_log_entry(ShardId{3}, LogIndex{42}, stored);
  ASSERT_TRUE(framed.ok());
  const auto entry = decode_entry(framed->payload);
  ASSERT_TRUE(entry.ok());
  ASSERT_EQ(entry->commands.size(), 5u);
  EXPECT_EQ(entry->bounds.idempotency_window, seconds(600));
  EXPECT_EQ(entry->bounds.idempotency_keys_max, 1'000U);
  EXPECT_EQ(entry->bounds.cursor_lifetime, seconds(86'400));
  EXPECT_EQ(entry->commands[0].channel, channel);
  EXPECT_EQ(std::get<AppendPublication>(entry->commands[0].what).idempotency_key, "key-1");
  EXPECT_EQ(std::get<AppendPublication>(entry->commands[0].what).except, SocketId{9});
  EXPECT_TRUE(std::get<AppendPublication>(entry->commands[0].what).unsynced);
  EXPECT_EQ(std::get<SaveCursors>(entry->commands[4].what).cursors[0].epoch, Epoch{1});
  EXPECT_EQ(std::get<AppendPublication>(entry->commands[0].what).key_scope, "batch");
  EXPECT_EQ(std::get<AppendPublication>(entry->commands[0].what).once_repeat, seconds(5));
}

TEST(Golden, WrittenBeforeEntriesSaidHowLongTheMachineRemembers) {
  const auto stored = from_hex(golden_text("log_entry_without_bounds"));
  const auto framed = unframe_log_entry(ShardId{3}, LogIndex{42}, stored);
  ASSERT_TRUE(framed.ok());
  for (const auto& bytes : {std::string(framed->payload), from_hex(golden_text("log_entry_people_without_bounds")),
                            from_hex(golden_text("log_entry_positions_without_bounds")),
                            from_hex(golden_text("log_entry_sessions_without_bounds"))}) {
    const auto entry = decode_entry(bytes);
    ASSERT_TRUE(entry.ok());
    EXPECT_FALSE(entry->commands.empty());
    EXPECT_EQ(entry->bounds.idempotency_window.count(), 0);
    EXPECT_EQ(entry->bounds.idempotency_keys_max, 0U);
    EXPECT_EQ(entry->bounds.cursor_lifetime.count(), 0);
  }
}

TEST(Golden, WrittenBeforeKeysHadScopesAndSignaturesCouldComeAgain) {
  const auto stored = from_hex(golden_text("log_entry_without_scope"));
  const auto framed = unframe_log_entry(ShardId{3}, LogIndex{42}, stored);
  ASSERT_TRUE(framed.ok());
  const auto entry = decode_entry(framed->payload);
  ASSERT_TRUE(entry.ok());
  const auto& append = std::get<AppendPublication>(entry->commands[0].what);
  EXPECT_EQ(append.idempotency_key, "key-1");
  EXPECT_EQ(append.key_scope, "");
  EXPECT_EQ(append.once_repeat.count(), 0);
  const auto remembered = decode_remembered(from_hex(golden_text("remembered_without_scope")));
  ASSERT_TRUE(remembered.ok());
  EXPECT_EQ(remembered->key, "key-1");
  EXPECT_EQ(remembered->scope, "");
}

TEST(Golden, SmallRecords) {
  const auto remembered = decode_remembered(
      golden("remembered",
             encode_remembered({"4711/domain.7", "key-1", "signature", {Epoch{1}, Offset{2}}, WallTime{3}, "app"})));
  ASSERT_TRUE(remembered.ok());
  EXPECT_EQ(remembered->scope, "app");
  const auto cursor =
      decode_cursor(golden("cursor", encode_cursor({Offset{4}, WallTime{5}, Origin{7}, Epoch{8}, true})));
  ASSERT_TRUE(cursor.ok());
  EXPECT_EQ(cursor->epoch, Epoch{8});
  EXPECT_TRUE(cursor->owes_gap);
  EXPECT_TRUE(decode_log_head(golden("log_head", encode_log_head({Term{6}, LogIndex{7}, Term{5}}))).ok());
}

UserRecord some_user() {
  UserRecord record;
  record.status = UserStatus::away;
  record.since = WallTime{1'760'000'000'001};
  record.last_seen = WallTime{1'760'000'000'000};
  record.user_info = "{\"name\":\"Ada\"}";
  record.domains = {"1", "7"};
  record.connections = {{SocketId{0x0102030405060708}, WallTime{1'760'000'000'002}}};
  record.blocks = {WallTime{1'760'000'100'000},
                   "spam",
                   WallTime{1'759'000'000'000},
                   {{"presence-domain.7", WallTime{1'760'000'200'000}}}};
  return record;
}

Notice some_notice() {
  Notice notice;
  notice.id = "0123456789abcdef0123456789abcdef";
  notice.app = "4711";
  notice.target = "backend";
  notice.kind = NoticeKind::user_disconnected;
  notice.time = WallTime{1'760'000'000'003};
  notice.channel = "presence-domain.7";
  notice.user_id = "42";
  notice.event = "client-typing";
  notice.data = "{\"on\":true}";
  notice.socket = SocketId{9};
  notice.count = 5;
  notice.last_seen = WallTime{1'760'000'000'004};
  notice.domains = {"7"};
  return notice;
}

TEST(Golden, User) {
  const auto back = decode_user(golden("user", encode_user(some_user())));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, some_user());
}

TEST(Golden, Notices) {
  const auto back = decode_notice(golden("notice", encode_notice(some_notice())));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->id, some_notice().id);
  EXPECT_EQ(back->kind, NoticeKind::user_disconnected);
  EXPECT_EQ(back->data, "{\"on\":true}");
  EXPECT_EQ(back->socket.value, 9U);
  EXPECT_EQ(back->domains, std::vector<std::string>{"7"});
  const auto bytes = golden("dead_notice", encode_dead_notice({some_notice(), WallTime{5}, "500"}));
  const auto dead = decode_dead_notice(bytes);
  ASSERT_TRUE(dead.ok());
  EXPECT_EQ(dead->notice.target, "backend");
  EXPECT_EQ(dead->why, "500");
  EXPECT_EQ(*decode_dead_notice_target(bytes), "backend");
}

// The commands of users and notices; log_entry.hex is what the release before them wrote.
TEST(Golden, LogEntryOfPeople) {
  const WallTime time{1'760'000'000'000};
  const std::vector<Command> commands{
      {user_place({"4711", "42"}), time, SaveUser{some_user(), {some_notice()}, {100, 10}}},
      {domain_place("4711", "7"), time, SaveMember{"42", true}},
      {{"4711", "presence-domain.7"}, time, SaveNotices{{some_notice()}, {{"42", true}, {"", false}}, {100, 10}}},
      {user_place({"4711", "42"}), time, SettleNotices{{1, 2}, {{3, "gone"}}, {4}, {5}, {100, 10}}}};
  const auto entry = decode_entry(golden("log_entry_people", encode_entry(time, commands)));
  ASSERT_TRUE(entry.ok());
  ASSERT_EQ(entry->commands.size(), 4U);
  EXPECT_EQ(entry->commands[0].channel.text(), "4711/user.42");
  EXPECT_EQ(std::get<SaveUser>(entry->commands[0].what).record, some_user());
  EXPECT_EQ(std::get<SaveMember>(entry->commands[1].what).user_id, "42");
  const auto& saved = std::get<SaveNotices>(entry->commands[2].what);
  ASSERT_EQ(saved.told.size(), 2U);
  EXPECT_TRUE(saved.told[0].present);
  EXPECT_EQ(saved.bounds.dead_max, 10U);
  const auto& settled = std::get<SettleNotices>(entry->commands[3].what);
  EXPECT_EQ(settled.delivered, (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(settled.dead.at(0).why, "gone");
  EXPECT_EQ(settled.replayed, std::vector<std::uint64_t>{4});
}

TEST(Golden, KeptSession) {
  const auto back =
      decode_kept_session(golden("kept_session", encode_kept_session({std::string("\0r\xff", 3), WallTime{77}})));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->record, std::string("\0r\xff", 3));
  EXPECT_EQ(back->expires.ms, 77);
}

TEST(Golden, LogEntryOfSessions) {
  const WallTime time{1'760'000'000'000};
  const auto place = session_place("4711", "secret");
  const std::vector<Command> commands{
      {place, time,
       SaveSession{std::string("\0r\xff", 3), WallTime{1'760'000'120'000}, {20'000, 65'536, 4'096}, Origin{7}}},
      {place, time, ClaimSession{}},
      {place, time, ForgetSession{}},
      {place, time, ForgetSession{true}}};
  const auto entry = decode_entry(golden("log_entry_sessions", encode_entry(time, commands)));
  ASSERT_TRUE(entry.ok());
  ASSERT_EQ(entry->commands.size(), 4U);
  EXPECT_EQ(entry->commands[0].channel.text(), "4711/session.secret");
  const auto& save = std::get<SaveSession>(entry->commands[0].what);
  EXPECT_EQ(save.record, std::string("\0r\xff", 3));
  EXPECT_EQ(save.expires.ms, 1'760'000'120'000);
  EXPECT_EQ(save.bounds.kept_max, 20'000U);
  EXPECT_EQ(save.bounds.bytes_max, 65'536U);
  EXPECT_EQ(save.bounds.origin_bytes_max, 4'096U);
  EXPECT_EQ(save.origin, Origin{7});
  EXPECT_TRUE(std::holds_alternative<ClaimSession>(entry->commands[1].what));
  EXPECT_FALSE(std::get<ForgetSession>(entry->commands[2].what).if_expired);
  EXPECT_TRUE(std::get<ForgetSession>(entry->commands[3].what).if_expired);
}

}  // namespace
}  // namespace parley::schemas
