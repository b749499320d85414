#include "core/channel_name.h"

#include <gtest/gtest.h>

namespace parley {
namespace {

struct Expected {
  const char* name;
  bool needs_auth, presence, encrypted, cache, to_user;
  const char* base;
  ChannelKind kind;
};

TEST(ChannelTraits, AreReadFromThePrefixes) {
  const Expected table[] = {
      {"lobby", false, false, false, false, false, "lobby", ChannelKind::plain},
      {"private-lobby", true, false, false, false, false, "lobby", ChannelKind::plain},
      {"presence-domain.1", true, true, false, false, false, "domain.1", ChannelKind::domain},
      {"private-encrypted-user.7", true, false, true, false, false, "user.7", ChannelKind::user},
      {"cache-x", false, false, false, true, false, "x", ChannelKind::plain},
      {"private-cache-admin.ops", true, false, false, true, false, "admin.ops", ChannelKind::admin},
      {"presence-cache-x", true, true, false, true, false, "x", ChannelKind::plain},
      {"private-encrypted-cache-x", true, false, true, true, false, "x", ChannelKind::plain},
      {"#server-to-user-42", false, false, false, false, true, "42", ChannelKind::user},
      // Only whole prefixes count.
      {"private", false, false, false, false, false, "private", ChannelKind::plain},
      {"privately", false, false, false, false, false, "privately", ChannelKind::plain},
      {"domain", false, false, false, false, false, "domain", ChannelKind::plain},
      {"my-private-x", false, false, false, false, false, "my-private-x", ChannelKind::plain},
      {"presence-encrypted-x", true, true, false, false, false, "encrypted-x", ChannelKind::plain},
  };
  for (const auto& row : table) {
    const auto traits = channel_traits(row.name);
    EXPECT_EQ(traits.needs_auth, row.needs_auth) << row.name;
    EXPECT_EQ(traits.presence, row.presence) << row.name;
    EXPECT_EQ(traits.encrypted, row.encrypted) << row.name;
    EXPECT_EQ(traits.cache, row.cache) << row.name;
    EXPECT_EQ(traits.server_to_user, row.to_user) << row.name;
    EXPECT_EQ(traits.base, row.base) << row.name;
    EXPECT_EQ(traits.kind, row.kind) << row.name;
  }
}

TEST(ChannelTraits, ClientEventsNeedAnAuthorisedReadableChannel) {
  EXPECT_TRUE(channel_traits("private-x").client_events());
  EXPECT_TRUE(channel_traits("presence-x").client_events());
  EXPECT_FALSE(channel_traits("x").client_events());
  EXPECT_FALSE(channel_traits("private-encrypted-x").client_events());
}

TEST(ChannelName, EveryAllowedByteIsAllowed) {
  EXPECT_TRUE(check_channel_name("azAZ09_-=@,.;", 200));
  EXPECT_TRUE(check_channel_name("#server-to-user-a.b@c", 200));
  EXPECT_TRUE(check_channel_name(std::string(200, 'x'), 200));
}

TEST(ChannelName, EveryOtherByteIsRefused) {
  const std::string allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-=@,.;";
  for (int byte = 0; byte < 256; ++byte) {
    const std::string name = std::string("a") + static_cast<char>(byte);
    const bool ok = check_channel_name(name, 200).ok();
    EXPECT_EQ(ok, allowed.find(static_cast<char>(byte)) != std::string::npos) << byte;
  }
}

TEST(ChannelName, LengthsAndHashesAreHeld) {
  EXPECT_FALSE(check_channel_name("", 200));
  EXPECT_FALSE(check_channel_name(std::string(201, 'x'), 200));
  EXPECT_FALSE(check_channel_name("#", 200));
  EXPECT_FALSE(check_channel_name("#x", 200));
  EXPECT_FALSE(check_channel_name("#server-to-user-", 200));
  EXPECT_FALSE(check_channel_name("x#server-to-user-1", 200));
  EXPECT_FALSE(check_channel_name("a/b", 200));  // an app's id and a channel's name are joined by a slash
}

TEST(EventName, ReservedPrefixesAndControlCharactersAreRefused) {
  EXPECT_TRUE(check_event_name("App\\Events\\OrderShipped", 200));
  EXPECT_TRUE(check_event_name("client-typing", 200));
  EXPECT_TRUE(check_event_name("pusher", 200));
  EXPECT_TRUE(check_event_name("größer", 200));
  for (const std::string name : {"", "pusher:ping", "pusher_internal:x", "parley:gap", "a\nb", "a\x7f", "\x01"}) {
    EXPECT_FALSE(check_event_name(name, 200)) << name;
  }
  EXPECT_FALSE(check_event_name(std::string("a\0b", 3), 200));
  EXPECT_FALSE(check_event_name(std::string(201, 'x'), 200));
}

}  // namespace
}  // namespace parley
