#pragma once
// How far a client that was away has been brought. A value of its subscription; that I/O thread.

#include "core/publication.h"
#include "core/request.h"

#include <cstdint>
#include <memory>

namespace parley::net {

// Between Subscribed and the last Missed. Durable publications that come live meanwhile are dropped: they stand in the
// log and come with a page. Everything else is passed on.
struct CatchUp {
  Position last;                     // newest publication that this client was sent
  Position newest;                   // of the channel when it answered the subscribe
  PublicationPtr cached;             // goes out before the missed ones, unless it is one of them
  bool flows = false;                // there are more pages than the first one
  bool asked = false;                // for a page, which has not come
  std::uint64_t number = 0;          // of the leader that is asked; pages of the ones before it are late
  bool paged = false;                // on_page() was called
  bool after_gap = false;            // it began with one: maybe another life of the channel, told afresh
  bool recovers = false;             // a kept session goes on: what its client published itself is not told to it
  Position has;                      // the client says that it has everything up to here
  std::size_t window = 0;            // bytes of the next page
  MonoTime page_at{};                // when the newest page came
  MonoTime ask_at{};                 // not before
  std::shared_ptr<const void> held;  // of the newest page; see Missed
};

}  // namespace parley::net
