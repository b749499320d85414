#pragma once
// How far stock clients with a client id confirmed to have received a channel: what is not saved yet, and
// what is on its way to the disk. What is saved is in the shard. A plain value owned by its Channel.

#include "core/clock.h"
#include "core/command.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace parley::actors {

// A client id's hash; 0: there is none.
using ClientHash = std::uint64_t;
[[nodiscard]] ClientHash client_hash(std::string_view client_id);

class ChannelCursors {
 public:
  // A confirmation that comes late takes nothing back.
  void confirm(const std::string& client_id, Offset offset, Epoch epoch, Origin origin, MonoTime now);
  // The client left on purpose, or its first position was not stored: it is a stranger when it comes again.
  void forget(const std::string& client_id, MonoTime now);
  // A client is here on one connection, or for a while on two: the one that nobody knows to be dead yet, and the next.
  // What the old one says last is not the client's last word.
  void came(ClientHash client, SocketId session, bool fresh);
  void gone(ClientHash client);  // one of them
  [[nodiscard]] bool elsewhere(const std::string& client_id, SocketId session) const;

  // Nothing of the client is to be saved any more: a first visit is kept on its own. True: something was.
  bool take_out(const std::string& client_id);

  [[nodiscard]] bool forgotten(const std::string& client_id) const;
  // Forgotten before it could be told of a gap: whenever it comes, it is.
  void owe_gap(const std::string& client_id, MonoTime now);
  [[nodiscard]] bool owes_gap(const std::string& client_id) const;
  // What is saved is read from the shard. While the answer is on its way a save may be told: neither does the
  // answer have it then, nor is it on its way to the disk any more. So it is kept until the read is over.
  void begin_read(const std::string& client_id);
  // Where the client is, given what the read found.
  CursorFound end_read(const std::string& client_id, CursorFound found);
  void stored(const std::string& client_id, Position position, bool owes_gap);  // of a first visit

  // What is to be proposed now, if anything, as `token`; one at a time.
  std::optional<SaveCursors> next(CommandToken token, MonoTime now);
  void applied(CommandToken token);
  void refused(CommandToken token, MonoTime now);
  [[nodiscard]] std::optional<MonoTime> deadline() const { return save_at_; }
  [[nodiscard]] bool settled() const { return dirty_.empty() && saving_.empty(); }

 private:
  struct Cursor {
    Offset offset;
    bool forget = false;
    Epoch epoch{};
    Origin origin{};
    bool owed = false;  // a gap
  };
  using Cursors = std::unordered_map<std::string, Cursor>;
  struct Read {
    std::size_t count = 0;
    std::optional<Cursor> saved;  // since the first of them began
  };
  static void follow(CursorFound& found, const Cursor& later);
  void keep_for_reads(const std::string& client_id, const Cursor& saved);
  void save_later(MonoTime now);

  struct Connections {
    SocketId latest;
    std::uint32_t count = 0;
  };
  std::unordered_map<ClientHash, Connections> connections_;  // of those who are here
  Cursors dirty_;
  Cursors saving_;  // proposed, not applied yet
  CommandToken saving_token_ = 0;
  std::unordered_map<std::string, Read> reading_;  // bounded like the requests of which each waits for one
  std::optional<MonoTime> save_at_;
};

}  // namespace parley::actors
