use super::cursor::Cursor;
use super::fetch;
use super::{Fault, FaultKind, argument};
use crate::imap::command::{CommandBody, FetchItem, MailboxArgument};
use crate::imap::notify::{EventGroup, MailboxFilter, MessageEvents, NotifySet, SelectedEvents};
use std::borrow::Cow;

/// Groups of events in one NOTIFY, and mailboxes named in one group.
const GROUPS_MAX: usize = 50;
const MAILBOXES_MAX: usize = 200;

/// NOTIFY (RFC 5465 section 8).
pub(super) fn notify(cursor: &mut Cursor<'_>) -> Result<CommandBody, Fault> {
    cursor.space()?;
    if cursor.eat_word("NONE") {
        return Ok(CommandBody::Notify(None));
    }
    if !cursor.eat_word("SET") {
        return Err(Fault::syntax("NOTIFY is followed by SET or NONE"));
    }
    cursor.space()?;
    let mut set = NotifySet { status: cursor.eat_word("STATUS"), ..NotifySet::default() };
    if set.status {
        cursor.space()?;
    }
    loop {
        group(cursor, &mut set)?;
        if cursor.at_end() {
            return Ok(CommandBody::Notify(Some(set)));
        }
        cursor.space()?;
        if set.groups.len() >= GROUPS_MAX {
            return Err(Fault::limit("NOTIFY takes at most 50 groups of events"));
        }
    }
}

fn group(cursor: &mut Cursor<'_>, set: &mut NotifySet) -> Result<(), Fault> {
    cursor.expect(b'(', "a group of events stands in parentheses")?;
    match &*cursor.word().to_ascii_uppercase() {
        selected @ (b"SELECTED" | b"SELECTED-DELAYED") => {
            let delayed = selected.len() > b"SELECTED".len();
            let events = argument(cursor, Events::parse)?;
            if events.names || events.subscriptions || events.metadata || events.server_metadata {
                return Err(Fault::syntax("of the open mailbox only its messages can be told"));
            }
            let messages = events.messages()?;
            let selected = SelectedEvents { delayed, messages, fetch: events.fetch };
            if set.selected.replace(selected).is_some() {
                return Err(Fault::syntax("the open mailbox has one group of events"));
            }
        }
        word => {
            let mailboxes = filter(cursor, word)?;
            let events = argument(cursor, Events::parse)?;
            if !events.fetch.is_empty() {
                return Err(Fault::syntax("new messages are fetched in the open mailbox only"));
            }
            let messages = events.messages()?;
            let Events { names, subscriptions, metadata, server_metadata, .. } = events;
            set.groups.push(EventGroup {
                mailboxes,
                messages,
                names,
                subscriptions,
                metadata,
                server_metadata,
            });
        }
    }
    cursor.expect(b')', "a group of events ends with )")
}

pub(super) fn filter(cursor: &mut Cursor<'_>, word: &[u8]) -> Result<MailboxFilter, Fault> {
    Ok(match word {
        b"INBOXES" => MailboxFilter::Inboxes,
        b"MAILBOXES" => MailboxFilter::Mailboxes(argument(cursor, mailboxes)?),
        b"PERSONAL" => MailboxFilter::Personal,
        b"SUBSCRIBED" => MailboxFilter::Subscribed,
        b"SUBTREE" => MailboxFilter::Subtree(argument(cursor, mailboxes)?),
        _ => return Err(Fault::syntax("there is no such group of mailboxes")),
    })
}

pub(super) fn mailboxes(cursor: &mut Cursor<'_>) -> Result<Vec<MailboxArgument>, Fault> {
    let mut mailboxes = Vec::new();
    if cursor.peek() != Some(b'(') {
        return Ok(vec![cursor.mailbox()?]);
    }
    cursor.list("mailboxes stand in parentheses", |cursor| {
        mailboxes.push(cursor.mailbox()?);
        match mailboxes.len() <= MAILBOXES_MAX {
            true => Ok(()),
            false => Err(Fault::limit("at most 200 mailboxes are named in one group")),
        }
    })?;
    match mailboxes.is_empty() {
        true => Err(Fault::syntax("a mailbox name is missing")),
        false => Ok(mailboxes),
    }
}

