#include "actors/channel/cursors.h"

#include <algorithm>
#include <utility>

namespace parley::actors {
namespace {

constexpr auto kSaveAfter = std::chrono::milliseconds(1'000);

}  // namespace

void ChannelCursors::confirm(const std::string& client_id, Offset offset, Epoch epoch, Origin origin, MonoTime now) {
  auto& cursor = dirty_[client_id];
  const bool goes_on = !cursor.forget && cursor.epoch == epoch;
  cursor = {.offset = goes_on ? std::max(cursor.offset, offset) : offset, .epoch = epoch, .origin = origin};
  save_later(now);
}

void ChannelCursors::forget(const std::string& client_id, MonoTime now) {
  dirty_[client_id] = {.offset = {}, .forget = true};
  save_later(now);
}

void ChannelCursors::owe_gap(const std::string& client_id, MonoTime now) {
  forget(client_id, now);
  dirty_[client_id].owed = true;
}

bool ChannelCursors::owes_gap(const std::string& client_id) const {
  for (const auto* cursors : {&dirty_, &saving_}) {
    if (const auto found = cursors->find(client_id); found != cursors->end()) return found->second.owed;
  }
  return false;
}

ClientHash client_hash(std::string_view client_id) {
  if (client_id.empty()) return 0;
  return std::max<ClientHash>(stable_hash(client_id), 1);
}

void ChannelCursors::came(ClientHash client, SocketId session, bool fresh) {
  auto& place = connections_[client];
  place.latest = session;
  if (fresh) ++place.count;
}

void ChannelCursors::gone(ClientHash client) {
  const auto place = connections_.find(client);
  if (place != connections_.end() && --place->second.count == 0) connections_.erase(place);
}

bool ChannelCursors::elsewhere(const std::string& client_id, SocketId session) const {
  const auto place = connections_.find(client_hash(client_id));
  return place != connections_.end() && place->second.latest != session;
}

bool ChannelCursors::take_out(const std::string& client_id) {
  return dirty_.erase(client_id) + saving_.erase(client_id) > 0;
}

bool ChannelCursors::forgotten(const std::string& client_id) const {
  for (const auto* cursors : {&dirty_, &saving_}) {
    if (const auto found = cursors->find(client_id); found != cursors->end()) return found->second.forget;
  }
  return false;
}

void ChannelCursors::begin_read(const std::string& client_id) { ++reading_[client_id].count; }

CursorFound ChannelCursors::end_read(const std::string& client_id, CursorFound found) {
  if (const auto read = reading_.find(client_id); read != reading_.end()) {
    if (read->second.saved) follow(found, *read->second.saved);
    if (--read->second.count == 0) reading_.erase(read);
  }
  for (const auto* cursors : {&saving_, &dirty_}) {
    if (const auto unsaved = cursors->find(client_id); unsaved != cursors->end()) follow(found, unsaved->second);
  }
  return found;
}

void ChannelCursors::stored(const std::string& client_id, Position position, bool owes_gap) {
  keep_for_reads(client_id, {.offset = position.offset, .epoch = position.epoch, .owed = owes_gap});
}

// What comes later may be older: an old connection's confirmation that was on its way for long.
void ChannelCursors::follow(CursorFound& found, const Cursor& later) {
  if (later.forget) {
    found.position.reset();
    found.owes_gap = later.owed;
    return;
  }
  const bool goes_on = found.position && (found.position->epoch == later.epoch || found.position->epoch.value == 0 ||
                                          later.epoch.value == 0);
  if (goes_on && found.position->offset > later.offset) return;
  const auto epoch = goes_on && later.epoch.value == 0 ? found.position->epoch : later.epoch;
  found = {.position = Position{epoch, later.offset}, .forgotten = false, .owes_gap = later.owed};
}

void ChannelCursors::keep_for_reads(const std::string& client_id, const Cursor& saved) {
  const auto read = reading_.find(client_id);
  if (read == reading_.end()) return;
  auto& kept = read->second.saved;
  const bool goes_on = kept && !kept->forget && !saved.forget && kept->epoch == saved.epoch;
  if (!goes_on || saved.offset >= kept->offset) kept = saved;
}

std::optional<SaveCursors> ChannelCursors::next(CommandToken token, MonoTime now) {
  if (!save_at_ || *save_at_ > now) return std::nullopt;
  if (!saving_.empty()) {  // one at a time: what comes meanwhile goes with the next
    save_at_ = *save_at_ + kSaveAfter;
    return std::nullopt;
  }
  save_at_.reset();
  if (dirty_.empty()) return std::nullopt;
  SaveCursors save;
  save.cursors.reserve(dirty_.size());
  for (const auto& [client_id, cursor] : dirty_) {
    save.cursors.push_back({client_id, cursor.offset, cursor.forget, cursor.epoch, cursor.origin});
  }
  saving_ = std::exchange(dirty_, {});
  saving_token_ = token;
  return save;
}

void ChannelCursors::applied(CommandToken token) {
  if (token == 0 || token != saving_token_) return;
  if (!reading_.empty()) {
    for (const auto& [client_id, cursor] : saving_) keep_for_reads(client_id, cursor);
  }
  saving_.clear();
}

void ChannelCursors::refused(CommandToken token, MonoTime now) {
  if (token == 0 || token != saving_token_ || saving_.empty()) return;
  dirty_.merge(saving_);  // what came meanwhile is newer and stays
  saving_.clear();
  save_at_ = now + kSaveAfter;
}

void ChannelCursors::save_later(MonoTime now) {
  if (!save_at_) save_at_ = now + kSaveAfter;
}

}  // namespace parley::actors
