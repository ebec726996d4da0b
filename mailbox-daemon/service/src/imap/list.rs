//! LIST, LSUB, STATUS (RFC 9051 section 6.3, RFC 5258, RFC 5819, RFC 6154).

use super::reply::{Answer, Refusal, Reply};
use super::resolve::Place;
use super::session::Session;
use crate::disk;
use proto::imap::command::{List, MailboxArgument, StatusItem};
use proto::imap::list::Pattern;
use proto::imap::write::{self, ListLine};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use store::{Mailbox, MailboxEntry, Status};
use types::{MailboxName, Right, Rights};

impl Session {
    pub(super) async fn list(&mut self, list: &List) -> Answer {
        if !list.extended && list.patterns.iter().all(String::is_empty) {
            write::list_separator(&mut self.out, "LIST");
            return Reply::ok("that is the separator");
        }
        let settings = self.settings();
        let utf8 = self.enabled.utf8_names();
        let entries = disk(|| self.all_mailboxes())?;
        let limited = if list.returns.my_rights { disk(|| self.limited_rights())? } else { HashMap::new() };
        let picked = Picked::new(list, &entries);
        let basic = !list.extended && !self.enabled.revision2;
        for entry in entries.iter() {
            let Some(line) = picked.line(entry) else { continue };
            let line = ListLine { basic, ..line };
            write::list(&mut self.out, &line, utf8);
            // A level that is told for what lies below it has no status and no rights (RFC 5819 section 3, RFC 8440 section 4).
            if entry.exists && picked.is_selected(entry) {
                if list.returns.my_rights {
                    let rights = limited.get(&entry.name).copied().unwrap_or(Rights::ALL);
                    write::myrights(&mut self.out, &entry.name, utf8, rights);
                }
                if let Some(entries) = &list.returns.metadata {
                    self.write_listed_metadata(&entry.name, entries);
                }
                // It went away, or may not be read: the others are still told (RFC 5819 section 2).
                if let Some(items) = list.returns.status.as_deref()
                    && let Ok(status) = disk(|| self.status_of(&entry.name))
                {
                    self.write_status(&entry.name, &status, items);
                }
            }
            self.flush_if_full(&settings.limits).await?;
        }
        Reply::ok("that is all")
    }

    pub(super) fn lsub(&mut self, reference: &str, pattern: &str) -> Answer {
        if pattern.is_empty() {
            write::list_separator(&mut self.out, "LSUB");
            return Reply::ok("that is the separator");
        }
        let utf8 = self.enabled.utf8_names();
        let matcher = Pattern::new(reference, pattern);
        let entries = disk(|| self.all_mailboxes())?;
        let subscribed: BTreeSet<&MailboxName> =
            entries.iter().filter(|entry| entry.subscribed).map(|entry| &entry.name).collect();
        let mut parents = BTreeSet::new();
        for name in &subscribed {
            if matcher.matches(name) {
                write::lsub(&mut self.out, name, false, utf8);
                continue;
            }
            let mut above = name.parent();
            while let Some(parent) = above {
                above = parent.parent();
                if matcher.matches(&parent) && !subscribed.contains(&parent) {
                    parents.insert(parent);
                }
            }
        }
        for parent in &parents {
            write::lsub(&mut self.out, parent, true, utf8);
        }
        Reply::ok("that is all")
    }

    pub(super) fn status(&mut self, mailbox: MailboxArgument, items: &[StatusItem]) -> Answer {
        let name = mailbox.map_err(Refusal::unknown_name)?;
        let status = disk(|| -> Result<_, Refusal> {
            let place = self.readable_place(&name)?;
            if let Some(status) = place.account.closed_status(&place.name)? {
                return Ok(status);
            }
            let mailbox = place.open()?.mailbox;
            mailbox.rescan()?;
            Ok(mailbox.status())
        })?;
        self.write_status(&name, &status, items);
        Reply::ok("that is its status")
    }

    pub(super) fn readable(&self, name: &MailboxName) -> Result<Arc<Mailbox>, Refusal> {
        Ok(self.readable_place(name)?.open()?.mailbox)
    }

    fn readable_place(&self, name: &MailboxName) -> Result<Place, Refusal> {
        let place = self.resolve(name)?;
        place.require(Right::Read)?;
        Ok(place)
    }

    /// What a mailbox holds, which need not be opened for that where it was known when it was closed.
    pub(super) fn status_of(&self, name: &MailboxName) -> Result<Status, Refusal> {
        let place = self.readable_place(name)?;
        match place.account.closed_status(&place.name)? {
            Some(status) => Ok(status),
            None => Ok(place.open()?.mailbox.status()),
        }
    }

