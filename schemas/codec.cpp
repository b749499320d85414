#include "schemas/codec.h"

#include "command.capnp.h"
#include "record.capnp.h"
#include "schemas/people.h"
#include "schemas/publication.h"
#include "schemas/wire_message.h"

#include <type_traits>

namespace parley::schemas {
namespace {

void write_retention(const Retention& from, wire::Retention::Builder to) {
  to.setAgeSeconds(static_cast<std::uint64_t>(from.age.count()));
  to.setCount(from.count);
  to.setBytes(from.bytes);
}
Retention read_retention(wire::Retention::Reader from) {
  return {std::chrono::seconds(static_cast<std::int64_t>(from.getAgeSeconds())), from.getCount(), from.getBytes()};
}

void write_bounds(const NoticeBounds& from, wire::Command::NoticeBounds::Builder to) {
  to.setWaitingMax(from.waiting_max);
  to.setDeadMax(from.dead_max);
}
NoticeBounds read_bounds(wire::Command::NoticeBounds::Reader from) { return {from.getWaitingMax(), from.getDeadMax()}; }

void write_numbers(const std::vector<std::uint64_t>& from, capnp::List<std::uint64_t>::Builder to) {
  for (unsigned i = 0; i < from.size(); ++i) to.set(i, from[i]);
}
std::vector<std::uint64_t> read_numbers(capnp::List<std::uint64_t>::Reader from) {
  std::vector<std::uint64_t> numbers;
  numbers.reserve(from.size());
  for (const auto number : from) numbers.push_back(number);
  return numbers;
}

void write_positions(const SaveCursors& from, wire::Command::SavePositions::Builder to) {
  auto positions = to.initPositions(static_cast<unsigned>(from.cursors.size()));
  unsigned next = 0;
  for (const auto& cursor : from.cursors) {
    auto one = positions[next++];
    one.setClientId(text(cursor.client_id));
    one.setOffset(cursor.offset.value);
    one.setForget(cursor.forget);
    one.setOrigin(cursor.origin.value);
    one.setEpoch(cursor.epoch.value);
    one.setOwesGap(cursor.owes_gap);
  }
  to.setPerChannelMax(from.bounds.per_channel_max);
  to.setBytesMax(from.bounds.bytes_max);
  to.setOriginBytesMax(from.bounds.origin_bytes_max);
  to.setKeptFor(static_cast<std::uint8_t>(from.kept_for));
  to.setUnsureUntilMs(from.unsure_until.ms);
}
Result<SaveCursors> read_positions(wire::Command::SavePositions::Reader from) {
  const auto kept_for = from.getKeptFor();
  if (kept_for > static_cast<std::uint8_t>(SaveCursors::For::first)) {
    return make_error(Errc::newer_schema, "log entry: positions kept for what only a later release knows");
  }
  SaveCursors save{{},
                   {from.getPerChannelMax(), from.getBytesMax(), from.getOriginBytesMax()},
                   static_cast<SaveCursors::For>(kept_for),
                   WallTime{from.getUnsureUntilMs()}};
  for (const auto one : from.getPositions()) {
    save.cursors.push_back({string(one.getClientId()), Offset{one.getOffset()}, one.getForget(), Epoch{one.getEpoch()},
                            Origin{one.getOrigin()}, one.getOwesGap()});
  }
  return save;
}

void write_command(const Command& command, wire::Command::Builder to) {
  to.setChannel(text(command.channel.text()));
  to.setTimeMs(command.time.ms);
  std::visit(
      [&](const auto& what) {
        using What = std::decay_t<decltype(what)>;
        if constexpr (std::is_same_v<What, AppendPublication>) {
          auto append = to.initAppend();
          append.setEvent(text(what.event));
          append.setData(data(what.data));
          append.setKind(static_cast<std::uint8_t>(what.kind));
          if (!what.user_id.empty()) append.setUserId(text(what.user_id));
          if (!what.idempotency_key.empty()) append.setIdempotencyKey(text(what.idempotency_key));
          if (!what.once.empty()) append.setOnce(text(what.once));
          append.setEpochIfNew(what.epoch_if_new.value);
          write_retention(what.retention, append.initRetention());
          append.setCache(what.cache);
          append.setExceptSocket(what.except.value);
          if (!what.key_scope.empty()) append.setKeyScope(text(what.key_scope));
          append.setOnceRepeatMs(static_cast<std::uint32_t>(what.once_repeat.count()));
          append.setUnsynced(what.unsynced);
          append.setUserIdIsNumber(what.id_form == IdForm::number);
        } else if constexpr (std::is_same_v<What, RemovePublication>) {
          auto remove = to.initRemovePublication();
          remove.setEpoch(what.position.epoch.value);
          remove.setOffset(what.position.offset.value);
        } else if constexpr (std::is_same_v<What, RemoveHistory>) {
          to.initRemoveHistory().setEpochIfNew(what.epoch_if_new.value);
        } else if constexpr (std::is_same_v<What, TrimHistory>) {
          write_retention(what.retention, to.initTrimHistory());
        } else if constexpr (std::is_same_v<What, SaveNotices>) {
          auto save = to.initSaveNotices();
          write_notices(what.notices, save.initNotices(static_cast<unsigned>(what.notices.size())));
          auto told = save.initTold(static_cast<unsigned>(what.told.size()));
          for (unsigned i = 0; i < what.told.size(); ++i) {
            told[i].setUserId(text(what.told[i].user_id));
            told[i].setPresent(what.told[i].present);
            told[i].setIsNumber(what.told[i].id_form == IdForm::number);
          }
          write_bounds(what.bounds, save.initBounds());
        } else if constexpr (std::is_same_v<What, SaveUser>) {
          auto save = to.initSaveUser();
          write_user(what.record, save.initUser());
          write_notices(what.notices, save.initNotices(static_cast<unsigned>(what.notices.size())));
          write_bounds(what.bounds, save.initBounds());
        } else if constexpr (std::is_same_v<What, SaveMember>) {
          auto save = to.initSaveMember();
          save.setUserId(text(what.user_id));
          save.setBelongs(what.belongs);
        } else if constexpr (std::is_same_v<What, SettleNotices>) {
          auto settle = to.initSettleNotices();
          write_numbers(what.delivered, settle.initDelivered(static_cast<unsigned>(what.delivered.size())));
          write_numbers(what.replayed, settle.initReplayed(static_cast<unsigned>(what.replayed.size())));
          write_numbers(what.dropped, settle.initDropped(static_cast<unsigned>(what.dropped.size())));
          auto dead = settle.initDead(static_cast<unsigned>(what.dead.size()));
          for (unsigned i = 0; i < what.dead.size(); ++i) {
            dead[i].setNumber(what.dead[i].number);
            dead[i].setWhy(text(what.dead[i].why));
          }
          write_bounds(what.bounds, settle.initBounds());
        } else if constexpr (std::is_same_v<What, SaveSession>) {
          auto save = to.initSaveSession();
          save.setRecord(data(what.record));
          save.setExpiresMs(what.expires.ms);
          save.setKeptMax(what.bounds.kept_max);
          save.setBytesMax(what.bounds.bytes_max);
          save.setOriginBytesMax(what.bounds.origin_bytes_max);
          save.setOrigin(what.origin.value);
        } else if constexpr (std::is_same_v<What, ClaimSession>) {
          to.setClaimSession();
        } else if constexpr (std::is_same_v<What, ForgetSession>) {
          to.initForgetSession().setIfExpired(what.if_expired);
        } else {
          static_assert(std::is_same_v<What, SaveCursors>);
          if (what.kept_for != SaveCursors::For::any) return write_positions(what, to.initSavePositions());
          auto cursors = to.initSaveCursors(static_cast<unsigned>(what.cursors.size()));
          unsigned next = 0;
          for (const auto& cursor : what.cursors) {
            auto one = cursors[next++];
            one.setClientId(text(cursor.client_id));
            one.setOffset(cursor.offset.value);
            one.setForget(cursor.forget);
            one.setEpoch(cursor.epoch.value);
          }
        }
      },
      command.what);
}

Result<Command> read_command(wire::Command::Reader from) {
  auto channel = string(from.getChannel());
  if (channel.find('/') == std::string::npos) return make_error(Errc::corrupt, "log entry: a channel without its app");
  Command command{ChannelKey::from_text(std::move(channel)), WallTime{from.getTimeMs()}, {}};
  switch (from.which()) {
    case wire::Command::APPEND: {
      const auto append = from.getAppend();
      const auto kind = data_kind(append.getKind());
      if (!kind) return kind.error();
      command.what = AppendPublication{.event = string(append.getEvent()),
                                       .data = string(append.getData()),
                                       .kind = *kind,
                                       .user_id = string(append.getUserId()),
                                       .idempotency_key = string(append.getIdempotencyKey()),
                                       .once = string(append.getOnce()),
                                       .epoch_if_new = Epoch{append.getEpochIfNew()},
                                       .retention = read_retention(append.getRetention()),
                                       .cache = append.getCache(),
                                       .except = SocketId{append.getExceptSocket()},
                                       .unsynced = append.getUnsynced(),
                                       .key_scope = string(append.getKeyScope()),
                                       .once_repeat = milliseconds(append.getOnceRepeatMs()),
                                       .id_form = id_form(append.getUserIdIsNumber())};
      return command;
    }
    case wire::Command::REMOVE_PUBLICATION: {
      const auto remove = from.getRemovePublication();
      command.what = RemovePublication{{Epoch{remove.getEpoch()}, Offset{remove.getOffset()}}};
      return command;
    }
    case wire::Command::REMOVE_HISTORY:
      command.what = RemoveHistory{Epoch{from.getRemoveHistory().getEpochIfNew()}};
      return command;
    case wire::Command::TRIM_HISTORY:
      command.what = TrimHistory{read_retention(from.getTrimHistory())};
      return command;
    case wire::Command::SAVE_CURSORS: {
      SaveCursors save;
      for (const auto cursor : from.getSaveCursors()) {
        save.cursors.push_back(
            {string(cursor.getClientId()), Offset{cursor.getOffset()}, cursor.getForget(), Epoch{cursor.getEpoch()}});
      }
      command.what = std::move(save);
      return command;
    }
    case wire::Command::SAVE_POSITIONS: {
      auto save = read_positions(from.getSavePositions());
      if (!save) return save.error();
      command.what = std::move(*save);
      return command;
    }
    case wire::Command::SAVE_NOTICES: {
      const auto save = from.getSaveNotices();
      auto notices = read_notices(save.getNotices());
      if (!notices) return notices.error();
      SaveNotices what{std::move(*notices), {}, read_bounds(save.getBounds())};
      for (const auto told : save.getTold()) {
        what.told.push_back({string(told.getUserId()), told.getPresent(), id_form(told.getIsNumber())});
      }
      command.what = std::move(what);
      return command;
    }
    case wire::Command::SAVE_USER: {
      const auto save = from.getSaveUser();
      auto record = read_user(save.getUser());
      if (!record) return record.error();
      auto notices = read_notices(save.getNotices());
      if (!notices) return notices.error();
      command.what = SaveUser{std::move(*record), std::move(*notices), read_bounds(save.getBounds())};
      return command;
    }
    case wire::Command::SAVE_MEMBER:
      command.what = SaveMember{string(from.getSaveMember().getUserId()), from.getSaveMember().getBelongs()};
      return command;
    case wire::Command::SETTLE_NOTICES: {
      const auto settle = from.getSettleNotices();
      SettleNotices what{read_numbers(settle.getDelivered()),
                         {},
                         read_numbers(settle.getReplayed()),
                         read_numbers(settle.getDropped()),
                         read_bounds(settle.getBounds())};
      for (const auto dead : settle.getDead()) what.dead.push_back({dead.getNumber(), string(dead.getWhy())});
      command.what = std::move(what);
      return command;
    }
    case wire::Command::SAVE_SESSION: {
      const auto save = from.getSaveSession();
      command.what = SaveSession{string(save.getRecord()),
                                 WallTime{save.getExpiresMs()},
                                 {save.getKeptMax(), save.getBytesMax(), save.getOriginBytesMax()},
                                 Origin{save.getOrigin()}};
      return command;
    }
    case wire::Command::CLAIM_SESSION:
      command.what = ClaimSession{};
      return command;
    case wire::Command::FORGET_SESSION:
      command.what = ForgetSession{from.getForgetSession().getIfExpired()};
      return command;
  }
  // A kind that this release does not know must stop the replica: skipping it would part it from the others.
  return make_error(Errc::newer_schema, "log entry: a command of a kind that only a later release knows");
}

}  // namespace

std::string encode_channel_meta(const ChannelMeta& meta) {
  Message message;
  auto root = message.root<wire::ChannelMeta>();
  root.setEpoch(meta.epoch.value);
  root.setNewest(meta.newest.value);
  root.setOldest(meta.oldest.value);
  root.setCount(meta.count());
  root.setBytes(meta.bytes);
  root.setCachedOffset(meta.cached.value);
  root.setStoredFrom(meta.stored_from.value);
  root.setOldestTimeMs(meta.oldest_time.ms);
  root.setRetentionAgeSeconds(static_cast<std::uint64_t>(meta.retention.age.count()));
  root.setRetentionCount(meta.retention.count);
  root.setRetentionBytes(meta.retention.bytes);
  root.setCursors(meta.cursors);
  root.setCursorsOldestMs(meta.cursors_oldest.ms);
  root.setUnsynced(meta.unsynced);
  root.setLineage(meta.lineage);
  root.setCursorsUnsureUntilMs(meta.cursors_unsure_until.ms);
  return message.bytes();
}

Result<ChannelMeta> decode_channel_meta(std::string_view bytes) {
  return decode<wire::ChannelMeta>(bytes, "channel meta", [](wire::ChannelMeta::Reader root) -> Result<ChannelMeta> {
    ChannelMeta meta;
    meta.epoch = Epoch{root.getEpoch()};
    meta.newest = Offset{root.getNewest()};
    meta.oldest = Offset{root.getOldest()};
    meta.stored_from = Offset{root.getStoredFrom()};
    meta.bytes = root.getBytes();
    meta.oldest_time = WallTime{root.getOldestTimeMs()};
    meta.cached = Offset{root.getCachedOffset()};
    meta.retention = {std::chrono::seconds(static_cast<std::int64_t>(root.getRetentionAgeSeconds())),
                      root.getRetentionCount(), root.getRetentionBytes()};
    meta.cursors = root.getCursors();
    meta.cursors_oldest = WallTime{root.getCursorsOldestMs()};
    meta.unsynced = root.getUnsynced();
    meta.lineage = root.getLineage();
    meta.cursors_unsure_until = WallTime{root.getCursorsUnsureUntilMs()};
    const bool sound = meta.stored_from.value >= 1 && meta.stored_from <= meta.oldest &&
                       meta.oldest.value <= meta.newest.value + 1 && meta.cached <= meta.newest;
    if (!sound) return make_error(Errc::corrupt, "channel meta: its offsets contradict each other");
    return meta;
  });
}

std::string encode_remembered(const Remembered& remembered) {
  Message message;
  auto root = message.root<wire::Remembered>();
  root.setChannel(text(remembered.channel));
  if (!remembered.key.empty()) root.setKey(text(remembered.key));
  if (!remembered.once.empty()) root.setOnce(text(remembered.once));
  root.setEpoch(remembered.position.epoch.value);
  root.setOffset(remembered.position.offset.value);
  root.setTimeMs(remembered.time.ms);
  if (!remembered.scope.empty()) root.setKeyScope(text(remembered.scope));
  return message.bytes();
}

Result<Remembered> decode_remembered(std::string_view bytes) {
  return decode<wire::Remembered>(bytes, "idempotency record", [](wire::Remembered::Reader root) -> Result<Remembered> {
    return Remembered{string(root.getChannel()),  string(root.getKey()),
                      string(root.getOnce()),     Position{Epoch{root.getEpoch()}, Offset{root.getOffset()}},
                      WallTime{root.getTimeMs()}, string(root.getKeyScope())};
  });
}

std::string encode_cursor(const Cursor& cursor) {
  Message message;
  auto root = message.root<wire::Cursor>();
  root.setOffset(cursor.offset.value);
  root.setTimeMs(cursor.time.ms);
  root.setOrigin(cursor.origin.value);
  root.setEpoch(cursor.epoch.value);
  root.setOwesGap(cursor.owes_gap);
  return message.bytes();
}

Result<Cursor> decode_cursor(std::string_view bytes) {
  return decode<wire::Cursor>(bytes, "cursor", [](wire::Cursor::Reader root) -> Result<Cursor> {
    return Cursor{Offset{root.getOffset()}, WallTime{root.getTimeMs()}, Origin{root.getOrigin()},
                  Epoch{root.getEpoch()}, root.getOwesGap()};
  });
}

std::string encode_kept_session(const KeptSession& session) {
  Message message;
  auto root = message.root<wire::KeptSession>();
  root.setRecord(data(session.record));
  root.setExpiresMs(session.expires.ms);
  return message.bytes();
}

Result<KeptSession> decode_kept_session(std::string_view bytes) {
  return decode<wire::KeptSession>(bytes, "kept session", [](wire::KeptSession::Reader root) -> Result<KeptSession> {
    return KeptSession{string(root.getRecord()), WallTime{root.getExpiresMs()}};
  });
}

std::string encode_entry(WallTime time, const std::vector<Command>& commands, const MachineBounds& bounds) {
  Message message;
  auto root = message.root<wire::Entry>();
  root.setVersion(kEntryVersion);
  root.setTimeMs(time.ms);
  root.setIdempotencyWindowSeconds(static_cast<std::uint64_t>(bounds.idempotency_window.count()));
  root.setIdempotencyKeysMax(bounds.idempotency_keys_max);
  root.setCursorLifetimeSeconds(static_cast<std::uint64_t>(bounds.cursor_lifetime.count()));
  auto list = root.initCommands(static_cast<unsigned>(commands.size()));
  for (unsigned i = 0; i < commands.size(); ++i) write_command(commands[i], list[i]);
  return message.bytes();
}

Result<Entry> decode_entry(std::string_view bytes) {
  return decode<wire::Entry>(bytes, "log entry", [](wire::Entry::Reader root) -> Result<Entry> {
    if (root.getVersion() == 0) return make_error(Errc::corrupt, "log entry: it has no version");
    if (root.getVersion() > kEntryVersion) {
      return make_error(Errc::newer_schema, "log entry: written by a later release");
    }
    Entry entry{WallTime{root.getTimeMs()}, {}, {}};
    entry.bounds.idempotency_window = seconds(static_cast<std::int64_t>(root.getIdempotencyWindowSeconds()));
    entry.bounds.idempotency_keys_max = root.getIdempotencyKeysMax();
    entry.bounds.cursor_lifetime = seconds(static_cast<std::int64_t>(root.getCursorLifetimeSeconds()));
    const auto list = root.getCommands();
    // A hostile list of empty structs may claim any length; each of ours has a size.
    if (list.size() > 1'000'000) return make_error(Errc::corrupt, "log entry: too many commands");
    entry.commands.reserve(list.size());
    for (const auto one : list) {
      auto command = read_command(one);
      if (!command) return command.error();
      entry.commands.push_back(std::move(command).value());
    }
    return entry;
  });
}

std::string encode_log_head(const LogHead& head) {
  Message message;
  auto root = message.root<wire::LogHead>();
  root.setTerm(head.term.value);
  root.setCutIndex(head.cut_index.value);
  root.setCutTerm(head.cut_term.value);
  return message.bytes();
}

Result<LogHead> decode_log_head(std::string_view bytes) {
  return decode<wire::LogHead>(bytes, "log head", [](wire::LogHead::Reader root) -> Result<LogHead> {
    return LogHead{Term{root.getTerm()}, LogIndex{root.getCutIndex()}, Term{root.getCutTerm()}};
  });
}

}  // namespace parley::schemas
