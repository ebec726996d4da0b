//! What the box itself thinks of a message for one account, before the account's script is asked.

use super::envelope::Delivery;
use super::header::facts;
use super::judge::Judged;
use crate::correspondents;
use crate::host::Host;
use crate::spam::{Content, Known};
use policy::sieve::SpamFacts;
use proto::smtp::header;
use proto::smtp::results;
use tracing::warn;
use types::Address;

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

/// A message from outside, looked at once for all accounts.
pub(super) struct FromOutside<'a> {
    content: Content<'a>,
    author: Option<Address>,
    /// What is known before content; `None` where nobody asked.
    judged: Option<&'a Judged>,
}

/// Spam's percentage where facts besides the content speak.
const SUSPICIOUS_PERCENT: u8 = 100;

impl<'a> FromOutside<'a> {
    /// Looks at a message as it came; what lies behind `header_bytes_max` says nothing of its author.
    pub(super) fn look(
        message: &'a [u8],
        header_bytes_max: usize,
        judged: Option<&'a Judged>,
    ) -> FromOutside<'a> {
        let header_bytes = header::end(message, 0).unwrap_or(message.len());
        let facts = facts(&message[..header_bytes.min(header_bytes_max)]);
        let author = match facts.from.as_slice() {
            [Some(author)] => Some(author.clone()),
            _ => None,
        };
        FromOutside { content: Content::of(message), author, judged }
    }

    /// What the box thinks of it for the account of a delivery.
    pub(super) fn site_verdict(&self, host: &Host, delivery: &Delivery) -> SiteVerdict {
        let account = &delivery.account;
        let known = self
            .author
            .as_ref()
            .map_or(Ok(false), |author| correspondents::is_known(host, [account], author));
        let known = known.inspect_err(|error| warn!(%error, "who is known cannot be told"));
        let verdict = self.content.judge(
            host,
            account,
            Known {
                evidence: self.judged.map(|judged| &judged.evidence),
                site: self.judged.map(|judged| judged.verdict),
                is_correspondent: known.unwrap_or(false),
            },
        );
        let mut fields = Vec::with_capacity(512);
        results::spam(&verdict.summary(), &verdict.told(), &mut fields);
        let by_facts = self.judged.map(|judged| if judged.is_junk() { SUSPICIOUS_PERCENT } else { 0 });
        SiteVerdict {
            is_junk: verdict.is_junk && !delivery.is_for_role,
            spam: SpamFacts { spam_percent: by_facts.max(verdict.score), virus: 0 },
            fields,
        }
    }
}
