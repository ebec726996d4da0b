//! What vouches for a message that goes on: signatures on what people here send; on what comes from outside see
//! [`super::forward`].

use super::compose::{Composition, Onward, body_of};
use super::envelope::Transaction;
use super::forward::forward;
use super::spooled::Spooled;
use crate::host::Host;
use crate::signing;
use policy::sieve::Content;
use proto::signing::{BodyHash, BodyHasher};
use proto::smtp::header::{self, Field, fields};
use store::StoreError;
use types::{Outcome, UnixSeconds};

/// Adds what vouches for the message to its copies. `chain` is what was found of its ARC chain, where somebody looked.
pub(super) fn vouch(
    host: &Host,
    transaction: &Transaction,
    composition: &mut Composition,
    spooled: &mut Spooled,
    chain: Option<Outcome>,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    if composition.is_submission {
        let raw = spooled.raw()?;
        let going = Going::new(composition, &Content::Unchanged, &raw);
        let signatures = going
            .shown(&Onward::default(), |header, body| signing::author_signatures(host, header, body, now));
        composition.fields.splice(0..0, signatures.into_bytes());
    } else if let Some(forwarded_by) = &transaction.forwarded_by {
        let raw = spooled.raw()?;
        let going = Going::new(composition, &Content::Unchanged, &raw);
        composition.onward =
            forward(host, forwarded_by, &transaction.mail.from, &composition.results, &going, chain, now)?;
    }
    Ok(())
}

/// A message that goes on, for those who vouch for it.
pub(super) struct Going<'a> {
    /// Its header below what is put on top and the trace.
    pub(super) header: Vec<Field<'a>>,
    /// Octets of the header.
    pub(super) header_bytes: usize,
    body: &'a [u8],
}

impl<'a> Going<'a> {
    /// A message as it came or as a script changed it.
    pub(super) fn new(composition: &'a Composition, content: &'a Content, raw: &'a [u8]) -> Going<'a> {
        let body = body_of(content, raw);
        match content {
            Content::Unchanged => {
                let header_bytes = header::end(raw, 0).unwrap_or(raw.len());
                let came = fields(&raw[..header_bytes]).filter(|field| !composition.leaves_out(field));
                Going { header: fields(&composition.fields).chain(came).collect(), header_bytes, body }
            }
            Content::Changed { header, .. } => {
                Going { header: fields(header).collect(), header_bytes: header.len(), body }
            }
        }
    }

    /// Shows header and body as they are going to be under what is put on top.
    pub(super) fn shown<T>(&self, onward: &Onward, look: impl FnOnce(&[Field], BodyHash) -> T) -> T {
        let below = self.header.iter().filter(|field| !onward.replaces(field)).copied();
        let header: Vec<Field> = fields(&onward.top).chain(below).collect();
        let mut body = BodyHasher::default();
        body.feed(self.body);
        look(&header, body.finish())
    }
}
