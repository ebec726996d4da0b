//! Telling what happened: STATUS of mailboxes whose messages changed, LIST of those that were made, renamed or deleted.

use super::super::list::whole_line;
use super::super::metadata::SPECIAL_USE;
use super::super::reply::Refusal;
use super::super::resolve::{Place, shown_as};
use super::super::session::Session;
use super::wanted::Wanted;
use super::{KNOWN_MAX, Notify};
use crate::disk;
use proto::imap::command::StatusItem;
use proto::imap::notify::MessageEvents;
use proto::imap::write::{self, Code, ListLine};
use std::sync::Arc;
use store::{Acl, MailboxChange, MailboxEntry, MailboxEvent, Status};
use types::{MailboxName, Right};

/// What the client was last told of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    uid_validity: u32,
    uid_next: u32,
    messages: u32,
    unseen: u32,
    modseq: u64,
}

impl Known {
    fn of(status: &Status) -> Known {
        Known {
            uid_validity: status.uid_validity.get(),
            uid_next: status.uid_next,
            messages: status.messages,
            unseen: status.unseen,
            modseq: status.highest_modseq.0,
        }
    }

    /// What a STATUS answer has to tell (RFC 5465 sections 5.1 to 5.3); nothing when nothing changed that was asked about.
    fn news(self, before: Option<Known>, events: MessageEvents, condstore: bool) -> Vec<StatusItem> {
        let changed = |field: fn(Known) -> u64| before.is_none_or(|before| field(before) != field(self));
        let is_new = changed(|known| u64::from(known.uid_validity));
        let came_or_went = is_new
            || changed(|known| u64::from(known.uid_next))
            || changed(|known| u64::from(known.messages));
        let reads = events.flags && (is_new || changed(|known| u64::from(known.unseen)));
        let flags = events.flags && condstore && changed(|known| known.modseq);
        let mut items = Vec::new();
        if came_or_went {
            items.extend([StatusItem::Messages, StatusItem::UidNext]);
        }
        if is_new || flags {
            items.push(StatusItem::UidValidity);
        }
        if reads {
            items.push(StatusItem::Unseen);
        }
        if condstore && (came_or_went || flags) {
            items.push(StatusItem::HighestModSeq);
        }
        items
    }
}

/// What NOTIFY SET STATUS tells of each mailbox first (RFC 5465 section 3.1).
fn first_items(events: MessageEvents) -> &'static [StatusItem] {
    match events.flags {
        false => &[StatusItem::Messages, StatusItem::UidNext, StatusItem::UidValidity],
        true => &[
            StatusItem::Messages,
            StatusItem::UidNext,
            StatusItem::UidValidity,
            StatusItem::Unseen,
            StatusItem::HighestModSeq,
        ],
    }
}

impl Session {
    /// Tells and remembers the state of every mailbox asked about.
    pub(super) async fn tell_states(&mut self, notify: &mut Notify) -> Result<(), Refusal> {
        let settings = self.settings();
        let entries = disk(|| self.all_mailboxes())?;
        let wanted = |entry: &&MailboxEntry| {
            let wanted = Wanted::of(&notify.set, &entry.name, || entry.subscribed);
            entry.exists && wanted.messages.arrivals && !self.is_selected(&entry.name)
        };
        let wanted: Vec<&MailboxEntry> = entries.iter().filter(wanted).collect();
        if wanted.len() > KNOWN_MAX {
            return Err(Refusal::no(Code::NotificationOverflow, "that are too many mailboxes"));
        }
        for entry in wanted {
            let events = Wanted::of(&notify.set, &entry.name, || entry.subscribed).messages;
            // Whatever goes wrong with one, the others are told.
            let _ = disk(|| self.tell_state(notify, entry, events));
            self.flush_if_full(&settings.limits).await?;
        }
        Ok(())
    }

    fn tell_state(
        &mut self,
        notify: &mut Notify,
        entry: &MailboxEntry,
        events: MessageEvents,
    ) -> Result<(), Refusal> {
        let place = self.resolve(&entry.name)?;
        if !place.rights.has(Right::Read) {
            write::list_no_access(&mut self.out, &whole_line(entry), self.enabled.utf8_names());
            return Ok(());
        }
        let mailbox = place.open()?.mailbox;
        mailbox.rescan()?;
        notify.known.insert(entry.name.clone(), Known::of(&mailbox.status()));
        self.write_status(&entry.name, &mailbox.status(), first_items(events));
        Ok(())
    }

