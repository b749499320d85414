#pragma once
// One transfer from one store to another, from a seed: the sender's shard changes while it is copied, what is said is
// lost, doubled, late and damaged, the receiver dies before any write and begins again with what it wrote, the source
// forgets. At the end the receiver's rows have to be those of the moment that it was offered last. Virtual time.

#include "cluster/snapshots/snapshot_fetch.h"
#include "cluster/snapshots/snapshot_source.h"
#include "schemas/peer/envelope.h"
#include "tests/unit/cluster/snapshots/shard.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>

namespace parley::cluster::snapshots::testing {

struct Trouble {
  bool network = true;      // loss, doubles, delays, damage
  bool crashes = true;      // of the receiver
  bool forgetting = false;  // of the source: it restarts, or its store recovers
};

// The receiver's disk. reopen(): the process died, and is there again.
class ReceiverDisk {
 public:
  virtual ~ReceiverDisk() = default;
  virtual storage::Store& store() = 0;
  virtual void reopen(SeededRandom& random) = 0;
};

class Transfer {
 public:
  Transfer(std::uint64_t seed, std::size_t megabytes, Trouble trouble, storage::Store& sender, ReceiverDisk& receiver)
      : dice_(seed), trouble_(trouble), sender_(sender), disk_(receiver), megabytes_(megabytes) {
    config_.part_bytes_max = dice_.below(2) == 0 ? SnapshotLimits{}.part_bytes_max : 20'000 + dice_.below(100'000);
    config_.bytes_per_second = 20'000'000;
  }

