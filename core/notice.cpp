#include "core/notice.h"

namespace parley {
namespace {

constexpr std::array<std::string_view, kNoticeKinds> kNames{
    "channel_occupied",   "channel_vacated", "member_added", "member_removed", "client_event",   "cache_miss",
    "subscription_count", "user_online",     "user_away",    "user_offline",   "user_connected", "user_disconnected",
};

}  // namespace

std::string_view notice_name(NoticeKind kind) { return kNames.at(static_cast<std::size_t>(kind)); }

std::optional<NoticeKind> notice_kind(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<NoticeKind>(i);
  }
  return std::nullopt;
}

}  // namespace parley
