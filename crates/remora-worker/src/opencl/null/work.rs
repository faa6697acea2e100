//! What follows from an event's completion: queues that may go on, and the program's callbacks.
//!
//! Neither may run where the event is resolved, since locks may be held there, and a chain of events would become a chain
//! of stack frames. So each thread has a list, and every entry point that can resolve an event ends with `settle`.

use super::event::Callback;
use super::pool::Ref;
use super::queue::Queue;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

struct Work {
    queues: VecDeque<Ref<Queue>>,
    callbacks: VecDeque<Callback>,
}

thread_local! {
    static WORK: RefCell<Work> = const { RefCell::new(Work { queues: VecDeque::new(), callbacks: VecDeque::new() }) };
    static SETTLING: Cell<bool> = const { Cell::new(false) };
}

/// Commands of these queues may have become ready.
pub fn wake(queues: Vec<Ref<Queue>>) {
    if !queues.is_empty() {
        WORK.with_borrow_mut(|work| work.queues.extend(queues));
    }
}

/// These callbacks are due.
pub fn call(callbacks: Vec<Callback>) {
    if !callbacks.is_empty() {
        WORK.with_borrow_mut(|work| work.callbacks.extend(callbacks));
    }
}

/// Does what this thread has on its list. No lock may be held. Called from a callback, it leaves the other callbacks to
/// the call that runs that one.
pub fn settle() {
    if SETTLING.get() {
        drain();
    } else {
        SETTLING.set(true);
        run();
        SETTLING.set(false);
    }
}

/// Like `settle`, but callbacks too when called from one: before a wait, which could be for what a callback does.
pub fn settle_before_wait() {
    let outer = SETTLING.replace(true);
    run();
    SETTLING.set(outer);
}

fn run() {
    loop {
        // Queues first: a callback may take its time, and other threads may wait for those commands.
        drain();
        let Some(callback) = WORK.with_borrow_mut(|work| work.callbacks.pop_front()) else { return };
        callback.run();
    }
}

fn drain() {
    while let Some(queue) = WORK.with_borrow_mut(|work| work.queues.pop_front()) {
        queue.drain();
    }
}
