#include "schemas/codec.h"

#include <gtest/gtest.h>

namespace parley::schemas {
namespace {

Publication sample_publication() {
  Publication publication;
  publication.event = "message.sent";
  publication.data = std::string("{\"text\":\"gr\xc3\xbc\xc3\x9f dich\"}\0tail", 28);
  publication.kind = DataKind::json;
  publication.user_id = "42";
  publication.time = WallTime{1'760'000'000'123};
  return publication;
}

std::vector<Command> sample_commands() {
  const ChannelKey channel("4711", "private-domain.7");
  AppendPublication append;
  append.event = "client-typing";
  append.data = "\"x\"";
  append.kind = DataKind::json;
  append.user_id = "ann";
  append.idempotency_key = "k-1";
  append.once = "sig";
  append.epoch_if_new = Epoch{0xABCDEF0123456789};
  append.retention = {seconds(60), 10, 1000};
  append.cache = true;
  append.key_scope = "client:ann";
  append.once_repeat = milliseconds(5'000);
  return {{channel, {5}, append},
          {channel, {6}, RemovePublication{{Epoch{7}, Offset{8}}}},
          {channel, {7}, RemoveHistory{Epoch{9}}},
          {channel, {8}, TrimHistory{{seconds(1), 2, 3}}},
          {channel, {9}, SaveCursors{{{"client-1", Offset{3}, false}, {"client-2", Offset{0}, true}}}},
          {session_place("4711", "k"), {10}, SaveSession{std::string("\0r", 2), {11}, {12}}},
          {session_place("4711", "k"), {10}, ClaimSession{}},
          {session_place("4711", "k"), {10}, ForgetSession{true}}};
}

TEST(Codec, APublicationComesBackAsItWas) {
  const auto publication = sample_publication();
  const auto back = decode_publication(encode_publication(publication));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->event, publication.event);
  EXPECT_EQ(back->data, publication.data);
  EXPECT_EQ(back->kind, publication.kind);
  EXPECT_EQ(back->user_id, publication.user_id);
  EXPECT_EQ(back->time, publication.time);
  EXPECT_FALSE(back->deleted);
  EXPECT_EQ(decode_publication_time(encode_publication(publication))->ms, publication.time.ms);
}

TEST(Codec, IdsComeBackInTheFormInWhichTheyWereSaid) {
  auto publication = sample_publication();
  publication.id_form = IdForm::number;
  EXPECT_EQ(decode_publication(encode_publication(publication))->id_form, IdForm::number);
  UserRecord record;
  record.id_form = IdForm::number;
  EXPECT_EQ(decode_user(encode_user(record))->id_form, IdForm::number);
  Notice notice{.id = "n", .app = "a", .target = "t", .user_id = "2", .id_form = IdForm::number};
  EXPECT_EQ(decode_notice(encode_notice(notice))->id_form, IdForm::number);
  const std::vector<Command> commands{
      {ChannelKey("a", "c"), {1}, AppendPublication{.user_id = "2", .id_form = IdForm::number}},
      {ChannelKey("a", "c"), {1}, SaveNotices{.notices = {}, .told = {{"2", true, IdForm::number}}, .bounds = {}}}};
  const auto back = decode_entry(encode_entry(WallTime{4}, commands));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(std::get<AppendPublication>(back->commands[0].what).id_form, IdForm::number);
  EXPECT_EQ(std::get<SaveNotices>(back->commands[1].what).told[0].id_form, IdForm::number);
}

TEST(Codec, APublicationLargerThanTheScratchSpaceComesBack) {
  auto publication = sample_publication();
  publication.data.assign(3'000'001, 'x');
  const auto back = decode_publication(encode_publication(publication));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->data, publication.data);
}

TEST(Codec, AMetaComesBackAsItWas) {
  ChannelMeta meta;
  meta.epoch = Epoch{1};
  meta.newest = Offset{20};
  meta.oldest = Offset{11};
  meta.stored_from = Offset{5};
  meta.bytes = 12'345;
  meta.oldest_time = WallTime{99};
  meta.cached = Offset{20};
  meta.retention = {seconds(7), 8, 9};
  meta.cursors = 3;
  meta.cursors_oldest = WallTime{77};
  const auto back = decode_channel_meta(encode_channel_meta(meta));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->epoch, meta.epoch);
  EXPECT_EQ(back->newest, meta.newest);
  EXPECT_EQ(back->oldest, meta.oldest);
  EXPECT_EQ(back->stored_from, meta.stored_from);
  EXPECT_EQ(back->count(), 10u);
  EXPECT_EQ(back->bytes, meta.bytes);
  EXPECT_EQ(back->oldest_time, meta.oldest_time);
  EXPECT_EQ(back->cached, meta.cached);
  EXPECT_EQ(back->retention.age, meta.retention.age);
  EXPECT_EQ(back->retention.count, meta.retention.count);
  EXPECT_EQ(back->retention.bytes, meta.retention.bytes);
  EXPECT_EQ(back->cursors, meta.cursors);
  EXPECT_EQ(back->cursors_oldest, meta.cursors_oldest);
}

