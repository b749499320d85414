#pragma once
// Immutable bytes shared by many readers: a frame on its way to many sockets.

#include <memory>
#include <string>

namespace parley {
using Bytes = std::shared_ptr<const std::string>;
inline Bytes make_bytes(std::string text) { return std::make_shared<const std::string>(std::move(text)); }
}  // namespace parley
