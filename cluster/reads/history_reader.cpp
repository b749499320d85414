#include "cluster/reads/history_reader.h"

#include "cluster/machine/lineage.h"
#include "schemas/codec.h"
#include "storage/keys.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::cluster {
namespace {

using schemas::ChannelMeta;
using storage::Family;
namespace keys = storage::keys;

// A trim may run between reading the meta and reading the records: then all is read again.
constexpr int kAttemptsMax = 8;

Result<ChannelMeta> read_meta(const storage::Store& store, ShardId shard, const ChannelKey& channel) {
  const auto stored = store.get(Family::state, keys::meta(shard, channel));
  if (!stored) return stored.error();
  if (!stored->has_value()) return ChannelMeta{};
  auto meta = schemas::decode_channel_meta(**stored);
  if (!meta || !meta->unsynced) return meta;
  // After the meta: a lineage is never older than what was appended in it.
  const auto lineage = store.get(Family::state, keys::lineage(shard));
  if (!lineage) return lineage.error();
  if (lineage->has_value()) meta->epoch = epoch_in(*meta, keys::parse_number(**lineage).value_or(0));
  return meta;
}

Result<PublicationPtr> read_publication(const storage::Store& store, ShardId shard, const ChannelKey& channel,
                                        Position position) {
  const auto stored = store.get(Family::history, keys::publication(shard, channel, position.offset));
  if (!stored) return stored.error();
  if (!stored->has_value()) return PublicationPtr();
  auto publication = schemas::decode_publication(**stored);
  if (!publication) return publication.error();
  publication->position = position;
  return PublicationPtr(std::make_shared<Publication>(std::move(publication).value()));
}

// Offsets, both inclusive; empty when from > to.
struct Span {
  Offset from;
  Offset to;
  [[nodiscard]] bool empty() const { return from > to; }
};

// What of the kept history the query's position asks for, and whether that leaves a gap.
Span asked_span(const ChannelMeta& meta, const GetHistory& query, bool& gap) {
  Span span{meta.oldest, meta.newest};
  gap = false;
  if (!query.since) return span;
  const auto since = *query.since;
  if (since.epoch != meta.epoch) {
    // Another life of the channel: nothing of it is here. Offset 0 of no epoch is "from the start".
    gap = since.exists() || since.offset.value != 0;
    return span;
  }
  if (query.direction == Direction::backward) {
    gap = since.offset < meta.oldest && meta.oldest.value > 1;
    span.to = Offset{std::min(meta.newest.value, since.offset.value == 0 ? 0 : since.offset.value - 1)};
    return span;
  }
  // A position that was never given out means that the tail was lost with an unsynced log.
  gap = since.offset.value + 1 < meta.oldest.value || since.offset > meta.newest;
  span.from = since.offset > meta.newest ? Offset{meta.newest.value + 1}
                                         : std::max(meta.oldest, Offset{since.offset.value + 1});
  return span;
}

enum class Outcome { done, trimmed_meanwhile };

class PageScan {
 public:
  PageScan(const storage::Store& store, ShardId shard, const GetHistory& query, const ChannelMeta& meta,
           std::size_t bytes_max)
      : store_(store), shard_(shard), query_(query), meta_(meta), bytes_max_(bytes_max) {}

  Result<Outcome> run(Span span, HistoryPage& page) {
    if (query_.from_time && !span.empty()) {
      const auto first = first_since(span, *query_.from_time);
      if (!first) return first.error();
      span.from = *first;
    }
    if (span.empty()) return Outcome::done;
    const bool forward = query_.direction == Direction::forward;
    const auto range = keys::publications(shard_, query_.channel, span.from, span.to);
    auto expected = forward ? span.from : span.to;
    Status outcome;
    bool stopped = false;
    bool hole = false;
    const auto order = forward ? storage::ScanOrder::forward : storage::ScanOrder::backward;
    const auto scanned =
        store_.scan(Family::history, range.from, range.to, order, [&](std::string_view key, std::string_view value) {
          if (keys::publication_offset(key) != expected) {
            hole = true;
            return storage::Visit::stop;
          }
          auto taken = take(expected, value, page);
          if (!taken) outcome = taken.error();
          stopped = !taken || *taken == storage::Visit::stop;
          expected = Offset{forward ? expected.value + 1 : expected.value - 1};
          return stopped ? storage::Visit::stop : storage::Visit::go_on;
        });
    if (!scanned) return scanned.error();
    if (!outcome) return outcome.error();
    // Offsets have no holes; a missing one was trimmed after the meta was read, or is damage.
    if (!stopped && (hole || (forward ? expected <= span.to : expected >= span.from)))
      return Outcome::trimmed_meanwhile;
    return Outcome::done;
  }