/// The events of one group, as they were named.
#[derive(Default)]
struct Events {
    message_new: bool,
    message_expunge: bool,
    flag_change: bool,
    names: bool,
    subscriptions: bool,
    metadata: bool,
    server_metadata: bool,
    fetch: Vec<FetchItem>,
}

impl Events {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Events, Fault> {
        let mut events = Events::default();
        if cursor.eat_word("NONE") {
            return Ok(events);
        }
        let mut is_empty = true;
        cursor.list("events stand in parentheses, or there are NONE", |cursor| {
            is_empty = false;
            events.event(cursor)
        })?;
        match is_empty {
            true => Err(Fault::syntax("an event is missing")),
            false => Ok(events),
        }
    }

    fn event(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        match &*cursor.atom("an event is missing")?.to_ascii_uppercase() {
            "FLAGCHANGE" => self.flag_change = true,
            "MAILBOXMETADATACHANGE" => self.metadata = true,
            "MAILBOXNAME" => self.names = true,
            "MESSAGEEXPUNGE" => self.message_expunge = true,
            "MESSAGENEW" => {
                self.message_new = true;
                if cursor.rest().starts_with(b" (") {
                    cursor.space()?;
                    self.fetch = fetch::items_in_parentheses(cursor)?;
                }
            }
            "SERVERMETADATACHANGE" => self.server_metadata = true,
            "SUBSCRIPTIONCHANGE" => self.subscriptions = true,
            _ => {
                let text = Cow::Borrowed("that event is not told here");
                return Err(Fault { kind: FaultKind::UnknownEvent, text });
            }
        }
        Ok(())
    }

    /// RFC 5465 section 5: arrivals and expunges together, changes of flags only with them.
    fn messages(&self) -> Result<MessageEvents, Fault> {
        if self.message_new != self.message_expunge {
            return Err(Fault::syntax("MessageNew and MessageExpunge come together"));
        }
        if self.flag_change && !self.message_new {
            return Err(Fault::syntax("FlagChange comes with MessageNew and MessageExpunge"));
        }
        Ok(MessageEvents { arrivals: self.message_new, flags: self.flag_change })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::Dialect;
    use types::Limits;

    fn kind(text: &str) -> Option<FaultKind> {
        let limits = Limits::default();
        let dialect = Dialect { limits: &limits, utf8_names: false, utf8_only: false };
        super::super::command(text.as_bytes(), &dialect).err().map(|fault| fault.kind)
    }

    #[test]
    fn what_the_grammar_and_section_5_refuse() {
        for good in [
            "NOTIFY NONE\r\n",
            "notify set status (selected (MessageNew (uid body.peek[header.fields (from to)]) MessageExpunge)) (subtree Lists (MessageNew MessageExpunge))\r\n",
            "NOTIFY SET (MAILBOXES (INBOX \"a b\" {1}\r\nc) NONE)\r\n",
            "NOTIFY SET (selected-delayed (messagenew messageexpunge flagchange)) (personal (MailboxName SubscriptionChange))\r\n",
        ] {
            assert_eq!(kind(good), None, "{good}");
        }
        for bad in [
            "NOTIFY\r\n",
            "NOTIFY NONE x\r\n",
            "NOTIFY SET\r\n",
            "NOTIFY SET STATUS\r\n",
            "NOTIFY SET (selected)\r\n",
            "NOTIFY SET (selected ())\r\n",
            "NOTIFY SET (nobody NONE)\r\n",
            "NOTIFY SET (mailboxes () NONE)\r\n",
            "NOTIFY SET (selected (MessageNew))\r\n",
            "NOTIFY SET (personal (MessageExpunge))\r\n",
            "NOTIFY SET (personal (FlagChange))\r\n",
            "NOTIFY SET (selected (MailboxName))\r\n",
            "NOTIFY SET (selected NONE) (selected-delayed NONE)\r\n",
            "NOTIFY SET (personal (MessageNew (UID) MessageExpunge))\r\n",
            "NOTIFY SET (selected (MessageNew () MessageExpunge))\r\n",
            "NOTIFY SET (personal NONE)(inboxes NONE)\r\n",
            "NOTIFY SET (personal NONE) \r\n",
        ] {
            assert_eq!(kind(bad), Some(FaultKind::Syntax), "{bad}");
        }
        assert_eq!(kind("NOTIFY SET (personal (AnnotationChange))\r\n"), Some(FaultKind::UnknownEvent));
    }
}
