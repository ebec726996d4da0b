//! Which conversation a message belongs to, from its own header alone (RFC 8474 section 5.2).

use super::DigestView;
use super::message_ids::MessageIds;
use aws_lc_rs::digest::{SHA256, digest};

/// A number that messages of one conversation share: that of the message which began it, as the first id in References names it,
/// else In-Reply-To, else the message's own id. `None` when it has none of them. It never changes, whatever else arrives; a
/// conversation whose replies name nothing but the message before them falls apart.
pub fn thread_number(view: &DigestView<'_>) -> Option<u64> {
    let mut id = Vec::new();
    let fields = [view.references(), view.in_reply_to(), view.message_id()];
    let is_found = fields.into_iter().flatten().any(|value| MessageIds::new(value).next_into(&mut id));
    is_found.then(|| {
        let sum = digest(&SHA256, &id);
        sum.as_ref().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    })
}