 private:
  Result<storage::Visit> take(Offset offset, std::string_view value, HistoryPage& page) {
    auto publication = schemas::decode_publication(value);
    if (!publication) return publication.error();
    const bool forward = query_.direction == Direction::forward;
    const bool too_early = query_.from_time && publication->time < *query_.from_time;
    const bool too_late = query_.to_time && publication->time >= *query_.to_time;
    if (forward ? too_late : too_early) return storage::Visit::stop;
    if (too_early || too_late || publication->deleted) return storage::Visit::go_on;
    bytes_ += value.size();
    if (page.publications.size() >= query_.limit || (bytes_ > bytes_max_ && !page.publications.empty())) {
      page.more = true;
      return storage::Visit::stop;
    }
    publication->position = {meta_.epoch, offset};
    page.publications.push_back(std::make_shared<Publication>(std::move(publication).value()));
    return storage::Visit::go_on;
  }

  // Halves the span: times rise with offsets, except where an operator set the clock back.
  Result<Offset> first_since(Span span, WallTime time) {
    auto low = span.from.value;
    auto high = span.to.value + 1;
    while (low < high) {
      const auto middle = low + (high - low) / 2;
      const auto stored = store_.get(Family::history, keys::publication(shard_, query_.channel, Offset{middle}));
      if (!stored) return stored.error();
      if (!stored->has_value()) {  // trimmed meanwhile: it is older than all that is left
        low = middle + 1;
        continue;
      }
      const auto at = schemas::decode_publication_time(**stored);
      if (!at) return at.error();
      if (*at < time) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return Offset{low};
  }

  const storage::Store& store_;
  ShardId shard_;
  const GetHistory& query_;
  const ChannelMeta& meta_;
  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
};

}  // namespace

Result<ChannelState> HistoryReader::open_channel(const ChannelKey& channel) const {
  const auto shard = shard_of(channel, shard_count_);
  const auto meta = read_meta(store_, shard, channel);
  if (!meta) return meta.error();
  ChannelState state{{meta->epoch, meta->newest}, meta->oldest, nullptr};
  if (meta->cached.value != 0) {
    auto cached = read_publication(store_, shard, channel, {meta->epoch, meta->cached});
    if (!cached) return cached.error();
    if (*cached != nullptr && !(*cached)->deleted) state.cached = *cached;
  }
  return state;
}

Result<HistoryPage> HistoryReader::read_history(const GetHistory& query) const {
  const auto shard = shard_of(query.channel, shard_count_);
  const auto bytes_max = query.bytes_max > 0 ? std::min(query.bytes_max, page_bytes_max_) : page_bytes_max_;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    const auto meta = read_meta(store_, shard, query.channel);
    if (!meta) return meta.error();
    HistoryPage page;
    page.channel = query.channel;
    page.newest = {meta->epoch, meta->newest};
    page.oldest = meta->oldest;
    const auto span = asked_span(*meta, query, page.gap);
    const auto outcome = PageScan(store_, shard, query, *meta, bytes_max).run(span, page);
    if (!outcome) return outcome.error();
    if (*outcome == Outcome::done) return page;
  }
  return make_error(Errc::corrupt,
                    fmt::format("{}: its history has a hole that no deletion left", query.channel.text()));
}

Result<CursorFound> HistoryReader::read_cursor(const ChannelKey& channel, const std::string& client_id, WallTime now,
                                               seconds lifetime) const {
  const auto shard = shard_of(channel, shard_count_);
  const auto stored = store_.get(Family::state, keys::cursor(shard, channel, client_id));
  if (!stored) return stored.error();
  if (!stored->has_value()) {
    const auto meta = read_meta(store_, shard, channel);
    if (!meta) return meta.error();
    return CursorFound{.forgotten = meta->cursors_unsure_until > now};
  }
  const auto cursor = schemas::decode_cursor(**stored);
  if (!cursor) return cursor.error();
  if (cursor->time + lifetime <= now) return CursorFound{};
  return CursorFound{.position = Position{cursor->epoch, cursor->offset}, .owes_gap = cursor->owes_gap};
}

}  // namespace parley::cluster
