//! What changed in the open mailbox while the client was busy or idle (RFC 9051 section 7.4 and 7.5).

use super::reply::{Answer, Refusal, Reply};
use super::session::{Selected, Session, expunges};
use proto::imap::session::{Enabled, ExpungeNews};
use proto::imap::write::{self, Code, FetchWriter, MessageName, Status};
use store::{FlagsStored, Row};
use types::{Keyword, ModSeq, SeqNo};

/// Flag changes a command made itself and told already, by their modification sequences.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnChange {
    after: ModSeq,
    last: ModSeq,
}

impl OwnChange {
    /// No change of flags is told.
    const EVERYTHING: OwnChange = OwnChange { after: ModSeq(0), last: ModSeq(u64::MAX) };

    pub(super) fn of(stored: &FlagsStored) -> OwnChange {
        OwnChange { after: stored.modseq_before, last: stored.modseq }
    }

    fn holds(self, modseq: ModSeq) -> bool {
        self.after < modseq && modseq <= self.last
    }
}

impl Session {
    /// Tells what changed since the last time.
    pub(super) async fn tell_news(&mut self, news: ExpungeNews) -> Result<(), Refusal> {
        self.tell_news_except(news, None).await
    }

    /// Tells what changed, apart from flag changes the client knows.
    pub(super) async fn tell_news_except(
        &mut self,
        news: ExpungeNews,
        own: Option<OwnChange>,
    ) -> Result<(), Refusal> {
        let events = self.selected_events();
        if !events.arrivals {
            return Ok(());
        }
        let own = if events.flags { own } else { Some(OwnChange::EVERYTHING) };
        let enabled = self.enabled;
        while let Some(selected) = &mut self.selected
            && selected.tell_some_news(&mut self.out, news, own, enabled)
        {
            let settings = self.settings();
            self.flush_if_full(&settings.limits).await?;
        }
        match self.selected.as_ref().is_some_and(|selected| selected.contexts.have_news()) {
            true => Box::pin(self.tell_context_changes()).await,
            false => Ok(()),
        }
    }

    /// CONDSTORE is on from now on; the first time, the open mailbox's state is told (RFC 7162 section 3.1).
    pub(super) fn enable_condstore(&mut self) {
        if !self.enabled.condstore {
            self.enabled.condstore = true;
            self.tell_highest_modseq();
        }
    }

    /// Tells how far the client has heard of everything.
    pub(super) fn tell_highest_modseq(&mut self) {
        if let Some(selected) = &mut self.selected {
            selected.modseq_told = selected.view.told_modseq();
            let code = Code::HighestModSeq(selected.modseq_told);
            write::untagged(&mut self.out, Status::Ok, Some(&code), "everything up to here was told");
        }
    }

    /// Adds to an answer how far the client has heard of everything. It would else take the highest number it meets, though
    /// messages may be gone that it was not told of yet (RFC 7162 section 6).
    pub(super) fn with_highest_modseq(&mut self, answer: Answer) -> Answer {
        // What NOTIFY does not tell must be found by the next SELECT.
        let tells_all = self.selected_events().flags;
        let is_due = self.enabled.qresync
            && tells_all
            && self.selected.as_ref().is_some_and(|selected| {
                selected.view.holds_expunges() || selected.view.told_modseq() > selected.modseq_told
            });
        match (answer, &mut self.selected) {
            (Ok(Reply::Ok(None, text)), Some(selected)) if is_due => {
                selected.modseq_told = selected.view.told_modseq();
                Reply::coded(Code::HighestModSeq(selected.modseq_told), text)
            }
            (answer, _) => {
                if is_due {
                    self.tell_highest_modseq();
                }
                answer
            }
        }
    }
}

impl Selected {
    /// Whether there is more to tell.
    fn tell_some_news(
        &mut self,
        out: &mut Vec<u8>,
        news: ExpungeNews,
        own: Option<OwnChange>,
        enabled: Enabled,
    ) -> bool {
        self.heard = self.view.mailbox().bell().generation();
        let changes = self.view.sync(expunges(news));
        self.note_for_contexts(out, &changes);
        match enabled.tells_vanished() {
            true if !changes.vanished.is_empty() => write::vanished(out, false, &changes.vanished),
            true => {}
            false => changes.expunged.iter().for_each(|seq| write::expunge(out, *seq)),
        }
        if let Some(exists) = changes.exists {
            write::exists(out, exists);
            self.recent = self.view.recent();
            if !enabled.revision2 {
                write::recent(out, self.recent_count());
            }
        }
        let mut flags = changes.flags.iter().filter(|(_, row)| !own.is_some_and(|own| own.holds(row.modseq)));
        if let Some(first) = flags.next() {
            let keywords = self.tell_keywords(out);
            for (seq, row) in std::iter::once(first).chain(flags) {
                self.write_change(out, *seq, row, &keywords, enabled);
            }
        }
        changes.more
    }

    fn write_change(
        &self,
        out: &mut Vec<u8>,
        seq: SeqNo,
        row: &Row,
        keywords: &[(usize, Keyword)],
        enabled: Enabled,
    ) {
        let mut fetch = FetchWriter::begin(out, MessageName::new(enabled, seq, row.uid));
        if !enabled.uid_only {
            fetch.uid(row.uid);
        }
        fetch.flags(row.flags, self.is_recent(row.uid.get(), enabled.revision2), keywords);
        if enabled.condstore {
            fetch.modseq(row.modseq);
        }
        fetch.end();
    }

    /// The keywords by slot; new ones are told first, as the client must know a flag before it meets it.
    pub(super) fn tell_keywords(&mut self, out: &mut Vec<u8>) -> Vec<(usize, Keyword)> {
        let keywords = self.view.mailbox().keywords();
        if keywords.len() != self.keywords_told {
            self.keywords_told = keywords.len();
            let names: Vec<Keyword> = keywords.iter().map(|(_, keyword)| keyword.clone()).collect();
            write::flags(out, &names);
            write::untagged(out, Status::Ok, Some(&self.permanent_flags(names)), "flags that can be set");
        }
        keywords
    }

    pub(super) fn permanent_flags(&self, keywords: Vec<Keyword>) -> Code {
        if self.read_only {
            return Code::PermanentFlagsNone;
        }
        let more = keywords.len() < types::Flags::KEYWORDS_MAX;
        let settable = self.rights.settable();
        match settable.keywords {
            true => Code::PermanentFlags(settable.system, keywords, more),
            false => Code::PermanentFlags(settable.system, Vec::new(), false),
        }
    }

    /// IMAP4rev2 knows no `\Recent`.
    pub(super) fn is_recent(&self, uid: u32, revision2: bool) -> bool {
        !revision2 && self.recent.contains(uid)
    }

    pub(super) fn recent_count(&self) -> u32 {
        self.view.seqs_of(&self.recent).count() as u32
    }
}
