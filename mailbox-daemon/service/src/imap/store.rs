//! STORE (RFC 9051 section 6.4.6, RFC 7162 section 3.1.3).

use super::news::OwnChange;
use super::reply::{Answer, Refusal, Reply};
use super::session::Session;
use crate::disk;
use proto::imap::command::{Store, StoreMode};
use proto::imap::session::ExpungeNews;
use proto::imap::write::{Code, FetchWriter, MessageName};
use store::{FlagChange, FlagsStored};
use types::{Flags, Keyword, Rights, SequenceSet};

/// What is told of messages besides their modification sequences.
#[derive(Clone, Copy)]
pub(super) struct Items {
    pub(super) uid: bool,
    pub(super) flags: bool,
}

impl Session {
    pub(super) async fn store(&mut self, store: Store) -> Answer {
        let uids = self.writable()?.uids(&store.target)?;
        let news = if store.target.uid { ExpungeNews::Told } else { ExpungeNews::Held };
        // What others changed before is told first, so that nothing of it hides behind this change.
        self.tell_news(ExpungeNews::Held).await?;
        if uids.is_empty() {
            return Reply::ok("there was nothing to change");
        }
        let selected = self.writable()?;
        let mailbox = selected.view.mailbox();
        let (change, flags, keywords) = allowed(&store, selected.rights)?;
        let watched = self.watch_flags(mailbox, &uids);
        let stored = disk(|| mailbox.store_flags(&uids, change, flags, keywords, store.unchanged_since))?;
        self.set_off_by_marking(watched, mailbox, &stored.changed);
        if store.mode != StoreMode::Remove {
            self.taught_by_marking(mailbox, flags, keywords, &stored.changed);
        }
        let has_lost = store.unchanged_since.is_some() && !store.target.uid && selected.has_lost(&uids);
        let modified = match store.target.uid {
            true => stored.modified.clone(),
            false => selected.view.seqs_of(&stored.modified),
        };
        self.tell_stored(&store, &uids, &stored).await?;
        self.tell_news_except(news, Some(OwnChange::of(&stored))).await?;
        match (modified.is_empty(), has_lost) {
            (true, false) => Reply::ok("flags are set"),
            (true, true) => Err(Refusal::no(Code::ExpungeIssued, "some of the messages are gone")),
            (false, false) => Reply::coded(Code::Modified(modified), "some messages changed before"),
            (false, true) => Err(Refusal::no(Code::Modified(modified), "some messages changed or are gone")),
        }
    }

    /// Tells the flags as they are now, or of a silent change the modification sequences where those are wanted. Messages left
    /// alone are told in any case, so that the client sees why.
    async fn tell_stored(
        &mut self,
        store: &Store,
        uids: &SequenceSet,
        stored: &FlagsStored,
    ) -> Result<(), Refusal> {
        let uid = store.target.uid;
        if !store.silent {
            return self.tell_messages(uids, Items { uid, flags: true }).await;
        }
        if self.enabled.condstore {
            let told = match store.unchanged_since {
                Some(_) => &uids.without(&stored.modified),
                None => &stored.changed,
            };
            self.tell_messages(told, Items { uid, flags: false }).await?;
        }
        self.tell_messages(&stored.modified, Items { uid, flags: true }).await
    }

    /// Some items of all these messages as they are now; with CONDSTORE UIDs and modification sequences too.
    pub(super) async fn tell_messages(&mut self, uids: &SequenceSet, items: Items) -> Result<(), Refusal> {
        let settings = self.settings();
        let enabled = self.enabled;
        let Some(selected) = &mut self.selected else { return Ok(()) };
        let keywords = match items.flags {
            true => selected.tell_keywords(&mut self.out),
            false => Vec::new(),
        };
        for chunk in super::fetch::chunks(&selected.view, uids) {
            let Some(selected) = &self.selected else { return Ok(()) };
            let out = &mut self.out;
            selected.view.for_each_row(&chunk, &mut |seq, row| {
                let mut fetch = FetchWriter::begin(out, MessageName::new(enabled, seq, row.uid));
                if (items.uid || enabled.condstore) && !enabled.uid_only {
                    fetch.uid(row.uid);
                }
                if items.flags {
                    let recent = selected.is_recent(row.uid.get(), enabled.revision2);
                    fetch.flags(row.flags, recent, &keywords);
                }
                if enabled.condstore {
                    fetch.modseq(row.modseq);
                }
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