    /// Whether the open mailbox is known by that name.
    fn is_selected(&self, name: &MailboxName) -> bool {
        let Some(selected) = &self.selected else { return false };
        let mailbox = selected.view.mailbox();
        let is_it =
            |place: Place| place.name == mailbox.name() && Arc::ptr_eq(&place.account, mailbox.account());
        self.resolve(name).is_ok_and(is_it)
    }

    /// Tells one event, if it was asked for.
    pub(super) fn tell_event(&mut self, notify: &mut Notify, event: &MailboxEvent) -> Result<(), Refusal> {
        let is_mine = *self.mail()?.address() == event.account;
        let shown = |name: &MailboxName| match is_mine {
            true => Some(name.clone()),
            false => shown_as(&event.account, name),
        };
        match &event.change {
            MailboxChange::Messages(name) => match shown(name) {
                Some(name) => self.tell_state_change(notify, &name),
                None => Ok(()),
            },
            MailboxChange::Shared { mailbox, before, after } => {
                let me = self.mail()?.address();
                let sees = |acl: &Acl| acl.rights_of(me, &event.account).has(Right::Lookup);
                match shown(mailbox) {
                    Some(name) if sees(before) != sees(after) => self.tell_shared(notify, &name),
                    _ => Ok(()),
                }
            }
            MailboxChange::Subscribed(name) if is_mine => {
                let entries = self.all_mailboxes()?;
                self.tell_name(notify, &entries, name, |wanted| wanted.subscriptions);
                Ok(())
            }
            MailboxChange::Subscribed(_) => Ok(()),
            MailboxChange::Annotated { seen_by: Some(other), .. } if other != self.mail()?.address() => {
                Ok(())
            }
            MailboxChange::Annotated { mailbox: None, entries, .. } => {
                if is_mine && notify.set.groups.iter().any(|group| group.server_metadata) {
                    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
                    write::metadata_changed(&mut self.out, None, self.enabled.utf8_names(), &entries);
                }
                Ok(())
            }
            MailboxChange::Annotated { mailbox: Some(name), entries, .. } => {
                let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
                shown(name).map_or(Ok(()), |name| self.tell_annotated(notify, &name, &entries))
            }
            // What another uses his mailboxes for is his affair.
            MailboxChange::Use(name) if is_mine => self.tell_annotated(notify, name, &[SPECIAL_USE]),
            MailboxChange::Use(_) => Ok(()),
            MailboxChange::Created(name) | MailboxChange::Deleted(name) => {
                let Some(name) = shown(name) else { return Ok(()) };
                self.tell_made_or_gone(notify, &name, is_mine)
            }
            MailboxChange::Renamed { from, to } => match (shown(from), shown(to)) {
                (Some(from), Some(to)) => self.tell_renamed(notify, &from, &to, is_mine),
                _ => Ok(()),
            },
        }
    }

    fn tell_state_change(&mut self, notify: &mut Notify, name: &MailboxName) -> Result<(), Refusal> {
        let events = Wanted::of(&notify.set, name, || self.is_subscribed(name)).messages;
        if !events.arrivals || self.is_selected(name) {
            return Ok(());
        }
        let place = self.resolve(name)?;
        if !place.rights.has(Right::Lookup) || !place.rights.has(Right::Read) {
            return Ok(());
        }
        let mailbox = place.open()?.mailbox;
        let now = Known::of(&mailbox.status());
        if notify.known.len() >= KNOWN_MAX && !notify.known.contains_key(name) {
            notify.known.clear();
        }
        let before = notify.known.insert(name.clone(), now);
        let items = now.news(before, events, self.enabled.condstore);
        if !items.is_empty() {
            self.write_status(name, &mailbox.status(), &items);
        }
        Ok(())
    }

    fn tell_annotated(
        &mut self,
        notify: &Notify,
        name: &MailboxName,
        entries: &[&str],
    ) -> Result<(), Refusal> {
        if Wanted::of(&notify.set, name, || self.is_subscribed(name)).metadata {
            let rights = self.resolve(name)?.rights;
            if rights.has(Right::Lookup) && rights.has(Right::Read) {
                write::metadata_changed(&mut self.out, Some(name), self.enabled.utf8_names(), entries);
            }
        }
        Ok(())
    }

    fn is_subscribed(&self, name: &MailboxName) -> bool {
        let entries = self.all_mailboxes().unwrap_or_default();
        entries.iter().any(|entry| entry.subscribed && entry.name == *name)
    }

