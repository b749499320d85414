#pragma once
// How the kernel is to treat a thread that works for others.

#include <pthread.h>
#include <sched.h>

namespace parley {

// For the calling thread, once, at its start: when it is woken it waits until whoever runs on that processor has done
// its turn, instead of pushing it aside. What comes meanwhile is handled with it: one write, one wake-up for many
// publications. Where a processor is free it runs at once, as before. Somebody who chose another class (real time) has
// his reasons, and keeps it.
inline void work_in_batches() {
#ifdef SCHED_BATCH
  int policy = 0;
  sched_param param{};
  if (pthread_getschedparam(pthread_self(), &policy, &param) != 0 || policy != SCHED_OTHER) return;
  (void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &param);  // refused: it works as any other
#endif
}

}  // namespace parley
