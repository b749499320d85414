//! The log as raft reads it: a window of recent entries in memory, bounded in bytes, and the owner's storage below it.
//!
//! Only what is applied and persisted leaves the window, so whatever is asked of the storage is in it for good: it is
//! never truncated again, and a write that is still on its way is never needed from there.

use crate::{abi, message};
use raft::eraftpb::{ConfState, Entry, HardState, Snapshot};
use raft::{Error, GetEntriesContext, RaftState, Storage, StorageError};
use std::collections::VecDeque;
use std::ffi::c_void;

pub struct Log {
    pub hard_state: HardState,
    pub membership: ConfState,
    pub bytes: usize,
    cut: u64, // entries up to here are gone
    cut_term: u64,
    first: u64, // in the window
    window: VecDeque<Entry>,
    dropped: (u64, u64), // index and term of what was before the window: asked for all the time
    below: abi::Storage,
}

/// What an entry costs in memory, about.
fn weight(entry: &Entry) -> usize {
    entry.data.len() + entry.context.len() + 64
}

/// Where the owner's storage puts what it is asked for.
#[derive(Default)]
pub struct Sink {
    pub entries: Vec<Entry>,
}

impl Log {
    pub fn new(hard_state: HardState, membership: ConfState, boot: &abi::Boot, below: abi::Storage) -> Self {
        Log {
            hard_state,
            membership,
            bytes: 0,
            cut: boot.cut_index,
            cut_term: boot.cut_term,
            first: boot.last_index + 1,
            window: VecDeque::new(),
            dropped: (0, 0),
            below,
        }
    }

    fn last(&self) -> u64 {
        self.first + self.window.len() as u64 - 1
    }

    pub fn append(&mut self, entries: &[Entry]) {
        let Some(first) = entries.first() else { return };
        assert!(first.index <= self.last() + 1 && first.index > self.cut, "a hole in the log");
        if first.index < self.first {
            self.window.clear();
            self.bytes = 0;
            self.first = first.index;
            self.dropped = (0, 0);
        }
        while self.last() >= first.index {
            let Some(gone) = self.window.pop_back() else { break };
            self.bytes -= weight(&gone);
        }
        for entry in entries {
            self.bytes += weight(entry);
            self.window.push_back(entry.clone()); // the payload is reference-counted
        }
    }

    /// A snapshot stands for everything up to there.
    pub fn restore(&mut self, snapshot: &Snapshot) {
        let about = snapshot.get_metadata();
        self.membership = about.get_conf_state().clone();
        self.window.clear();
        self.bytes = 0;
        self.cut = about.index;
        self.cut_term = about.term;
        self.first = about.index + 1;
    }

    fn drop_front(&mut self) {
        if let Some(gone) = self.window.pop_front() {
            self.bytes -= weight(&gone);
            self.first += 1;
            self.dropped = (gone.index, gone.term);
        }
    }

    /// Down to the bound, of what is before `keep_from`.
    pub fn shrink(&mut self, bytes_max: usize, keep_from: u64) {
        while self.bytes > bytes_max && self.window.front().is_some_and(|entry| entry.index < keep_from) {
            self.drop_front();
        }
    }

    /// Its term, of what is still there.
    pub fn cut(&mut self, index: u64) -> Option<u64> {
        let term = self.term(index).ok()?;
        self.cut = index;
        self.cut_term = term;
        while self.window.front().is_some_and(|entry| entry.index <= index) {
            self.drop_front();
        }
        Some(term)
    }
}

impl Storage for Log {
    fn initial_state(&self) -> raft::Result<RaftState> {
        Ok(RaftState::new(self.hard_state.clone(), self.membership.clone()))
    }

    fn entries(
        &self,
        from: u64,
        to: u64,
        bytes_max: impl Into<Option<u64>>,
        _: GetEntriesContext,
    ) -> raft::Result<Vec<Entry>> {
        if from <= self.cut {
            return Err(Error::Store(StorageError::Compacted));
        }
        assert!(to <= self.last() + 1, "entries behind the end of the log");
        let bytes_max = bytes_max.into().unwrap_or(u64::MAX);
        let mut sink = Sink::default();
        let mut at = from;
        let mut bytes = 0u64;
        // Without a bound raft wants all of them, and storage may give them in parts.
        while at < to.min(self.first) {
            let had = sink.entries.len();
            let room = bytes_max - bytes.min(bytes_max);
            let context = &mut sink as *mut Sink as *mut c_void;
            let code = unsafe { (self.below.entries)(self.below.context, at, to.min(self.first), room, context) };
            if code != 0 || sink.entries.len() == had {
                return Err(Error::Store(StorageError::Unavailable));
            }
            for entry in &sink.entries[had..] {
                assert!(entry.index == at, "the storage gave another entry than it was asked for");
                bytes += weight(entry) as u64;
                at += 1;
            }
            if bytes >= bytes_max {
                return Ok(sink.entries);
            }
        }
        if at < to {
            let range = (at - self.first) as usize..(to - self.first) as usize;
            for entry in self.window.range(range) {
                bytes += weight(entry) as u64;
                if bytes > bytes_max && !sink.entries.is_empty() {
                    break;
                }
                sink.entries.push(entry.clone());
            }
        }
        Ok(sink.entries)
    }

    fn term(&self, index: u64) -> raft::Result<u64> {
        if index == self.cut {
            return Ok(self.cut_term);
        }
        if index < self.cut {
            return Err(Error::Store(StorageError::Compacted));
        }
        if index > self.last() {
            return Err(Error::Store(StorageError::Unavailable));
        }
        if index >= self.first {
            return Ok(self.window[(index - self.first) as usize].term);
        }
        if index == self.dropped.0 {
            return Ok(self.dropped.1);
        }
        let mut term = 0;
        match unsafe { (self.below.term)(self.below.context, index, &mut term) } {
            0 => Ok(term),
            _ => Err(Error::Store(StorageError::Unavailable)),
        }
    }

    fn first_index(&self) -> raft::Result<u64> {
        Ok(self.cut + 1)
    }

    fn last_index(&self) -> raft::Result<u64> {
        Ok(self.last())
    }

    fn snapshot(&self, at_least: u64, to: u64) -> raft::Result<Snapshot> {
        let mut found = abi::Snapshot::default();
        let code = unsafe { (self.below.snapshot)(self.below.context, at_least, to, &mut found) };
        if code != 0 || found.index < at_least {
            return Err(Error::Store(StorageError::SnapshotTemporarilyUnavailable));
        }
        Ok(unsafe { message::snapshot_in(&found) })
    }
}
