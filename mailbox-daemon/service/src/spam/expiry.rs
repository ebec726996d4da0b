//! Mail that has lain in Junk for long enough goes.

use crate::host::Host;
use crate::{directory, disk};
use std::sync::Arc;
use std::time::Duration;
use store::StoreError;
use tracing::{info, warn};
use types::{Address, SequenceSet, SpecialUse, SystemFlag, UnixSeconds};

const DAY_S: i64 = 24 * 3600;
/// How often Junk is looked through.
const ROUND: Duration = Duration::from_hours(24);

/// Looks through everybody's Junk once a day, for the first time at the start, until the daemon stops.
pub(crate) async fn run(host: Arc<Host>) {
    loop {
        look_through(&host).await;
        tokio::select! {
            () = tokio::time::sleep(ROUND) => {}
            () = host.stop.stopping() => return,
        }
    }
}

async fn look_through(host: &Host) {
    let kept_days = host.settings.load().spam.junk_kept_days;
    if kept_days == 0 {
        return;
    }
    let before = host.now() - i64::from(kept_days) * DAY_S;
    for account in disk(|| directory::accounts(host)).unwrap_or_default() {
        match expire(host, &account, before).await {
            Ok(0) => {}
            Ok(messages) => info!(%account, messages, kept_days, "old mail in Junk was deleted"),
            Err(error) => {
                warn!(%account, %error, "old mail in Junk could not be deleted; it is tried again tomorrow");
            }
        }
    }
}

/// Expunges what was put into an account's Junk before a moment and is not flagged; says how much that was.
async fn expire(host: &Host, account: &Address, before: UnixSeconds) -> Result<u64, StoreError> {
    let expunged = disk(|| {
        let mail = host.store.account(account)?;
        let list = mail.list()?;
        let is_junk =
            |entry: &&store::MailboxEntry| entry.special_use == Some(SpecialUse::Junk) && entry.exists;
        let Some(junk) = list.iter().find(is_junk) else { return Ok(None) };
        let junk = mail.mailbox(&junk.name)?;
        let mut old = SequenceSet::new();
        junk.for_each_identity(&SequenceSet::all(), |row, identity| {
            if identity.saved < before && !row.flags.has(SystemFlag::Flagged) {
                old.push(row.uid.get());
            }
        })?;
        match old.is_empty() {
            true => Ok::<_, StoreError>(None),
            false => junk.expunge(&old, false).map(Some),
        }
    })?;
    let Some(expunged) = expunged else { return Ok(0) };
    let messages = expunged.uids.count();
    expunged.ticket.await?;
    Ok(messages)
}
