//! Who is in the window of entries under way, so that nobody fills it alone.

use policy::priority::Priority;
use std::collections::HashMap;
use types::Address;

/// Counts of the entries under way.
#[derive(Debug, Default)]
pub(super) struct Window {
    all: usize,
    bulk: usize,
    by_account: HashMap<Address, usize>,
}

impl Window {
    pub(super) fn enter(&mut self, account: Option<&Address>, priority: Priority) {
        self.all += 1;
        self.bulk += usize::from(priority == Priority::Bulk);
        if let Some(account) = account {
            *self.by_account.entry(account.clone()).or_default() += 1;
        }
    }

    pub(super) fn leave(&mut self, account: Option<&Address>, priority: Priority) {
        self.all -= 1;
        self.bulk -= usize::from(priority == Priority::Bulk);
        if let Some((account, count)) = account.and_then(|account| self.by_account.remove_entry(account))
            && count > 1
        {
            self.by_account.insert(account, count - 1);
        }
    }

    /// Entries under way.
    pub(super) fn len(&self) -> usize {
        self.all
    }

    /// Of these, bulk mail.
    pub(super) fn bulk(&self) -> usize {
        self.bulk
    }

    /// Of these, an account's.
    pub(super) fn of(&self, account: Option<&Address>) -> usize {
        account.and_then(|account| self.by_account.get(account)).copied().unwrap_or(0)
    }
}
