//! A bell: somebody changes something and rings, whoever waits looks again.

use crate::locked;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// Counts rings and wakes those who wait for the next one. Clones are the same bell.
#[derive(Clone, Default)]
pub struct Bell {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    generation: AtomicU64,
    waiters: Mutex<Waiters>,
}

#[derive(Default)]
struct Waiters {
    last_id: u64,
    sleeping: Vec<(u64, Waker)>,
}

impl Bell {
    /// A bell that never rang.
    pub fn new() -> Bell {
        Bell::default()
    }

    /// How often it rang. Take this before looking, and wait with [`Bell::changed_since`]: no ring is missed.
    pub fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Acquire)
    }

    /// Wakes everybody who waits.
    pub fn ring(&self) {
        let mut waiters = locked(&self.shared.waiters);
        self.shared.generation.fetch_add(1, Ordering::AcqRel);
        let sleeping = std::mem::take(&mut waiters.sleeping);
        drop(waiters);
        for (_, waker) in sleeping {
            waker.wake();
        }
    }

    /// Resolves with the new generation as soon as the bell rang after `generation`.
    pub fn changed_since(&self, generation: u64) -> Ring {
        Ring { bell: self.clone(), generation, id: 0 }
    }
}

/// The future of [`Bell::changed_since`].
pub struct Ring {
    bell: Bell,
    generation: u64,
    /// Zero until it sleeps for the first time.
    id: u64,
}

impl Future for Ring {
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<u64> {
        let shared = Arc::clone(&self.bell.shared);
        let mut waiters = locked(&shared.waiters);
        let generation = shared.generation.load(Ordering::Acquire);
        if generation > self.generation {
            return Poll::Ready(generation);
        }
        if self.id == 0 {
            waiters.last_id += 1;
            self.id = waiters.last_id;
        }
        match waiters.sleeping.iter_mut().find(|(id, _)| *id == self.id) {
            Some((_, waker)) => waker.clone_from(context.waker()),
            None => waiters.sleeping.push((self.id, context.waker().clone())),
        }
        Poll::Pending
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        if self.id != 0 {
            locked(&self.bell.shared.waiters).sleeping.retain(|(id, _)| *id != self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Wake;

    struct Count(AtomicU64);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_ring_wakes_and_a_dropped_waiter_leaves_nothing() {
        let (bell, count) = (Bell::new(), Arc::new(Count(AtomicU64::new(0))));
        let waker = Waker::from(Arc::clone(&count));
        let mut context = Context::from_waker(&waker);
        let mut ring = Box::pin(bell.changed_since(bell.generation()));
        assert!(ring.as_mut().poll(&mut context).is_pending());
        let mut other = Box::pin(bell.changed_since(0));
        assert!(other.as_mut().poll(&mut context).is_pending());
        drop(other);
        bell.ring();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert_eq!(ring.as_mut().poll(&mut context), Poll::Ready(1));
        assert!(locked(&bell.shared.waiters).sleeping.is_empty());
    }

    #[test]
    fn a_ring_before_the_wait_is_not_missed() {
        let bell = Bell::new();
        let before = bell.generation();
        bell.ring();
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(Box::pin(bell.changed_since(before)).as_mut().poll(&mut context), Poll::Ready(1));
    }
}
