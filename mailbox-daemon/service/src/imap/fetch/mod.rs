//! FETCH (RFC 9051 section 6.4.5). What the rows in memory and the index answer is written straight from there; bodies stream
//! from their files in pieces, so that no message is ever held whole.

mod body;
mod plan;
mod section;
mod source;

use super::digest;
use super::news::OwnChange;
use super::reply::{Answer, Refusal, Reply};
use super::session::{Selected, Session};
use crate::disk;
use body::Bodies;
use plan::{Content, Plan, Reads};
use proto::imap::command::{Fetch, MessageSet};
use proto::imap::search::PartialRange;
use proto::imap::session::{Enabled, ExpungeNews};
use proto::imap::write::{Code, FetchWriter, MessageName};
use proto::mime::DigestView;
use proto::mime::thread_id::thread_number;
pub(super) use section::SectionOctets;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use store::{FlagChange, Row, StoreError, View};
use types::{Flags, Keyword, Limits, Right, SeqNo, SequenceSet, SystemFlag, Uid};

/// Messages looked at before the output is sent and others get their turn.
const CHUNK_MESSAGES: u32 = 1024;

/// A piece of output that took longer to be read was not all in memory.
const IN_MEMORY_MAX: Duration = Duration::from_millis(2);

/// What all messages of one FETCH have in common.
pub(super) struct Context<'a> {
    plan: &'a Plan,
    limits: &'a Limits,
    keywords: &'a [(usize, Keyword)],
    enabled: Enabled,
    /// Messages whose flags this FETCH itself changed.
    seen_now: &'a SequenceSet,
}

/// What went wrong with single messages while the others were told.
#[derive(Default)]
pub(super) struct Losses {
    gone: bool,
    damaged: bool,
    unknown_encoding: bool,
}

impl Selected {
    /// The messages at some places among those the session knows (RFC 9394 section 3.3).
    fn some_of(&self, uids: SequenceSet, partial: Option<PartialRange>) -> SequenceSet {
        let Some(range) = partial else { return uids };
        let seqs = self.view.seqs_of(&uids);
        self.view.uids_of(&seqs.places(range.places(seqs.count() as usize)))
    }
}

impl Session {
    pub(super) async fn fetch(&mut self, fetch: Fetch) -> Answer {
        let uids = self.messages_to_fetch(&fetch).await?;
        let news = if fetch.target.uid { ExpungeNews::Told } else { ExpungeNews::Held };
        let enabled = self.enabled;
        let mut plan = Plan::new(fetch.items, fetch.target.uid && !enabled.uid_only);
        plan.modseq |= fetch.changed_since.is_some();
        let settings = self.settings();
        let (seen_now, own) = self.mark_seen(&plan, &uids)?;
        let Some(selected) = &mut self.selected else { return Err(Refusal::Gone) };
        let keywords = selected.tell_keywords(&mut self.out);
        let context = Context {
            plan: &plan,
            limits: &settings.limits,
            keywords: &keywords,
            enabled,
            seen_now: &seen_now,
        };
        let mut losses = Losses::default();
        for chunk in chunks(&self.selected()?.view, &uids) {
            match plan.reads {
                Reads::Rows => self.fetch_rows(&context, &chunk)?,
                Reads::Digests => self.fetch_digests(&context, &chunk, &mut losses).await?,
                Reads::Messages => self.fetch_messages(&context, &chunk, &mut losses).await?,
            }
            self.flush_if_full(context.limits).await?;
        }
        // A UID that is gone is passed over like one that never was; a sequence number named a message.
        losses.gone = !fetch.target.uid && (losses.gone || self.selected()?.has_lost(&uids));
        self.tell_news_except(news, own).await?;
        losses.answer()
    }

