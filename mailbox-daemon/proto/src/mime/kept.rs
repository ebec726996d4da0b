//! The header fields that mail programs ask for when they list messages, kept in the digest as they were written.

use super::header::FieldFilter;
use std::sync::{Arc, LazyLock};

/// What is kept of a message's own header. Fields that few messages have cost the others nothing.
const KEPT: [&str; 39] = [
    "Bcc",
    "Cc",
    "Content-Class",
    "Content-Description",
    "Content-Language",
    "Content-Transfer-Encoding",
    "Content-Type",
    "Date",
    "Disposition-Notification-To",
    "Followup-To",
    "From",
    "Importance",
    "In-Reply-To",
    "Keywords",
    "Lines",
    "List-Archive",
    "List-Help",
    "List-Id",
    "List-Owner",
    "List-Post",
    "List-Subscribe",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Mail-Followup-To",
    "Mail-Reply-To",
    "Message-ID",
    "MIME-Version",
    "Newsgroups",
    "Precedence",
    "Priority",
    "References",
    "Reply-To",
    "Return-Receipt-To",
    "Sender",
    "Subject",
    "To",
    "X-Label",
    "X-Priority",
    "X-Uniform-Type-Identifier",
];

/// Messages with more octets in these fields keep none.
const BYTES_MAX: usize = 4096;

/// Whether fields of this name are kept.
pub fn is_kept(name: &str) -> bool {
    KEPT.iter().any(|kept| kept.eq_ignore_ascii_case(name))
}

static NAMES: LazyLock<Arc<[Vec<u8>]>> =
    LazyLock::new(|| KEPT.iter().map(|name| name.as_bytes().to_vec()).collect());

/// Picks the fields out of a message's header while it comes in.
pub(super) struct Keeper {
    /// `None` once nothing more can come or the fields are too many.
    filter: Option<FieldFilter>,
    fields: Vec<u8>,
    is_too_much: bool,
}

impl Keeper {
    pub(super) fn new() -> Keeper {
        let filter = FieldFilter::new(Arc::clone(&NAMES), false);
        Keeper { filter: Some(filter), fields: Vec::new(), is_too_much: false }
    }

    /// Takes in the next octets of the message.
    pub(super) fn feed(&mut self, chunk: &[u8]) {
        let Some(filter) = &mut self.filter else { return };
        filter.feed(chunk, &mut self.fields);
        // What cannot stand in a plain literal is left to those who read the file.
        self.is_too_much = self.fields.len() > BYTES_MAX || memchr::memchr(0, &self.fields).is_some();
        if self.is_too_much || filter.is_done() {
            self.filter = None;
        }
    }

    /// The fields, without the empty line that ends a header.
    pub(super) fn finish(mut self) -> Option<Vec<u8>> {
        if let Some(filter) = self.filter.take() {
            filter.finish(&mut self.fields);
            self.fields.truncate(self.fields.len().saturating_sub(2));
        }
        (!self.is_too_much && self.fields.len() <= BYTES_MAX).then_some(self.fields)
    }
}
