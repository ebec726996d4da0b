//! What changed in the open mailbox while the client was busy or idle (RFC 9051 section 7.4 and 7.5).

use super::session::{Selected, Session, expunges};
use proto::imap::session::ExpungeNews;
use proto::imap::write::{self, Code, FetchWriter, Status};
use store::FlagsStored;
use types::{Keyword, ModSeq};

/// Flag changes a command made itself and told already, by their modification sequences.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnChange {
    after: ModSeq,
    last: ModSeq,
}

impl OwnChange {
    pub(super) fn of(stored: &FlagsStored) -> OwnChange {
        OwnChange { after: stored.modseq_before, last: stored.modseq }
    }

    fn holds(self, modseq: ModSeq) -> bool {
        self.after < modseq && modseq <= self.last
    }
}

impl Session {
    /// Tells what changed since the last time.
    pub(super) fn tell_news(&mut self, news: ExpungeNews) {
        self.tell_news_except(news, None);
    }

    /// Tells what changed, apart from flag changes the client knows.
    pub(super) fn tell_news_except(&mut self, news: ExpungeNews, own: Option<OwnChange>) {
        let revision2 = self.enabled.revision2;
        if let Some(selected) = &mut self.selected {
            selected.tell_news(&mut self.out, news, own, revision2);
        }
    }
}

impl Selected {
    fn tell_news(&mut self, out: &mut Vec<u8>, news: ExpungeNews, own: Option<OwnChange>, revision2: bool) {
        self.heard = self.view.mailbox().bell().generation();
        loop {
            let changes = self.view.sync(expunges(news));
            for seq in changes.expunged {
                write::expunge(out, seq);
            }
            if let Some(exists) = changes.exists {
                write::exists(out, exists);
                if !revision2 {
                    write::recent(out, self.recent_count());
                }
            }
            let mut flags =
                changes.flags.iter().filter(|(_, row)| !own.is_some_and(|own| own.holds(row.modseq)));
            if let Some(first) = flags.next() {
                let keywords = self.tell_keywords(out);
                for (seq, row) in std::iter::once(first).chain(flags) {
                    let mut fetch = FetchWriter::begin(out, *seq);
                    fetch.uid(row.uid);
                    fetch.flags(row.flags, self.is_recent(row.uid.get(), revision2), &keywords);
                    fetch.end();
                }
            }
            if !changes.more {
                return;
            }
        }
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
        !revision2 && uid > self.recent_after
    }

    fn recent_count(&self) -> u32 {
        let arrived = types::SequenceSet::from_ranges([(self.recent_after.saturating_add(1), u32::MAX - 1)]);
        self.view.seqs_of(&arrived).count() as u32
    }
}
