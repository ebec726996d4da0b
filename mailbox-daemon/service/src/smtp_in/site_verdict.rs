//! What the box itself thinks of a message for one account, before the account's script is asked.

use super::envelope::Delivery;
use super::judge::Judged;
use policy::sieve::SpamFacts;

/// What is thought of a message for one account.
#[derive(Default)]
pub(super) struct SiteVerdict {
    /// Whether it lies in Junk unless a script says otherwise.
    pub(super) is_junk: bool,
    /// What a script is told of it (RFC 5235).
    pub(super) spam: SpamFacts,
    /// Fields on top of this account's copy that tell of it.
    pub(super) fields: Vec<u8>,
}

/// Spam's percentage where only facts besides the content speak.
const SUSPICIOUS_PERCENT: u8 = 100;

/// What the box thinks of a message for the account of a delivery. `judged` is `None` where nobody judged the message.
pub(super) fn site_verdict(judged: Option<&Judged>, delivery: &Delivery) -> SiteVerdict {
    let is_suspicious = judged.is_some_and(Judged::is_junk);
    let spam_percent = judged.map(|_| if is_suspicious { SUSPICIOUS_PERCENT } else { 0 });
    SiteVerdict {
        is_junk: is_suspicious && !delivery.is_for_role,
        spam: SpamFacts { spam_percent, virus: 0 },
        fields: Vec::new(),
    }
}
