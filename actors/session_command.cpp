#include "actors/session_command.h"

#include "core/check.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::actors {
namespace {

bool is_key(std::string_view key) {
  return !key.empty() && key.size() <= kSessionKeyBytesMax &&
         std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

std::optional<ChannelKey> place_of_session(const Request& request) {
  const auto place = [](const auto& what) -> std::optional<ChannelKey> {
    if (!is_key(what.key)) return std::nullopt;
    return session_place(what.app, what.key);
  };
  if (const auto* keep = std::get_if<KeepSession>(&request.what)) return place(*keep);
  if (const auto* take = std::get_if<TakeSession>(&request.what)) return place(*take);
  if (const auto* drop = std::get_if<DropSession>(&request.what)) return place(*drop);
  return std::nullopt;
}

Result<Command> session_command(Request& request, WallTime now, const Settings& settings) {
  auto place = place_of_session(request);
  CHECK(place.has_value());  // the router asked
  Command command{std::move(*place), now, ForgetSession{}};
  if (std::holds_alternative<TakeSession>(request.what)) command.what = ClaimSession{};
  if (auto* keep = std::get_if<KeepSession>(&request.what)) {
    const auto bytes_max = settings.limits.kept_session_bytes_max;
    if (keep->record.size() > bytes_max) {
      return make_error(Errc::too_large, fmt::format("the session's record has {} bytes, {} are allowed",
                                                     keep->record.size(), bytes_max));
    }
    command.what = SaveSession{std::move(keep->record), keep->expires, session_bounds(settings), request.from.origin};
  }
  return command;
}

bool session_waits_for_disk(const Request& request) {
  const auto* keep = std::get_if<KeepSession>(&request.what);
  // What was given out once must not be there again after a power loss.
  return keep != nullptr ? keep->wants_reply : std::holds_alternative<TakeSession>(request.what);
}

std::optional<Reply> session_answer(const Request& request, Effect&& effect) {
  if (const auto* keep = std::get_if<KeepSession>(&request.what)) {
    if (!keep->wants_reply) return std::nullopt;
    return Reply{request.from, Done{1}};
  }
  if (const auto* take = std::get_if<TakeSession>(&request.what)) {
    SessionTaken taken{take->key, std::nullopt, std::nullopt, {}};
    if (auto* claimed = std::get_if<Effect::Claimed>(&effect.what)) {
      taken.record = std::move(claimed->record);
      taken.expires = claimed->expires;
    }
    return Reply{request.from, std::move(taken)};
  }
  return std::nullopt;
}

}  // namespace parley::actors
