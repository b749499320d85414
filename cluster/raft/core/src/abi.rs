//! What passes over the border, as `praft.h` has it. Plain values; views are borrowed for one call.

use std::ffi::c_void;
use std::{ptr, slice};

pub const OK: i32 = 0;
pub const DROPPED: i32 = 1;
pub const IGNORED: i32 = 2;
pub const REFUSED: i32 = 3;
pub const BROKEN: i32 = 4;

pub const COMMAND: u32 = 0;
pub const CHANGE: u32 = 1;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Bytes {
    pub data: *const u8,
    pub size: usize,
}
impl Bytes {
    pub fn of(bytes: &[u8]) -> Self {
        Bytes { data: bytes.as_ptr(), size: bytes.len() }
    }
    /// # Safety
    /// `data` has `size` bytes for as long as the result is used.
    pub unsafe fn get<'a>(self) -> &'a [u8] {
        if self.size == 0 {
            &[]
        } else {
            slice::from_raw_parts(self.data, self.size)
        }
    }
}
impl Default for Bytes {
    fn default() -> Self {
        Bytes { data: ptr::null(), size: 0 }
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Ids {
    pub data: *const u64,
    pub size: usize,
}
impl Ids {
    pub fn of(ids: &[u64]) -> Self {
        Ids { data: ids.as_ptr(), size: ids.len() }
    }
    /// # Safety
    /// `data` has `size` numbers.
    pub unsafe fn get(self) -> Vec<u64> {
        if self.size == 0 {
            Vec::new()
        } else {
            slice::from_raw_parts(self.data, self.size).to_vec()
        }
    }
}
impl Default for Ids {
    fn default() -> Self {
        Ids { data: ptr::null(), size: 0 }
    }
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct HardState {
    pub term: u64,
    pub vote: u64,
    pub commit: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Entry {
    pub index: u64,
    pub term: u64,
    pub kind: u32,
    pub payload: Bytes,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Membership {
    pub voters: Ids,
    pub learners: Ids,
    pub voters_outgoing: Ids,
    pub learners_next: Ids,
    pub auto_leave: u8,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Snapshot {
    pub index: u64,
    pub term: u64,
    pub membership: Membership,
    pub data: Bytes,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Message {
    pub kind: u32,
    pub reject: u8,
    pub has_snapshot: u8,
    pub to: u64,
    pub from: u64,
    pub term: u64,
    pub log_term: u64,
    pub index: u64,
    pub commit: u64,
    pub commit_term: u64,
    pub reject_hint: u64,
    pub request_snapshot: u64,
    pub old_priority: u64,
    pub priority: i64,
    pub context: Bytes,
    pub entries: *const Entry,
    pub entry_count: usize,
    pub snapshot: Snapshot,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Read {
    pub index: u64,
    pub context: Bytes,
}

#[repr(C)]
pub struct Ready {
    pub number: u64,
    pub leader: u64,
    pub role: u8,
    pub must_sync: u8,
    pub has_hard_state: u8,
    pub has_snapshot: u8,
    pub hard_state: HardState,
    pub snapshot: Snapshot,
    pub entries: *const Entry,
    pub entry_count: usize,
    pub messages: *const Message,
    pub message_count: usize,
    pub committed: *const Entry,
    pub committed_count: usize,
    pub reads: *const Read,
    pub read_count: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Storage {
    pub context: *mut c_void,
    pub entries: unsafe extern "C" fn(*mut c_void, from: u64, to: u64, bytes_max: u64, sink: *mut c_void) -> i32,
    pub term: unsafe extern "C" fn(*mut c_void, index: u64, term: *mut u64) -> i32,
    pub snapshot: unsafe extern "C" fn(*mut c_void, at_least: u64, to: u64, out: *mut Snapshot) -> i32,
}

#[repr(C)]
pub struct Config {
    pub id: u64,
    pub group: u64,
    pub salt: u64,
    pub election_ticks: u32,
    pub heartbeat_ticks: u32,
    pub message_bytes_max: u64,
    pub messages_in_flight_max: u32,
    pub uncommitted_bytes_max: u64,
    pub committed_bytes_max: u64,
    pub window_bytes_max: u64,
}

#[repr(C)]
pub struct Boot {
    pub hard_state: HardState,
    pub cut_index: u64,
    pub cut_term: u64,
    pub last_index: u64,
    pub applied: u64,
    pub membership: Membership,
}

#[repr(C)]
#[derive(Default)]
pub struct Status {
    pub term: u64,
    pub leader: u64,
    pub commit: u64,
    pub applied: u64,
    pub last: u64,
    pub persisted: u64,
    pub transferee: u64,
    pub window_bytes: u64,
    pub role: u8,
    pub change_pending: u8,
    pub term_committed: u8,
}