    pub(super) fn write_status(&mut self, name: &MailboxName, status: &Status, items: &[StatusItem]) {
        let append_limit = self.host.settings.load().limits.message_bytes_max;
        let values: Vec<(StatusItem, u64)> = items
            .iter()
            .map(|item| {
                let value = match item {
                    StatusItem::AppendLimit => append_limit,
                    StatusItem::Deleted => u64::from(status.deleted),
                    StatusItem::DeletedStorage => status.deleted_bytes,
                    StatusItem::HighestModSeq => status.highest_modseq.0,
                    StatusItem::MailboxId => status.mailbox,
                    StatusItem::Messages => u64::from(status.messages),
                    StatusItem::Recent => u64::from(status.recent),
                    StatusItem::Size => status.bytes,
                    StatusItem::UidNext => u64::from(status.uid_next),
                    StatusItem::UidValidity => u64::from(status.uid_validity.get()),
                    StatusItem::Unseen => u64::from(status.unseen),
                };
                (*item, value)
            })
            .collect();
        write::status(&mut self.out, name, self.enabled.utf8_names(), &values);
    }

    /// One mailbox's LIST line, as SELECT tells it in IMAP4rev2.
    pub(super) fn write_list_line(&mut self, name: &MailboxName) -> Result<(), Refusal> {
        let entries = disk(|| self.all_mailboxes())?;
        if let Some(entry) = entries.iter().find(|entry| entry.name == *name) {
            write::list(&mut self.out, &whole_line(entry), true);
        }
        Ok(())
    }
}

pub(super) fn whole_line(entry: &MailboxEntry) -> ListLine<'_> {
    ListLine {
        name: &entry.name,
        exists: entry.exists,
        has_children: Some(entry.has_children),
        subscribed: entry.subscribed,
        special_use: entry.special_use,
        child_subscribed: false,
        basic: false,
    }
}

/// All levels above some mailboxes.
fn names_above<'a>(entries: impl Iterator<Item = &'a MailboxEntry>) -> BTreeSet<MailboxName> {
    let mut names = BTreeSet::new();
    for entry in entries {
        let mut above = entry.name.parent();
        while let Some(parent) = above {
            above = parent.parent();
            names.insert(parent);
        }
    }
    names
}

/// What a LIST command picks out of all mailboxes.
struct Picked<'a> {
    list: &'a List,
    patterns: Vec<Pattern>,
    /// With RECURSIVEMATCH: names above a mailbox that is selected and matches no pattern itself.
    above_selected: BTreeSet<MailboxName>,
    /// Names above a mailbox that matches no pattern itself.
    above_unmatched: BTreeSet<MailboxName>,
}

impl<'a> Picked<'a> {
    fn new(list: &'a List, entries: &[MailboxEntry]) -> Picked<'a> {
        let patterns = list.patterns.iter().map(|pattern| Pattern::new(&list.reference, pattern)).collect();
        let (above_selected, above_unmatched) = (BTreeSet::new(), BTreeSet::new());
        let mut picked = Picked { list, patterns, above_selected, above_unmatched };
        let unmatched = |entry: &&MailboxEntry| !picked.matches(&entry.name);
        if list.selection.recursive_match {
            let hidden = entries.iter().filter(|entry| picked.is_selected(entry)).filter(unmatched);
            picked.above_selected = names_above(hidden);
        }
        let unmatched = |entry: &&MailboxEntry| !picked.matches(&entry.name);
        if entries.iter().any(|entry| !entry.exists) {
            let hidden = entries.iter().filter(|entry| entry.exists).filter(unmatched);
            picked.above_unmatched = names_above(hidden);
        }
        picked
    }

    fn matches(&self, name: &MailboxName) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(name))
    }

    fn is_selected(&self, entry: &MailboxEntry) -> bool {
        let selection = self.list.selection;
        let is_there = entry.exists || entry.has_children || selection.subscribed;
        is_there
            && (!selection.subscribed || entry.subscribed)
            && (!selection.special_use || entry.special_use.is_some())
    }

    fn line<'e>(&self, entry: &'e MailboxEntry) -> Option<ListLine<'e>> {
        let child_subscribed = self.list.selection.subscribed && self.above_selected.contains(&entry.name);
        let is_picked = self.is_selected(entry) || self.above_selected.contains(&entry.name);
        if !is_picked || !self.matches(&entry.name) {
            return None;
        }
        // A mere level stands for what is below it, so it is left out where a flat pattern picks that by itself.
        if !entry.exists && !self.list.selection.subscribed {
            let is_deep =
                self.patterns.iter().any(|pattern| pattern.is_deep() && pattern.matches(&entry.name));
            if !is_deep && !self.above_unmatched.contains(&entry.name) {
                return None;
            }
        }
        let List { extended, selection, returns, .. } = self.list;
        // The plain LIST tells what most clients look for, the extended one what it is asked for (RFC 5258 section 3).
        let tell_children = !extended || returns.children;
        let tell_use = !extended || returns.special_use || selection.special_use;
        Some(ListLine {
            has_children: Some(entry.has_children).filter(|_| tell_children),
            subscribed: entry.subscribed && (returns.subscribed || selection.subscribed),
            special_use: entry.special_use.filter(|_| tell_use),
            child_subscribed,
            ..whole_line(entry)
        })
    }
}
