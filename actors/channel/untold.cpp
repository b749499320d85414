#include "actors/channel/untold.h"

#include <algorithm>

namespace parley::actors {
namespace {

constexpr std::size_t kPage = 500;  // publications read at a time

}  // namespace

bool ChannelUntold::holds(CommandToken token, const Effect& effect, Position newest) {
  const auto* appended = std::get_if<Effect::Appended>(&effect.what);
  const bool skips = appended != nullptr && appended->publication->position.offset.value > newest.offset.value + 1;
  if (!skips && held_.empty()) return false;
  held_.emplace_back(token, effect);
  if (read_ == 0) ask(newest);
  return true;
}

void ChannelUntold::ask(Position newest) {
  read_ = next_read_++;
  GetHistory query{.channel = key_, .limit = kPage};
  if (newest.exists()) query.since = newest;
  port_.read_history(std::move(query), read_);
}

ChannelUntold::Found ChannelUntold::found(Result<HistoryPage> page, Position newest) {
  read_ = 0;
  Found found;
  const auto [epoch, until] = std::get<Effect::Appended>(held_.front().second.what).publication->position;
  if (page && page->newest.epoch != epoch) page = make_error(Errc::storage_unavailable);  // of another life: no help
  // Who was told of nothing yet asks for no position, and the page knows of no gap then.
  if (!page || page->gap || page->oldest.value > newest.offset.value + 1) {
    const auto before = page ? std::min(std::max(page->oldest, Offset{newest.offset.value + 1}), until) : until;
    found.gap = ChannelEvent::Gap{epoch, newest.offset, before};
  }
  const bool stuck = !page || page->publications.empty();
  if (page) {
    for (auto& publication : page->publications) {
      if (publication->position.offset >= until) break;
      newest = publication->position;
      found.publications.push_back(std::move(publication));
    }
  }
  if (!stuck && page->more && newest.offset.value + 1 < until.value) {
    ask(newest);
  } else {
    found.held = std::exchange(held_, {});
  }
  return found;
}

}  // namespace parley::actors
