//! Whom the people here wrote to: their answers are expected, and skip greylisting and doubt about spam, never authentication.

use crate::disk;
use crate::host::Host;
use store::{StoreError, Subject};
use types::Address;

/// A family writes to a few hundred people; the least recently written to make room.
const CORRESPONDENTS: Subject = Subject { name: "correspondents", rows_max: 20_000 };

/// Notes that an account wrote to addresses elsewhere.
pub(crate) fn wrote<'a>(
    host: &Host,
    account: &Address,
    recipients: impl IntoIterator<Item = &'a Address>,
) -> Result<(), StoreError> {
    let now = host.now();
    disk(|| {
        for recipient in recipients {
            host.notes.put(CORRESPONDENTS, &key(account, recipient), &(), now)?;
        }
        Ok(())
    })
}

/// Whether one of these accounts wrote to the sender before.
pub(crate) fn is_known<'a>(
    host: &Host,
    accounts: impl IntoIterator<Item = &'a Address>,
    sender: &Address,
) -> Result<bool, StoreError> {
    for account in accounts {
        if disk(|| host.notes.get::<()>(CORRESPONDENTS, &key(account, sender)))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Everybody an account wrote to.
pub(crate) fn of(host: &Host, account: &Address) -> Result<Vec<Address>, StoreError> {
    let prefix = format!("{} ", account.folded_without_tag());
    let rows: Vec<(String, ())> = host.notes.all(CORRESPONDENTS, &prefix)?;
    Ok(rows.iter().filter_map(|(key, ())| Address::parse(&key[prefix.len()..]).ok()).collect())
}

/// Case and tag do not tell people apart: who was written to as `Bob+list@` may answer as `bob@`.
fn key(account: &Address, correspondent: &Address) -> String {
    format!("{} {}", account.folded_without_tag(), correspondent.folded_without_tag())
}
