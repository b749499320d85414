// What the shard machine does about users, the members of domains, notices, and kept sessions.

#include "cluster/machine/shard_machine.h"
#include "storage/keys.h"

namespace parley::cluster {
namespace {

using storage::Family;
namespace keys = storage::keys;

using What = decltype(Effect::what);

What noted(Effect::Noted&& effect) {
  if (effect.rows.empty() && effect.died.empty()) return What(Effect::Nothing{});
  return What(std::move(effect));
}

}  // namespace

Result<ShardMachine::What> ShardMachine::run(const ChannelKey& channel, WallTime time, SaveNotices&& command) {
  for (const auto& told : command.told) {
    auto key = keys::told(shard_, channel, told.user_id);
    if (told.present) {
      writes_.put(Family::state, std::move(key), told.id_form == IdForm::number ? "n" : "");
    } else {
      writes_.remove(Family::state, std::move(key));
    }
  }
  auto effect = notices_.add(std::move(command.notices), command.bounds, time, writes_);
  if (!effect) return effect.error();
  return noted(std::move(*effect));
}

Result<ShardMachine::What> ShardMachine::run(const ChannelKey& place, WallTime time, SaveUser&& command) {
  if (command.record == UserRecord{}) {  // forgotten
    writes_.remove(Family::state, keys::user(shard_, place));
  } else {
    writes_.put(Family::state, keys::user(shard_, place), schemas::encode_user(command.record));
  }
  // Few need care at the start; the mark is touched only when that changes.
  const bool open = command.record.open() || !command.record.blocks.empty();
  auto mark = keys::open_user(shard_, place);
  const auto marked = writes_.get(Family::state, mark);
  if (!marked) return marked.error();
  if (open && !marked->has_value()) writes_.put(Family::state, std::move(mark), {});
  if (!open && marked->has_value()) writes_.remove(Family::state, std::move(mark));
  auto effect = notices_.add(std::move(command.notices), command.bounds, time, writes_);
  if (!effect) return effect.error();
  return noted(std::move(*effect));
}

Result<ShardMachine::What> ShardMachine::run(const ChannelKey& place, WallTime, SaveMember&& command) {
  auto key = keys::member(shard_, place, command.user_id);
  if (command.belongs) {
    writes_.put(Family::state, std::move(key), {});
  } else {
    writes_.remove(Family::state, std::move(key));
  }
  return What(Effect::Nothing{});
}

Result<ShardMachine::What> ShardMachine::run(const ChannelKey&, WallTime time, SettleNotices&& command) {
  auto effect = notices_.settle(command, time, writes_);
  if (!effect) return effect.error();
  return noted(std::move(*effect));
}

Result<ShardMachine::What> ShardMachine::run(const ChannelKey& place, WallTime time, SaveSession&& command) {
  sessions_.save(place, std::move(command), time, writes_);
  return What(Effect::Nothing{});
}

Result<ShardMachine::What> ShardMachine::run(const ChannelKey& place, WallTime time, ClaimSession&&) {
  auto claimed = sessions_.claim(place, time, writes_);
  if (!claimed) return claimed.error();
  return What(std::move(*claimed));
}

Result<ShardMachine::What> ShardMachine::run(const ChannelKey& place, WallTime time, ForgetSession&& command) {
  sessions_.forget(place, command.if_expired, time, writes_);
  return What(Effect::Nothing{});
}

}  // namespace parley::cluster
