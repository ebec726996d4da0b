//! SEARCH (RFC 9051 section 6.4.4). Each message is judged by its row first, then by the index, and its file is opened only if
//! both leave the question open.

mod compiled;
mod known;
mod sort;
mod sort_table;
mod thread;

use super::digest;
use super::reply::{Answer, Refusal, Reply};
use super::session::{Selected, Session};
use crate::disk;
use compiled::{Compiled, Facts};
use proto::imap::Tag;
use proto::imap::command::Search;
use proto::imap::search::{Needs, SearchKey, SearchReturn};
use proto::imap::write::{self, Found};
use proto::mime::{DigestFront, DigestView};
use std::ops::ControlFlow;
use store::{Row, StoreError};
use types::{Limits, ModSeq, SequenceSet, Uid, UnixSeconds};

/// Messages whose files are opened before the index is read on, and what the index said of them.
const OPEN_MESSAGES_MAX: usize = 128;
const OPEN_BYTES_MAX: usize = 1 << 20;

impl Session {
    pub(super) fn search(&mut self, tag: &Tag, search: Search) -> Answer {
        // IMAP4rev2 has no other answer.
        let returns = search.returns.or(self.enabled.revision2.then_some(SearchReturn::ALL));
        let found = self.find(&search.key);
        self.save(returns, found.as_ref().ok().map(Found::Set));
        let mut found = found?;
        let modseq = self.modseq_told(&search.key, returns, Found::Set(&found))?;
        if !search.uid {
            found = self.selected()?.view.seqs_of(&found);
        }
        match returns {
            None => write::search(&mut self.out, &found, modseq),
            Some(returns) if !tells(returns) => {}
            Some(returns) => {
                write::esearch(&mut self.out, tag, search.uid, returns, Found::Set(&found), modseq);
            }
        }
        Reply::ok("that is all")
    }

    /// The UIDs of all messages the key holds for.
    fn find(&self, key: &SearchKey) -> Result<SequenceSet, Refusal> {
        let settings = self.settings();
        self.selected()?.find(key, &settings.limits, self.host.now(), self.enabled.revision2)
    }

    /// The modification sequence that goes with what is told, where the key asked for one (RFC 7162 section 3.1.5, RFC 4731
    /// section 3.2).
    fn modseq_told(
        &self,
        key: &SearchKey,
        returns: Option<SearchReturn>,
        found: Found<'_>,
    ) -> Result<Option<ModSeq>, Refusal> {
        match key.names_modseq() {
            true => {
                let told = found.saved(returns.unwrap_or(SearchReturn::ALL));
                Ok(self.selected()?.view.highest_modseq(&told))
            }
            false => Ok(None),
        }
    }

    /// Keeps UIDs for `$` if that was asked for. A search that failed leaves nothing (RFC 5182 section 2.1).
    fn save(&mut self, returns: Option<SearchReturn>, found: Option<Found<'_>>) {
        if let (Some(returns @ SearchReturn { save: true, .. }), Some(selected)) =
            (returns, &mut self.selected)
        {
            selected.saved = found.map(|found| found.saved(returns)).unwrap_or_default();
        }
    }
}

/// With SAVE alone nothing is told (RFC 5182 section 2.1).
fn tells(returns: SearchReturn) -> bool {
    returns != SearchReturn { save: true, ..SearchReturn::default() }
}

impl Selected {
    /// The UIDs of all messages the key holds for.
    fn find(
        &self,
        key: &SearchKey,
        limits: &Limits,
        now: UnixSeconds,
        revision2: bool,
    ) -> Result<SequenceSet, Refusal> {
        let needs = key.needs();
        let mut key = Compiled::new(key, self, now, revision2)?;
        let all = self.view.uids_of(&SequenceSet::from_ranges([(1, u32::MAX)]));
        let candidates = key.candidates(&all);
        let mut found = SequenceSet::new();
        match needs {
            Needs::Row => self.view.for_each_row(&candidates, &mut |_, row| {
                if key.judge(row, &mut Facts::Row).is_ok_and(|verdict| verdict == Some(true)) {
                    found.push(row.uid.get());
                }
            }),
            Needs::Front => disk(|| self.find_in_fronts(&mut key, candidates, limits, &mut found))?,
            Needs::Digest | Needs::Message => {
                disk(|| self.find_in_digests(&mut key, candidates, limits, &mut found))?;
            }
        }
        Ok(found)
    }

