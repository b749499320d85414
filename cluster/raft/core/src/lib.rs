//! The C ABI over raft-rs: see `praft.h`. Nothing panics over the border: a replica that does is marked as broken, and
//! every later call on it says so.
#![allow(clippy::missing_safety_doc, clippy::field_reassign_with_default)]

mod abi;
mod log;
mod message;
mod replica;

use log::Sink;
use message::Outbound;
use replica::Replica;
use std::cell::RefCell;
use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;
use std::sync::Once;

thread_local!(static PANIC: RefCell<String> = const { RefCell::new(String::new()) });

/// What panics say is for whoever gets the code, not for the process' stderr.
fn keep_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|info| PANIC.with(|text| *text.borrow_mut() = info.to_string()))));
}

unsafe fn guarded(handle: *mut Replica, run: impl FnOnce(&mut Replica) -> i32) -> i32 {
    let replica = &mut *handle;
    if replica.broken {
        return abi::BROKEN;
    }
    let done = catch_unwind(AssertUnwindSafe(|| {
        let code = run(replica);
        replica.settle();
        code
    }));
    done.unwrap_or_else(|_| {
        replica.broken = true;
        abi::BROKEN
    })
}

/// Of a question that changes nothing.
unsafe fn asked<T: Default>(handle: *const Replica, ask: impl FnOnce(&Replica) -> T) -> T {
    let replica = &*handle;
    if replica.broken {
        return T::default();
    }
    catch_unwind(AssertUnwindSafe(|| ask(replica))).unwrap_or_default()
}

unsafe fn give(text: &str, out: *mut u8, size: usize) -> usize {
    let count = text.len().min(size);
    ptr::copy_nonoverlapping(text.as_ptr(), out, count);
    count
}

#[no_mangle]
pub unsafe extern "C" fn praft_panic(out: *mut u8, size: usize) -> usize {
    PANIC.with(|text| give(&text.borrow(), out, size))
}

#[no_mangle]
pub unsafe extern "C" fn praft_create(
    config: *const abi::Config,
    boot: *const abi::Boot,
    below: abi::Storage,
) -> *mut Replica {
    keep_panics();
    match catch_unwind(AssertUnwindSafe(|| Replica::new(&*config, &*boot, below))) {
        Ok(replica) => Box::into_raw(Box::new(replica)),
        Err(_) => ptr::null_mut(),
    }
}

#[no_mangle]
pub unsafe extern "C" fn praft_destroy(handle: *mut Replica) {
    if !handle.is_null() {
        drop(Box::from_raw(handle));
    }
}

#[no_mangle]
pub unsafe extern "C" fn praft_tick(handle: *mut Replica) -> i32 {
    guarded(handle, |r| r.tick())
}

#[no_mangle]
pub unsafe extern "C" fn praft_campaign(handle: *mut Replica) -> i32 {
    guarded(handle, |r| r.campaign())
}

#[no_mangle]
pub unsafe extern "C" fn praft_step(handle: *mut Replica, message: *const abi::Message) -> i32 {
    guarded(handle, |r| r.step(&*message))
}

#[no_mangle]
pub unsafe extern "C" fn praft_propose(
    handle: *mut Replica,
    entry: abi::Entry,
    index: *mut u64,
    term: *mut u64,
) -> i32 {
    guarded(handle, |r| r.propose(&entry, &mut *index, &mut *term))
}

#[no_mangle]
pub unsafe extern "C" fn praft_apply_change(
    handle: *mut Replica,
    kind: u32,
    id: u64,
    out: *mut abi::Membership,
) -> i32 {
    guarded(handle, |r| r.apply_change(kind, id, &mut *out))
}

#[no_mangle]
pub unsafe extern "C" fn praft_step_down(handle: *mut Replica) -> i32 {
    guarded(handle, |r| r.step_down())
}

#[no_mangle]
pub unsafe extern "C" fn praft_transfer(handle: *mut Replica, to: u64) -> i32 {
    guarded(handle, |r| r.transfer(to))
}

#[no_mangle]
pub unsafe extern "C" fn praft_read_index(handle: *mut Replica, context: abi::Bytes) -> i32 {
    guarded(handle, |r| r.read_index(context.get()))
}

#[no_mangle]
pub unsafe extern "C" fn praft_report_unreachable(handle: *mut Replica, id: u64) -> i32 {
    guarded(handle, |r| r.report_unreachable(id))
}

#[no_mangle]
pub unsafe extern "C" fn praft_report_snapshot(handle: *mut Replica, id: u64, arrived: u8) -> i32 {
    guarded(handle, |r| r.report_snapshot(id, arrived != 0))
}

#[no_mangle]
pub unsafe extern "C" fn praft_would_restore(handle: *const Replica, message: *const abi::Message) -> u8 {
    asked(handle, |r| r.would_restore(&*message) as u8)
}

#[no_mangle]
pub unsafe extern "C" fn praft_want_snapshot(handle: *mut Replica, wanted: u8) -> i32 {
    guarded(handle, |r| r.want_snapshot(wanted != 0))
}

#[no_mangle]
pub unsafe extern "C" fn praft_release(handle: *mut Replica) -> i32 {
    guarded(handle, |r| {
        r.release();
        abi::OK
    })
}

#[no_mangle]
pub unsafe extern "C" fn praft_has_ready(handle: *const Replica) -> u8 {
    asked(handle, |r| r.has_ready() as u8)
}

#[no_mangle]
pub unsafe extern "C" fn praft_ready(handle: *mut Replica, out: *mut abi::Ready) -> i32 {
    guarded(handle, |r| r.ready(&mut *out))
}

#[no_mangle]
pub unsafe extern "C" fn praft_persisted(handle: *mut Replica, number: u64) -> i32 {
    guarded(handle, |r| r.persisted(number))
}

#[no_mangle]
pub unsafe extern "C" fn praft_applied(handle: *mut Replica, index: u64) -> i32 {
    guarded(handle, |r| r.applied(index))
}

#[no_mangle]
pub unsafe extern "C" fn praft_shrink(handle: *mut Replica, applied: u64) -> i32 {
    guarded(handle, |r| r.shrink(applied))
}

#[no_mangle]
pub unsafe extern "C" fn praft_cut(handle: *mut Replica, index: u64, term: *mut u64) -> i32 {
    guarded(handle, |r| r.cut(index, &mut *term))
}

#[no_mangle]
pub unsafe extern "C" fn praft_sink_entry(sink: *mut c_void, entry: abi::Entry) {
    (*(sink as *mut Sink)).entries.push(message::entry_in(&entry));
}

#[no_mangle]
pub unsafe extern "C" fn praft_status(handle: *const Replica) -> abi::Status {
    asked(handle, |r| r.status())
}

#[no_mangle]
pub unsafe extern "C" fn praft_matched(handle: *const Replica, id: u64) -> u64 {
    asked(handle, |r| r.matched(id))
}

/// By raft's own printing of its message, which knows every field that there is.
#[no_mangle]
pub unsafe extern "C" fn praft_describe(message: *const abi::Message, out: *mut u8, size: usize) -> usize {
    match message::message_in(&*message) {
        Some(message) => give(&format!("{message:?}"), out, size),
        None => give("does not travel", out, size),
    }
}

#[no_mangle]
pub unsafe extern "C" fn praft_echo(
    message: *const abi::Message,
    visit: unsafe extern "C" fn(*mut c_void, *const abi::Message),
    context: *mut c_void,
) {
    let mut outbound = Outbound::default();
    outbound.set(message::message_in(&*message).into_iter().collect());
    for view in outbound.views() {
        visit(context, view);
    }
}
