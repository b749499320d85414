#pragma once
// May a connection join a channel? By the application's signature, by a connection token, by who signed in, or by
// asking the application. docs/authorization.md has the whole table. A value that looks at its session's parts and is
// made for one question; that I/O thread.

#include "core/channel_name.h"
#include "net/session/client_messages.h"
#include "net/session/context.h"
#include "net/session/identity.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace parley::net {

// What proved that the connection may be on a channel.
// `token`: the connection's own, whose renewal may take the right away; `channel_token`: one for this channel.
enum class Proof : std::uint8_t { none_needed, signature, identity, token, channel_token, application };

struct Right {
  Proof proof = Proof::none_needed;
  MemberPtr member;               // presence channels
  std::string user_id;            // whom the connection speaks for there; may be empty
  MonoTime expires = kNever;      // Proof::channel_token
  IdForm id_form = IdForm::text;  // of user_id, where that is a token's
};

// Until a connection may no longer go by a token, the leeway included.
milliseconds time_left(const auth::Claims& claims, milliseconds leeway, WallTime wall);

class Authorizer {
 public:
  struct Connection {
    SessionContext& context;
    SettingsPtr settings;
    const App& app;            // in `settings`
    const Identity* identity;  // null: nobody signed in
    std::string known_as;      // the socket id that signatures are made for
    WallTime wall;
    MonoTime heard;  // when the client asked
  };
  explicit Authorizer(Connection connection) : connection_(std::move(connection)) {}

  // Nothing: the application is to be asked.
  [[nodiscard]] Result<std::optional<Right>> judge(const SubscribeData& data, const ChannelTraits& traits) const;
  // The application said yes. `channel_data`, which it may have given, says who is a presence channel's member.
  [[nodiscard]] Result<Right> by_application(const std::string& channel_data, const ChannelTraits& traits) const;
  // A kick or a ban outlives what proved the right.
  [[nodiscard]] Status check_blocks(std::string_view channel, const Right& right) const;
  // A token that is in force. Counts those that are not.
  [[nodiscard]] Result<auth::Claims> check_token(std::string_view token) const;

 private:
  [[nodiscard]] Result<Right> by_signature(const SubscribeData& data, const ChannelTraits& traits) const;
  [[nodiscard]] Result<Right> by_channel_token(const SubscribeData& data, const ChannelTraits& traits) const;
  [[nodiscard]] Result<MemberPtr> member_from(const std::optional<std::string>& channel_data) const;

  Connection connection_;
};

}  // namespace parley::net
