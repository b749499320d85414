#pragma once
// Effects that wait because publications before them were never told to the channel: the disk failed, their
// outcome was unknown, and after the recovery they turned out to be stored. They are read and told first. A
// plain value owned by its Channel.

#include "actors/channel/port.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

namespace parley::actors {

class ChannelUntold {
 public:
  using Told = std::pair<CommandToken, Effect>;

  // What is given outlives it; reads of one channel are numbered together.
  ChannelUntold(const ChannelKey& key, ChannelPort& port, std::uint64_t& next_read)
      : key_(key), port_(port), next_read_(next_read) {}

  // True: the effect waits here. `newest` was told last.
  bool holds(CommandToken token, const Effect& effect, Position newest);
  [[nodiscard]] bool reads(std::uint64_t read) const { return read != 0 && read == read_; }
  [[nodiscard]] bool empty() const { return held_.empty(); }

  struct Found {
    std::optional<ChannelEvent::Gap> gap;      // unreadable, or trimmed already: everybody is told of the hole
    std::vector<PublicationPtr> publications;  // to tell now
    std::deque<Told> held;                     // after them: the first is next in order; of the others each may be
                                               // told already, or skip again. Empty: another page is being read
  };
  Found found(Result<HistoryPage> page, Position newest);

 private:
  void ask(Position newest);

  const ChannelKey& key_;
  ChannelPort& port_;
  std::uint64_t& next_read_;
  std::deque<Told> held_;
  std::uint64_t read_ = 0;
};

}  // namespace parley::actors
