#include "tests/unit/cluster/world.h"

namespace parley::cluster {
namespace {

class ShardMachineTest : public ::testing::Test {
 protected:
  void make(MachineConfig config = {}) {
    machine_ = std::make_unique<ShardMachine>(ShardId{0}, config, store_);
    ASSERT_TRUE(machine_->load().ok());
  }
  void SetUp() override { make(); }

  std::string apply(std::vector<Command> commands, bool write = true) {
    auto effects = machine_->apply(LogIndex{machine_->applied().value + 1}, std::move(commands));
    EXPECT_TRUE(effects.ok());
    if (write) this->write();
    return effects.ok() ? text(*effects) : "failed";
  }
  void write() {
    storage::WriteBatch batch;
    machine_->take_writes(batch);
    ASSERT_TRUE(store_.write(batch, storage::Sync::no).ok());
  }
  std::string history(GetHistory query = {}) {
    query.channel = kRoom;
    const auto page = HistoryReader(store_, 1, 1 << 20).read_history(query);
    EXPECT_TRUE(page.ok()) << page.error().message;
    return page.ok() ? text(page->publications) : "failed";
  }
  ChannelState state() { return HistoryReader(store_, 1, 1 << 20).open_channel(kRoom).value(); }
  std::size_t stored() { return content(store_, storage::Family::history).size(); }
  std::optional<Offset> cursor(const std::string& client, WallTime now) {
    const auto found = HistoryReader(store_, 1, 1 << 20).read_cursor(kRoom, client, now, seconds(100)).value();
    return found.position ? std::optional(found.position->offset) : std::nullopt;
  }
  static Command save(std::vector<SaveCursors::Cursor> cursors, WallTime time = {1'000}) {
    return {kRoom, time, SaveCursors{std::move(cursors)}};
  }

  storage::MemoryStore store_;
  std::unique_ptr<ShardMachine> machine_;
};

TEST_F(ShardMachineTest, OffsetsAreContiguousAndTheEpochIsTheFirstOne) {
  EXPECT_EQ(apply({append("a"), append("b")}), "1:a 2:b");
  auto other_epoch = append("c");
  std::get<AppendPublication>(other_epoch.what).epoch_if_new = Epoch{99};
  EXPECT_EQ(apply({other_epoch}), "3:c");
  EXPECT_EQ(state().newest, (Position{kEpoch, Offset{3}}));
  EXPECT_EQ(history(), "1:a 2:b 3:c");
}

TEST_F(ShardMachineTest, ChannelsAreCountedApart) {
  const ChannelKey other("4711", "domain.2");
  EXPECT_EQ(apply({append("a"), append("x", {1}, other), append("b"), append("y", {1}, other)}), "1:a 1:x 2:b 2:y");
}

TEST_F(ShardMachineTest, APublicationComesBackWithAllThatItWas) {
  auto command = append("\"hi\"", {77});
  auto& what = std::get<AppendPublication>(command.what);
  what.kind = DataKind::json;
  what.user_id = "ann";
  const auto effects = machine_->apply(LogIndex{1}, {command}).value();
  write();
  GetHistory query;
  query.channel = kRoom;
  const auto page = HistoryReader(store_, 1, 1 << 20).read_history(query).value();
  const auto& told = *std::get<Effect::Appended>(effects[0].what).publication;
  for (const auto* one : {&told, page.publications[0].get()}) {
    EXPECT_EQ(one->event, "said");
    EXPECT_EQ(one->data, "\"hi\"");
    EXPECT_EQ(one->kind, DataKind::json);
    EXPECT_EQ(one->user_id, "ann");
    EXPECT_EQ(one->time.ms, 77);
    EXPECT_EQ(one->position, (Position{kEpoch, Offset{1}}));
  }
}

TEST_F(ShardMachineTest, ARestartGoesOnWhereItStopped) {
  apply({append("a")});
  make();
  EXPECT_EQ(machine_->applied().value, 1u);
  EXPECT_EQ(apply({append("b")}), "2:b");
}

// ---- idempotency ----

TEST_F(ShardMachineTest, AKnownKeyGetsTheFirstResultAlsoWithinOneEntry) {
  EXPECT_EQ(apply({keyed(append("a"), "k"), keyed(append("b"), "k")}), "1:a duplicate:1");
  EXPECT_EQ(apply({keyed(append("c"), "k"), keyed(append("d"), "l")}), "duplicate:1 2:d");
}

TEST_F(ShardMachineTest, AKeyBelongsToItsChannel) {
  const ChannelKey other("4711", "domain.2");
  EXPECT_EQ(apply({keyed(append("a"), "k"), keyed(append("b", {1'000}, other), "k")}), "1:a 1:b");
}

TEST_F(ShardMachineTest, AKnownSignatureIsReplayedUnlessTheKeyIsKnownToo) {
  EXPECT_EQ(apply({keyed(append("a"), "", "sig")}), "1:a");
  EXPECT_EQ(apply({keyed(append("a"), "", "sig")}), "replayed");
  EXPECT_EQ(apply({keyed(append("a"), "new key", "sig")}), "replayed");
  EXPECT_EQ(apply({keyed(append("b"), "k", "sig2"), keyed(append("b"), "k", "sig2")}), "2:b duplicate:2");
}

TEST_F(ShardMachineTest, ASignatureMayComeAgainForAFewSecondsAfterTheFirst) {
  const auto repeated = [](const std::string& data, std::int64_t at) {
    auto command = keyed(append(data, {at}), "", "sig");
    std::get<AppendPublication>(command.what).once_repeat = seconds(5);
    return command;
  };
  EXPECT_EQ(apply({repeated("a", 1'000), repeated("a", 1'000)}), "1:a 2:a");
  EXPECT_EQ(apply({repeated("a", 5'999)}), "3:a");
  make();  // also after a restart its time began with the first
  EXPECT_EQ(apply({repeated("a", 6'000)}), "replayed");
  EXPECT_EQ(apply({repeated("a", -4'000)}), "replayed") << "a clock that jumped back";
  EXPECT_EQ(apply({keyed(append("a", {2'000}), "", "sig")}), "replayed") << "where none may come again";
  EXPECT_EQ(apply({repeated("b", 1'201'000)}), "4:b") << "forgotten when the first one's time is over";
}

TEST_F(ShardMachineTest, KeysOfTwoScopesAreTwo) {
  const auto scoped = [](const std::string& data, const std::string& key, std::string scope, std::int64_t at = 1'000) {
    auto command = keyed(append(data, {at}), key);
    std::get<AppendPublication>(command.what).key_scope = std::move(scope);
    return command;
  };
  // Two users whose name and key read the same when they are joined.
  const std::string joined = "client:a:b:c";
  EXPECT_EQ(apply({scoped("1", joined, client_keys("a")), scoped("2", joined, client_keys("a:b")),
                   scoped("3", joined, std::string(kApplicationKeys))}),
            "1:1 2:2 3:3");
  EXPECT_EQ(apply({scoped("x", "k#0", std::string(kBatchKeys)), scoped("y", "k#0", std::string(kApplicationKeys))}),
            "4:x 5:y");
  make();
  EXPECT_EQ(apply({scoped("x", joined, client_keys("a:b")), scoped("x", "k#0", std::string(kBatchKeys))}),
            "duplicate:2 duplicate:4");
  // What a release without scopes wrote answers to whoever asks, as it did.
  EXPECT_EQ(apply({keyed(append("old"), "client:u:k")}), "6:old");
  make();
  EXPECT_EQ(apply({scoped("x", "client:u:k", client_keys("u"))}), "duplicate:6");
  EXPECT_EQ(apply({scoped("z", "client:u:k", client_keys("u"), 601'000)}), "7:z");
}

TEST_F(ShardMachineTest, KeysAndSignaturesSurviveARestart) {
  apply({keyed(append("a"), "k", "sig"), keyed(append("b"), "l")});
  make();
  EXPECT_EQ(apply({keyed(append("x"), "k"), keyed(append("x"), "", "sig"), keyed(append("x"), "l")}),
            "duplicate:1 replayed duplicate:2");
}

TEST_F(ShardMachineTest, AKeyEndsAfterItsWindowAndASignatureAfterTwo) {
  apply({keyed(append("a", {1'000}), "k", "sig")});
  EXPECT_EQ(apply({keyed(append("b", {600'999}), "k")}), "duplicate:1");
  EXPECT_EQ(apply({keyed(append("b", {601'000}), "k")}), "2:b");
  EXPECT_EQ(apply({keyed(append("c", {1'200'999}), "", "sig")}), "replayed");
  EXPECT_EQ(apply({keyed(append("c", {1'201'000}), "", "sig")}), "3:c");
}

TEST_F(ShardMachineTest, TheOldestKeysGoWhenThereAreTooMany) {
  MachineConfig config;
  config.idempotency_keys_max = 10;
  make(config);
  for (int i = 1; i <= 25; ++i) apply({keyed(append("a"), std::to_string(i))});
  const auto records = [&] {
    const auto range = storage::keys::remembered(ShardId{0});
    std::size_t count = 0;
    for (const auto& [key, value] : content(store_, storage::Family::state))
      count += range.from <= key && key < range.to;
    return count;
  };
  EXPECT_EQ(records(), 10u);
  EXPECT_EQ(apply({keyed(append("b"), "16"), keyed(append("b"), "15")}), "duplicate:16 26:b");
  make(config);
  EXPECT_EQ(apply({keyed(append("b"), "17"), keyed(append("b"), "16"), keyed(append("b"), "15")}),
            "duplicate:17 27:b duplicate:26");
  EXPECT_EQ(records(), 10u);
}

// ---- retention ----

TEST_F(ShardMachineTest, RetentionByCountIsExactForReaders) {
  const Retention five{seconds(0), 5, 0};
  for (int i = 1; i <= 300; ++i) {
    apply({append(std::to_string(i), {1'000}, kRoom, five)});
    const auto expected_oldest = i < 5 ? 1 : i - 4;
    ASSERT_EQ(state().oldest.value, static_cast<std::uint64_t>(expected_oldest));
    ASSERT_LE(stored(), 5u + 64u);
  }
  EXPECT_EQ(history(), "296:296 297:297 298:298 299:299 300:300");
}

TEST_F(ShardMachineTest, RetentionByBytesHolds) {
  const auto record = [&] {
    apply({append(std::string(1'000, 'x'))});
    return schemas::decode_channel_meta(
               *store_.get(storage::Family::state, storage::keys::meta(ShardId{0}, kRoom)).value())
        ->bytes;
  }();
  const Retention limit{seconds(0), 0, record * 20};
  for (int i = 2; i <= 200; ++i) {
    apply({append(std::string(1'000, 'x'), {1'000}, kRoom, limit)});
    ASSERT_LE(stored(), 20u);
  }
  EXPECT_GE(stored(), 18u);
  EXPECT_EQ(state().oldest.value, 200 - stored() + 1);
}

TEST_F(ShardMachineTest, ThePublicationThatIsLargerThanAllThatIsAllowedStaysAlone) {
  const Retention tiny{seconds(0), 0, 10};
  EXPECT_EQ(apply({append("aaaaaaaaaaaaaaaa", {1}, kRoom, tiny), append("bbbbbbbbbbbbbbb", {1}, kRoom, tiny)}),
            "1:aaaaaaaaaaaaaaaa 2:bbbbbbbbbbbbbbb");
  EXPECT_EQ(history(), "2:bbbbbbbbbbbbbbb");
}

TEST_F(ShardMachineTest, RetentionByAgeTrimsWithTheNextPublications) {
  const Retention minute{seconds(60), 0, 0};
  apply({append("a", {0}, kRoom, minute), append("b", {30'000}, kRoom, minute)});
  apply({append("c", {62'000}, kRoom, minute)});
  EXPECT_EQ(history(), "2:b 3:c");
  apply({append("d", {200'000}, kRoom, minute)});
  EXPECT_EQ(history(), "4:d");
}

TEST_F(ShardMachineTest, AnIdleChannelIsTrimmedOnDemand) {
  const Retention minute{seconds(60), 0, 0};
  apply({append("a", {0}, kRoom, minute), append("b", {30'000}, kRoom, minute)});
  EXPECT_EQ(apply({{kRoom, {60'000}, TrimHistory{minute}}}), "removed:1");
  EXPECT_EQ(apply({{kRoom, {60'001}, TrimHistory{minute}}}), "nothing");
  EXPECT_EQ(apply({{kRoom, {90'000}, TrimHistory{minute}}}), "removed:1");
  EXPECT_EQ(history(), "");
  EXPECT_EQ(stored(), 0u);
  EXPECT_EQ(state().oldest.value, 3u);
  EXPECT_EQ(apply({append("c", {90'000}, kRoom, minute)}), "3:c");
  EXPECT_EQ(history(), "3:c");
}

TEST_F(ShardMachineTest, TrimmingAChannelThatNeverPublishedDoesNothing) {
  EXPECT_EQ(apply({{kRoom, {1}, TrimHistory{{seconds(1), 1, 1}}}}), "nothing");
}

// ---- deletion ----

TEST_F(ShardMachineTest, ADeletedPublicationLeavesAHoleWithoutItsData) {
  apply({append("a"), append("secret"), append("c")});
  const Command remove{kRoom, {1}, RemovePublication{{kEpoch, Offset{2}}}};
  EXPECT_EQ(apply({remove}), "removed:1");
  EXPECT_EQ(apply({remove}), "nothing");
  EXPECT_EQ(history(), "1:a 3:c");
  for (const auto& [key, value] : content(store_, storage::Family::history))
    EXPECT_EQ(value.find("secret"), std::string::npos);
  EXPECT_EQ(apply({append("d")}), "4:d");
}

TEST_F(ShardMachineTest, ADeletionWithinTheEntryThatPublishedWorks) {
  EXPECT_EQ(apply({append("a"), {kRoom, {1}, RemovePublication{{kEpoch, Offset{1}}}}, append("b")}),
            "1:a removed:1 2:b");
  EXPECT_EQ(history(), "2:b");
}

TEST_F(ShardMachineTest, DeletingWhatIsNotThereDoesNothing) {
  apply({append("a")});
  EXPECT_EQ(apply({{kRoom, {1}, RemovePublication{{kEpoch, Offset{2}}}},
                   {kRoom, {1}, RemovePublication{{Epoch{5}, Offset{1}}}},
                   {kRoom, {1}, RemovePublication{{kEpoch, Offset{0}}}},
                   {ChannelKey("4711", "never"), {1}, RemovePublication{{kEpoch, Offset{1}}}}}),
            "nothing nothing nothing nothing");
  EXPECT_EQ(history(), "1:a");
}

TEST_F(ShardMachineTest, ADeletedHistoryGoesOnWithTheSameEpochAndTheNextOffset) {
  apply({append("a"), append("b")});
  EXPECT_EQ(apply({{kRoom, {1}, RemoveHistory{Epoch{99}}}}), "removed:2");
  EXPECT_EQ(stored(), 0u);
  EXPECT_EQ(state().newest, (Position{kEpoch, Offset{2}}));
  EXPECT_EQ(state().oldest.value, 3u);
  EXPECT_EQ(apply({append("c")}), "3:c");
  EXPECT_EQ(history(), "3:c");
  EXPECT_EQ(apply({{ChannelKey("4711", "never"), {1}, RemoveHistory{Epoch{99}}}}), "nothing");
  EXPECT_FALSE(HistoryReader(store_, 1, 1).open_channel(ChannelKey("4711", "never"))->newest.exists());
}

TEST_F(ShardMachineTest, ALongHistoryIsDeletedAsARangeAlsoWithWritesPending) {
  std::vector<Command> many;
  for (int i = 0; i < 1'500; ++i) many.push_back(append("x"));
  apply(many);
  many.clear();
  for (int i = 0; i < 10; ++i) many.push_back(append("y"));
  many.push_back({kRoom, {1}, RemoveHistory{Epoch{99}}});
  many.push_back(append("z"));
  apply(many);
  EXPECT_EQ(history(), "1511:z");
  EXPECT_EQ(stored(), 1u);
}

// ---- cache channels ----

TEST_F(ShardMachineTest, ACacheChannelGivesItsLastCachedEvent) {
  auto cached = append("cached");
  std::get<AppendPublication>(cached.what).cache = true;
  apply({cached, append("not cached")});
  ASSERT_NE(state().cached, nullptr);
  EXPECT_EQ(state().cached->data, "cached");
  EXPECT_EQ(state().cached->position.offset.value, 1u);
  apply({{kRoom, {1}, RemovePublication{{kEpoch, Offset{1}}}}});
  EXPECT_EQ(state().cached, nullptr);
}

TEST_F(ShardMachineTest, ATrimmedEventIsNotCachedAnyMore) {
  auto cached = append("cached");
  std::get<AppendPublication>(cached.what).cache = true;
  apply({cached, append("b", {1}, kRoom, {seconds(0), 1, 0})});
  EXPECT_EQ(state().cached, nullptr);
}

// ---- cursors ----

TEST_F(ShardMachineTest, ACursorIsKeptAndForgotten) {
  apply({append("a"), append("b"), append("c")});
  EXPECT_EQ(apply({save({{"ann", Offset{2}}, {"bob", Offset{3}}})}), "nothing");
  EXPECT_EQ(cursor("ann", {1'000})->value, 2u);
  EXPECT_EQ(cursor("bob", {1'000})->value, 3u);
  EXPECT_EQ(cursor("cid", {1'000}), std::nullopt);
  apply({save({{"ann", Offset{}, true}, {"cid", Offset{}, true}})});
  EXPECT_EQ(cursor("ann", {1'000}), std::nullopt);
}

TEST_F(ShardMachineTest, ACursorNeverGoesBackNorBeyondTheNewest) {
  apply({append("a"), append("b"), append("c")});
  apply({save({{"ann", Offset{2}}})});
  apply({save({{"ann", Offset{1}}, {"bob", Offset{1'000}}})});
  EXPECT_EQ(cursor("ann", {1'000})->value, 2u);
  EXPECT_EQ(cursor("bob", {1'000})->value, 3u);
}

TEST_F(ShardMachineTest, AGapIsOwedUntilItsEndIsConfirmed) {
  const auto owes = [&](const std::string& client) {
    return HistoryReader(store_, 1, 1 << 20).read_cursor(kRoom, client, {1'000}, seconds(100)).value().owes_gap;
  };
  apply({append("a"), append("b"), append("c")});
  apply({save({{"ann", Offset{2}, false, {}, {}, true}, {"bob", Offset{2}}})});
  EXPECT_TRUE(owes("ann"));
  EXPECT_FALSE(owes("bob"));
  apply({save({{"ann", Offset{1}}})});
  EXPECT_TRUE(owes("ann")) << "what comes late says nothing of it";
  apply({save({{"ann", Offset{2}}})});
  EXPECT_FALSE(owes("ann"));
}

TEST_F(ShardMachineTest, CursorsExpire) {
  MachineConfig config;
  config.cursor_lifetime = seconds(100);
  make(config);
  apply({append("a"), save({{"ann", Offset{1}}}, {0}), save({{"bob", Offset{1}}}, {50'000})});
  EXPECT_TRUE(cursor("ann", {99'999}).has_value());
  EXPECT_EQ(cursor("ann", {100'000}), std::nullopt);  // also while its record is still there
  apply({{kRoom, {100'000}, TrimHistory{{seconds(0), 0, 0}}}});
  EXPECT_EQ(cursor("ann", {0}), std::nullopt);
  EXPECT_TRUE(cursor("bob", {100'000}).has_value());
}

TEST_F(ShardMachineTest, TooManyCursorsDriveOutTheOldest) {
  MachineConfig config;
  config.cursors_per_channel_max = 16;
  make(config);
  apply({append("a")});
  for (int i = 0; i < 40; ++i) apply({save({{fmt::format("c{:02}", i), Offset{1}}}, {1'000 + i})});
  const auto range = storage::keys::cursors(ShardId{0}, kRoom);
  std::vector<std::string> left;
  for (const auto& [key, value] : content(store_, storage::Family::state)) {
    if (range.from <= key && key < range.to) left.push_back(key.substr(key.size() - 3));
  }
  EXPECT_LE(left.size(), 16u);
  EXPECT_GE(left.size(), 14u);
  EXPECT_EQ(left.back(), "c39");
  const auto meta =
      schemas::decode_channel_meta(*store_.get(storage::Family::state, storage::keys::meta(ShardId{0}, kRoom)).value());
  EXPECT_EQ(meta->cursors, left.size());
}

TEST_F(ShardMachineTest, MetasBeyondTheBoundAreReadAgain) {
  MachineConfig config;
  config.metas_cached_max = 2;
  make(config);
  for (int round = 1; round <= 3; ++round) {
    for (int i = 0; i < 10; ++i) {
      const ChannelKey channel("4711", fmt::format("domain.{}", i));
      EXPECT_EQ(apply({append("x", {1}, channel)}), fmt::format("{}:x", round));
    }
  }
}

TEST_F(ShardMachineTest, AReadThatFailsIsAnErrorAndLoadingAgainMends) {
  testing::FaultyStore faulty;
  ShardMachine machine(ShardId{0}, {}, faulty);
  ASSERT_TRUE(machine.load().ok());
  faulty.fail_reads(true);
  EXPECT_EQ(machine.apply(LogIndex{1}, {append("a")}).error().code, Errc::storage_unavailable);
  EXPECT_FALSE(machine.load().ok());
  faulty.fail_reads(false);
  ASSERT_TRUE(machine.load().ok());
  EXPECT_EQ(text(machine.apply(LogIndex{1}, {append("a")}).value()), "1:a");
}

}  // namespace
}  // namespace parley::cluster
