//! The heartbeat systemd listens to: it stops when an accept loop, the store's thread or the timers do.

use crate::host::Host;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tracing::error;

/// Shows that one loop still turns.
#[derive(Clone)]
pub struct Heartbeat {
    started: Instant,
    last_ms: Arc<AtomicU64>,
}

impl Heartbeat {
    /// How often a loop beats.
    pub const INTERVAL: Duration = Duration::from_secs(5);
    const MISSED_MAX: Duration = Duration::from_secs(20);

    /// A heart that has just beaten.
    pub fn new() -> Heartbeat {
        Heartbeat { started: Instant::now(), last_ms: Arc::default() }
    }

    /// One beat.
    pub fn beat(&self) {
        self.last_ms.store(self.started.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn is_alive(&self) -> bool {
        let last = Duration::from_millis(self.last_ms.load(Ordering::Relaxed));
        self.started.elapsed() < last + Heartbeat::MISSED_MAX
    }
}

/// Tells systemd at half its interval that all is well, for as long as it is. Returns at once without a watchdog.
pub async fn run(host: Arc<Host>, loops: Vec<(&'static str, Heartbeat)>) {
    let Some(interval) = sd_notify::watchdog_enabled() else { return };
    let mut timer = tokio::time::interval(interval / 2);
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = host.stop.stopping() => return,
        }
        let stuck = loops.iter().find(|(_, heart)| !heart.is_alive()).map(|(name, _)| *name);
        match stuck.or_else(|| (!host.store.is_alive()).then_some("store")) {
            None => drop(sd_notify::notify(&[sd_notify::NotifyState::Watchdog])),
            Some(part) => error!(part, "no heartbeat; leaving the restart to the watchdog"),
        }
    }
}
