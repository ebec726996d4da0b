//! The copies of a message: lines on top, what is kept of what came, each in a file of its own.

use super::envelope::Delivery;
use super::header::kept;
use super::spooled::{Spooled, Take};
use crate::host::Host;
use policy::sieve::{Body, Content};
use policy::submission::is_dropped_field;
use proto::smtp::header::{self, Field};
use proto::smtp::results::is_forged;
use store::{NewMessage, StoreError};
use types::{Domain, ReversePath};

/// What is put on top of a message and left out of it.
///
/// ```text
/// Return-Path, Delivered-To   a mailbox's own copy
/// onward                      the copy for other servers
/// results                     what the checks found
/// trace                       Received of this hop
/// fields                      what a submitted message lacks
/// the header as it came, without what is left out
/// the body as it came
/// ```
pub(super) struct Composition {
    /// Of the copy that aliases and groups lead to other servers.
    pub(super) onward: Onward,
    /// Above the trace, so that nothing below it can be taken for ours (RFC 8601 section 5).
    pub(super) results: Vec<u8>,
    /// `Received:` of this hop.
    pub(super) trace: Vec<u8>,
    /// Below the trace, on every copy.
    pub(super) fields: Vec<u8>,
    /// Whether somebody who lives here sent it.
    pub(super) is_submission: bool,
    /// This server, whose name nobody else may use in what is found out.
    pub(super) host: Domain,
}

/// What a copy for other servers has of its own.
#[derive(Clone, Default)]
pub(super) struct Onward {
    /// On top of it.
    pub(super) top: Vec<u8>,
    /// Its sender.
    pub(super) from: ReversePath,
    /// Whether it has another `From:` among the fields on top.
    pub(super) replaces_author: bool,
}

impl Composition {
    /// Gives one copy piece by piece: lines of its own and the message, as it came or as a script changed it.
    pub(super) fn write(
        &self,
        spooled: &mut Spooled,
        top: &[u8],
        content: &Content,
        take: Take<'_>,
    ) -> Result<(), StoreError> {
        self.write_without(spooled, top, content, &|_| false, take)
    }

    /// A copy that goes on to other servers.
    pub(super) fn queue_copy(
        &self,
        host: &Host,
        spooled: &mut Spooled,
        onward: &Onward,
        content: &Content,
    ) -> Result<NewMessage, StoreError> {
        let mut message = host.queue.new_entry()?;
        let is_replaced = |field: &Field<'_>| onward.replaces(field);
        self.write_without(spooled, &onward.top, content, &is_replaced, &mut |piece| message.write(piece))?;
        Ok(message)
    }

    /// The header of a copy, its empty line left out.
    pub(super) fn header(&self, top: &[u8], content: &Content, raw: &[u8]) -> Vec<u8> {
        match content {
            Content::Changed { header, .. } => [top, header].concat(),
            Content::Unchanged => {
                let came = &raw[..header::end(raw, 0).unwrap_or(raw.len())];
                let mut header = [top, &self.results, &self.trace, &self.fields].concat();
                kept(came, &|field| self.leaves_out(field)).for_each(|part| header.extend_from_slice(part));
                header
            }
        }
    }

    /// Whether a field of what came is left out of what is kept.
    pub(super) fn leaves_out(&self, field: &Field<'_>) -> bool {
        is_dropped_field(field.name, self.is_submission)
            || is_forged(field.name, field.value, self.host.as_str())
    }

    fn write_without(
        &self,
        spooled: &mut Spooled,
        top: &[u8],
        content: &Content,
        is_replaced: &dyn Fn(&Field<'_>) -> bool,
        take: Take<'_>,
    ) -> Result<(), StoreError> {
        take(top)?;
        match content {
            Content::Unchanged => {
                for part in [&self.results, &self.trace, &self.fields] {
                    take(part)?;
                }
                spooled.pass_on(&|field| self.leaves_out(field) || is_replaced(field), take)
            }
            Content::Changed { header, body } => {
                kept(header, is_replaced).try_for_each(&mut *take)?;
                take(b"\r\n")?;
                match body {
                    Body::Unchanged => spooled.pass_on_body(take),
                    Body::Changed(body) => take(body),
                }
            }
        }
    }
}

impl Onward {
    /// Whether a field of the message gives way to one on top.
    pub(super) fn replaces(&self, field: &Field<'_>) -> bool {
        self.replaces_author && field.name.eq_ignore_ascii_case(b"From")
    }
}

/// What follows the empty line.
pub(super) fn body_of<'a>(content: &'a Content, raw: &'a [u8]) -> &'a [u8] {
    match content {
        Content::Changed { body: Body::Changed(body), .. } => body,
        _ => header::end(raw, 0).and_then(|end| raw.get(end + b"\r\n".len()..)).unwrap_or_default(),
    }
}

/// The lines on top of one mailbox's copy (RFC 5321 section 4.4).
pub(super) fn own_lines(from: &ReversePath, delivery: &Delivery) -> Vec<u8> {
    let from = from.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("Return-Path: <{from}>\r\nDelivered-To: {}\r\n", delivery.delivered_to).into_bytes()
}
