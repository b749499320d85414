#pragma once
// CHECK: an assertion about our own code, on in release builds.
//
// A failed CHECK is a bug of ours and ends the process with the sentence that was broken. What a
// client, a peer, a disk or a configuration can cause is never a CHECK: that is a Result (result.h).

namespace parley {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::parley::check_failed(#condition, __FILE__, __LINE__))
