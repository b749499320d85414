#include "actors/channel_cursors.h"

#include <algorithm>
#include <utility>

namespace parley::actors {
namespace {

constexpr auto kSaveAfter = std::chrono::milliseconds(1'000);

}  // namespace

void ChannelCursors::confirm(const std::string& client_id, Offset offset, MonoTime now) {
  auto& cursor = dirty_[client_id];
  cursor = {.offset = cursor.forget ? offset : std::max(cursor.offset, offset)};
  save_later(now);
}

void ChannelCursors::forget(const std::string& client_id, MonoTime now) {
  dirty_[client_id] = {.offset = {}, .forget = true};
  save_later(now);
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

std::optional<Offset> ChannelCursors::position(const std::string& client_id, std::optional<Offset> saved) const {
  // What is not saved yet may be older than what is: an old connection's confirmation that came late.
  for (const auto* cursors : {&saving_, &dirty_}) {
    const auto unsaved = cursors->find(client_id);
    if (unsaved == cursors->end()) continue;
    if (unsaved->second.forget) {
      saved.reset();
    } else {
      saved = std::max(saved.value_or(Offset{0}), unsaved->second.offset);
    }
  }
  return saved;
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
  for (const auto& [client_id, cursor] : dirty_) save.cursors.push_back({client_id, cursor.offset, cursor.forget});
  saving_ = std::exchange(dirty_, {});
  saving_token_ = token;
  return save;
}

void ChannelCursors::applied(CommandToken token) {
  if (token != 0 && token == saving_token_) saving_.clear();
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
