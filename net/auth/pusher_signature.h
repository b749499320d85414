#pragma once
// Pusher's signatures for channels and sign-ins: `KEY:hex(HMAC-SHA256(secret, text))`. Both sides:
// checking what clients bring, and signing for our own tools. Thread-safe; each thread keeps a context.

#include "core/ids.h"
#include "core/result.h"
#include "core/settings.h"
#include "net/auth/signature.h"

#include <optional>
#include <string>
#include <string_view>

namespace parley::net::auth {

std::string hmac_sha256_hex(std::string_view secret, std::string_view text);  // lower case
std::string md5_hex(std::string_view text);
// By the app's secret, or by the previous one while a rotation lasts.
bool signature_matches(const App& app, std::string_view text, std::string_view signature_hex);

// What an application's auth endpoint answers as `auth`. `channel_data` for presence channels only.
std::string sign_channel(std::string_view key, std::string_view secret, std::string_view socket,
                         std::string_view channel, std::optional<std::string_view> channel_data = std::nullopt);
std::string sign_user(std::string_view key, std::string_view secret, std::string_view socket,
                      std::string_view user_data);

// `auth` as the client sent it. The error says what was wrong, never what would have been right.
Status check_channel_auth(const App& app, std::string_view socket, std::string_view channel,
                          std::optional<std::string_view> channel_data, std::string_view auth);
Status check_user_auth(const App& app, std::string_view socket, std::string_view user_data, std::string_view auth);

}  // namespace parley::net::auth
