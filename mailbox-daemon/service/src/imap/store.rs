//! STORE (RFC 9051 section 6.4.6).

use super::news::OwnChange;
use super::reply::{Answer, Refusal, Reply};
use super::session::Session;
use crate::disk;
use proto::imap::command::{Store, StoreMode};
use proto::imap::session::ExpungeNews;
use proto::imap::write::{Code, FetchWriter};
use store::FlagChange;
use types::{Flags, Keyword, Rights};

impl Session {
    pub(super) async fn store(&mut self, store: Store) -> Answer {
        let uids = self.writable()?.uids(&store.target)?;
        let news = if store.target.uid { ExpungeNews::Told } else { ExpungeNews::Held };
        // What others changed before is told first, so that nothing of it hides behind this change.
        self.tell_news(ExpungeNews::Held);
        if uids.is_empty() {
            return Reply::ok("there was nothing to change");
        }
        let mailbox = self.writable()?.view.mailbox();
        let (change, flags, keywords) = allowed(&store, self.writable()?.rights)?;
        let stored = disk(|| mailbox.store_flags(&uids, change, flags, keywords, None))?;
        if !store.silent {
            self.tell_flags(&uids, store.target.uid).await?;
        }
        self.tell_news_except(news, Some(OwnChange::of(&stored)));
        Reply::ok("flags are set")
    }

    /// The flags of all these messages as they are now.
    async fn tell_flags(&mut self, uids: &types::SequenceSet, with_uid: bool) -> Result<(), Refusal> {
        let settings = self.settings();
        let revision2 = self.enabled.revision2;
        let Some(selected) = &mut self.selected else { return Ok(()) };
        let keywords = selected.tell_keywords(&mut self.out);
        for chunk in super::fetch::chunks(&selected.view, uids) {
            let Some(selected) = &self.selected else { return Ok(()) };
            let out = &mut self.out;
            selected.view.for_each_row(&chunk, &mut |seq, row| {
                let mut fetch = FetchWriter::begin(out, seq);
                if with_uid {
                    fetch.uid(row.uid);
                }
                fetch.flags(row.flags, selected.is_recent(row.uid.get(), revision2), &keywords);
                fetch.end();
            });
            self.flush_if_full(&settings.limits).await?;
        }
        Ok(())
    }
}

/// What of a STORE may be done: flags without their right are left as they are, and only when nothing is left it fails
/// (RFC 4314 section 4).
fn allowed(store: &Store, rights: Rights) -> Result<(FlagChange, Flags, &[Keyword]), Refusal> {
    let settable = rights.settable();
    let flags = settable.of(store.flags);
    let keywords = if settable.keywords { &store.keywords[..] } else { &[] };
    let change = match store.mode {
        StoreMode::Add => FlagChange::Add,
        StoreMode::Remove => FlagChange::Remove,
        StoreMode::Replace => FlagChange::ReplaceOf(settable),
    };
    let named_any = !store.flags.is_empty() || !store.keywords.is_empty();
    let nothing_left = flags.is_empty() && keywords.is_empty() && named_any;
    match nothing_left || settable.is_none() {
        true => Err(Refusal::no(Code::NoPerm, "you have no right to set these flags")),
        false => Ok((change, flags, keywords)),
    }
}
