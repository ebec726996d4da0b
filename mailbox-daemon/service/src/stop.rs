//! Stopping: one signal, a handle held by every session, a grace period.

use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// The stop signal, cloned into every task.
#[derive(Clone)]
pub struct Stop {
    signal: watch::Receiver<bool>,
    busy: mpsc::WeakSender<()>,
}

/// The end that gives the signal and waits for everybody to leave.
pub struct Stopper {
    signal: watch::Sender<bool>,
    busy: mpsc::Sender<()>,
    left: mpsc::Receiver<()>,
}

/// A signal not yet given and the handle to give it.
pub fn stop() -> (Stopper, Stop) {
    let (signal, receiver) = watch::channel(false);
    let (busy, left) = mpsc::channel(1);
    let stop = Stop { signal: receiver, busy: busy.downgrade() };
    (Stopper { signal, busy, left }, stop)
}

/// Kept by a session while it lives; the daemon ends when the last is gone.
pub struct Presence {
    _busy: Option<mpsc::Sender<()>>,
}

impl Stop {
    /// Resolves when the daemon wants to stop; sessions then end at their next quiet point.
    pub async fn stopping(&self) {
        // A closed channel means the daemon is gone already: stopping all the same.
        let _ = self.signal.clone().wait_for(|stopping| *stopping).await;
    }

    /// Whether the signal was given.
    pub fn is_stopping(&self) -> bool {
        *self.signal.borrow()
    }

    /// A handle that keeps the daemon up until the grace period ends.
    pub fn presence(&self) -> Presence {
        Presence { _busy: self.busy.upgrade() }
    }
}

impl Stopper {
    /// Gives the signal, then waits until every [`Presence`] is dropped, at most `grace`. Says whether all left in time.
    pub async fn stop(mut self, grace: Duration) -> bool {
        let _ = self.signal.send(true);
        drop(self.busy);
        tokio::time::timeout(grace, self.left.recv()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_for_sessions_but_not_for_ever() {
        let (stopper, stop_signal) = stop();
        let presence = stop_signal.presence();
        let session = stop_signal.clone();
        tokio::spawn(async move {
            session.stopping().await;
            drop(presence);
        });
        assert!(stopper.stop(Duration::from_secs(20)).await);
        assert!(stop_signal.is_stopping());

        let (stopper, stop_signal) = stop();
        let _stuck = stop_signal.presence();
        assert!(!stopper.stop(Duration::from_secs(20)).await);
    }
}
