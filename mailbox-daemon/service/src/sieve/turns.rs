//! Turns of scripts that remember: two deliveries to one account at once must not both find that nobody was answered yet.

use crate::host::Host;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};
use types::Address;

/// Accounts share these; one that waits for another of the same number loses a moment.
const TURNS: usize = 64;

/// All turns there are.
pub(super) struct All([Arc<Mutex<()>>; TURNS]);

impl Default for All {
    fn default() -> All {
        All(std::array::from_fn(|_| Arc::default()))
    }
}

/// Turns somebody has, until dropped.
#[derive(Default)]
pub(crate) struct Turns {
    numbers: BTreeSet<usize>,
    guards: Vec<OwnedMutexGuard<()>>,
}

/// The number of an account's turn.
pub(crate) fn turn_of(account: &Address) -> usize {
    let mut hasher = DefaultHasher::new();
    account.hash(&mut hasher);
    hasher.finish() as usize % TURNS
}

impl Turns {
    /// Whether this turn is had.
    pub(crate) fn has(&self, number: usize) -> bool {
        self.numbers.contains(&number)
    }

    /// Waits for more turns. The others are given up for it and taken again in order, so that nobody waits in a circle.
    pub(crate) async fn with(self, mut numbers: BTreeSet<usize>, host: &Host) -> Turns {
        drop(self.guards);
        numbers.extend(self.numbers);
        let mut guards = Vec::with_capacity(numbers.len());
        for number in &numbers {
            guards.push(Arc::clone(&host.scripts.turns.0[*number]).lock_owned().await);
        }
        Turns { numbers, guards }
    }
}
