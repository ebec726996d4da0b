//! How much scripts send a day: a rule that answers or forwards everything must not make a nuisance of the box.

use crate::host::Host;
use policy::allowance::{Allowance, DAY, Tally};
use store::{StoreError, Subject};
use types::Address;

/// What accounts' scripts sent lately.
const SENT: Subject = Subject { name: "sent-by-scripts", rows_max: 10_000 };
/// Messages one account's script passes on to elsewhere in a day.
const REDIRECTS_A_DAY_MAX: u32 = 2000;
/// Answers and notifications one account's script sends in a day.
const LETTERS_A_DAY_MAX: u32 = 500;

/// What a script sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Daily {
    /// Mail that is passed on.
    Redirects,
    /// Answers of vacation, and notifications.
    Letters,
}

/// Counts one more message, unless it is too much for today.
pub(crate) fn take(host: &Host, account: &Address, what: Daily) -> Result<bool, StoreError> {
    let now = host.now();
    let (name, messages) = match what {
        Daily::Redirects => ("redirects", REDIRECTS_A_DAY_MAX),
        Daily::Letters => ("letters", LETTERS_A_DAY_MAX),
    };
    let allowance = Allowance { stretch: DAY, messages, recipients: u32::MAX };
    let key = format!("{account} {name}");
    let mut tally: Tally = host.notes.get(SENT, &key)?.unwrap_or_default();
    if tally.check(allowance, 1, now).is_err() {
        return Ok(false);
    }
    tally.add(DAY, 1, now);
    host.notes.put(SENT, &key, &tally, now)?;
    Ok(true)
}
