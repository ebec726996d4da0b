//! A search under way: it goes through the messages in steps, so that a long one does not hold up others.

use super::compiled::{Compiled, Facts};
use super::looked_up::LookedUp;
use crate::imap::digest;
use crate::imap::fetch::left_after;
use crate::imap::reply::Refusal;
use crate::imap::session::Selected;
use proto::imap::search::{Needs, SearchKey};
use proto::mime::{DigestFront, DigestView};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use store::{Mailbox, Row, StoreError, View};
use types::{Limits, SequenceSet, Uid, UnixSeconds};

/// Messages whose files are opened before the index is read on, and what the index said of them.
const OPEN_MESSAGES_MAX: usize = 128;
const OPEN_BYTES_MAX: usize = 256 << 10;
/// How long a step goes on opening messages.
const STEP: Duration = Duration::from_millis(20);
/// With fewer messages the full-text index is not asked.
const LOOKED_UP_MIN: u64 = 32;

/// A search and what it has found so far.
pub(super) struct Hunt {
    key: Compiled,
    needs: Needs,
    left: SequenceSet,
    /// Messages to be judged in all.
    total: u64,
    /// Judged by their digests, to be opened; the next one last.
    open: Vec<(Row, Vec<u8>)>,
    found: Vec<u32>,
}

impl Hunt {
    pub(super) fn new(
        key: &SearchKey,
        selected: &Selected,
        now: UnixSeconds,
        revision2: bool,
        fulltext: bool,
    ) -> Result<Hunt, Refusal> {
        let needs = key.needs();
        let mut key = Compiled::new(key, selected, now, revision2)?;
        let all = selected.view.uids_of(&SequenceSet::all());
        let mut left = key.candidates(&all);
        if needs == Needs::Message && fulltext && left.count() >= LOOKED_UP_MIN {
            let mailbox = selected.view.mailbox();
            crate::disk(|| key.look_up(&mut |folded, place| LookedUp::ask(mailbox, folded, place)));
            left = key.candidates(&all);
        }
        let total = left.count();
        Ok(Hunt { key, needs, left, total, open: Vec::new(), found: Vec::new() })
    }

    /// Whether messages may have to be opened, which takes long.
    pub(super) fn opens_messages(&self) -> bool {
        self.needs == Needs::Message
    }

    /// How many messages were judged, of how many.
    pub(super) fn progress(&self) -> (u64, u64) {
        let left = self.left.count() + self.open.len() as u64;
        (self.total.saturating_sub(left), self.total)
    }

    /// The UIDs of the messages that were found.
    pub(super) fn into_found(self) -> SequenceSet {
        if !self.found.is_sorted() {
            return SequenceSet::from_ranges(self.found.into_iter().map(|uid| (uid, uid)));
        }
        let mut found = SequenceSet::new();
        self.found.into_iter().for_each(|uid| found.push(uid));
        found
    }

    /// Takes a step; whether it was the last.
    pub(super) fn go_on(&mut self, view: &View, limits: &Limits) -> Result<bool, Refusal> {
        let mailbox = view.mailbox();
        match self.needs {
            Needs::Row => self.judge_rows(view),
            Needs::Front => self.judge_fronts(mailbox)?,
            Needs::Digest | Needs::Message => {
                let end = Instant::now() + STEP;
                while Instant::now() < end && !self.is_done() {
                    match self.open.pop() {
                        Some((row, digest)) => self.judge_message(mailbox, &row, digest, limits)?,
                        None => self.judge_digests(mailbox)?,
                    }
                }
            }
        }
        Ok(self.is_done())
    }

    fn is_done(&self) -> bool {
        self.left.is_empty() && self.open.is_empty()
    }

    fn judge_rows(&mut self, view: &View) {
        let Hunt { key, left, found, .. } = self;
        view.for_each_row(left, &mut |_, row| {
            if key.judge(row, &mut Facts::Row).is_ok_and(|verdict| verdict == Some(true)) {
                found.push(row.uid.get());
            }
        });
        *left = SequenceSet::new();
    }

    /// Judges all messages by the fronts of their digests. Those the index does not know are left for another step.
    fn judge_fronts(&mut self, mailbox: &Mailbox) -> Result<(), StoreError> {
        let Hunt { key, left, found, .. } = self;
        let mut unknown = SequenceSet::new();
        mailbox.for_each_front(left, &mut |row, front| {
            let front = front.and_then(|front| DigestFront::parse(front).ok());
            let mut facts = front.as_ref().map_or(Facts::Row, Facts::Front);
            match key.judge(row, &mut facts) {
                Ok(Some(true)) => found.push(row.uid.get()),
                Ok(Some(false)) => {}
                _ => unknown.push(row.uid.get()),
            }
            ControlFlow::Continue(())
        })?;
        *left = unknown;
        self.needs = Needs::Digest;
        Ok(())
    }

    /// Judges messages by their digests until enough are to be opened.
    fn judge_digests(&mut self, mailbox: &Mailbox) -> Result<(), StoreError> {
        let Hunt { key, left, open, found, .. } = self;
        let mut open_bytes = 0;
        let mut stopped = None;
        mailbox.for_each_digest(left, &mut |row, digest| {
            let view = digest.and_then(|digest| DigestView::parse(digest).ok());
            let mut facts = view.as_ref().map_or(Facts::Row, Facts::Digest);
            match key.judge(row, &mut facts) {
                Ok(Some(true)) => found.push(row.uid.get()),
                Ok(Some(false)) => {}
                _ => {
                    let digest = digest.filter(|_| view.is_some()).unwrap_or_default().to_vec();
                    open_bytes += digest.len();
                    open.push((*row, digest));
                }
            }
            match open.len() < OPEN_MESSAGES_MAX && open_bytes < OPEN_BYTES_MAX {
                true => ControlFlow::Continue(()),
                false => {
                    stopped = Some(row.uid);
                    ControlFlow::Break(())
                }
            }
        })?;
        open.reverse();
        *left = stopped.map_or_else(SequenceSet::new, |last| left_after(left, last));
        Ok(())
    }

    /// Judges a message by all that is known of it and, if need be, its file. One that is gone or damaged is not found.
    fn judge_message(
        &mut self,
        mailbox: &std::sync::Arc<Mailbox>,
        row: &Row,
        digest: Vec<u8>,
        limits: &Limits,
    ) -> Result<(), Refusal> {
        match judge_message(&mut self.key, mailbox, row, digest, limits) {
            Ok(true) => self.found.push(row.uid.get()),
            Ok(false) | Err(StoreError::NoSuchMessage | StoreError::Damaged { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

fn judge_message(
    key: &mut Compiled,
    mailbox: &std::sync::Arc<Mailbox>,
    row: &Row,
    digest: Vec<u8>,
    limits: &Limits,
) -> Result<bool, StoreError> {
    let uid: Uid = row.uid;
    let digest = match digest.is_empty() {
        false => digest,
        true => digest::of_message(mailbox, uid, limits)?,
    };
    let Ok(view) = DigestView::parse(&digest) else { return Ok(false) };
    if let Some(verdict) = key.judge(row, &mut Facts::Digest(&view))? {
        return Ok(verdict);
    }
    let file = mailbox.open_message(uid)?;
    let Ok(root) = view.structure() else { return Ok(false) };
    let mut facts = Facts::Message { digest: &view, root: &root, file: &file };
    Ok(key.judge(row, &mut facts)? == Some(true))
}
