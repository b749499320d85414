//! One replica: raft's node over our log, and what a Ready's views point to.

use crate::log::Log;
use crate::message::{entry_in, entry_out, membership_in, membership_out, snapshot_out, Outbound};
use crate::{abi, message};
use raft::eraftpb::{ConfChange, ConfChangeType, ConfState, Entry, HardState, Message, MessageType, Snapshot};
use raft::{Config, Error, RawNode, ReadState, SnapshotStatus, StateRole};

pub struct Replica {
    node: RawNode<Log>,
    pub broken: bool,
    salt: u64,
    rounds: u64, // of elections, without a leader
    election_ticks: u64,
    window_bytes_max: usize,
    // What the last Ready's views point to.
    entries: Vec<Entry>,
    committed: Vec<Entry>,
    snapshot: Snapshot,
    reads: Vec<ReadState>,
    outbound: Outbound,
    entry_views: Vec<abi::Entry>,
    committed_views: Vec<abi::Entry>,
    read_views: Vec<abi::Read>,
    membership: ConfState,
}

fn mix(mut x: u64) -> u64 {
    x ^= x >> 30;
    x = x.wrapping_mul(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x = x.wrapping_mul(0x94d049bb133111eb);
    x ^ (x >> 31)
}

fn code(result: raft::Result<()>) -> i32 {
    match result {
        Ok(()) => abi::OK,
        Err(Error::ProposalDropped) => abi::DROPPED,
        Err(Error::StepLocalMsg) | Err(Error::StepPeerNotFound) => abi::IGNORED,
        Err(_) => abi::REFUSED,
    }
}

impl Replica {
    /// # Safety
    /// The views in `boot` are valid.
    pub unsafe fn new(config: &abi::Config, boot: &abi::Boot, below: abi::Storage) -> Self {
        let wanted = Config {
            id: config.id,
            election_tick: config.election_ticks as usize,
            heartbeat_tick: config.heartbeat_ticks as usize,
            applied: boot.applied,
            max_size_per_msg: config.message_bytes_max,
            max_inflight_msgs: config.messages_in_flight_max as usize,
            check_quorum: true,
            pre_vote: true,
            batch_append: true,
            max_uncommitted_size: config.uncommitted_bytes_max,
            max_committed_size_per_ready: config.committed_bytes_max,
            ..Default::default()
        };
        let mut hard_state = HardState::default();
        hard_state.term = boot.hard_state.term;
        hard_state.vote = boot.hard_state.vote;
        hard_state.commit = boot.hard_state.commit;
        let log = Log::new(hard_state, membership_in(&boot.membership), boot, below);
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        let node = match RawNode::new(&wanted, log, &logger) {
            Ok(node) => node,
            Err(error) => panic!("{error}"),
        };
        let mut made = Replica {
            node,
            broken: false,
            salt: mix(config.salt ^ mix(config.group ^ mix(config.id))),
            rounds: 0,
            election_ticks: config.election_ticks as u64,
            window_bytes_max: config.window_bytes_max as usize,
            entries: Vec::new(),
            committed: Vec::new(),
            snapshot: Snapshot::default(),
            reads: Vec::new(),
            outbound: Outbound::default(),
            entry_views: Vec::new(),
            committed_views: Vec::new(),
            read_views: Vec::new(),
            membership: ConfState::default(),
        };
        made.settle();
        made
    }

    /// Raft draws the election timeout from the thread's own randomness whenever it resets; nothing else is random.
    /// After every call the draw is overwritten by a function of salt, term and round, so that runs repeat.
    pub fn settle(&mut self) {
        let drawn = mix(self.salt ^ mix(self.node.raft.term ^ (self.rounds << 40))) % self.election_ticks;
        self.node.raft.set_randomized_election_timeout((self.election_ticks + drawn) as usize);
    }

    fn leads(&self) -> bool {
        self.node.raft.state == StateRole::Leader
    }

    pub fn tick(&mut self) -> i32 {
        if self.node.tick() && !self.leads() {
            self.rounds += 1;
        }
        abi::OK
    }

    pub fn campaign(&mut self) -> i32 {
        code(self.node.campaign())
    }

    pub unsafe fn step(&mut self, from: &abi::Message) -> i32 {
        match message::message_in(from) {
            Some(message) => code(self.node.step(message)),
            None => abi::IGNORED,
        }
    }

    pub unsafe fn propose(&mut self, from: &abi::Entry, index: &mut u64, term: &mut u64) -> i32 {
        // 0.7.0 would forward it.
        if !self.leads() {
            return abi::DROPPED;
        }
        let mut proposal = Message::default();
        proposal.set_msg_type(MessageType::MsgPropose);
        proposal.from = self.node.raft.id;
        proposal.entries = vec![entry_in(from)].into();
        let done = code(self.node.raft.step(proposal));
        *index = self.node.raft.raft_log.last_index();
        *term = self.node.raft.term;
        done
    }

    pub fn apply_change(&mut self, kind: u32, id: u64, out: &mut abi::Membership) -> i32 {
        let mut change = ConfChange::default();
        change.node_id = id;
        change.set_change_type(match kind {
            0 => ConfChangeType::AddNode,
            1 => ConfChangeType::RemoveNode,
            2 => ConfChangeType::AddLearnerNode,
            _ => return abi::REFUSED,
        });
        let Ok(membership) = self.node.apply_conf_change(&change) else { return abi::REFUSED };
        self.node.mut_store().membership = membership.clone();
        self.membership = membership;
        self.membership.voters.sort_unstable();
        self.membership.learners.sort_unstable();
        *out = membership_out(&self.membership);
        abi::OK
    }

    pub fn step_down(&mut self) -> i32 {
        let term = self.node.raft.term;
        self.node.raft.become_follower(term, raft::INVALID_ID);
        abi::OK
    }

    pub fn transfer(&mut self, to: u64) -> i32 {
        self.node.transfer_leader(to);
        abi::OK
    }

    pub fn read_index(&mut self, context: &[u8]) -> i32 {
        self.node.read_index(context.to_vec());
        abi::OK
    }

    pub fn report_unreachable(&mut self, id: u64) -> i32 {
        self.node.report_unreachable(id);
        abi::OK
    }

    pub fn report_snapshot(&mut self, id: u64, arrived: bool) -> i32 {
        self.node.report_snapshot(id, if arrived { SnapshotStatus::Finish } else { SnapshotStatus::Failure });
        abi::OK
    }

    /// Whether step() would put the message's snapshot in the place of the state, by the conditions of raft's restore().
    pub unsafe fn would_restore(&self, from: &abi::Message) -> bool {
        let Some(message) = message::message_in(from) else { return false };
        let raft = &self.node.raft;
        if message.term < raft.term || (message.term == raft.term && self.leads()) {
            return false;
        }
        let meta = message.get_snapshot().get_metadata();
        let members = meta.get_conf_state();
        let listed =
            members.voters.iter().chain(&members.learners).chain(&members.voters_outgoing).any(|id| *id == raft.id);
        listed
            && meta.index >= raft.raft_log.committed
            && (raft.pending_request_snapshot != raft::INVALID_INDEX
                || !raft.raft_log.match_term(meta.index, meta.term))
    }

    /// What raft's request_snapshot() does, but for a log that ends in an earlier term as well: it is told with the next
    /// heartbeat. It ends by itself with the restore.
    pub fn want_snapshot(&mut self, wanted: bool) -> i32 {
        if self.leads() {
            return abi::DROPPED;
        }
        let raft = &mut self.node.raft;
        if !wanted {
            raft.pending_request_snapshot = raft::INVALID_INDEX;
        } else if raft.pending_request_snapshot == raft::INVALID_INDEX && raft.snap().is_none() {
            raft.pending_request_snapshot = raft.raft_log.committed.max(1);
        }
        abi::OK
    }

    pub fn has_ready(&self) -> bool {
        self.node.has_ready()
    }

    /// Nobody looks at the views of the last Ready any more: what they point to is let go of.
    pub fn release(&mut self) {
        self.entry_views.clear();
        self.committed_views.clear();
        self.read_views.clear();
        self.entries = Vec::new();
        self.committed = Vec::new();
        self.reads = Vec::new();
        self.snapshot = Snapshot::default();
        self.outbound.set(Vec::new());
    }

    /// Takes the Ready; its entries can be read from the window at once.
    pub fn ready(&mut self, out: &mut abi::Ready) -> i32 {
        let mut ready = self.node.ready();
        self.entries = ready.take_entries();
        self.committed = ready.take_committed_entries();
        self.reads = ready.take_read_states();
        self.snapshot = ready.snapshot().clone();
        // A leader's may leave before its own write, everybody else's wait: the owner tells them apart by the role.
        let mut messages = ready.take_messages();
        messages.extend(ready.take_persisted_messages());
        self.outbound.set(messages);
        self.entry_views.clear();
        self.entry_views.extend(self.entries.iter().map(entry_out));
        self.committed_views.clear();
        self.committed_views.extend(self.committed.iter().map(entry_out));
        self.read_views.clear();
        self.read_views.extend(
            self.reads.iter().map(|read| abi::Read { index: read.index, context: abi::Bytes::of(&read.request_ctx) }),
        );
        let hard_state = ready.hs().cloned();
        let has_snapshot = !self.snapshot.is_empty();
        let log = self.node.mut_store();
        if has_snapshot {
            log.restore(&self.snapshot);
        }
        log.append(&self.entries);
        if let Some(hard_state) = &hard_state {
            log.hard_state = hard_state.clone();
        }
        let told = hard_state.clone().unwrap_or_default();
        *out = abi::Ready {
            number: ready.number(),
            leader: self.node.raft.leader_id,
            role: self.node.raft.state as u8,
            must_sync: ready.must_sync() as u8,
            has_hard_state: hard_state.is_some() as u8,
            has_snapshot: has_snapshot as u8,
            hard_state: abi::HardState { term: told.term, vote: told.vote, commit: told.commit },
            snapshot: snapshot_out(&self.snapshot),
            entries: self.entry_views.as_ptr(),
            entry_count: self.entry_views.len(),
            messages: self.outbound.views().as_ptr(),
            message_count: self.outbound.views().len(),
            committed: self.committed_views.as_ptr(),
            committed_count: self.committed_views.len(),
            reads: self.read_views.as_ptr(),
            read_count: self.read_views.len(),
        };
        self.node.advance_append_async(ready);
        abi::OK
    }

    pub fn persisted(&mut self, number: u64) -> i32 {
        self.node.on_persist_ready(number);
        abi::OK
    }

    pub fn applied(&mut self, index: u64) -> i32 {
        self.node.advance_apply_to(index);
        abi::OK
    }

    pub fn shrink(&mut self, applied: u64) -> i32 {
        let keep_from = applied.min(self.node.raft.raft_log.persisted) + 1;
        let bytes_max = self.window_bytes_max;
        self.node.mut_store().shrink(bytes_max, keep_from);
        abi::OK
    }

    pub fn cut(&mut self, index: u64, term: &mut u64) -> i32 {
        match self.node.mut_store().cut(index) {
            Some(found) => {
                *term = found;
                abi::OK
            }
            None => abi::REFUSED,
        }
    }

    pub fn status(&self) -> abi::Status {
        let raft = &self.node.raft;
        abi::Status {
            term: raft.term,
            leader: raft.leader_id,
            commit: raft.raft_log.committed,
            applied: raft.raft_log.applied,
            last: raft.raft_log.last_index(),
            persisted: raft.raft_log.persisted,
            transferee: raft.lead_transferee.unwrap_or(0),
            window_bytes: self.node.store().bytes as u64,
            role: raft.state as u8,
            change_pending: raft.has_pending_conf() as u8,
            term_committed: raft.commit_to_current_term() as u8,
        }
    }

    pub fn matched(&self, id: u64) -> u64 {
        self.node.raft.prs().get(id).map_or(0, |progress| progress.matched)
    }
}
