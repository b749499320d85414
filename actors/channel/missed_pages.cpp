#include "actors/channel/missed_pages.h"

#include <utility>

namespace parley::actors {
namespace {

constexpr std::size_t kRunsMax = 4;
constexpr auto kKeptFor = milliseconds(1'000);  // after a page was asked for last

std::size_t bytes_of(const Publication& publication) { return publication.data.size() + publication.event.size() + 64; }

}  // namespace

void MissedPages::keep(Position after, const MissedPage& page, MonoTime now) {
  if (page.publications.empty()) return;
  if (runs_.size() >= kRunsMax) runs_.erase(runs_.begin());
  runs_.push_back({after, page});
  forget_at_ = now + kKeptFor;
}

void MissedPages::told(PublicationPtr publication, std::size_t bytes_max) {
  const auto position = publication->position;
  const bool follows = !tail_.empty() && tail_.back()->position.epoch == position.epoch &&
                       tail_.back()->position.offset.value + 1 == position.offset.value;
  if (!follows) drop_tail();
  tail_bytes_ += bytes_of(*publication);
  tail_.push_back(std::move(publication));
  auto kept = tail_.begin();
  for (; tail_bytes_ > bytes_max; ++kept) tail_bytes_ -= bytes_of(**kept);
  tail_.erase(tail_.begin(), kept);
}

void MissedPages::drop_tail() {
  if (tail_.empty()) return;
  std::vector<PublicationPtr>().swap(tail_);
  tail_bytes_ = 0;
}

void MissedPages::forget() {
  std::vector<Run>().swap(runs_);
  drop_tail();
  forget_at_.reset();
}

std::optional<MissedPage> MissedPages::after(Position since, std::size_t bytes, MonoTime now) {
  for (const auto& run : runs_) {
    const auto reached = run.page.reached;
    if (reached.epoch != since.epoch || since.offset < run.after.offset || since.offset >= reached.offset) continue;
    forget_at_ = now + kKeptFor;
    MissedPage page{.reached = reached};
    std::size_t taken = 0;
    for (const auto& publication : run.page.publications) {
      if (publication->position.offset <= since.offset) continue;
      taken += bytes_of(*publication);
      if (taken > bytes && !page.publications.empty()) {
        page.reached = page.publications.back()->position;
        break;
      }
      page.publications.push_back(publication);
    }
    return page;
  }
  return std::nullopt;
}

void MissedPages::extend(MissedPage& page) const {
  if (tail_.empty() || tail_.front()->position.epoch != page.reached.epoch) return;
  const auto first = tail_.front()->position.offset.value;
  if (first > page.reached.offset.value + 1) return;
  for (const auto& publication : tail_) {
    if (publication->position.offset <= page.reached.offset) continue;
    page.publications.push_back(publication);
    page.reached = publication->position;
  }
}

void MissedPages::tick(MonoTime now) {
  if (!forget_at_ || *forget_at_ > now) return;
  std::vector<Run>().swap(runs_);
  forget_at_.reset();
}

}  // namespace parley::actors
