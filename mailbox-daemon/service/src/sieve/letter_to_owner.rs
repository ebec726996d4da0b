//! What the owner of a script hears of it: lines in its log, and a letter when it fails.

use crate::host::Host;
use crate::{disk, notices};
use proto::mime::date;
use store::{AccountMail, StoreError, Subject};
use types::{Address, UnixSeconds};

/// When owners were last told of each kind of trouble.
const TOLD: Subject = Subject { name: "told-of-scripts", rows_max: 10_000 };
/// They are told of the same trouble no more often.
const TOLD_EVERY_S: i64 = 86_400;
/// Of what a script says, at most so much is kept of one line.
const LINE_CHARS_MAX: usize = 500;

/// What went wrong with a script. Its words may be a stranger's in part, its kind is not.
#[derive(Clone, Debug)]
pub(crate) struct Mishap {
    /// Owners are told of one kind once a day.
    pub(crate) kind: &'static str,
    /// What happened, in words for the owner.
    pub(crate) what: String,
}

/// Of what happened, a letter tells so much.
const TOLD_CHARS_MAX: usize = 1000;

/// Adds lines to the log of an account's scripts.
pub(crate) fn log(account: &AccountMail, lines: &[String], now: UnixSeconds) {
    let dated = |line: &String| {
        let said: String =
            line.chars().take(LINE_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("{} {said}", date::format_rfc5322(now, 0))
    };
    let lines: Vec<String> = lines.iter().map(dated).collect();
    if let Err(error) = account.log_script(&lines) {
        tracing::warn!(account = %account.address(), %error, "the log of a script cannot be written");
    }
}

/// Tells the owner what went wrong, once a day for each kind; durable when this returns.
pub(crate) async fn tell_of_mishap(
    host: &Host,
    account: &Address,
    mishap: &Mishap,
) -> Result<(), StoreError> {
    let now = host.now();
    let key = format!("{account} {}", mishap.kind);
    let told_at: Option<UnixSeconds> = disk(|| host.notes.get(TOLD, &key))?;
    if told_at.is_some_and(|at| (at..at + TOLD_EVERY_S).contains(&now)) {
        return Ok(());
    }
    disk(|| host.notes.put(TOLD, &key, &now, now))?;
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let words: String = mishap.what.chars().take(TOLD_CHARS_MAX).map(plain).collect();
    let text = format!(
        "Something went wrong with the rules for your mail:\n\n    {words}\n\nNo mail is lost by that: what the rules could not \
         deal with is in your INBOX.\nYou are told of this once a day as long as it goes on.\n"
    );
    notices::tell(host, account, "Your mail rules did not work", &text).await
}
