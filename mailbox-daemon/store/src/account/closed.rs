//! What mailboxes held when they were closed, so that many can be told of without opening each again.

use super::{AccountMail, current};
use crate::error::StoreError;
use crate::index::Agreed;
use crate::locked;
use crate::mailbox::{Mailbox, Status};
use crate::maildir::Place;
use std::collections::HashMap;
use std::sync::Mutex;
use types::{Address, MailboxName};

/// What each mailbox of an account held, and the times of its directories at which that was so.
type Held = HashMap<MailboxName, (Status, Agreed)>;

/// What closed mailboxes hold, since the start.
#[derive(Default)]
pub(crate) struct ClosedMailboxes(Mutex<HashMap<Address, Held>>);

impl ClosedMailboxes {
    /// A mailbox is closed.
    pub(crate) fn record(&self, mailbox: &Mailbox, agreed: Agreed) {
        let (name, status) = (mailbox.name(), mailbox.status());
        let mut accounts = locked(&self.0);
        accounts.entry(mailbox.account().address().clone()).or_default().insert(name, (status, agreed));
    }

    /// A name means another mailbox from now on, or none.
    pub(super) fn forget(&self, account: &Address, name: &MailboxName) {
        if let Some(mailboxes) = locked(&self.0).get_mut(account) {
            mailboxes.remove(name);
        }
    }

    pub(super) fn forget_account(&self, account: &Address) {
        locked(&self.0).remove(account);
    }

    pub(super) fn get(&self, account: &Address, name: &MailboxName) -> Option<(Status, Agreed)> {
        locked(&self.0).get(account)?.get(name).copied()
    }
}

impl AccountMail {
    /// What a mailbox holds that nobody has open and whose files nobody touched since it was closed: two looks at times instead
    /// of an opening. `None` where only opening it tells.
    pub fn closed_status(&self, name: &MailboxName) -> Result<Option<Status>, StoreError> {
        // Under the lock, so that one that is just closing has left word.
        let open = current(&locked(&self.mailboxes), name);
        let closed = self.core.closed.get(&self.address, name);
        let (None, Some((status, agreed))) = (open, closed) else { return Ok(None) };
        let folder = self.folder(name)?;
        let is_as_it_was = |place: Place, then_ns: Option<i64>| {
            let stat = self.core.disk.stat(&folder.join(place.directory()));
            stat.is_ok_and(|stat| Some(stat.modified_ns) == then_ns)
        };
        let is_same = is_as_it_was(Place::Cur, agreed.cur_ns) && is_as_it_was(Place::New, agreed.new_ns);
        // Which messages are recent still, the opening says.
        Ok(Some(status).filter(|status| is_same && status.recent == 0))
    }
}