    /// A mailbox was made or deleted: it and the level above it look different now (RFC 5465 section 5.4).
    fn tell_made_or_gone(
        &mut self,
        notify: &mut Notify,
        name: &MailboxName,
        is_mine: bool,
    ) -> Result<(), Refusal> {
        let entries = self.all_mailboxes()?;
        let was_known = notify.known.remove(name).is_some();
        // Whoever could not see another's mailbox does not hear that it was there.
        if !is_mine && !was_known && !entries.iter().any(|entry| entry.name == *name) {
            return Ok(());
        }
        self.tell_name(notify, &entries, name, |wanted| wanted.names);
        if let Some(parent) = name.parent() {
            self.tell_name(notify, &entries, &parent, |wanted| wanted.names);
        }
        Ok(())
    }

    /// A mailbox came in sight or went out of it, which is as if it were made or deleted (RFC 5465 section 5.4).
    fn tell_shared(&mut self, notify: &mut Notify, name: &MailboxName) -> Result<(), Refusal> {
        let entries = self.all_mailboxes()?;
        notify.known.remove(name);
        self.tell_name(notify, &entries, name, |wanted| wanted.names);
        Ok(())
    }

    /// Those below it go with it and are not told (RFC 5465 section 5.4).
    fn tell_renamed(
        &mut self,
        notify: &mut Notify,
        from: &MailboxName,
        to: &MailboxName,
        is_mine: bool,
    ) -> Result<(), Refusal> {
        let was_known = notify.known.contains_key(from);
        notify.known.retain(|name, _| name != from && !name.is_below(from));
        if !is_mine && !was_known {
            return self.tell_made_or_gone(notify, to, is_mine);
        }
        let entries = self.all_mailboxes()?;
        let is_wanted = [from, to]
            .into_iter()
            .any(|name| Wanted::of(&notify.set, name, || is_subscribed_in(&entries, name)).names);
        if is_wanted {
            let entry = entry_of(&entries, to);
            write::list_renamed(&mut self.out, &whole_line(&entry), from, self.enabled.utf8_names());
        }
        Ok(())
    }

    /// One LIST line, if that was asked for.
    fn tell_name(
        &mut self,
        notify: &Notify,
        entries: &[MailboxEntry],
        name: &MailboxName,
        asks: impl Fn(Wanted) -> bool,
    ) {
        let is_subscribed = || is_subscribed_in(entries, name);
        if asks(Wanted::of(&notify.set, name, is_subscribed)) {
            let entry = entry_of(entries, name);
            let line: ListLine<'_> = whole_line(&entry);
            write::list(&mut self.out, &line, self.enabled.utf8_names());
        }
    }
}

fn is_subscribed_in(entries: &[MailboxEntry], name: &MailboxName) -> bool {
    entries.iter().any(|entry| entry.subscribed && entry.name == *name)
}

fn entry_of(entries: &[MailboxEntry], name: &MailboxName) -> MailboxEntry {
    entries.iter().find(|entry| entry.name == *name).cloned().unwrap_or_else(|| MailboxEntry::level(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_answer_tells_what_changed_of_what_was_asked() {
        use StatusItem::{HighestModSeq, Messages, UidNext, UidValidity, Unseen};
        let before = Known { uid_validity: 1, uid_next: 5, messages: 4, unseen: 2, modseq: 9 };
        let arrivals = MessageEvents { arrivals: true, flags: false };
        let all = MessageEvents { arrivals: true, flags: true };
        let came = Known { uid_next: 6, messages: 5, unseen: 3, modseq: 10, ..before };
        let read = Known { unseen: 1, modseq: 10, ..before };
        let flagged = Known { modseq: 10, ..before };
        for (now, before, events, condstore, expected) in [
            (came, Some(before), arrivals, false, &[Messages, UidNext][..]),
            (came, Some(before), all, false, &[Messages, UidNext, Unseen]),
            (came, Some(before), arrivals, true, &[Messages, UidNext, HighestModSeq]),
            (came, Some(before), all, true, &[Messages, UidNext, UidValidity, Unseen, HighestModSeq]),
            (read, Some(before), arrivals, true, &[]),
            (read, Some(before), all, false, &[Unseen]),
            (flagged, Some(before), all, false, &[]),
            (flagged, Some(before), all, true, &[UidValidity, HighestModSeq]),
            (before, Some(before), all, true, &[]),
            (before, None, arrivals, false, &[Messages, UidNext, UidValidity]),
        ] {
            assert_eq!(now.news(before, events, condstore), expected, "{now:?} {events:?} {condstore}");
        }
    }
}
