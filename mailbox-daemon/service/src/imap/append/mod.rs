//! APPEND, also of several messages and of parts of others (RFC 9051 section 6.3.12, RFC 3502, RFC 4469, RFC 7889), and REPLACE
//! (RFC 8508): each message streams to disk as it comes.

mod catenate;
mod incoming;
mod wire_form;

use super::reply::{Answer, Refusal, Reply};
use super::resolve::Target;
use super::session::Session;
use super::teach::keywords_of;
use crate::disk;
use incoming::Incoming;
use proto::imap::command::{Append, AppendPlace, AppendStep, Literal, Replace};
use proto::imap::write::{self, Code, Status};
use proto::imap::{AppendNext, Dialect};
use std::sync::Arc;
use std::time::Duration;
use store::{Arrival, NewMessage};
use tokio::time::{Instant, timeout};
use types::{Limits, Right, SequenceSet, Uid, UidValidity, Usage};

/// Messages one command may bring; each holds a file open until all are there.
const MESSAGES_MAX: usize = 50;
/// Read at once while a message comes in.
const READ_BYTES: usize = 32 * 1024;

/// A message coming in keeps a place that others may wait for, so its client may not rest for long.
fn stall(limits: &Limits) -> Duration {
    Duration::from_secs(limits.smtp_idle_s)
}

fn too_big(limits: &Limits) -> Refusal {
    Refusal::no(Code::TooBig, format!("a message has at most {} bytes", limits.message_bytes_max))
}

/// What the first message brings, as far as it is announced.
fn announced(steps: &[AppendStep]) -> Usage {
    let octets = steps.iter().map(|step| match step {
        AppendStep::Octets(literal, _) => literal.bytes,
        _ => 0,
    });
    Usage { messages: 1, bytes: octets.fold(0, u64::saturating_add) }
}

fn size_of(messages: &[(NewMessage, Arrival)]) -> Usage {
    Usage { messages: messages.len() as u64, bytes: messages.iter().map(|(file, _)| file.bytes()).sum() }
}

impl Session {
    pub(super) async fn append(&mut self, append: Append) -> Answer {
        let answer = self.append_all(append).await;
        // After a refusal, what the client still sends of this command is thrown away.
        self.input.refuse_message();
        answer
    }

    async fn append_all(&mut self, append: Append) -> Answer {
        let target = self.target(append.mailbox)?;
        self.require_room(&target.mailbox, announced(&append.steps))?;
        let messages = self.receive_all(append.steps).await?;
        self.require_room(&target.mailbox, size_of(&messages))?;
        let keywords = keywords_of(&messages);
        let added = added(&target, messages).await?;
        for (keywords, uid) in keywords.iter().zip(added.uids.iter()) {
            self.taught_by_coming(&target.mailbox, keywords, uid);
        }
        self.set_off_by_appending(&target.mailbox, &added.uids);
        Reply::coded(added.code(), "it is on disk")
    }

    /// The new message is on disk before the old one goes: whatever happens in between, neither is lost.
    pub(super) async fn replace(&mut self, replace: Replace) -> Answer {
        let replaced = self.replace_one(replace).await;
        self.input.refuse_message();
        replaced?;
        Reply::ok("replaced")
    }

    async fn replace_one(&mut self, replace: Replace) -> Result<(), Refusal> {
        let selected = self.writable()?;
        selected.require(Right::DeleteMessages)?;
        selected.require(Right::Expunge)?;
        let old = selected.uids(&replace.target)?;
        let mailbox = Arc::clone(selected.view.mailbox());
        let there = || old.iter().any(|uid| Uid::new(uid).is_some_and(|uid| mailbox.row(uid).is_some()));
        let gone = || Refusal::no(Code::ExpungeIssued, "the message is gone");
        if !there() {
            return Err(gone());
        }
        let target = self.target(replace.append.mailbox)?;
        let messages = self.receive_all(replace.append.steps).await?;
        if !there() {
            return Err(gone());
        }
        // The old message makes room for the new one where both count for the same account.
        let mut more = size_of(&messages);
        if Arc::ptr_eq(mailbox.account(), target.mailbox.account()) {
            let old = self.selected()?.size_of(&old);
            more.messages = more.messages.saturating_sub(old.messages);
            more.bytes = more.bytes.saturating_sub(old.bytes);
        }
        self.require_room(&target.mailbox, more)?;
        let new = added(&target, messages).await?;
        let expunged = match disk(|| mailbox.expunge(&old, false)) {
            Ok(expunged) => expunged.ticket.await,
            Err(error) => Err(error),
        };
        if let Err(error) = expunged {
            // The old message stays, so the new one must not: a client that hears NO tries again.
            let _ = disk(|| target.mailbox.expunge(&new.uids, false));
            return Err(error.into());
        }
        self.set_off_by_appending(&target.mailbox, &new.uids);
        // Before EXPUNGE, as RFC 8508 section 4.3 advises.
        write::untagged(&mut self.out, Status::Ok, Some(&new.code()), "the new message is on disk");
        Ok(())
    }

