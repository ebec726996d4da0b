//! How much each account sent lately, and the owner told where it was more than it may: a stolen password must not cost the
//! household its good name.

use crate::auth::Login;
use crate::host::Host;
use crate::{disk, notices};
use policy::allowance::{Allowance, DAY, Excess, HOUR, Tally};
use std::sync::{Mutex, PoisonError};
use store::{Notes, StoreError, Subject};
use tracing::warn;
use types::{Address, UnixSeconds};

/// Accounts, and app passwords with a rate of their own: a household has dozens.
const SENT: Subject = Subject { name: "sent", rows_max: 10_000 };
/// When the owner was last told of each of them.
const TOLD: Subject = Subject { name: "sent-too-much", rows_max: 10_000 };
/// He is told of one account no more often.
const TOLD_EVERY_S: i64 = 86_400;

/// Makes looking and counting one step.
#[derive(Default)]
pub struct Allowances {
    counting: Mutex<()>,
}

/// One count and what it may come to.
struct Counted {
    key: String,
    allowance: Allowance,
}

/// Whether somebody may send one more message to so many.
pub(crate) fn check(host: &Host, login: &Login, recipients: u32) -> Result<Result<(), Excess>, StoreError> {
    disk(|| Ok(look(host, login, recipients)?.map(|_| ())))
}

/// Counts a message to so many, unless it is too much.
pub(crate) fn take(host: &Host, login: &Login, recipients: u32) -> Result<Result<(), Excess>, StoreError> {
    disk(|| {
        let _one_at_a_time = host.allowances.counting.lock().unwrap_or_else(PoisonError::into_inner);
        let tallies = match look(host, login, recipients)? {
            Ok(tallies) => tallies,
            Err(excess) => return Ok(Err(excess)),
        };
        let now = host.now();
        for (Counted { key, allowance }, mut tally) in tallies {
            tally.add(allowance.stretch, recipients, now);
            host.notes.put(SENT, &key, &tally, now)?;
        }
        host.issues.clear(&issue(&login.account));
        Ok(Ok(()))
    })
}

/// What was sent by now, unless one more message to so many were too much.
fn look(
    host: &Host,
    login: &Login,
    recipients: u32,
) -> Result<Result<Vec<(Counted, Tally)>, Excess>, StoreError> {
    let mut tallies = Vec::new();
    for counted in counted(host, login)? {
        let tally: Tally = host.notes.get(SENT, &counted.key)?.unwrap_or_default();
        if let Err(excess) = tally.check(counted.allowance, recipients, host.now()) {
            return Ok(Err(excess));
        }
        tallies.push((counted, tally));
    }
    Ok(Ok(tallies))
}

/// The messages and recipients an account sent in the last day.
pub(crate) fn sent(notes: &Notes, account: &Address, now: UnixSeconds) -> Result<(u32, u32), StoreError> {
    let tally: Tally = notes.get(SENT, &account.to_string())?.unwrap_or_default();
    Ok(tally.sent(DAY, now))
}

/// Tells the owner that somebody wanted to send more than he may.
pub(crate) async fn tell(host: &Host, login: &Login, excess: &Excess) {
    let now = host.now();
    let name = login.app_password.as_ref().map(|name| format!(" with the app password {name}"));
    let text =
        format!("{}{} wants to send more than it may: {excess}.", login.account, name.unwrap_or_default());
    host.issues.raise(&issue(&login.account), &text, now);
    match disk(|| is_news(host, &login.account, now)) {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => return warn!(%error, "whether the owner knows already cannot be found out"),
    }
    let account = &login.account;
    let letter = format!(
        "{text}\n\nMail beyond that is refused for now, and nothing else happens. If you know who sends so much and why,\n\
         raise the limit:\n\n    mailbox-daemon account sending {account} --messages 1000 --recipients 5000\n\n\
         If you do not, somebody may have the password. Change it, and revoke app passwords you do not know:\n\n\
         \x20   mailbox-daemon account password {account} --password-stdin\n\
         \x20   mailbox-daemon app-password list {account}\n"
    );
    if let Err(error) = notices::tell_owner(host, "Somebody here sends unusually much", &letter).await {
        warn!(%error, "the owner could not be told");
    }
}

fn issue(account: &Address) -> String {
    format!("sending/{account}")
}

/// Whether the owner was not told of this account lately. Asked again he was.
fn is_news(host: &Host, account: &Address, now: UnixSeconds) -> Result<bool, StoreError> {
    let _one_at_a_time = host.allowances.counting.lock().unwrap_or_else(PoisonError::into_inner);
    let told_at: Option<UnixSeconds> = host.notes.get(TOLD, &account.to_string())?;
    let is_news = told_at.is_none_or(|at| !(at..at + TOLD_EVERY_S).contains(&now));
    if is_news {
        host.notes.put(TOLD, &account.to_string(), &now, now)?;
    }
    Ok(is_news)
}

/// All that counts a message of this login.
fn counted(host: &Host, login: &Login) -> Result<Vec<Counted>, StoreError> {
    let rules = host.directory.sending_rules(&login.account)?;
    let allowance = host.settings.load().submission.allowance(&rules);
    let mut all = vec![Counted { key: login.account.to_string(), allowance }];
    if let (Some(name), Some(messages)) = (&login.app_password, login.rules.messages_per_hour) {
        let allowance = Allowance { stretch: HOUR, messages, recipients: u32::MAX };
        all.push(Counted { key: format!("{} {name}", login.account), allowance });
    }
    Ok(all)
}
