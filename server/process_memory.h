#pragma once
// How much memory the process has in use. Thread-safe.

#include <cstdint>

namespace parley::server {

std::uint64_t memory_bytes();  // resident; 0: the system does not say

}  // namespace parley::server
