//! A row of like tasks, done by two threads and taken over in order.
//!
//! Whoever is free does the next task; the calling thread takes the finished ones over in their
//! order, and does others while the one it waits for is not ready. So the part that must stay in
//! order costs no idle core. No more than a few finished tasks wait at a time.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How many tasks may be begun and not taken over.
const AHEAD: usize = 4;

struct Relay<T, E> {
    state: Mutex<State<T, E>>,
    changed: Condvar,
    count: usize,
}

struct State<T, E> {
    /// The next one that nobody does yet.
    next: usize,
    /// The next one to be taken over.
    due: usize,
    done: BTreeMap<usize, Result<T, E>>,
    /// Rooms that were used before.
    spare: Vec<T>,
    is_over: bool,
}

/// Tells the other thread that it is over, however it ends.
struct Ending<'r, T, E>(&'r Relay<T, E>);

/// Does `count` tasks. `work` fills a room, which may hold what an earlier task left there;
/// `take_over` gets the rooms in the order of the tasks. The first error in that order ends it.
pub(super) fn in_order<T, E>(
    count: usize,
    work: impl Fn(usize, &mut T) -> Result<(), E> + Sync,
    mut take_over: impl FnMut(usize, &mut T) -> Result<(), E>,
) -> Result<(), E>
where
    T: Default + Send,
    E: Send,
{
    let state = State { next: 0, due: 0, done: BTreeMap::new(), spare: Vec::new(), is_over: false };
    let relay = Relay { state: Mutex::new(state), changed: Condvar::new(), count };
    std::thread::scope(|scope| {
        scope.spawn(|| relay.help(&work));
        let _ending = Ending(&relay);
        for task in 0..count {
            let Some(outcome) = relay.wait_for(task, &work) else { break }; // The helper panicked.
            let mut room = outcome?;
            take_over(task, &mut room)?;
            relay.lock().spare.push(room);
        }
        Ok(())
    })
}

impl<T: Default, E> Relay<T, E> {
    /// Does tasks until there are none.
    fn help(&self, work: &impl Fn(usize, &mut T) -> Result<(), E>) {
        let ending = Ending(self);
        let mut state = self.lock();
        while !state.is_over && state.next < self.count {
            state = match state.may_begin() {
                true => self.do_next(state, work),
                false => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        drop(state);
        std::mem::forget(ending); // Who has done all of its work leaves the other to its own.
    }

    /// The outcome of a task; meanwhile others are done. None if the other thread is lost.
    fn wait_for(
        &self,
        task: usize,
        work: &impl Fn(usize, &mut T) -> Result<(), E>,
    ) -> Option<Result<T, E>> {
        let mut state = self.lock();
        loop {
            if let Some(outcome) = state.done.remove(&task) {
                state.due = task + 1;
                self.changed.notify_all();
                return Some(outcome);
            }
            if state.is_over {
                return None;
            }
            state = match state.next < self.count && state.may_begin() {
                true => self.do_next(state, work),
                false => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn do_next<'s>(
        &'s self,
        mut state: MutexGuard<'s, State<T, E>>,
        work: &impl Fn(usize, &mut T) -> Result<(), E>,
    ) -> MutexGuard<'s, State<T, E>> {
        let task = state.next;
        state.next += 1;
        let mut room = state.spare.pop().unwrap_or_default();
        drop(state);
        let outcome = work(task, &mut room).map(|()| room);
        let mut state = self.lock();
        state.done.insert(task, outcome);
        self.changed.notify_all();
        state
    }
}

impl<T, E> Relay<T, E> {
    fn lock(&self) -> MutexGuard<'_, State<T, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, E> State<T, E> {
    fn may_begin(&self) -> bool {
        self.next < self.due + AHEAD
    }
}

impl<T, E> Drop for Ending<'_, T, E> {
    fn drop(&mut self) {
        self.0.lock().is_over = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_done_once_and_taken_over_in_order() {
        let mut taken = Vec::new();
        let work = |task: usize, room: &mut usize| {
            *room = task * 2;
            Ok::<(), ()>(())
        };
        let done = in_order(1000, work, |task, room| {
            taken.push((task, *room));
            Ok(())
        });
        assert_eq!(done, Ok(()));
        assert_eq!(taken, (0..1000).map(|task| (task, task * 2)).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_error_in_order_ends_it() {
        let work = |task: usize, _: &mut ()| if task % 7 == 6 { Err(task) } else { Ok(()) };
        assert_eq!(in_order(100, work, |_, ()| Ok(())), Err(6));
        let refuse = |task: usize, (): &mut ()| if task == 3 { Err(task) } else { Ok(()) };
        assert_eq!(in_order(100, |_, ()| Ok(()), refuse), Err(3));
        assert_eq!(in_order(0, |_, ()| Err(0), refuse), Ok(()));
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_of_the_other_thread_is_a_panic_here() {
        let here = std::thread::current().id();
        let work = |_: usize, _: &mut ()| {
            assert_eq!(std::thread::current().id(), here, "there");
            std::thread::yield_now(); // It is done here until the other thread gets its turn.
            Ok::<(), ()>(())
        };
        let _ = in_order(usize::MAX, work, |_, ()| Ok(()));
    }
}
