#pragma once
// What the tests of this folder share: a listener that records, and shorthand for commands.

#include "cluster/local_shards.h"
#include "storage/keys.h"
#include "storage/memory_store.h"
#include "tests/support/faulty_store.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <map>
#include <mutex>

namespace parley::cluster {

inline const ChannelKey kRoom("4711", "domain.1");
inline const Epoch kEpoch{0xE1};

inline Command append(const std::string& data, WallTime time = {1'000}, const ChannelKey& channel = kRoom,
                      Retention retention = {seconds(0), 0, 0}) {
  AppendPublication command;
  command.event = "said";
  command.data = data;
  command.epoch_if_new = kEpoch;
  command.retention = retention;
  return {channel, time, command};
}
inline Command keyed(Command command, const std::string& key, const std::string& once = {}) {
  auto& publication = std::get<AppendPublication>(command.what);
  publication.idempotency_key = key;
  publication.once = once;
  return command;
}

// "1:a 2:b", or what else an effect says.
inline std::string text(const Effect& effect) {
  if (const auto* appended = std::get_if<Effect::Appended>(&effect.what)) {
    return fmt::format("{}:{}", appended->publication->position.offset.value, appended->publication->data);
  }
  if (const auto* duplicate = std::get_if<Effect::Duplicate>(&effect.what)) {
    return fmt::format("duplicate:{}", duplicate->first.offset.value);
  }
  if (const auto* removed = std::get_if<Effect::Removed>(&effect.what))
    return fmt::format("removed:{}", removed->count);
  if (std::holds_alternative<Effect::Replayed>(effect.what)) return "replayed";
  if (const auto* noted = std::get_if<Effect::Noted>(&effect.what)) {
    std::string all = "noted";
    for (const auto& row : noted->rows) all += fmt::format(" {}@{}", row.number, row.target);
    for (const auto number : noted->died) all += fmt::format(" -{}", number);
    return all;
  }
  if (const auto* claimed = std::get_if<Effect::Claimed>(&effect.what))
    return claimed->record ? "claimed:" + *claimed->record : "unclaimed";
  return "nothing";
}
template <class Range>
std::string joined(const Range& parts) {
  std::string all;
  for (const auto& part : parts) all += (all.empty() ? "" : " ") + part;
  return all;
}
inline std::string text(const std::vector<Effect>& effects) {
  std::vector<std::string> parts;
  for (const auto& effect : effects) parts.push_back(text(effect));
  return joined(parts);
}
inline std::string text(const std::vector<PublicationPtr>& publications) {
  std::vector<std::string> parts;
  for (const auto& one : publications) parts.push_back(fmt::format("{}:{}", one->position.offset.value, one->data));
  return joined(parts);
}

inline Notice notice(const std::string& id, const std::string& target = "audit") {
  Notice made{.id = id, .app = "4711", .target = target, .kind = NoticeKind::channel_occupied};
  made.channel = std::string(kRoom.name());
  return made;
}
// Notices of the room, each for `audit` or as `id@target`.
inline Command note(const std::vector<std::string>& ids, NoticeBounds bounds = {}, WallTime time = {1'000}) {
  SaveNotices save;
  save.bounds = bounds;
  for (const auto& id : ids) {
    const auto at = id.find('@');
    save.notices.push_back(at == std::string::npos ? notice(id) : notice(id.substr(0, at), id.substr(at + 1)));
  }
  return {kRoom, time, std::move(save)};
}
inline Command settle(SettleNotices what, WallTime time = {2'000}) { return {kRoom, time, std::move(what)}; }

// Everything that a family holds.
inline std::map<std::string, std::string> content(const storage::Store& store, storage::Family family) {
  std::map<std::string, std::string> all;
  EXPECT_TRUE(store
                  .scan(family, "", "\xff\xff\xff", storage::ScanOrder::forward,
                        [&](std::string_view key, std::string_view value) {
                          all.emplace(key, value);
                          return storage::Visit::go_on;
                        })
                  .ok());
  return all;
}

class Recorder final : public ShardListener {
 public:
  struct Outcome {
    ShardId shard;
    EntryToken token;
    std::string effects;  // or "refused:<code>"
  };
  void on_applied(ShardId shard, EntryToken token, std::vector<Effect> effects) override {
    add({shard, token, text(effects)});
  }
  void on_refused(ShardId shard, EntryToken token, Error error) override {
    add({shard, token, fmt::format("refused:{}", info(error.code).name)});
  }
  void on_leading(ShardId shard, Term term) override {
    std::unique_lock lock(mutex_);
    leading_.emplace_back(shard, term);
  }
  std::vector<std::pair<ShardId, Term>> leading() {
    std::unique_lock lock(mutex_);
    return leading_;
  }
  void forget() {
    std::unique_lock lock(mutex_);
    outcomes_.clear();
  }
  std::string wait_for(EntryToken token) {
    std::unique_lock lock(mutex_);
    const Outcome* found = nullptr;
    changed_.wait(lock, [&] {
      for (const auto& outcome : outcomes_) {
        if (outcome.token == token) found = &outcome;
      }
      return found != nullptr;
    });
    return found->effects;
  }
  void wait_for_count(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return outcomes_.size() >= count; });
  }
  std::vector<Outcome> outcomes() {
    std::unique_lock lock(mutex_);
    return outcomes_;
  }

 private:
  void add(Outcome outcome) {
    std::unique_lock lock(mutex_);
    outcomes_.push_back(std::move(outcome));
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Outcome> outcomes_;
  std::vector<std::pair<ShardId, Term>> leading_;
};

inline Result<HistoryPage> read(Shards& shards, GetHistory query) {
  std::promise<Result<HistoryPage>> promise;
  auto future = promise.get_future();
  shards.read_history(std::move(query), [&](Result<HistoryPage> page) { promise.set_value(std::move(page)); });
  return future.get();
}
inline Result<ChannelState> open(Shards& shards, const ChannelKey& channel) {
  std::promise<Result<ChannelState>> promise;
  auto future = promise.get_future();
  shards.open_channel(channel, [&](Result<ChannelState> state) { promise.set_value(std::move(state)); });
  return future.get();
}
inline Result<CursorFound> cursor(Shards& shards, const ChannelKey& channel, const std::string& client) {
  std::promise<Result<CursorFound>> promise;
  auto future = promise.get_future();
  shards.read_cursor(channel, client, [&](Result<CursorFound> offset) { promise.set_value(std::move(offset)); });
  return future.get();
}

}  // namespace parley::cluster
