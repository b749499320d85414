#pragma once
// The acknowledgement of a durable publish, a Parley extension.

#include <cstdint>
#include <optional>
#include <string_view>

namespace loadgen {

// {"event":"parley:ack","data":{"ack":17,…}}; data may be an object or a string with escaped quotes.
// Throws when the publish was refused.
std::optional<std::uint64_t> find_ack(std::string_view text);

}  // namespace loadgen
