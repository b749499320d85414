// A channel before its first publication: who visits it is remembered, not stored, and stored with that publication.

#include "actors/channel/channel.h"
#include "actors/refusal.h"

#include <algorithm>
#include <utility>

namespace parley::actors {

// A stock client on a channel that nobody published on yet: it has nothing, and is due all that comes. It is only
// remembered, for what is not published on may be anybody's invention.
void Channel::visit_early(Joining joining, MonoTime now, WallTime wall) {
  const auto& client_id = joining.subscribe.resume.client_id;
  // Who left on purpose comes anew: what is stored of before goes when that leaving is, if it was not yet.
  const bool stays = !cursors_.forgotten(client_id);
  const bool saved = stays && std::any_of(early_visits_.begin(), early_visits_.end(),
                                          [&](const auto& row) { return row.second.clients.contains(client_id); });
  // Who is remembered is stored in front of the next first publication, and is due the one that may be there already.
  const bool remembered = stays && port_.visits().knows(key_, client_id);
  // Maybe there is a first publication: it need not have that one, but all that follows, and so it is stored behind it.
  if (!saved && !remembered && (early_save_ || !pending_.empty() || in_doubt_)) {
    if (early_unsure_until_ > wall) joining.outcome = ResumeOutcome::gap;
    return resumes_.visit(std::move(joining), at(now, wall));
  }
  cursors_.take_out(client_id);  // a leaving that is still to be stored would end this visit
  const bool known =
      saved || port_.visits().visit(key_, client_id, joining.from.origin, visit_bounds(*settings_), wall);
  if (known) joining.outcome = ResumeOutcome::complete;
  join(std::move(joining), now, wall);
}

// They are stored before the first publication is proposed: who has that one has them. What asks for a change meanwhile
// waits, for one entry of the log may be refused and the next be stored.
bool Channel::store_early_visits(WallTime wall) {
  auto visits = port_.visits().take(key_, wall);
  if (visits.cursors.empty() && visits.unsure_until <= early_unsure_until_) return false;  // the mark is stored
  const auto token = next_token_++;
  early_save_ = token;
  auto& early = early_visits_[token];
  early.time = wall;
  for (const auto& one : visits.cursors) early.clients.emplace(one.client_id, one.origin);
  SaveCursors save{std::move(visits.cursors), cursor_bounds_, SaveCursors::For::first, visits.unsure_until};
  early_unsure_until_ = std::max(early_unsure_until_, save.unsure_until);
  port_.propose(Command{.channel = key_, .time = wall, .what = std::move(save)}, token, WaitForDisk::yes);
  return true;
}

void Channel::hold(Request request, WallTime wall) {
  if (held_.size() < settings_->limits.shard_pending_commands_max) {
    held_.emplace_back(std::move(request), wall);
  } else if (auto reply = refusal(request, make_error(Errc::overloaded))) {
    port_.reply(std::move(*reply));
  }
}

void Channel::early_visits_stored(MonoTime now) {
  early_save_.reset();
  for (auto& [request, wall] : std::exchange(held_, {})) {
    if (auto* publish = std::get_if<Publish>(&request.what)) {
      publish_durable(request.from, *publish, wall);
    } else {
      dispatch(request, now, wall);
    }
  }
}

void Channel::early_visits_refused(CommandToken token, const Error& error, MonoTime now) {
  early_save_.reset();
  early_unsure_until_ = {};
  auto visits = early_visits_.extract(token);
  // Stored or not: they are due the first publication that there will be.
  for (const auto& [client_id, origin] : visits.mapped().clients) {
    if (newest_.exists()) {
      cursors_.confirm(client_id, Offset{0}, newest_.epoch, origin, now);
    } else {
      port_.visits().visit(key_, client_id, origin, visit_bounds(*settings_), visits.mapped().time);
    }
  }
  for (auto& [request, wall] : std::exchange(held_, {})) {
    if (auto reply = refusal(request, error)) port_.reply(std::move(*reply));
  }
}

// The channel exists from now on: whoever is remembered still is saved as others are.
void Channel::keep_early_visits(MonoTime now) {
  in_doubt_ = false;
  std::erase_if(early_visits_, [&](const auto& row) { return row.first != early_save_; });
  for (const auto& one : port_.visits().take(key_, {}).cursors) {
    cursors_.confirm(one.client_id, Offset{0}, newest_.epoch, one.origin, now);
  }
}

}  // namespace parley::actors
