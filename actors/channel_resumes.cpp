#include "actors/channel_resumes.h"

#include <algorithm>
#include <utility>

namespace parley::actors {
namespace {

constexpr std::size_t kHistoryPage = 500;  // publications read at a time
constexpr std::size_t kMissedChunk = 200;  // publications in one Missed answer

}  // namespace

std::optional<Joining> ChannelResumes::begin(Joining joining, Position newest, const NodeLimits& limits,
                                             WallTime wall) {
  const auto& ask = joining.subscribe.resume;
  if (ask.since) {
    joining.since = ask.since->exists() ? *ask.since : Position{newest.epoch, Offset{0}};
    return resume(std::move(joining), newest);
  }
  if (!ask.client_id.empty()) {
    // Who visits on another connection already, unanswered, is still a stranger.
    if (cursors_.forgotten(ask.client_id) || latest_visits_.contains(ask.client_id)) {
      visit(std::move(joining), newest, wall);
      return std::nullopt;
    }
    const auto read = next_read_++;
    const auto client_id = ask.client_id;
    joining_.emplace(read, std::move(joining));
    cursor_reads_.emplace(read, client_id);
    cursors_.begin_read(client_id);
    port_.read_cursor(client_id, read);
    return std::nullopt;
  }
  if (ask.rewind == 0) return joining;
  const auto back = std::min<std::uint64_t>(ask.rewind, limits.catch_up_publications_max);
  const auto last = newest.offset.value;
  joining.since = {newest.epoch, Offset{last > back ? last - back : 0}};
  return resume(std::move(joining), newest);
}

std::optional<Joining> ChannelResumes::cursor_read(std::uint64_t read, Result<std::optional<Offset>> offset,
                                                   Position newest, WallTime wall) {
  const auto asked = cursor_reads_.extract(read);
  if (asked.empty()) return std::nullopt;
  const auto position = cursors_.end_read(asked.mapped(), offset ? *offset : std::nullopt);
  auto joining = take(read);
  if (!joining) return std::nullopt;
  if (!offset) {
    port_.reply({joining->from, SubscribeRefused{key_, joining->subscribe.subscription, offset.error()}});
    return std::nullopt;
  }
  if (!position) {
    visit(std::move(*joining), newest, wall);
    return std::nullopt;
  }
  joining->since = {newest.epoch, *position};
  return resume(std::move(*joining), newest);
}

// A stock client's first visit: from here on it has missed what it does not confirm. It is answered when
// the disk has its position, for without one it would be a stranger when it comes back after a crash,
// and would never hear of what it missed.
void ChannelResumes::visit(Joining joining, Position newest, WallTime wall) {
  const auto& client_id = joining.subscribe.resume.client_id;
  SaveCursors save;
  const auto token = next_token_++;
  const bool visits_already = !latest_visits_.insert_or_assign(client_id, token).second;
  const bool left_before = cursors_.take_out(client_id) || visits_already;
  if (left_before) save.cursors.push_back({client_id, {}, true});  // a new start, not the later of two
  save.cursors.push_back({client_id, newest.offset, false});
  joining.asked_at = wall;
  const auto read = next_read_++;
  visits_.emplace(token, Visit{read, client_id, newest.offset});
  joining_.emplace(read, std::move(joining));
  port_.propose(Command{.channel = key_, .time = wall, .what = std::move(save)}, token, WaitForDisk::yes);
}

std::optional<Joining> ChannelResumes::stored(CommandToken token) {
  const auto visit = visits_.extract(token);
  if (visit.empty()) return std::nullopt;
  const auto& [read, client_id, offset] = visit.mapped();
  latest_visits_.erase(client_id);
  cursors_.stored(client_id, offset);
  return take(read);
}

bool ChannelResumes::refused(CommandToken token, const Error& error, MonoTime now) {
  const auto visit = visits_.extract(token);
  if (visit.empty()) return false;
  const auto& client_id = visit.mapped().client_id;
  const auto latest = latest_visits_.find(client_id);
  const bool only_one = latest != latest_visits_.end() && latest->second == token;
  if (only_one) latest_visits_.erase(latest);
  const auto joining = take(visit.mapped().read);
  if (!joining) return true;
  // Stored or not: who was refused comes for the first time again. But what the client has by a visit on another
  // connection, stored meanwhile or still to be, stays.
  if (only_one) cursors_.forget(client_id, now);
  port_.reply({joining->from, SubscribeRefused{key_, joining->subscribe.subscription, error}});
  return true;
}

std::optional<Joining> ChannelResumes::resume(Joining joining, Position newest) {
  joining.asked = joining.since.offset;
  const bool same_life = joining.since.epoch == newest.epoch && joining.since.offset <= newest.offset;
  if (same_life && joining.since.offset == newest.offset) {
    joining.outcome = ResumeOutcome::complete;
    return joining;
  }
  if (!newest.exists()) {  // the client knows a history that this channel never had
    joining.gap_before = Offset{1};
    joining.outcome = ResumeOutcome::gap;
    return joining;
  }
  if (!same_life) {
    joining.since = {newest.epoch, Offset{0}};
    joining.gap_before = Offset{1};
  }
  const auto read = next_read_++;
  joining_.emplace(read, std::move(joining));
  read_next_page(read);
  return std::nullopt;
}

void ChannelResumes::read_next_page(std::uint64_t read) {
  const auto& joining = joining_.at(read);
  GetHistory query{.channel = key_, .since = joining.since, .limit = kHistoryPage};
  port_.read_history(std::move(query), read);
}

std::optional<Joining> ChannelResumes::history_read(std::uint64_t read, Result<HistoryPage> page, Position newest,
                                                    const NodeLimits& limits) {
  const auto place = joining_.find(read);
  if (place == joining_.end()) return std::nullopt;  // left meanwhile
  auto& joining = place->second;
  if (!page) {
    port_.reply({joining.from, SubscribeRefused{key_, joining.subscribe.subscription, page.error()}});
    joining_.erase(place);
    return std::nullopt;
  }
  const bool rewinding = !joining.subscribe.resume.since && joining.subscribe.resume.client_id.empty();
  if (page->gap) {  // trimmed, maybe between two pages: what came before the gap is of no use
    joining.missed.clear();
    // The shard may have trimmed more than it has told: that still comes live, it is not in the gap.
    if (!rewinding) joining.gap_before = std::min(page->oldest, Offset{newest.offset.value + 1});
  }
  for (auto& publication : page->publications) {
    // What the shard has applied but not told yet comes as a live publication: not twice.
    if (publication->position.offset > newest.offset) {
      joining.since.offset = newest.offset;  // before it only what is deleted or in the gap: nothing to read on for
      break;
    }
    joining.since.offset = publication->position.offset;
    if (!publication->deleted) joining.missed.push_back(std::move(publication));
  }
  const auto bound = limits.catch_up_publications_max;
  if (joining.missed.size() > bound) {  // too much to hold for one client: keep the newest, say so
    const auto surplus = joining.missed.size() - bound;
    joining.missed.erase(joining.missed.begin(), joining.missed.begin() + static_cast<std::ptrdiff_t>(surplus));
    joining.gap_before = joining.missed.front()->position.offset;
  }
  // Told while the page was on its way to us, to those who listen already: read on, or it is lost.
  const bool behind = page->newest.offset < newest.offset;
  if ((page->more || behind) && joining.since.offset < newest.offset) {
    read_next_page(read);
    return std::nullopt;
  }
  joining.outcome = joining.gap_before.value > 0 ? ResumeOutcome::gap : ResumeOutcome::complete;
  return take(read);
}

void ChannelResumes::send_missed(const Joining& joining) const {
  const auto& missed = joining.missed;
  for (std::size_t from = 0; from < missed.size(); from += kMissedChunk) {
    const auto to = std::min(missed.size(), from + kMissedChunk);
    Missed chunk{.channel = key_, .subscription = joining.subscribe.subscription};
    chunk.publications.assign(missed.begin() + static_cast<std::ptrdiff_t>(from),
                              missed.begin() + static_cast<std::ptrdiff_t>(to));
    chunk.last = to == missed.size();
    port_.reply({joining.from, std::move(chunk)});
  }
}

bool ChannelResumes::leave(SocketId session, SubscriptionId subscription) {
  return std::erase_if(joining_, [&](const auto& row) {
           return row.second.from.session == session && row.second.subscribe.subscription == subscription;
         }) > 0;
}

std::optional<Joining> ChannelResumes::take(std::uint64_t read) {
  auto row = joining_.extract(read);
  if (row.empty()) return std::nullopt;
  return std::move(row.mapped());
}

}  // namespace parley::actors
