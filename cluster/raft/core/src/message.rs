//! Between raft's messages and the border's plain structs. No protobuf bytes exist anywhere: raft's own types are
//! filled and read field by field.
//!
//! An entry has one payload here. Of a command it is raft's `data`; of a membership change it is raft's `context`, in
//! our own form (cluster/raft/group.cpp), and `data` stays empty: raft would parse it as protobuf where it is proposed,
//! and so nobody ever parses protobuf that a peer sent.

use crate::abi;
use bytes::Bytes;
use raft::eraftpb::{ConfState, Entry, EntryType, Message, MessageType, Snapshot};
use std::{ptr, slice};

pub unsafe fn entry_in(from: &abi::Entry) -> Entry {
    let mut to = Entry::default();
    to.index = from.index;
    to.term = from.term;
    let payload = Bytes::copy_from_slice(from.payload.get());
    if from.kind == abi::CHANGE {
        to.set_entry_type(EntryType::EntryConfChange);
        to.context = payload;
    } else {
        to.data = payload;
    }
    to
}

pub fn entry_out(from: &Entry) -> abi::Entry {
    let command = from.get_entry_type() == EntryType::EntryNormal;
    abi::Entry {
        index: from.index,
        term: from.term,
        kind: if command { abi::COMMAND } else { abi::CHANGE },
        payload: abi::Bytes::of(if command { &from.data } else { &from.context }),
    }
}

pub unsafe fn membership_in(from: &abi::Membership) -> ConfState {
    let mut to = ConfState::default();
    to.voters = from.voters.get();
    to.learners = from.learners.get();
    to.voters_outgoing = from.voters_outgoing.get();
    to.learners_next = from.learners_next.get();
    to.auto_leave = from.auto_leave != 0;
    to
}

pub fn membership_out(from: &ConfState) -> abi::Membership {
    abi::Membership {
        voters: abi::Ids::of(&from.voters),
        learners: abi::Ids::of(&from.learners),
        voters_outgoing: abi::Ids::of(&from.voters_outgoing),
        learners_next: abi::Ids::of(&from.learners_next),
        auto_leave: from.auto_leave as u8,
    }
}

pub unsafe fn snapshot_in(from: &abi::Snapshot) -> Snapshot {
    let mut to = Snapshot::default();
    to.data = Bytes::copy_from_slice(from.data.get());
    let about = to.mut_metadata();
    about.index = from.index;
    about.term = from.term;
    *about.mut_conf_state() = membership_in(&from.membership);
    to
}

pub fn snapshot_out(from: &Snapshot) -> abi::Snapshot {
    let about = from.get_metadata();
    abi::Snapshot {
        index: about.index,
        term: about.term,
        membership: membership_out(about.get_conf_state()),
        data: abi::Bytes::of(&from.data),
    }
}

fn kind_in(kind: u32) -> Option<MessageType> {
    use MessageType::*;
    Some(match kind {
        3 => MsgAppend,
        4 => MsgAppendResponse,
        5 => MsgRequestVote,
        6 => MsgRequestVoteResponse,
        7 => MsgSnapshot,
        8 => MsgHeartbeat,
        9 => MsgHeartbeatResponse,
        14 => MsgTimeoutNow,
        15 => MsgReadIndex,
        16 => MsgReadIndexResp,
        17 => MsgRequestPreVote,
        18 => MsgRequestPreVoteResponse,
        // Local ones, and what 0.7.0 would forward: proposals have an owner, who would never learn of them.
        _ => return None,
    })
}

/// None: of a kind that does not travel.
pub unsafe fn message_in(from: &abi::Message) -> Option<Message> {
    let mut to = Message::default();
    to.set_msg_type(kind_in(from.kind)?);
    to.to = from.to;
    to.from = from.from;
    to.term = from.term;
    to.log_term = from.log_term;
    to.index = from.index;
    to.commit = from.commit;
    to.commit_term = from.commit_term;
    to.reject = from.reject != 0;
    to.reject_hint = from.reject_hint;
    to.request_snapshot = from.request_snapshot;
    to.deprecated_priority = from.old_priority;
    to.priority = from.priority;
    to.context = Bytes::copy_from_slice(from.context.get());
    if from.entry_count != 0 {
        let entries = slice::from_raw_parts(from.entries, from.entry_count);
        to.entries = entries.iter().map(|e| entry_in(e)).collect::<Vec<_>>().into();
    }
    if from.has_snapshot != 0 {
        to.set_snapshot(snapshot_in(&from.snapshot));
    }
    Some(to)
}

/// Messages on their way out, and the views of them.
#[derive(Default)]
pub struct Outbound {
    messages: Vec<Message>,
    entries: Vec<abi::Entry>,
    views: Vec<abi::Message>,
}
impl Outbound {
    pub fn set(&mut self, messages: Vec<Message>) {
        self.messages = messages;
        self.entries.clear();
        self.views.clear();
        for message in &self.messages {
            self.entries.extend(message.entries.iter().map(entry_out));
        }
        let mut at = 0;
        for m in &self.messages {
            let count = m.entries.len();
            self.views.push(abi::Message {
                kind: m.get_msg_type() as u32,
                reject: m.reject as u8,
                has_snapshot: m.has_snapshot() as u8,
                to: m.to,
                from: m.from,
                term: m.term,
                log_term: m.log_term,
                index: m.index,
                commit: m.commit,
                commit_term: m.commit_term,
                reject_hint: m.reject_hint,
                request_snapshot: m.request_snapshot,
                old_priority: m.deprecated_priority,
                priority: m.priority,
                context: abi::Bytes::of(&m.context),
                entries: if count == 0 { ptr::null() } else { &self.entries[at] },
                entry_count: count,
                snapshot: if m.has_snapshot() { snapshot_out(m.get_snapshot()) } else { abi::Snapshot::default() },
            });
            at += count;
        }
    }
    pub fn views(&self) -> &[abi::Message] {
        &self.views
    }
}