    fn find_in_fronts(
        &self,
        key: &mut Compiled,
        candidates: SequenceSet,
        limits: &Limits,
        found: &mut SequenceSet,
    ) -> Result<(), Refusal> {
        let mut unknown = Vec::new();
        self.view.mailbox().for_each_front(&candidates, &mut |row, front| {
            let front = front.and_then(|front| DigestFront::parse(front).ok());
            let mut facts = front.as_ref().map_or(Facts::Row, Facts::Front);
            match key.judge(row, &mut facts) {
                Ok(Some(true)) => found.push(row.uid.get()),
                Ok(Some(false)) => {}
                _ => unknown.push((row.uid.get(), row.uid.get())),
            }
            ControlFlow::Continue(())
        })?;
        match unknown.is_empty() {
            true => Ok(()),
            false => {
                let mut more = SequenceSet::new();
                self.find_in_digests(key, SequenceSet::from_ranges(unknown), limits, &mut more)?;
                let both = found.ranges().iter().chain(more.ranges());
                *found = SequenceSet::from_ranges(both.map(|range| (range.first, range.last)));
                Ok(())
            }
        }
    }

    fn find_in_digests(
        &self,
        key: &mut Compiled,
        mut left: SequenceSet,
        limits: &Limits,
        found: &mut SequenceSet,
    ) -> Result<(), Refusal> {
        while !left.is_empty() {
            let mut open = Vec::new();
            let mut open_bytes = 0;
            let mut holds = Vec::new();
            let mut last = None;
            self.view.mailbox().for_each_digest(&left, &mut |row, digest| {
                let view = digest.and_then(|digest| DigestView::parse(digest).ok());
                let mut facts = view.as_ref().map_or(Facts::Row, Facts::Digest);
                match key.judge(row, &mut facts) {
                    Ok(Some(true)) => holds.push(row.uid.get()),
                    Ok(Some(false)) => {}
                    _ => {
                        let digest = digest.filter(|_| view.is_some()).unwrap_or_default().to_vec();
                        open_bytes += digest.len();
                        open.push((*row, digest));
                    }
                }
                last = Some(row.uid);
                match open.len() < OPEN_MESSAGES_MAX && open_bytes < OPEN_BYTES_MAX {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(()),
                }
            })?;
            let is_last = open.len() < OPEN_MESSAGES_MAX && open_bytes < OPEN_BYTES_MAX;
            for (row, digest) in open {
                if self.judge_message(key, &row, digest, limits)? {
                    holds.push(row.uid.get());
                }
            }
            holds.sort_unstable();
            for uid in holds {
                found.push(uid);
            }
            match last {
                Some(last) if !is_last => left = super::fetch::left_after(&left, last),
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    /// Judges a message by all that is known of it and, if need be, its file. One that is gone or damaged is not found.
    fn judge_message(
        &self,
        key: &mut Compiled,
        row: &Row,
        digest: Vec<u8>,
        limits: &Limits,
    ) -> Result<bool, Refusal> {
        match self.try_judge_message(key, row, digest, limits) {
            Ok(verdict) => Ok(verdict),
            Err(StoreError::NoSuchMessage | StoreError::Damaged { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn try_judge_message(
        &self,
        key: &mut Compiled,
        row: &Row,
        digest: Vec<u8>,
        limits: &Limits,
    ) -> Result<bool, StoreError> {
        let mailbox = self.view.mailbox();
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
}
