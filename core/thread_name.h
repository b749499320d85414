#pragma once
// The name by which top, gdb and perf show a thread; at most 15 bytes.

#include <pthread.h>

namespace parley {
inline void name_this_thread(const char* name) { pthread_setname_np(pthread_self(), name); }
}  // namespace parley
