#pragma once
// The C ABI of the consensus core (src/lib.rs): one handle is one replica of one group. For cluster/raft/group.cpp
// alone, which has the rules of its use; here is only what passes over.
//
// No I/O, no clock, no thread: a step machine. A handle is used by one thread at a time and may move between threads.
// A panic inside never leaves: the call returns PRAFT_BROKEN, and so does every later one on that handle.
// Views that a call gives out live until the next call of praft_ready() or praft_destroy() on the handle; views that
// are handed in are copied before the call returns.

#include <cstddef>
#include <cstdint>

extern "C" {

enum praft_code : std::int32_t {
  PRAFT_OK = 0,
  PRAFT_DROPPED = 1,  // not the leader, handing over, or too much is uncommitted
  PRAFT_IGNORED = 2,  // the message is from nobody that is known, or of a kind that does not travel
  PRAFT_REFUSED = 3,  // it makes no sense
  PRAFT_BROKEN = 4,   // it panicked, now or before: praft_panic()
};
enum praft_role : std::uint8_t {
  PRAFT_FOLLOWER = 0,
  PRAFT_CANDIDATE = 1,
  PRAFT_LEADER = 2,
  PRAFT_PRE_CANDIDATE = 3,
};
enum praft_entry_kind : std::uint32_t { PRAFT_COMMAND = 0, PRAFT_CHANGE = 1 };
enum praft_change_kind : std::uint32_t { PRAFT_ADD_VOTER = 0, PRAFT_REMOVE = 1, PRAFT_ADD_LEARNER = 2 };

struct praft_handle;

struct praft_bytes {
  const std::uint8_t* data;
  std::size_t size;
};
struct praft_ids {
  const std::uint64_t* data;
  std::size_t size;
};
struct praft_hard_state {
  std::uint64_t term, vote, commit;
};
struct praft_entry {
  std::uint64_t index, term;
  std::uint32_t kind;
  praft_bytes payload;
};
struct praft_membership {
  praft_ids voters, learners, voters_outgoing, learners_next;
  std::uint8_t auto_leave;
};
struct praft_snapshot {
  std::uint64_t index, term;
  praft_membership membership;
  praft_bytes data;
};
struct praft_message {
  std::uint32_t type;  // eraftpb.MessageType
  std::uint8_t reject;
  std::uint8_t has_snapshot;
  std::uint64_t to, from, term, log_term, index, commit, commit_term, reject_hint, request_snapshot;
  std::uint64_t old_priority;
  std::int64_t priority;
  praft_bytes context;
  const praft_entry* entries;
  std::size_t entry_count;
  praft_snapshot snapshot;
};
struct praft_read {
  std::uint64_t index;
  praft_bytes context;
};
struct praft_ready_view {
  std::uint64_t number;
  std::uint64_t leader;
  std::uint8_t role;
  std::uint8_t must_sync;
  std::uint8_t has_hard_state;
  std::uint8_t has_snapshot;
  praft_hard_state hard_state;
  praft_snapshot snapshot;
  const praft_entry* entries;
  std::size_t entry_count;
  const praft_message* messages;
  std::size_t message_count;
  const praft_entry* committed;
  std::size_t committed_count;
  const praft_read* reads;
  std::size_t read_count;
};
// What lies below the window. Called inside a call on the handle, on its thread; they must not call it back, but for
// praft_sink_entry(). 0: done; anything else: it is not to be had. They must not throw.
struct praft_storage {
  void* context;
  std::int32_t (*entries)(void* context, std::uint64_t from, std::uint64_t to, std::uint64_t bytes_max, void* sink);
  std::int32_t (*term)(void* context, std::uint64_t index, std::uint64_t* term);
  std::int32_t (*snapshot)(void* context, std::uint64_t at_least, std::uint64_t to, praft_snapshot* out);
};
struct praft_config {
  std::uint64_t id, group, salt;
  std::uint32_t election_ticks, heartbeat_ticks;
  std::uint64_t message_bytes_max;
  std::uint32_t messages_in_flight_max;
  std::uint64_t uncommitted_bytes_max, committed_bytes_max, window_bytes_max;
};
struct praft_boot {
  praft_hard_state hard_state;
  std::uint64_t cut_index, cut_term, last_index, applied;
  praft_membership membership;  // as of `applied`
};
struct praft_status_view {
  std::uint64_t term, leader, commit, applied, last, persisted, transferee;
  std::uint64_t window_bytes;
  std::uint8_t role;
  std::uint8_t change_pending;
  std::uint8_t term_committed;  // an entry of this term is committed
};

praft_handle* praft_create(const praft_config*, const praft_boot*, praft_storage);  // null: praft_panic()
void praft_destroy(praft_handle*);
std::size_t praft_panic(char* out, std::size_t size);  // the text of this thread's last panic

std::int32_t praft_tick(praft_handle*);
std::int32_t praft_campaign(praft_handle*);
std::int32_t praft_step(praft_handle*, const praft_message*);
std::int32_t praft_propose(praft_handle*, praft_entry, std::uint64_t* index, std::uint64_t* term);
std::int32_t praft_apply_change(praft_handle*, std::uint32_t kind, std::uint64_t id, praft_membership* out);
std::int32_t praft_step_down(praft_handle*);
std::int32_t praft_transfer(praft_handle*, std::uint64_t to);
std::int32_t praft_read_index(praft_handle*, praft_bytes context);
std::int32_t praft_report_unreachable(praft_handle*, std::uint64_t id);
std::int32_t praft_report_snapshot(praft_handle*, std::uint64_t id, std::uint8_t arrived);
std::uint8_t praft_would_restore(const praft_handle*, const praft_message*);
std::int32_t praft_want_snapshot(praft_handle*, std::uint8_t wanted);
std::uint8_t praft_has_ready(const praft_handle*);
std::int32_t praft_ready(praft_handle*, praft_ready_view*);
std::int32_t praft_release(praft_handle*);  // the view of the last praft_ready() ends
std::int32_t praft_persisted(praft_handle*, std::uint64_t number);
std::int32_t praft_applied(praft_handle*, std::uint64_t index);
std::int32_t praft_shrink(praft_handle*, std::uint64_t applied);
std::int32_t praft_cut(praft_handle*, std::uint64_t index, std::uint64_t* term);  // entries up to there are gone
void praft_sink_entry(void* sink, praft_entry);
praft_status_view praft_status(const praft_handle*);
std::uint64_t praft_matched(const praft_handle*, std::uint64_t id);

// For tests: the message as raft would see it, read field by field by the library's own names and written as text.
std::size_t praft_describe(const praft_message*, char* out, std::size_t size);
// For tests: into raft's message and out again, as if it was stepped and then sent.
void praft_echo(const praft_message*, void (*visit)(void* context, const praft_message*), void* context);
}