TEST(Codec, AMetaThatContradictsItselfIsRefused) {
  ChannelMeta meta;
  meta.newest = Offset{5};
  meta.oldest = Offset{9};
  EXPECT_EQ(decode_channel_meta(encode_channel_meta(meta)).error().code, Errc::corrupt);
  meta.oldest = Offset{2};
  meta.stored_from = Offset{3};
  EXPECT_EQ(decode_channel_meta(encode_channel_meta(meta)).error().code, Errc::corrupt);
}

TEST(Codec, AnEntryWithEveryKindOfCommandComesBackAsItWas) {
  const auto commands = sample_commands();
  const auto bytes = encode_entry(WallTime{4}, commands);
  const auto back = decode_entry(bytes);
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(back->time.ms, 4);
  ASSERT_EQ(back->commands.size(), commands.size());
  // The encoding has every field, so equal bytes mean equal commands.
  EXPECT_EQ(encode_entry(back->time, back->commands), bytes);
  const auto& append = std::get<AppendPublication>(back->commands[0].what);
  EXPECT_EQ(append.epoch_if_new.value, 0xABCDEF0123456789u);
  EXPECT_EQ(append.retention.count, 10u);
  EXPECT_TRUE(append.cache);
  EXPECT_EQ(append.key_scope, "client:ann");
  EXPECT_EQ(append.once_repeat.count(), 5'000);
  EXPECT_EQ(std::get<RemovePublication>(back->commands[1].what).position.offset.value, 8u);
  EXPECT_EQ(std::get<RemoveHistory>(back->commands[2].what).epoch_if_new.value, 9u);
  EXPECT_EQ(std::get<TrimHistory>(back->commands[3].what).retention.bytes, 3u);
  EXPECT_TRUE(std::get<SaveCursors>(back->commands[4].what).cursors[1].forget);
  EXPECT_EQ(std::get<SaveSession>(back->commands[5].what).record, std::string("\0r", 2));
  EXPECT_TRUE(std::holds_alternative<ClaimSession>(back->commands[6].what));
  EXPECT_TRUE(std::get<ForgetSession>(back->commands[7].what).if_expired);
}

TEST(Codec, BytesOfAnyAlignmentAreRead) {
  const auto bytes = encode_publication(sample_publication());
  for (std::size_t shift = 0; shift < 8; ++shift) {
    const auto shifted = std::string(shift, '#') + bytes;
    EXPECT_TRUE(decode_publication(std::string_view(shifted).substr(shift)).ok()) << shift;
  }
}

TEST(Codec, EveryTruncationIsRefused) {
  const auto bytes = encode_entry(WallTime{4}, sample_commands());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto cut = decode_entry(std::string_view(bytes).substr(0, size));
    ASSERT_FALSE(cut.ok()) << size;
    EXPECT_EQ(cut.error().code, Errc::corrupt) << size;
  }
  EXPECT_EQ(decode_entry(bytes + "12345678").error().code, Errc::corrupt);
}

TEST(Codec, NoFlippedByteEndsTheProcess) {
  const auto bytes = encode_entry(WallTime{4}, sample_commands());
  std::size_t refused = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const int flip : {0x01, 0x80, 0xFF}) {
      auto bad = bytes;
      bad[i] = static_cast<char>(bad[i] ^ flip);
      if (!decode_entry(bad).ok()) ++refused;
    }
  }
  EXPECT_GT(refused, 0u);
}

TEST(Codec, AnEntryOfALaterReleaseIsNotGuessedAt) {
  auto bytes = encode_entry(WallTime{4}, {});
  // The version is the first field of the root struct's data: after the segment table and the root pointer.
  bytes[16] = static_cast<char>(kEntryVersion + 1);
  EXPECT_EQ(decode_entry(bytes).error().code, Errc::newer_schema);
  bytes[16] = 0;
  EXPECT_EQ(decode_entry(bytes).error().code, Errc::corrupt);
}

TEST(Codec, SmallRecordsComeBackAsTheyWere) {
  const auto remembered = decode_remembered(encode_remembered({"a/b", "key", "", {Epoch{1}, Offset{2}}, WallTime{3}}));
  ASSERT_TRUE(remembered.ok());
  EXPECT_EQ(remembered->channel, "a/b");
  EXPECT_EQ(remembered->key, "key");
  EXPECT_EQ(remembered->once, "");
  EXPECT_EQ(remembered->position, (Position{Epoch{1}, Offset{2}}));
  EXPECT_EQ(remembered->time.ms, 3);
  const auto cursor = decode_cursor(encode_cursor({Offset{4}, WallTime{5}}));
  ASSERT_TRUE(cursor.ok());
  EXPECT_EQ(cursor->offset.value, 4u);
  EXPECT_EQ(cursor->time.ms, 5);
  const auto head = decode_log_head(encode_log_head({Term{6}, LogIndex{7}, Term{5}}));
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->term.value, 6u);
  EXPECT_EQ(head->cut_index.value, 7u);
  EXPECT_EQ(head->cut_term.value, 5u);
}

}  // namespace
}  // namespace parley::schemas
