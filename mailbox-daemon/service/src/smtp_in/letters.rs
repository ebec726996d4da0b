//! Letters that scripts have written while a message is delivered: answers, notifications, reports of refusals.

use super::errands::Errand;
use super::trace_id;
use crate::directory::expand;
use crate::host::Host;
use crate::sieve::{Daily, take_daily};
use policy::sieve::Filing;
use proto::mime::date;
use std::sync::Arc;
use store::{AccountMail, StoreError};
use tracing::info;
use types::{Address, ReversePath, UnixSeconds};

/// A letter on behalf of an account.
pub(super) struct Letter {
    pub(super) account: Arc<AccountMail>,
    /// The envelope's sender.
    pub(super) from: ReversePath,
    /// Whole, in wire form.
    pub(super) text: Vec<u8>,
    /// Accounts here that get it.
    pub(super) local: Vec<Address>,
    /// Recipients elsewhere.
    pub(super) external: Vec<Address>,
    /// Where the account keeps a copy (RFC 8580).
    pub(super) copy_in: Option<Filing>,
}

impl Letter {
    /// A letter to these; addresses here that are nobody's are left out.
    pub(super) fn new(
        host: &Host,
        account: &Arc<AccountMail>,
        from: ReversePath,
        to: &[Address],
        text: Vec<u8>,
    ) -> Result<Letter, StoreError> {
        let settings = host.settings.load();
        let (mut local, mut external) = (Vec::new(), Vec::new());
        for address in to {
            match expand(host, &settings, address.clone(), true)? {
                Ok(found) => {
                    local.extend(found.accounts);
                    external.extend(found.external);
                }
                Err(error) => {
                    info!(account = %account.address(), to = %address, %error, "a letter has nowhere to go");
                }
            }
        }
        for all in [&mut local, &mut external] {
            all.sort_unstable();
            all.dedup();
        }
        Ok(Letter { account: Arc::clone(account), from, text, local, external, copy_in: None })
    }
}

/// The letters the scripts of these accounts have written, as far as they may write more today. `from` is the envelope's sender
/// of the message they are about.
pub(super) fn letters(
    host: &Host,
    errands: &[Errand],
    from: &ReversePath,
    now: UnixSeconds,
) -> Result<Vec<Letter>, StoreError> {
    let mut letters = Vec::new();
    for Errand { account, plan, .. } in errands {
        for reply in &plan.replies {
            let to = std::slice::from_ref(&reply.to);
            let letter = written(host, account, None, to, &reply.message, now)?;
            letters.extend(letter.map(|letter| Letter { copy_in: reply.copy_in.clone(), ..letter }));
        }
        for notification in &plan.notifications {
            // Mail nobody may answer leads to mail nobody may answer (RFC 5436 section 2.7).
            let sender = from.as_ref().map(|_| account.address().clone());
            let letter = written(host, account, sender, &notification.to, &notification.message, now)?;
            letters.extend(letter.map(|letter| Letter { copy_in: notification.copy_in.clone(), ..letter }));
        }
    }
    Ok(letters)
}

fn written(
    host: &Host,
    account: &Arc<AccountMail>,
    from: ReversePath,
    to: &[Address],
    message: &[u8],
    now: UnixSeconds,
) -> Result<Option<Letter>, StoreError> {
    if !take_daily(host, account.address(), Daily::Letters)? {
        info!(account = %account.address(), "scripts wrote so many letters today that this one is left out");
        return Ok(None);
    }
    let hostname = &host.settings.load().hostname;
    let id = trace_id::new(now);
    let head = format!("Date: {}\r\nMessage-ID: <{id}.script@{hostname}>\r\n", date::format_rfc5322(now, 0));
    Letter::new(host, account, from, to, [head.as_bytes(), message].concat()).map(Some)
}
