//! The copies of a message: lines on top, what is kept of what came, each in a file of its own.

use super::envelope::Delivery;
use super::spooled::Spooled;
use crate::host::Host;
use policy::submission::is_dropped_field;
use proto::mime::Scanner;
use proto::smtp::header::Field;
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
    /// On top of the copy that goes on to other servers.
    pub(super) onward: Vec<u8>,
    /// The sender of that copy.
    pub(super) onward_from: ReversePath,
    /// Whether that copy has another `From:` among the fields on top.
    pub(super) replaces_author: bool,
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

impl Composition {
    /// Writes one mailbox's copy; the scanner sees it too.
    pub(super) fn write_mailbox_copy(
        &self,
        spooled: &mut Spooled,
        own_lines: &[u8],
        message: &mut NewMessage,
        mut scanner: Option<&mut Scanner>,
    ) -> Result<(), StoreError> {
        let is_left_out = |field: &Field<'_>| self.leaves_out(field);
        self.pass_on(spooled, own_lines, &is_left_out, &mut |piece| {
            if let Some(scanner) = &mut scanner {
                scanner.feed(piece);
            }
            message.write(piece)
        })
    }

    /// The copy that goes on to other servers.
    pub(super) fn queue_copy(&self, host: &Host, spooled: &mut Spooled) -> Result<NewMessage, StoreError> {
        let mut message = host.queue.new_entry()?;
        let is_left_out = |field: &Field<'_>| self.leaves_out_onward(field);
        self.pass_on(spooled, &self.onward, &is_left_out, &mut |piece| message.write(piece))?;
        Ok(message)
    }

    /// Whether a field of what came is left out of what is kept.
    pub(super) fn leaves_out(&self, field: &Field<'_>) -> bool {
        is_dropped_field(field.name, self.is_submission)
            || is_forged(field.name, field.value, self.host.as_str())
    }

    /// The same for the copy that goes on.
    pub(super) fn leaves_out_onward(&self, field: &Field<'_>) -> bool {
        self.leaves_out(field) || (self.replaces_author && field.name.eq_ignore_ascii_case(b"From"))
    }

    fn pass_on(
        &self,
        spooled: &mut Spooled,
        top: &[u8],
        is_left_out: &dyn Fn(&Field<'_>) -> bool,
        take: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for part in [top, &self.results, &self.trace, &self.fields] {
            take(part)?;
        }
        spooled.pass_on(is_left_out, take)
    }
}

/// The lines on top of one mailbox's copy (RFC 5321 section 4.4).
pub(super) fn own_lines(from: &ReversePath, delivery: &Delivery) -> Vec<u8> {
    let from = from.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("Return-Path: <{from}>\r\nDelivered-To: {}\r\n", delivery.delivered_to).into_bytes()
}