    /// Takes in every message of the command.
    async fn receive_all(
        &mut self,
        mut steps: Vec<AppendStep>,
    ) -> Result<Vec<(NewMessage, Arrival)>, Refusal> {
        let settings = self.settings();
        let limits = &settings.limits;
        let host = Arc::clone(&self.host);
        let Ok(Ok(_place)) = timeout(stall(limits), host.receiving.acquire()).await else {
            return Err(Refusal::no(Code::InUse, "too many messages are coming in, try again later"));
        };
        let mut messages = Vec::new();
        let mut open = None;
        loop {
            for step in steps {
                match (step, &mut open) {
                    (AppendStep::Message(message), open) => {
                        self.keep(open.take(), &mut messages, limits)?;
                        if messages.len() == MESSAGES_MAX {
                            return Err(Refusal::no(
                                Code::Limit,
                                "that are too many messages for one APPEND",
                            ));
                        }
                        *open = Some(disk(|| Incoming::new(self.mail()?, message, limits))?);
                    }
                    (AppendStep::Octets(literal, place), Some(incoming)) => {
                        self.receive(incoming, literal, place, limits).await?;
                    }
                    (AppendStep::Url(url), Some(incoming)) => {
                        disk(|| self.copy_octets(incoming, url, limits))?;
                    }
                    (AppendStep::Octets(..) | AppendStep::Url(_), None) => {}
                }
            }
            match self.next_steps(limits).await? {
                Some(next) => steps = next,
                None => break,
            }
        }
        self.keep(open, &mut messages, limits)?;
        Ok(messages)
    }

    /// A message is complete.
    fn keep(
        &self,
        incoming: Option<Incoming>,
        messages: &mut Vec<(NewMessage, Arrival)>,
        limits: &Limits,
    ) -> Result<(), Refusal> {
        if let Some(incoming) = incoming {
            messages.push(disk(|| incoming.finish(self.mail()?, self.host.now(), limits))?);
        }
        Ok(())
    }

    /// Takes in octets the client sends.
    async fn receive(
        &mut self,
        incoming: &mut Incoming,
        literal: Literal,
        place: AppendPlace,
        limits: &Limits,
    ) -> Result<(), Refusal> {
        if place.utf8 && !self.enabled.utf8_accept {
            return Err(Refusal::no(Code::Cannot, "UTF8 comes after ENABLE UTF8=ACCEPT"));
        }
        if literal.bytes.saturating_add(incoming.bytes()) > limits.message_bytes_max {
            return Err(too_big(limits));
        }
        if literal.bytes == 0 && !place.catenate {
            return Err(incoming::is_empty());
        }
        if self.input.accept_message() {
            write::continuation(&mut self.out, "send it");
            self.flush().await?;
        }
        let end = Instant::now() + Duration::from_secs(limits.smtp_data_s);
        while self.input.message_left() > 0 {
            if self.input.message().is_empty() {
                let left = end.saturating_duration_since(Instant::now());
                if self.fill_within(READ_BYTES, stall(limits).min(left)).await? == 0 {
                    return Err(Refusal::Gone);
                }
                continue;
            }
            let here = self.input.message();
            if !literal.binary && memchr::memchr(0, here).is_some() {
                return Err(Refusal::no(Code::Cannot, "a literal with a NUL byte begins with ~"));
            }
            let count = here.len();
            disk(|| incoming.take_in(here))?;
            self.input.take_message(count);
        }
        Ok(())
    }

    /// What follows the steps just done; `None` at the end of the command.
    async fn next_steps(&mut self, limits: &Limits) -> Result<Option<Vec<AppendStep>>, Refusal> {
        let dialect =
            Dialect { limits, utf8_names: self.enabled.utf8_names(), utf8_only: self.enabled.utf8_accept };
        loop {
            match self.input.append_next(&dialect) {
                AppendNext::Steps(steps) => return Ok(Some(steps)),
                AppendNext::End => return Ok(None),
                AppendNext::Refused(fault) => return Err(fault.into()),
                AppendNext::Continue => {
                    write::continuation(&mut self.out, "go on");
                    self.flush().await?;
                }
                AppendNext::Incomplete => {
                    if self.fill_within(READ_BYTES, stall(limits)).await? == 0 {
                        return Err(Refusal::Gone);
                    }
                }
            }
        }
    }
}

/// Messages that are on disk.
struct Appended {
    validity: UidValidity,
    uids: SequenceSet,
}

impl Appended {
    fn code(&self) -> Code {
        Code::AppendUid(self.validity.get(), self.uids.clone())
    }
}

/// Names the messages and waits until they are on disk.
async fn added(target: &Target, mut messages: Vec<(NewMessage, Arrival)>) -> Result<Appended, Refusal> {
    for (_, arrival) in &mut messages {
        arrival.flags = target.rights.settable().of(arrival.flags);
        if !target.rights.has(Right::Write) {
            arrival.keywords.clear();
        }
    }
    let (validity, uids, ticket) = match (messages.len(), messages.pop()) {
        (1, Some((file, arrival))) => {
            let added = disk(|| target.mailbox.add(file, arrival))?;
            (added.uid_validity, vec![added.uid], added.ticket)
        }
        (_, last) => {
            messages.extend(last);
            let added = disk(|| target.mailbox.add_all(messages))?;
            (added.uid_validity, added.uids, added.ticket)
        }
    };
    ticket.await?;
    let uids = SequenceSet::from_ranges(uids.iter().map(|uid| (uid.get(), uid.get())));
    Ok(Appended { validity, uids })
}
