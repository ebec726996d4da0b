//! NOTIFY (RFC 5465): the client hears of mailboxes it does not look at, between commands too.
//!
//! A session that waits for such news sleeps on the bell of the store's journal. It remembers what it told of at most
//! [`KNOWN_MAX`] mailboxes, some 50 KiB at worst; of a mailbox it remembers nothing of, it tells everything that was asked for.

mod told;
mod wanted;

pub(super) use wanted::filter_holds;

use super::metadata::SPECIAL_USE;
use super::reply::{Answer, Refusal, Reply};
use super::session::{Flow, Session};
use crate::disk;
use proto::imap::CommandBody;
use proto::imap::command::{Fetch, MessageSet, Target};
use proto::imap::metadata::Annotated;
use proto::imap::notify::{MessageEvents, NotifySet};
use proto::imap::session::{ExpungeNews, State};
use proto::imap::write::{self, Code, Status};
use std::collections::HashMap;
use store::{Listener, MailboxChange};
use told::Known;
use types::{MailboxName, SequenceSet};

/// Mailboxes whose state is remembered, and mailboxes whose state NOTIFY SET STATUS tells.
const KNOWN_MAX: usize = 500;

/// What a session asked to be told; with an empty set that is nothing at all.
pub(super) struct Notify {
    set: NotifySet,
    /// Only where mailboxes are asked about that are not open.
    listener: Option<Listener>,
    known: HashMap<MailboxName, Known>,
}

impl Session {
    pub(super) async fn start_notify(&mut self, set: Option<NotifySet>) -> Answer {
        let set = set.unwrap_or_default();
        // What happened so far is told as it was asked for so far.
        self.tell_news(ExpungeNews::Told).await?;
        let listener = (!set.groups.is_empty()).then(|| self.host.store.listen());
        let mut notify = Notify { set, listener, known: HashMap::new() };
        if notify.set.status {
            self.tell_states(&mut notify).await?;
        }
        self.notify = Some(Box::new(notify));
        if let Some(selected) = &mut self.selected {
            selected.arrivals_told = selected.view.last_uid();
        }
        Reply::ok("you will be told")
    }

    /// Which events of the open mailbox are told.
    pub(super) fn selected_events(&self) -> MessageEvents {
        match &self.notify {
            None => MessageEvents { arrivals: true, flags: true },
            Some(notify) => {
                notify.set.selected.as_ref().map(|selected| selected.messages).unwrap_or_default()
            }
        }
    }

    /// Whether changes of the open mailbox wake a session that sleeps.
    pub(super) fn awaits_news(&self) -> bool {
        match self.notify {
            None => self.idling.is_some(),
            Some(_) => self.selected_events().arrivals,
        }
    }

    /// Resolves when something happened that NOTIFY asked about.
    pub(super) fn notification(&self) -> Option<store::Ring> {
        self.notify.as_ref()?.listener.as_ref().map(Listener::ring)
    }

    /// Something happened while the session slept.
    pub(super) async fn tell_awaited_news(&mut self) -> Flow {
        if self.awaits_news()
            && let Some(why) = self.is_shut_out()
        {
            return self.bye(why).await;
        }
        let told = match self.tell_while_sleeping().await {
            Ok(()) => self.use_early_input().await,
            gone => gone,
        };
        match (told, self.flush().await) {
            (Ok(()), Ok(())) if self.state != State::Logout => Flow::Continue(()),
            _ => self.close().await,
        }
    }

    async fn tell_while_sleeping(&mut self) -> Result<(), Refusal> {
        if self.awaits_news() {
            let delayed = |notify: &Notify| notify.set.selected.as_ref().is_some_and(|events| events.delayed);
            let is_held = self.idling.is_none() && self.notify.as_deref().is_some_and(delayed);
            self.tell_news(if is_held { ExpungeNews::Held } else { ExpungeNews::Told }).await?;
            let _later = self.with_highest_modseq(Ok(Reply::Later));
            self.tell_arrivals().await?;
        }
        self.tell_notifications(None).await
    }