  void run() {
    fill();
    const auto untouched = others(disk_.store());
    source_.emplace(config_, sender_, dice_);
    restart_receiver();
    for (std::uint64_t steps = 0; !done_; ++steps) {
      ASSERT_LT(steps, 50'000U) << "it does not end";
      // Who forgets more often than a transfer takes, never ends.
      if (steps == 10'000) trouble_.crashes = trouble_.forgetting = false;
      step();
      if (::testing::Test::HasFatalFailure()) return;
    }
    EXPECT_EQ(state_of(disk_.store()), expected_) << "not the rows of the moment that was offered";
    EXPECT_EQ(others(disk_.store()), untouched) << "what is not the shard's state was touched";
    EXPECT_EQ(disk_.store().get(Family::state, keys::applied(kShard)).value(), keys::number(offered_.value));
    EXPECT_FALSE(disk_.store().get(Family::state, keys::restoring(kShard)).value().has_value());
    EXPECT_FALSE(fetch_->restoring(kShard));
  }

  struct Counts {
    std::uint64_t messages = 0, lost = 0, damaged = 0, refused = 0, crashes = 0, offers = 0, resumed = 0, forgotten = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  using Said = std::variant<SnapshotAsk, SnapshotPart>;

  bool chance(std::uint64_t in_thousand) { return dice_.below(1'000) < in_thousand; }

  std::string some_key() {
    static constexpr std::array<const char*, 6> kTags{"m", "u", "s", "c", "i", "x"};
    return key_of(kShard, fmt::format("{}app/room-{}", kTags[dice_.below(kTags.size())], dice_.below(3'000)));
  }
  std::string some_value() { return noise(dice_, chance(20) ? dice_.below(60'000) : dice_.below(3'000)); }

  void fill() {
    put_own(sender_, kShard, LogIndex{index_}, "the source");
    put_own(disk_.store(), kShard, LogIndex{12}, "the target");
    for (auto* store : {&sender_, &disk_.store()}) {
      for (const auto shard : {ShardId{2}, ShardId{4}}) {
        put_own(*store, shard, LogIndex{9}, "another");
        WriteBatch batch;
        for (int i = 0; i < 20; ++i) {
          batch.put(i % 2 == 0 ? Family::history : Family::state, key_of(shard, fmt::format("m{}", i)),
                    noise(dice_, 50));
        }
        write(*store, batch);
      }
    }
    std::size_t bytes = 0;
    while (bytes < megabytes_ * 1'000'000) {
      WriteBatch batch;
      for (int i = 0; i < 50; ++i) {
        auto value = some_value();
        bytes += value.size();
        batch.put(dice_.below(2) == 0 ? Family::history : Family::state, some_key(), std::move(value));
      }
      write(sender_, batch);
    }
    // Rows that no part holds, and some that just fit, or just do not.
    WriteBatch batch;
    const auto room = config_.part_bytes_max - kSnapshotRowBytes;
    for (const auto size : {room - 20, room - 10, room, room + 1, 2 * room, 2 * room + 1, std::size_t{700'000}}) {
      batch.put(dice_.below(2) == 0 ? Family::history : Family::state, key_of(kShard, fmt::format("l{}", size)),
                noise(dice_, size));
    }
    batch.put(Family::state, key_of(kShard, "empty"), "");
    write(sender_, batch);
    // The receiver's old state, which no crash takes any more.
    WriteBatch old;
    for (int i = 0; i < 200; ++i) old.put(i % 2 == 0 ? Family::history : Family::state, some_key(), "old");
    ASSERT_TRUE(disk_.store().write(old, Sync::yes).ok());
  }

  // ---- the sender ----

  void change() {
    WriteBatch batch;
    for (auto count = 1 + dice_.below(20); count > 0; --count) {
      const auto family = dice_.below(2) == 0 ? Family::history : Family::state;
      switch (dice_.below(4)) {
        case 0:
          batch.remove(family, some_key());
          break;
        case 1: {
          const auto from = some_key();
          batch.remove_range(Family::state, from, from + "9");
          break;
        }
        default:
          batch.put(family, some_key(), some_value());
      }
    }
    batch.put(Family::state, keys::applied(kShard), keys::number(++index_));
    write(sender_, batch);
  }

  // What the consensus core does of its own: whoever has no transfer on its way, is offered one.
  void offer() {
    if (fetch_->restoring(kShard) && !fetch_->stuck(kShard)) return;
    const auto offer = source_->offer(kShard, kSource, kTarget, LogIndex{index_}, now_);
    ASSERT_TRUE(offer.ok()) << offer.error().message;
    ++counts_.offers;
    expected_ = state_of(sender_);
    offered_ = LogIndex{index_};
    WriteBatch batch;
    ASSERT_TRUE(fetch_->begin(kShard, message_with(*offer, offered_), now_, batch).ok());
    put_down(batch);
  }

  // ---- the receiver ----

  void restart_receiver() {
    fetch_.emplace(SnapshotFetchConfig{}, disk_.store());
    ASSERT_TRUE(fetch_->load(kShard, now_).ok());
    if (const auto progress = fetch_->progress(kShard); progress && progress->bytes > 0) ++counts_.resumed;
  }

  // False: it died before.
  bool put_down(const WriteBatch& batch) {
    if (batch.empty()) return true;
    if (trouble_.crashes && chance(30)) {
      ++counts_.crashes;
      disk_.reopen(dice_);
      restart_receiver();
      return false;
    }
    write(disk_.store(), batch);
    return true;
  }

  void on(const SnapshotPart& part) {
    WriteBatch batch;
    const auto taken = fetch_->part(part, now_, batch);
    if (!taken) {
      ++counts_.refused;
      ASSERT_TRUE(batch.empty());
    }
    if (!put_down(batch)) return;
    finish();
  }

  void finish() {
    const auto message = fetch_->ready(kShard, {Term{5}, kSource, LogIndex{12}});
    if (!message) return;
    ASSERT_EQ(message->snapshot->index, offered_);
    WriteBatch batch;
    ASSERT_TRUE(fetch_->restored(kShard, *message->snapshot, batch).ok());
    batch.put(Family::state, keys::applied(kShard), keys::number(message->snapshot->index.value));
    done_ = put_down(batch);
  }

  // ---- between them ----

  void send(const Said& said) {
    ++counts_.messages;
    if (trouble_.network && chance(80)) {
      ++counts_.lost;
      return;
    }
    schemas::Envelope envelope{.from = {NodeId{1}, Incarnation{1}}, .to = {NodeId{2}, Incarnation{1}}};
    std::visit([&](const auto& what) { envelope.what = what; }, said);
    const auto bytes = schemas::encode_envelope(envelope);
    ASSERT_TRUE(bytes.ok()) << bytes.error().message;
    ASSERT_LE(bytes->size(), SnapshotLimits{}.message_bytes_max);
    for (std::uint64_t copies = trouble_.network && chance(80) ? 2 : 1; copies > 0; --copies) {
      const auto delay = trouble_.network ? milliseconds(dice_.below(chance(30) ? 5'000 : 20)) : milliseconds(1);
      auto& arriving = *on_way_.emplace(now_ + delay, *bytes);
      if (trouble_.network && chance(20)) {
        ++counts_.damaged;
        auto& byte = arriving.second[dice_.below(arriving.second.size())];
        byte = static_cast<char>(byte ^ (1U << dice_.below(8)));
      }
    }
  }

  void arrive(const std::string& bytes) {
    const auto envelope = schemas::decode_envelope(bytes, now_);
    if (!envelope) return;
    if (const auto* ask = std::get_if<SnapshotAsk>(&envelope->what)) source_->ask(*ask, now_);
    if (const auto* part = std::get_if<SnapshotPart>(&envelope->what)) on(*part);
  }

  void step() {
    if (chance(50)) change();
    if (trouble_.forgetting && chance(6)) {
      ++counts_.forgotten;
      source_.emplace(config_, sender_, dice_);
      if (dice_.below(2) == 0) { ASSERT_TRUE(sender_.recover().ok()); }
    }
    offer();
    for (const auto& ask : fetch_->take_asks(now_)) send(ask);
    for (const auto& part : source_->take(now_)) send(part);
    (void)source_->take_reports();
    for (const auto& given_up : fetch_->take_given_up()) ASSERT_NE(given_up.why.code, Errc::internal);
    finish();
    if (done_) return;
    if (!on_way_.empty() && on_way_.begin()->first <= now_) {
      const auto bytes = std::move(on_way_.begin()->second);
      on_way_.erase(on_way_.begin());
      return arrive(bytes);
    }
    auto next = std::min(source_->next(), fetch_->next());
    if (!on_way_.empty()) next = std::min(next, on_way_.begin()->first);
    now_ = std::clamp(next, now_, now_ + seconds(1));
    if (next <= now_) now_ += std::chrono::microseconds(50);
  }

  SeededRandom dice_;
  Trouble trouble_;
  storage::Store& sender_;
  ReceiverDisk& disk_;
  std::size_t megabytes_;
  SnapshotSourceConfig config_;
  std::optional<SnapshotSource> source_;
  std::optional<SnapshotFetch> fetch_;
  MonoTime now_{seconds(1'000)};
  std::multimap<MonoTime, std::string> on_way_;
  std::uint64_t index_ = 1'000;
  LogIndex offered_;
  Rows expected_;
  bool done_ = false;
  Counts counts_;
};

}  // namespace parley::cluster::snapshots::testing
