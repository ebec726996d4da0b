//! Which mailboxes an account's copies lie in.

use super::errands::Errand;
use crate::sieve::{Mishap, flags_of, place_of};
use policy::sieve::Content;
use std::sync::Arc;
use store::{Mailbox, StoreError};
use types::{Flags, Keyword};

/// A message in one mailbox.
pub(super) struct Filed {
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) flags: Flags,
    pub(super) keywords: Vec<Keyword>,
    pub(super) content: Content,
}

/// Where an account's copies lie, each mailbox and content once (RFC 5228 section 2.10.3). Places that cannot be had are those
/// of the implicit keep.
pub(super) fn filed(errand: &mut Errand) -> Result<Vec<Filed>, StoreError> {
    let mut all: Vec<Filed> = Vec::with_capacity(errand.plan.filings.len());
    for filing in std::mem::take(&mut errand.plan.filings) {
        let (mailbox, trouble) = place_of(&errand.account, &filing.target, &errand.keep_in)?;
        errand.mishaps.extend(trouble.map(|what| Mishap { kind: "mailbox", what }));
        let flags = flags_of(&filing);
        let same = all
            .iter_mut()
            .find(|other| Arc::ptr_eq(&other.mailbox, &mailbox) && other.content == filing.content);
        match same {
            Some(other) => {
                other.flags = other.flags.with(flags);
                let more = filing.keywords.into_iter().filter(|word| !other.keywords.contains(word));
                let more: Vec<Keyword> = more.collect();
                other.keywords.extend(more);
            }
            None => all.push(Filed { mailbox, flags, keywords: filing.keywords, content: filing.content }),
        }
    }
    Ok(all)
}
