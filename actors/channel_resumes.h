#pragma once
// Subscribers of a durable channel that are not joined yet: each waits for the pages of what it missed, for
// the position that it confirmed, or, at its first visit, for the disk to have its position. A plain value
// owned by its Channel; what comes back ready is joined by the channel in the same step, so nothing can
// fall between the last page and the first live publication.

#include "actors/channel_cursors.h"
#include "actors/channel_port.h"
#include "core/limits.h"

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace parley::actors {

struct Joining {
  ReplyTo from;
  Subscribe subscribe;
  Position since;
  Offset asked;       // where the client said it is
  Offset gap_before;  // > 0: what the client missed starts with a gap that ends before this offset
  std::vector<PublicationPtr> missed;
  WallTime asked_at;
  ResumeOutcome outcome = ResumeOutcome::none;  // when it is ready
};

class ChannelResumes {
 public:
  // What is given outlives it; commands and reads of one channel are numbered together.
  ChannelResumes(const ChannelKey& key, ChannelPort& port, ChannelCursors& cursors, CommandToken& next_token,
                 std::uint64_t& next_read)
      : key_(key), port_(port), cursors_(cursors), next_token_(next_token), next_read_(next_read) {}

  // Each gives back a subscriber that may join now. Nothing: it waits, or was refused, or left.
  // `newest` is the newest publication that was told.
  std::optional<Joining> begin(Joining joining, Position newest, const NodeLimits& limits, WallTime wall);
  std::optional<Joining> history_read(std::uint64_t read, Result<HistoryPage> page, Position newest,
                                      const NodeLimits& limits);
  std::optional<Joining> cursor_read(std::uint64_t read, Result<std::optional<Offset>> offset, Position newest,
                                     WallTime wall);
  std::optional<Joining> stored(CommandToken token);                   // the position of a first visit
  bool refused(CommandToken token, const Error& error, MonoTime now);  // false: not one of these

  // To a subscriber that was answered just now, in chunks.
  void send_missed(const Joining& joining) const;
  bool leave(SocketId session, SubscriptionId subscription);  // false: it does not wait
  [[nodiscard]] bool empty() const { return joining_.empty() && visits_.empty(); }

 private:
  struct Visit {
    std::uint64_t read = 0;  // in joining_
    std::string client_id;
    Offset offset;
  };
  std::optional<Joining> resume(Joining joining, Position newest);
  void visit(Joining joining, Position newest, WallTime wall);
  void read_next_page(std::uint64_t read);
  std::optional<Joining> take(std::uint64_t read);

  const ChannelKey& key_;
  ChannelPort& port_;
  ChannelCursors& cursors_;
  CommandToken& next_token_;
  std::uint64_t& next_read_;
  std::map<std::uint64_t, Joining> joining_;           // by read
  std::map<std::uint64_t, std::string> cursor_reads_;  // whose position: also of who left meanwhile
  std::map<CommandToken, Visit> visits_;
  std::unordered_map<std::string, CommandToken> latest_visits_;  // of each client, until one is stored
};

}  // namespace parley::actors
