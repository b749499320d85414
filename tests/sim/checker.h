#pragma once
// What must hold, whatever happened. Hears what clients saw and did, and what a node's channels were
// asked; judges at once where it can, and the whole at the end. The first violation ends the run.
//
// Of channels with durability async, what hangs on the disk is not promised: acked_is_kept, synced_first, real_time and
// pipelined do not count there, and confirmations begin anew with an epoch. The others do.
//
//   acked_is_kept      an acknowledged publication is in the final history, at its place
//   once_per_key       one idempotency key, one publication, one position in every answer
//   one_name           (channel, epoch, offset) names one publication for ever
//   contiguous         the history's offsets have no hole
//   synced_first       nothing is acknowledged or delivered before the disk has it
//   real_time          what was acknowledged before another was asked has the smaller offset
//   pipelined          what one connection published in order is in the log in order
//   no_hole, no_double, in_order, gap_needs_reason     what one client receives
//   confirmed_is_had   a stock client's position is confirmed only when the client has everything up to it
//   confirmed_stays    what was confirmed does not come again
//   roster, alternates, grace     presence
//   converges          in calm everyone gets everything

#include "core/request.h"
#include "tests/sim/disk.h"
#include "tests/sim/node.h"
#include "tests/sim/stored.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace parley::sim {

struct Violation {
  std::string invariant;
  std::string what;
};

class Checker final : public NodeWatch {
 public:
  Checker(Scheduler& scheduler, const Plan& plan, Stored& stored, const SettingsSource& settings)
      : scheduler_(scheduler), plan_(plan), stored_(stored), settings_(settings) {}

  [[nodiscard]] const std::optional<Violation>& violation() const { return violation_; }
  void violated(std::string_view invariant, std::string what);

  // ---- told by clients and the backend ----
  void invoked(const std::string& channel, const std::string& message);
  void acked(const std::string& channel, const std::string& message, Position position);
  void seen(const std::string& channel, const std::string& message, Position position);
  void client_has(const std::string& client_id, const std::string& channel, Offset offset);
  // A publication of its own was refused, and may be stored: if it is, nobody sends it back. Later: how it ended.
  void own_in_doubt(const std::string& client_id, const std::string& channel) { ++in_doubt_[{client_id, channel}]; }
  void own_settled(const std::string& client_id, const std::string& channel) { --in_doubt_[{client_id, channel}]; }
  // Known and bounded: what the disk stored with unknown outcome and retention deleted before the recovery
  // could tell it is a hole in the offsets that no parley:gap names. Did no subscriber get this one?
  [[nodiscard]] bool told_to_nobody(const std::string& channel, Position position) const;
  // Where a message is, as the channel told it: Socket.IO's events do not always say it. Several places with durability
  // async alone: it was lost, and published again. The newest is the last.
  [[nodiscard]] std::vector<Position> places_of(const std::string& channel, const std::string& message) const;
  // Where a stock client's replay may begin at the earliest, asked with the socket of its subscription.
  [[nodiscard]] Offset confirmed_before(SocketId socket, const std::string& channel) const;

  // ---- told by the node ----
  void channel_asked(const Request& request) override;
  void channel_answers(const Reply& reply) override;
  void channel_tells(const ChannelKey& channel, const Publication& publication) override;
  void member_removed(const ChannelKey& channel, const std::string& user_id) override;
  // One node's process, or another one leads now.
  void crashed();
  [[nodiscard]] int crashes() const { return crashes_; }
  // Since then nothing was refused, lost or left in doubt.
  [[nodiscard]] WallTime last_trouble() { return stored_.last_trouble(); }

  // ---- at the end ----
  struct Counts {
    std::uint64_t acked = 0;
    std::uint64_t seen = 0;
  };
  void check_history(const std::string& channel, const std::vector<PublicationPtr>& history, Offset oldest,
                     Position newest);
  [[nodiscard]] Counts counts() const { return counts_; }

 private:
  int crashes_ = 0;
  struct Asked {
    MonoTime invoked;
    std::optional<MonoTime> acked_at;
    Position position;
  };
  struct Stay {
    std::set<SocketId> sockets;
    MonoTime until{};
  };
  void forget_if_lost();
  void name(const std::string& channel, const std::string& message, Position position);

  Scheduler& scheduler_;
  const Plan& plan_;
  Stored& stored_;
  const SettingsSource& settings_;
  std::optional<Violation> violation_;
  Counts counts_;
  std::map<std::string, std::map<std::string, Asked>> asked_;                  // channel, message
  std::map<std::string, std::map<Position, std::string>> names_;               // channel
  std::map<std::string, std::set<Position>> delivered_;                        // channel
  std::map<std::pair<std::string, std::string>, std::vector<Position>> told_;  // channel, message
  std::map<std::pair<std::string, std::string>, Offset> has_;                  // client id, channel
  std::map<std::pair<std::string, std::string>, std::uint64_t> in_doubt_;      // client id, channel
  std::map<std::pair<std::string, std::string>, Offset> confirmed_;            // client id, channel
  std::map<std::pair<SocketId, std::string>, Offset> replay_after_;
  std::uint64_t losses_ = 0;
  std::map<std::pair<SocketId, std::string>, std::string> joining_;  // who subscribes to a channel: the user
  std::map<std::pair<std::string, std::string>, Stay> stays_;        // channel, user
};

}  // namespace parley::sim