    /// The messages meant; those that vanished are told of where that is asked for (RFC 7162 sections 3.1.4.1 and 3.2.6).
    async fn messages_to_fetch(&mut self, fetch: &Fetch) -> Result<SequenceSet, Refusal> {
        let selected = self.selected()?;
        let uids = selected.uids(&fetch.target)?;
        let Some(since) = fetch.changed_since else { return Ok(selected.some_of(uids, fetch.partial)) };
        let changed = selected.view.changed_since(&uids, since);
        if fetch.vanished {
            if !self.enabled.qresync {
                return Err(Refusal::bad("say ENABLE QRESYNC first"));
            }
            let asked = match &fetch.target.set {
                MessageSet::Numbers(uids) => uids.clone(),
                MessageSet::Saved => selected.saved.clone(),
            };
            self.tell_vanished(&asked, since).await?;
        }
        Ok(self.selected()?.some_of(changed, fetch.partial))
    }

    /// Sets `\Seen` where a body is fetched without PEEK.
    fn mark_seen(
        &self,
        plan: &Plan,
        uids: &SequenceSet,
    ) -> Result<(SequenceSet, Option<OwnChange>), Refusal> {
        let selected = self.selected()?;
        let may_set = !selected.read_only && selected.rights.has(Right::Seen);
        if !plan.sets_seen || !may_set || uids.is_empty() {
            return Ok((SequenceSet::new(), None));
        }
        let seen = Flags::system(SystemFlag::Seen);
        let stored = disk(|| selected.view.mailbox().store_flags(uids, FlagChange::Add, seen, &[], None))?;
        let own = OwnChange::of(&stored);
        self.set_off_by_reading(selected.view.mailbox(), &stored.changed);
        Ok((stored.changed, Some(own)))
    }

    fn fetch_rows(&mut self, context: &Context<'_>, uids: &SequenceSet) -> Result<(), Refusal> {
        let Some(selected) = self.selected.as_deref() else { return Err(Refusal::Gone) };
        let out = &mut self.out;
        let mut write_rows = || {
            selected.view.for_each_row(uids, &mut |seq, row| {
                let mut fetch = FetchWriter::begin(out, MessageName::new(context.enabled, seq, row.uid));
                context.write_row_items(&mut fetch, row, selected);
                fetch.end();
            });
        };
        match context.plan.needs_identity() {
            true => disk(write_rows),
            false => write_rows(),
        }
        Ok(())
    }

    /// Goes through the index; a message it knows nothing about is read first.
    async fn fetch_digests(
        &mut self,
        context: &Context<'_>,
        uids: &SequenceSet,
        losses: &mut Losses,
    ) -> Result<(), Refusal> {
        let mut left = uids.clone();
        while !left.is_empty() {
            let Some(selected) = self.selected.as_deref() else { return Err(Refusal::Gone) };
            let out = &mut self.out;
            let stop = disk(|| context.write_digests(selected, &left, out))?;
            let last = match stop {
                None => return Ok(()),
                Some(Stop::Full(uid)) => uid,
                Some(Stop::NotKept(uid)) => {
                    self.fetch_messages(context, &single(uid), losses).await?;
                    uid
                }
                Some(Stop::Unknown(uid)) => {
                    let found = disk(|| digest::of_message(selected.view.mailbox(), uid, context.limits));
                    match found {
                        // Now it is in the index, or can at least be told.
                        Ok(digest) if context.write_one(selected, uid, &digest, out) => {}
                        Ok(_) => self.fetch_messages(context, &single(uid), losses).await?,
                        Err(error) => losses.note(&error)?,
                    }
                    uid
                }
            };
            left = left_after(&left, last);
            self.flush_if_full(context.limits).await?;
        }
        Ok(())
    }

    async fn fetch_messages(
        &mut self,
        context: &Context<'_>,
        uids: &SequenceSet,
        losses: &mut Losses,
    ) -> Result<(), Refusal> {
        let mut bodies = Bodies::new(&self.selected()?.view, uids);
        let is_single = uids.count() == 1;
        if !is_single {
            // Grown step by step it would end up at twice as much.
            self.out.reserve_exact(context.limits.output_bytes_max + source::READ_BYTES);
        }
        let mut is_slow = !is_single;
        loop {
            let Some(selected) = self.selected.as_deref() else { return Err(Refusal::Gone) };
            let out = &mut self.out;
            let mut fill = || bodies.fill(context, selected, out, losses);
            // Handing the worker thread over costs more than reading what is in memory, as what came just before was, or one
            // message.
            let begin = Instant::now();
            let is_done = if is_slow { disk(fill)? } else { fill()? };
            is_slow = begin.elapsed() > IN_MEMORY_MAX;
            if is_done {
                return Ok(());
            }
            self.flush().await?;
        }
    }
}

