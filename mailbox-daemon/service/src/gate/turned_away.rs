use super::Refusal;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tracing::info;

/// A flood of connections fills neither the log nor the time: one line for so long.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// How many were turned away since the log last heard of it.
#[derive(Default)]
pub(super) struct TurnedAway {
    counted: Mutex<(u64, Option<Instant>)>,
}

impl TurnedAway {
    /// One more.
    pub(super) fn note(&self, client: IpAddr, refusal: Refusal) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, logged_at) = &mut *counted;
        *count += 1;
        if logged_at.is_none_or(|at| at.elapsed() >= LOG_EVERY) {
            let others = *count - 1;
            (*count, *logged_at) = (0, Some(Instant::now()));
            drop(counted);
            info!(%client, ?refusal, others, "connections were turned away");
        }
    }
}
