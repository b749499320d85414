// The same log gives the same state: however it is grouped into batches, wherever it is resumed.
#include "tests/unit/cluster/world.h"

#include <random>

namespace parley::cluster {
namespace {

// Every kind of command, on few channels and with few keys, so that they meet each other.
std::vector<std::vector<Command>> random_log(std::uint32_t seed, std::size_t entries) {
  std::mt19937 random(seed);
  WallTime now{1'000'000};
  std::vector<std::vector<Command>> log;
  std::uint32_t notices = 0;
  for (std::size_t i = 0; i < entries; ++i) {
    std::vector<Command> commands;
    for (std::size_t n = 1 + random() % 6; n > 0; --n) {
      now = now + milliseconds(static_cast<int>(random() % 4'000) - 500);  // clocks are set back, too
      const ChannelKey channel("4711", fmt::format("domain.{}", random() % 4));
      const Retention retention{seconds(random() % 2 * 60), random() % 3 * 40, random() % 3 * 6'000};
      const Position position{kEpoch, Offset{1 + random() % 300}};
      const auto session = session_place("4711", fmt::format("key{}", random() % 20));
      switch (random() % 36) {
        case 0:
          commands.push_back({channel, now, RemovePublication{position}});
          break;
        case 1:
          commands.push_back({channel, now, TrimHistory{retention}});
          break;
        case 2:
          if (random() % 4 == 0) commands.push_back({channel, now, RemoveHistory{kEpoch}});
          break;
        case 3:
        case 4: {
          SaveCursors save;
          for (int c = 0; c < 3; ++c) {
            save.cursors.push_back(
                {fmt::format("client-{}", random() % 30), Offset{random() % 200}, random() % 5 == 0});
          }
          commands.push_back({channel, now, save});
          break;
        }
        case 24:
        case 25:
        case 26: {
          std::vector<std::string> ids;
          for (std::size_t count = 1 + random() % 4; count > 0; --count) {
            ids.push_back(fmt::format("n{}@target-{}", ++notices, random() % 3));
          }
          commands.push_back(note(ids, {random() % 3 * 5, random() % 3 * 4}, now));
          auto& save = std::get<SaveNotices>(commands.back().what);
          if (random() % 2 == 0) save.told.push_back({random() % 2 == 0 ? "" : "ann", random() % 2 == 0});
          break;
        }
        case 27:
        case 28:
        case 29: {
          SettleNotices what;
          what.bounds = {random() % 3 * 5, random() % 3 * 4};
          const auto some = [&] { return 1 + random() % (notices + 1); };
          for (int one = 0; one < 3; ++one) {
            what.delivered.push_back(some());
            what.dead.push_back({some(), "refused"});
            what.replayed.push_back(some());
            what.dropped.push_back(some());
          }
          commands.push_back(settle(std::move(what), now));
          break;
        }
        case 30:
        case 31:
        case 32:
          commands.push_back({session, now,
                              SaveSession{std::string(random() % 50, 'r'),
                                          now + milliseconds(static_cast<int>(random() % 60'000) - 1'000),
                                          {random() % 3 * 5, random() % 3 * 200, random() % 2 * 120},
                                          Origin{random() % 3}}});
          break;
        case 33:
        case 34:
          commands.push_back({session, now, ClaimSession{}});
          break;
        case 35:
          commands.push_back({session, now, ForgetSession{random() % 2 == 0}});
          break;
        default: {
          auto command = append(std::string(random() % 300, 'x'), now, channel, retention);
          auto& what = std::get<AppendPublication>(command.what);
          if (random() % 2 == 0) what.idempotency_key = std::to_string(random() % 60);
          if (random() % 3 == 0) what.once = std::to_string(random() % 60);
          what.cache = random() % 4 == 0;
          commands.push_back(command);
        }
      }
    }
    if (!commands.empty()) log.push_back(commands);
  }
  return log;
}

MachineConfig small_bounds() {
  MachineConfig config;
  config.idempotency_window = seconds(120);
  config.idempotency_keys_max = 50;
  config.cursor_lifetime = seconds(300);
  config.cursors_per_channel_max = 12;
  config.metas_cached_max = 3;
  return config;
}

struct Played {
  storage::MemoryStore store;
  std::string effects;
};

// Writes the results after every `group` entries, and starts anew after every `restart`.
void play(const std::vector<std::vector<Command>>& log, std::size_t group, std::size_t restart, Played& run) {
  auto machine = std::make_unique<ShardMachine>(ShardId{0}, small_bounds(), run.store);
  ASSERT_TRUE(machine->load().ok());
  const auto write = [&] {
    storage::WriteBatch batch;
    machine->take_writes(batch);
    ASSERT_TRUE(run.store.write(batch, storage::Sync::no).ok());
  };
  for (std::size_t i = 0; i < log.size(); ++i) {
    const auto effects = machine->apply(LogIndex{i + 1}, log[i]);
    ASSERT_TRUE(effects.ok()) << effects.error().message;
    run.effects += text(*effects) + "\n";
    if ((i + 1) % group == 0) write();
    if (restart > 0 && (i + 1) % restart == 0) {
      write();
      machine = std::make_unique<ShardMachine>(ShardId{0}, small_bounds(), run.store);
      ASSERT_TRUE(machine->load().ok());
      ASSERT_EQ(machine->applied().value, i + 1);
    }
  }
  write();
}

class Determinism : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(Determinism, GroupingAndRestartsLeaveNoTrace) {
  const auto log = random_log(GetParam(), 400);
  Played reference;
  play(log, 1, 0, reference);
  const auto history = content(reference.store, storage::Family::history);
  const auto state = content(reference.store, storage::Family::state);
  ASSERT_FALSE(history.empty());
  for (const auto& [group, restart] :
       std::vector<std::pair<std::size_t, std::size_t>>{{7, 0}, {1'000, 0}, {1, 1}, {5, 13}, {64, 100}}) {
    Played run;
    play(log, group, restart, run);
    EXPECT_EQ(run.effects, reference.effects) << "group " << group << " restart " << restart;
    EXPECT_EQ(content(run.store, storage::Family::history), history) << "group " << group << " restart " << restart;
    EXPECT_EQ(content(run.store, storage::Family::state), state) << "group " << group << " restart " << restart;
  }
}

TEST_P(Determinism, TheMetasAgreeWithTheRecords) {
  Played run;
  play(random_log(GetParam() + 1'000, 400), 3, 0, run);
  for (const auto& [key, value] : content(run.store, storage::Family::state)) {
    const auto channel = storage::keys::meta_channel(key);
    if (!channel) continue;
    const auto meta = schemas::decode_channel_meta(value).value();
    std::uint64_t bytes = 0;
    std::vector<std::uint64_t> offsets;
    const auto range = storage::keys::publications(ShardId{0}, *channel, Offset{0}, Offset{UINT64_MAX});
    for (const auto& [record_key, record] : content(run.store, storage::Family::history)) {
      if (record_key < range.from || record_key >= range.to) continue;
      bytes += record.size();
      offsets.push_back(storage::keys::publication_offset(record_key)->value);
    }
    EXPECT_EQ(bytes, meta.bytes) << channel->text();
    ASSERT_EQ(offsets.size(), meta.newest.value + 1 - meta.stored_from.value) << channel->text();
    for (std::size_t i = 0; i < offsets.size(); ++i) EXPECT_EQ(offsets[i], meta.stored_from.value + i);
    std::size_t cursors = 0;
    const auto of_channel = storage::keys::cursors(ShardId{0}, *channel);
    for (const auto& [cursor_key, cursor] : content(run.store, storage::Family::state)) {
      cursors += of_channel.from <= cursor_key && cursor_key < of_channel.to;
    }
    EXPECT_EQ(cursors, meta.cursors) << channel->text();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Determinism, ::testing::Range(1u, 21u));

}  // namespace
}  // namespace parley::cluster
