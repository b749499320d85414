#include "actors/channel/resumes.h"

#include "core/check.h"

#include <algorithm>
#include <utility>

namespace parley::actors {
namespace {

constexpr std::size_t kPublicationsPerPage = 1'000;  // however small they are

std::size_t page_bytes(std::size_t asked, const NodeLimits& limits) {
  return asked > 0 ? std::min(asked, limits.catch_up_page_bytes_max) : limits.catch_up_page_bytes_max;
}

}  // namespace

ChannelResumes::Ready ChannelResumes::begin(Joining joining, const Now& now) {
  const auto& ask = joining.subscribe.resume;
  const auto newest = now.newest;
  joining.bytes = page_bytes(ask.page_bytes, now.limits);
  joining.no_page = ask.no_page;
  if (ask.since) {
    joining.since = ask.since->exists() ? *ask.since : Position{newest.epoch, Offset{0}};
    return resume(std::move(joining), now);
  }
  if (!ask.client_id.empty()) {
    // Who visits on another connection already, unanswered, is still a stranger.
    const auto unanswered = latest_visits_.find(ask.client_id);
    const bool visits_already = unanswered != latest_visits_.end();
    if (cursors_.forgotten(ask.client_id) || visits_already) {
      // What the one before did not hear of it hears now.
      if (cursors_.owes_gap(ask.client_id) || (visits_already && visits_.at(unanswered->second).gap)) {
        joining.gap_before = Offset{newest.offset.value + 1};
        joining.outcome = ResumeOutcome::gap;
      }
      visit(std::move(joining), now);
      return {};
    }
    const auto read = next_read_++;
    const auto client_id = ask.client_id;
    joining_.emplace(read, std::move(joining));
    cursor_reads_.emplace(read, client_id);
    cursors_.begin_read(client_id);
    port_.read_cursor(client_id, read);
    return {};
  }
  if (ask.rewind == 0) {
    Ready ready;
    ready.push_back(std::move(joining));
    return ready;
  }
  const auto back = std::min<std::uint64_t>(ask.rewind, now.limits.rewind_publications_max);
  const auto last = newest.offset.value;
  joining.since = {newest.epoch, Offset{last > back ? last - back : 0}};
  return resume(std::move(joining), now);
}

ChannelResumes::Ready ChannelResumes::cursor_read(std::uint64_t read, Result<CursorFound> found, const Now& now) {
  const auto asked = cursor_reads_.extract(read);
  if (asked.empty()) return {};
  const auto place = cursors_.end_read(asked.mapped(), found ? *found : CursorFound{});
  auto joining = take(read);
  if (!joining) return {};
  if (!found) {
    fail(std::move(*joining), found.error(), now);
    return {};
  }
  if (!place.position) {
    if (place.forgotten ||
        place.owes_gap) {  // who is here for the first time hears of a gap too: nobody can tell the two apart
      joining->gap_before = Offset{now.newest.offset.value + 1};
      joining->outcome = ResumeOutcome::gap;
    }
    visit(std::move(*joining), now);
    return {};
  }
  joining->since = *place.position;
  if (joining->since.epoch.value == 0) joining->since.epoch = now.newest.epoch;
  if (place.owes_gap) joining->gap_before = Offset{place.position->offset.value + 1};
  return resume(std::move(*joining), now);
}

// A stock client's first visit: from here on it has missed what it does not confirm. It is answered when
// the disk has its position, for without one it would be a stranger when it comes back after a crash,
// and would never hear of what it missed.
void ChannelResumes::visit(Joining joining, const Now& now) {
  const auto& client_id = joining.subscribe.resume.client_id;
  SaveCursors save;
  const auto token = next_token_++;
  const bool visits_already = !latest_visits_.insert_or_assign(client_id, token).second;
  const bool left_before = cursors_.take_out(client_id) || visits_already;
  if (left_before) save.cursors.push_back({client_id, {}, true});  // a new start, not the later of two
  // Who is owed a gap and has to come again before it knows of it hears of it then. From offset 0 nothing is missed.
  const bool gap = joining.outcome == ResumeOutcome::gap;
  const bool owes_gap = gap && now.newest.offset.value > 0;
  save.cursors.push_back({client_id, now.newest.offset, false, now.newest.epoch, joining.from.origin, owes_gap});
  save.bounds = bounds_;
  // Before the first publication is told it may be on its way: what is stored in front of it must not be dropped.
  save.kept_for = now.newest.exists() ? SaveCursors::For::published : SaveCursors::For::first;
  joining.asked_at = now.wall;
  const auto read = next_read_++;
  visits_.emplace(token, Visit{read, client_id, now.newest, gap});
  joining_.emplace(read, std::move(joining));
  port_.propose(Command{.channel = key_, .time = now.wall, .what = std::move(save)}, token, WaitForDisk::yes);
}

std::optional<Joining> ChannelResumes::stored(CommandToken token) {
  const auto visit = visits_.extract(token);
  if (visit.empty()) return std::nullopt;
  const auto& [read, client_id, newest, gap] = visit.mapped();
  latest_visits_.erase(client_id);
  cursors_.stored(client_id, newest, gap && newest.offset.value > 0);
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
  if (only_one && joining->outcome == ResumeOutcome::gap) {
    cursors_.owe_gap(client_id, now);
  } else if (only_one) {
    cursors_.forget(client_id, now);
  }
  port_.reply({joining->from, SubscribeRefused{key_, joining->subscribe.subscription, error}});
  return true;
}

ChannelResumes::Ready ChannelResumes::resume(Joining joining, const Now& now) {
  const auto newest = now.newest;
  joining.asked = joining.gap_before.value > 0 ? Offset{} : joining.since.offset;
  const bool same_life = joining.since.epoch == newest.epoch && joining.since.offset <= newest.offset;
  const bool up_to_date = same_life && joining.since.offset == newest.offset;
  if (up_to_date || !newest.exists()) {
    if (!up_to_date) joining.gap_before = Offset{1};  // the client knows a history that this channel never had
    joining.outcome = joining.gap_before.value > 0 ? ResumeOutcome::gap : ResumeOutcome::complete;
    Ready ready;
    ready.push_back(std::move(joining));
    return ready;
  }
  if (!same_life) {
    joining.since = {newest.epoch, Offset{0}};
    joining.gap_before = Offset{1};
  }
  const bool rewinds = !joining.subscribe.resume.since && joining.subscribe.resume.client_id.empty();
  const auto bound = now.limits.catch_up_publications_max;
  if (bound > 0 && !rewinds && newest.offset.value - joining.since.offset.value > bound) {
    joining.since.offset.value = newest.offset.value - bound;  // the operator wants no more: the newest, and say so
    joining.gap_before = Offset{joining.since.offset.value + 1};
  }
  return ask_page(std::move(joining), now);
}

ChannelResumes::Ready ChannelResumes::ask_page(Joining joining, const Now& now) {
  const auto read = next_read_++;
  auto held = port_.reserve(joining.from.origin, joining.bytes, read);
  if (!held) {
    fail(std::move(joining), held.error(), now);
    return {};
  }
  joining_.emplace(read, std::move(joining));
  if (*held == nullptr) return {};
  return reserved(read, std::move(*held), now);
}

ChannelResumes::Ready ChannelResumes::reserved(std::uint64_t read, std::shared_ptr<const void> held, const Now& now) {
  Ready ready;
  const auto place = joining_.find(read);
  if (place == joining_.end()) return ready;  // left meanwhile
  auto& joining = place->second;
  joining.held = std::move(held);
  if (!joining.no_page && joining.since.epoch == now.newest.epoch) {
    if (auto page = pages_.after(joining.since, joining.bytes, now.time)) {
      metrics_.pages_shared.add();
      give(*take(read), std::move(*page), now, ready);
      return ready;
    }
    for (auto& [other, reading] : readings_) {
      if (reading.since != joining.since || reading.bytes != joining.bytes || reading.stale) continue;
      metrics_.pages_shared.add();
      reading.for_whom.push_back(read);
      return ready;
    }
  }
  metrics_.pages_read.add();
  readings_.emplace(read, Reading{joining.since, joining.no_page ? 0 : joining.bytes, {read}});
  port_.read_history({.channel = key_,
                      .since = joining.since,
                      .limit = joining.no_page ? 0 : kPublicationsPerPage,
                      .bytes_max = joining.bytes},
                     read);
  return ready;
}

ChannelResumes::Ready ChannelResumes::history_read(std::uint64_t read, Result<HistoryPage> page, const Now& now) {
  Ready ready;
  const auto found = readings_.extract(read);
  if (found.empty()) return ready;
  const auto& reading = found.mapped();
  if (page && !page->gap && !reading.stale && page->newest.epoch == reading.since.epoch) {
    const auto reached = page->more && !page->publications.empty() ? page->publications.back()->position : page->newest;
    pages_.keep(reading.since, {page->publications, reached}, now.time);
  }
  for (const auto whose : reading.for_whom) {
    auto joining = take(whose);
    if (!joining) continue;  // left meanwhile
    if (page) {
      give(std::move(*joining), *page, now, ready);
    } else {
      fail(std::move(*joining), page.error(), now);
    }
  }
  return ready;
}

void ChannelResumes::depose(const Error& why, const Now& now) {
  for (auto& [read, joining] : std::exchange(joining_, {})) fail(std::move(joining), why, now);
  readings_.clear();
}

std::vector<Request> ChannelResumes::give_back(std::uint64_t read) {
  std::vector<Request> asked;
  const auto reading = readings_.extract(read);
  if (reading.empty()) return asked;
  for (const auto whose : reading.mapped().for_whom) {
    auto one = take(whose);
    if (!one) continue;  // left meanwhile
    if (one->joined) {
      asked.push_back({one->from, MoreMissed{key_, one->subscribe.subscription, one->since, one->bytes}});
    } else {
      asked.push_back({one->from, std::move(one->subscribe)});
    }
  }
  return asked;
}

void ChannelResumes::give(Joining joining, const HistoryPage& page, const Now& now, Ready& ready) {
  const bool rewinds = !joining.joined && !joining.subscribe.resume.since && joining.subscribe.resume.client_id.empty();
  MissedPage missed{.publications = page.publications, .reached = {now.newest.epoch, joining.since.offset}};
  if (page.gap) {
    // The shard may have trimmed more than it has told: that still comes live, it is not in the gap.
    const auto before = std::min(page.oldest, Offset{now.newest.offset.value + 1});
    if (!rewinds) joining.gap_before = before;
    joining.since = {now.newest.epoch, Offset{before.value > 0 ? before.value - 1 : 0}};
    missed.reached = joining.since;
  }
  if (page.newest.epoch != now.newest.epoch) {
    // The shard has begun another history and not told of it yet: that comes live. Of this one nothing is left.
    missed.publications.clear();
    missed.reached = now.newest;
  } else if (!page.more) {
    missed.reached.offset = std::max(missed.reached.offset, page.newest.offset);
  } else if (!page.publications.empty()) {
    missed.reached.offset = page.publications.back()->position.offset;
  }
  give(std::move(joining), std::move(missed), now, ready);
}

void ChannelResumes::give(Joining joining, MissedPage page, const Now& now, Ready& ready) {
  const auto newest = now.newest;
  pages_.extend(page);
  // What the shard has applied but not told yet comes as a live publication: not twice.
  page.reached.offset = std::min(page.reached.offset, newest.offset);
  std::erase_if(page.publications,
                [&](const PublicationPtr& one) { return one->deleted || one->position.offset > newest.offset; });
  joining.last = page.reached.offset == newest.offset;
  joining.page = std::move(page);
  if (!joining.joined) {
    joining.outcome = joining.gap_before.value > 0 ? ResumeOutcome::gap : ResumeOutcome::complete;
    ready.push_back(std::move(joining));
    return;
  }
  send_missed(joining);
}

void ChannelResumes::fail(Joining joining, const Error& error, const Now& now) {
  if (!joining.joined) {
    port_.reply({joining.from, SubscribeRefused{key_, joining.subscribe.subscription, error}});
    return;
  }
  // What is damaged stays so: the subscriber goes on without it. Else it asks again.
  port_.reply({joining.from, Missed{.channel = key_,
                                    .subscription = joining.subscribe.subscription,
                                    .reached = now.newest,
                                    .last = error.code == Errc::corrupt,
                                    .error = error}});
}

void ChannelResumes::more(const ReplyTo& from, const MoreMissed& asked, const Now& now) {
  Joining joining{.from = from};
  joining.subscribe.subscription = asked.subscription;
  joining.joined = true;
  joining.since = asked.after;
  joining.bytes = page_bytes(asked.bytes, now.limits);
  if (asked.after == now.newest) {
    joining.page.reached = now.newest;
    send_missed(joining);
    return;
  }
  const auto none = ask_page(std::move(joining), now);
  CHECK(none.empty());
}

void ChannelResumes::send_missed(Joining& joining) const {
  metrics_.missed_publications.add(static_cast<double>(joining.page.publications.size()));
  port_.reply({joining.from, Missed{.channel = key_,
                                    .subscription = joining.subscribe.subscription,
                                    .publications = std::move(joining.page.publications),
                                    .reached = joining.page.reached,
                                    .gap_before = joining.joined ? joining.gap_before : Offset{},
                                    .last = joining.last,
                                    .held = std::move(joining.held)}});
}

void ChannelResumes::told(const PublicationPtr& publication, const NodeLimits& limits) {
  if (joining_.empty()) {
    pages_.nobody_waits();
  } else {
    pages_.told(publication, limits.catch_up_page_bytes_max);
  }
}

void ChannelResumes::deleted() {
  pages_.forget();
  for (auto& [read, reading] : readings_) reading.stale = true;
}

bool ChannelResumes::leave(const ReplyTo& from, SubscriptionId subscription) {
  return std::erase_if(joining_, [&](const auto& row) {
           const auto& joining = row.second;
           return joining.from.session == from.session && joining.from.of_hub() == from.of_hub() &&
                  joining.subscribe.subscription == subscription;
         }) > 0;
}

void ChannelResumes::leave(const NodeAddress& node) {
  std::erase_if(joining_, [&](const auto& row) { return row.second.from.node == node; });
}

bool ChannelResumes::waits(const std::string& client_id) const {
  return std::any_of(joining_.begin(), joining_.end(), [&](const auto& row) {
    return !row.second.joined && row.second.subscribe.resume.client_id == client_id;
  });
}

std::optional<Joining> ChannelResumes::take(std::uint64_t read) {
  auto row = joining_.extract(read);
  if (row.empty()) return std::nullopt;
  return std::move(row.mapped());
}

}  // namespace parley::actors
