use serde::{Deserialize, Serialize};

/// How many passed a check and how many did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Counts {
    /// Those that did.
    pub passed: u64,
    /// Those that did not.
    pub failed: u64,
}

impl Counts {
    /// So many that passed.
    pub fn passed(count: u64) -> Counts {
        Counts { passed: count, failed: 0 }
    }

    /// So many that failed.
    pub fn failed(count: u64) -> Counts {
        Counts { passed: 0, failed: count }
    }

    /// Takes others in; foreign numbers never overflow.
    pub fn add(&mut self, more: Counts) {
        self.passed = self.passed.saturating_add(more.passed);
        self.failed = self.failed.saturating_add(more.failed);
    }

    /// All of them.
    pub fn total(self) -> u64 {
        self.passed.saturating_add(self.failed)
    }
}
