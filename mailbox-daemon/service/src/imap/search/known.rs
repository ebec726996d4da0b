use crate::imap::digest;
use crate::imap::reply::Refusal;
use crate::imap::session::Selected;
use proto::mime::{DigestFront, DigestView};
use std::ops::ControlFlow;
use store::{Row, StoreError};
use types::{Limits, SequenceSet};

impl Selected {
    /// Calls `visit` for every message of the set that is there, ascending, with what is known of its header. What is not
    /// known yet is found out.
    pub(super) fn for_each_known(
        &self,
        uids: &SequenceSet,
        limits: &Limits,
        visit: &mut dyn FnMut(&Row, &DigestView<'_>),
    ) -> Result<(), Refusal> {
        let mailbox = self.view.mailbox();
        let mut left = uids.clone();
        loop {
            let mut unknown = None;
            mailbox.for_each_digest(&left, &mut |row, digest| {
                match digest.and_then(|digest| DigestView::parse(digest).ok()) {
                    Some(view) => visit(row, &view),
                    None => unknown = Some(*row),
                }
                match unknown {
                    None => ControlFlow::Continue(()),
                    Some(_) => ControlFlow::Break(()),
                }
            })?;
            let Some(row) = unknown else { return Ok(()) };
            match digest::of_message(mailbox, row.uid, limits) {
                Ok(digest) => drop(DigestView::parse(&digest).map(|view| visit(&row, &view))),
                // It is gone by now.
                Err(StoreError::NoSuchMessage | StoreError::Damaged { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            left = crate::imap::fetch::left_after(&left, row.uid);
        }
    }
}

impl Selected {
    /// The same where the front of what is known is enough, which is far less to read.
    pub(super) fn for_each_front(
        &self,
        uids: &SequenceSet,
        limits: &Limits,
        visit: &mut dyn FnMut(&Row, &DigestFront<'_>),
    ) -> Result<(), Refusal> {
        let mut left = uids.clone();
        loop {
            let mut unknown = None;
            self.view.mailbox().for_each_front(&left, &mut |row, front| {
                match front.and_then(|front| DigestFront::parse(front).ok()) {
                    Some(front) => visit(row, &front),
                    None => unknown = Some(row.uid),
                }
                match unknown {
                    None => ControlFlow::Continue(()),
                    Some(_) => ControlFlow::Break(()),
                }
            })?;
            let Some(uid) = unknown else { return Ok(()) };
            let this = SequenceSet::from_ranges([(uid.get(), uid.get())]);
            self.for_each_known(&this, limits, &mut |row, digest| visit(row, digest.front()))?;
            left = crate::imap::fetch::left_after(&left, uid);
        }
    }
}

/// When a message was sent, in seconds since 1970; when it arrived if its header does not tell (RFC 5256 section 2.2).
pub(super) fn sent(row: &Row, front: &DigestFront<'_>) -> i64 {
    front.sent_date().map_or(row.internal_date, |date| date.unix_seconds)
}
