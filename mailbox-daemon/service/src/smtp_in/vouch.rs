//! What vouches for a message that goes on: signatures on what people here send; on what comes from outside see
//! [`super::forward`].

use super::compose::Composition;
use super::envelope::Transaction;
use super::forward::forward;
use super::spooled::Spooled;
use crate::host::Host;
use crate::signing;
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
        let signatures = looked_at(composition, &[], spooled, |header, body| {
            signing::author_signatures(host, header, body, now)
        })?;
        composition.fields.splice(0..0, signatures.into_bytes());
    } else if let Some(forwarded_by) = &transaction.forwarded_by {
        forward(host, forwarded_by, composition, spooled, chain, now)?;
    }
    Ok(())
}

/// Shows header and body as they are going to be, with `top` above them.
pub(super) fn looked_at<T>(
    composition: &Composition,
    top: &[u8],
    spooled: &mut Spooled,
    look: impl FnOnce(&[Field], BodyHash) -> T,
) -> Result<T, StoreError> {
    let raw = spooled.raw()?;
    let header_bytes = header::end(&raw, 0).unwrap_or(raw.len());
    let came = fields(&raw[..header_bytes]).filter(|field| !composition.leaves_out_onward(field));
    let header: Vec<Field> = fields(top).chain(fields(&composition.fields)).chain(came).collect();
    let mut body = BodyHasher::default();
    body.feed(raw.get(header_bytes + b"\r\n".len()..).unwrap_or_default());
    Ok(look(&header, body.finish()))
}