fn single(uid: Uid) -> SequenceSet {
    SequenceSet::from_ranges([(uid.get(), uid.get())])
}

/// Why going through the index stopped, and at which message.
enum Stop {
    /// The output is full; this message is the last one told.
    Full(Uid),
    /// Its header fields are not in the index.
    NotKept(Uid),
    /// Nothing is known of this message.
    Unknown(Uid),
}

/// Buffers that go from message to message.
#[derive(Default)]
struct Scratch {
    unpacked: Vec<u8>,
    picked: Vec<u8>,
}

impl Context<'_> {
    /// Items that the row answers.
    fn write_row_items(&self, fetch: &mut FetchWriter<'_>, row: &Row, selected: &Selected) {
        let plan = self.plan;
        let is_seen_now = self.seen_now.contains(row.uid.get());
        // A change of flags is told with UID and modification sequence (RFC 7162 section 3.2.4).
        let is_change_told = is_seen_now && self.enabled.condstore;
        if plan.uid || (is_change_told && !self.enabled.uid_only) {
            fetch.uid(row.uid);
        }
        if plan.flags || is_seen_now {
            let recent = selected.is_recent(row.uid.get(), self.enabled.revision2);
            fetch.flags(row.flags, recent, self.keywords);
        }
        if plan.modseq || is_change_told {
            fetch.modseq(row.modseq);
        }
        if plan.internal_date {
            fetch.internal_date(row.internal_date);
        }
        if plan.size {
            fetch.rfc822_size(row.wire_bytes);
        }
        // A message that is gone meanwhile has none; its answer is of no use any more.
        if plan.needs_identity()
            && let Ok(identity) = selected.view.mailbox().identity(row.uid)
        {
            if plan.save_date {
                fetch.save_date(identity.saved);
            }
            if plan.email_id {
                fetch.email_id(identity.content);
            }
        }
    }

    /// Items that the digest answers.
    fn write_digest_items(&self, fetch: &mut FetchWriter<'_>, digest: &DigestView<'_>) {
        if self.plan.envelope {
            fetch.prepared("ENVELOPE", digest.envelope());
        }
        if self.plan.thread_id {
            fetch.thread_id(thread_number(digest));
        }
        for (wanted, name, extensible) in
            [(self.plan.body, "BODY", false), (self.plan.body_structure, "BODYSTRUCTURE", true)]
        {
            if wanted {
                fetch.name(name);
                let begin = fetch.out.len();
                if digest.write_body_structure(extensible, fetch.out).is_err() {
                    fetch.out.truncate(begin);
                    fetch.nil();
                }
            }
        }
    }

    fn write_digests(
        &self,
        selected: &Selected,
        uids: &SequenceSet,
        out: &mut Vec<u8>,
    ) -> Result<Option<Stop>, StoreError> {
        let mut stop = None;
        let mut scratch = Scratch::default();
        let view = &selected.view;
        view.mailbox().for_each_digest(uids, &mut |row, digest| {
            let Some(seq) = view.seq_of(row.uid) else { return ControlFlow::Continue(()) };
            let Some(digest) = digest.and_then(|digest| DigestView::parse(digest).ok()) else {
                stop = Some(Stop::Unknown(row.uid));
                return ControlFlow::Break(());
            };
            if !self.write_message(selected, (seq, row), &digest, &mut scratch, out) {
                stop = Some(Stop::NotKept(row.uid));
                return ControlFlow::Break(());
            }
            if out.len() >= self.limits.output_bytes_max {
                stop = Some(Stop::Full(row.uid));
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        Ok(stop)
    }

    /// Writes a message that was not in the index; `false` when its header fields cannot be told from its digest.
    fn write_one(&self, selected: &Selected, uid: Uid, digest: &[u8], out: &mut Vec<u8>) -> bool {
        let known = selected.view.seq_of(uid).zip(selected.view.mailbox().row(uid));
        let (Some((seq, row)), Ok(digest)) = (known, DigestView::parse(digest)) else { return true };
        self.write_message(selected, (seq, &row), &digest, &mut Scratch::default(), out)
    }

    /// Writes a message, unless its header fields cannot be told from its digest; whether it is written.
    fn write_message(
        &self,
        selected: &Selected,
        (seq, row): (SeqNo, &Row),
        digest: &DigestView<'_>,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> bool {
        let picks = self.plan.picks.as_deref().unwrap_or_default();
        let kept = match picks.is_empty() {
            true => Some(&[][..]),
            false => digest.kept_fields(&mut scratch.unpacked),
        };
        let Some(kept) = kept else { return false };
        let mut fetch = FetchWriter::begin(out, MessageName::new(self.enabled, seq, row.uid));
        self.write_row_items(&mut fetch, row, selected);
        self.write_digest_items(&mut fetch, digest);
        for (content, pick) in self.plan.contents.iter().zip(picks) {
            if let Content::Body { section, partial, rfc822_name } = content {
                fetch.body_name(section, *partial, *rfc822_name);
                scratch.picked.clear();
                let mut pick = pick.clone();
                pick.feed(kept, &mut scratch.picked);
                pick.finish(&mut scratch.picked);
                let slice = partial.map_or(&scratch.picked[..], |partial| partial.slice(&scratch.picked));
                fetch.literal(slice.len() as u64, false);
                fetch.out.extend_from_slice(slice);
            }
        }
        fetch.end();
        true
    }
}

impl Losses {
    /// A message that cannot be told; other faults end the command.
    fn note(&mut self, error: &StoreError) -> Result<(), Refusal> {
        match error {
            StoreError::NoSuchMessage => self.gone = true,
            StoreError::Damaged { path } => {
                tracing::warn!(path = %path.display(), "a damaged message was set aside");
                self.damaged = true;
            }
            _ => {
                tracing::warn!(%error, "a message cannot be read");
                return Err(Refusal::no(Code::Unavailable, "a message cannot be read just now"));
            }
        }
        Ok(())
    }

    fn answer(&self) -> Answer {
        if self.damaged {
            return Err(Refusal::no(Code::Corruption, "a damaged message was set aside"));
        }
        if self.unknown_encoding {
            return Err(Refusal::no(Code::UnknownCte, "a part is in an encoding that is not known"));
        }
        if self.gone {
            return Err(Refusal::no(Code::ExpungeIssued, "some of the messages are gone"));
        }
        Reply::ok("that is all")
    }
}

impl Selected {
    /// Whether any of these messages is gone though the client could not be told so yet.
    pub(super) fn has_lost(&self, uids: &SequenceSet) -> bool {
        let mut here = 0_u64;
        self.view.for_each_row(uids, &mut |_, _| here += 1);
        here < self.view.seqs_of(uids).count()
    }
}

/// Sets of at most [`CHUNK_MESSAGES`] of these messages, ascending.
pub(super) fn chunks(view: &View, uids: &SequenceSet) -> Vec<SequenceSet> {
    let seqs = view.seqs_of(uids);
    let mut chunks = Vec::new();
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    let mut room = CHUNK_MESSAGES;
    for range in seqs.ranges() {
        let mut first = range.first;
        while first <= range.last {
            let last = range.last.min(first + room - 1);
            ranges.push((first, last));
            room -= last - first + 1;
            first = last + 1;
            if room == 0 {
                chunks.push(view.uids_of(&SequenceSet::from_ranges(ranges.drain(..))));
                room = CHUNK_MESSAGES;
            }
        }
    }
    if !ranges.is_empty() {
        chunks.push(view.uids_of(&SequenceSet::from_ranges(ranges)));
    }
    chunks
}

/// The part of the set above `last`.
pub(super) fn left_after(uids: &SequenceSet, last: Uid) -> SequenceSet {
    let above = uids.ranges().iter().filter(|range| range.last > last.get());
    SequenceSet::from_ranges(above.map(|range| (range.first.max(last.get() + 1), range.last)))
}