    /// Fetches what was asked for of new messages in the open mailbox (RFC 5465 section 5.2).
    pub(super) async fn tell_arrivals(&mut self) -> Result<(), Refusal> {
        let Some(events) = self.notify.as_ref().and_then(|notify| notify.set.selected.as_ref()) else {
            return Ok(());
        };
        let Some(selected) = self.selected.as_deref_mut() else { return Ok(()) };
        let last = selected.view.last_uid();
        let after = std::mem::replace(&mut selected.arrivals_told, last);
        if last <= after || events.fetch.is_empty() {
            return Ok(());
        }
        let set = MessageSet::Numbers(SequenceSet::from_ranges([(after + 1, last)]));
        let fetch = Fetch {
            target: Target { uid: true, set },
            items: events.fetch.clone(),
            changed_since: None,
            vanished: false,
            partial: None,
        };
        match self.fetch(fetch).await {
            Err(Refusal::Gone) => Err(Refusal::Gone),
            // No command waits for an answer; a message that is gone again is told as such.
            _ => Ok(()),
        }
    }

    /// Tells what happened to mailboxes that are not open, apart from what this client just did itself.
    pub(super) async fn tell_notifications(&mut self, own: Option<&Own>) -> Result<(), Refusal> {
        let Some(listener) = self.notify.as_mut().and_then(|notify| notify.listener.as_mut()) else {
            return Ok(());
        };
        let Ok(events) = listener.hear() else {
            self.overflow();
            return Ok(());
        };
        let settings = self.settings();
        let Some(mut notify) = self.notify.take() else { return Ok(()) };
        for event in events {
            let is_mine = self.mail().is_ok_and(|mail| *mail.address() == event.account);
            if is_mine && own.is_some_and(|own| own.is(&event.change)) {
                continue;
            }
            // What cannot be looked at just now is looked at with the next event.
            let _ = disk(|| self.tell_event(&mut notify, &event));
            if let Err(error) = self.flush_if_full(&settings.limits).await {
                return Err(error.into());
            }
        }
        self.notify = Some(notify);
        Ok(())
    }

    /// More happened than could be told (RFC 5465 section 5.8).
    fn overflow(&mut self) {
        let code = Code::NotificationOverflow;
        write::untagged(
            &mut self.out,
            Status::Ok,
            Some(&code),
            "too much happened; look at everything again",
        );
        let (set, listener, known) = (NotifySet::default(), None, HashMap::new());
        self.notify = Some(Box::new(Notify { set, listener, known }));
    }
}

/// What a command does itself, as the journal will tell it (RFC 5465 section 5: the client knows it already).
pub(super) enum Own {
    Change(MailboxChange),
    Annotations(Option<MailboxName>, Vec<String>),
}

impl Own {
    pub(super) fn of(body: &CommandBody) -> Option<Own> {
        Some(Own::Change(match body {
            CommandBody::Create { mailbox, .. } => MailboxChange::Created(mailbox.clone().ok()?),
            CommandBody::Delete(mailbox) => MailboxChange::Deleted(mailbox.clone().ok()?),
            CommandBody::Rename { from: Ok(from), to: Ok(to) } => match from.is_inbox() {
                true => MailboxChange::Created(to.clone()),
                false => MailboxChange::Renamed { from: from.clone(), to: to.clone() },
            },
            CommandBody::SetMetadata(set) => {
                let mailbox = match &set.of {
                    Annotated::Mailbox(mailbox) => Some(mailbox.clone().ok()?),
                    Annotated::Server => None,
                };
                let entries = set.values.iter().map(|(name, _)| name.as_str().to_owned()).collect();
                return Some(Own::Annotations(mailbox, entries));
            }
            CommandBody::Subscribe(mailbox) | CommandBody::Unsubscribe(mailbox) => {
                MailboxChange::Subscribed(mailbox.clone().ok()?)
            }
            _ => return None,
        }))
    }

    fn is(&self, change: &MailboxChange) -> bool {
        match (self, change) {
            (Own::Change(own), change) => own == change,
            (Own::Annotations(of, own), MailboxChange::Annotated { mailbox, entries, .. }) => {
                of == mailbox && entries.iter().all(|entry| own.contains(entry))
            }
            (Own::Annotations(of, own), MailboxChange::Use(name)) => {
                of.as_ref() == Some(name) && own.iter().any(|entry| entry == SPECIAL_USE)
            }
            (Own::Annotations(..), _) => false,
        }
    }
}
