//! APPEND, also of several messages (RFC 9051 section 6.3.12, RFC 3502): each streams to disk as it comes.

use super::reply::{Answer, Refusal, Reply};
use super::session::Session;
use crate::disk;
use proto::imap::command::{Append, AppendMessage};
use proto::imap::line_ends::LineEnds;
use proto::imap::write::{self, Code};
use proto::imap::{AppendNext, Dialect};
use proto::mime::{ScanLimits, Scanner};
use std::sync::Arc;
use std::time::Duration;
use store::{Arrival, Mailbox, NewMessage, StoreError};
use tokio::time::{Instant, timeout};
use types::{Limits, Right, SequenceSet};

/// Messages one command may bring; each holds a file open until all are there.
const MESSAGES_MAX: usize = 50;
/// Read at once while a message comes in.
const READ_BYTES: usize = 32 * 1024;

/// A message coming in keeps a place that others may wait for, so its client may not rest for long.
fn stall(limits: &Limits) -> Duration {
    Duration::from_secs(limits.smtp_idle_s)
}

/// A message on its way from the client to the disk.
struct Incoming {
    file: NewMessage,
    scanner: Scanner,
    line_ends: LineEnds,
}

impl Session {
    pub(super) async fn append(&mut self, append: Append) -> Answer {
        let answer = self.receive_all(append).await;
        // After a refusal, what the client still sends of this command is thrown away.
        self.input.refuse_message();
        answer
    }

    async fn receive_all(&mut self, append: Append) -> Answer {
        let settings = self.settings();
        let limits = &settings.limits;
        let target = self.target(append.mailbox)?;
        let host = Arc::clone(&self.host);
        let Ok(Ok(_place)) = timeout(stall(limits), host.receiving.acquire()).await else {
            return Err(Refusal::no(Code::InUse, "too many messages are coming in, try again later"));
        };
        let mut messages = Vec::new();
        let mut message = append.message;
        loop {
            if messages.len() == MESSAGES_MAX {
                return Err(Refusal::no(Code::Limit, "that are too many messages for one APPEND"));
            }
            messages.push(self.receive(message, limits).await?);
            match self.after_message(limits).await? {
                Some(next) => message = next,
                None => break,
            }
        }
        for (_, arrival) in &mut messages {
            arrival.flags = target.rights.settable().of(arrival.flags);
            if !target.rights.has(Right::Write) {
                arrival.keywords.clear();
            }
        }
        added(&target.mailbox, messages).await
    }

    /// Takes one message in.
    async fn receive(
        &mut self,
        message: AppendMessage,
        limits: &Limits,
    ) -> Result<(NewMessage, Arrival), Refusal> {
        let literal = message.literal;
        if literal.bytes > limits.message_bytes_max {
            return Err(Refusal::no(
                Code::TooBig,
                format!("a message has at most {} bytes", limits.message_bytes_max),
            ));
        }
        if literal.bytes == 0 {
            return Err(Refusal::no(Code::Cannot, "a message has at least one byte"));
        }
        let mut incoming = Incoming {
            file: disk(|| self.mail()?.new_message().map_err(Refusal::from))?,
            scanner: Scanner::new(ScanLimits::from(limits)),
            line_ends: LineEnds::default(),
        };
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
            if memchr::memchr(0, here).is_some() {
                return Err(Refusal::no(Code::Cannot, "the message holds a NUL byte"));
            }
            let count = here.len();
            disk(|| incoming.take_in(here))?;
            self.input.take_message(count);
        }
        let internal_date = message.internal_date.unwrap_or_else(|| self.host.now());
        disk(|| incoming.finish(limits)).map(|(file, digest)| {
            (file, Arrival { flags: message.flags, keywords: message.keywords, internal_date, digest })
        })
    }

    /// What follows a message: another, or the end of the command.
    async fn after_message(&mut self, limits: &Limits) -> Result<Option<AppendMessage>, Refusal> {
        let dialect = Dialect { limits, utf8_names: self.enabled.revision2 };
        loop {
            match self.input.append_next(&dialect) {
                AppendNext::Message(message) => return Ok(Some(message)),
                AppendNext::End => return Ok(None),
                AppendNext::Refused(fault) => return Err(fault.into()),
                AppendNext::Incomplete => {
                    if self.fill_within(READ_BYTES, stall(limits)).await? == 0 {
                        return Err(Refusal::Gone);
                    }
                }
            }
        }
    }
}

impl Incoming {
    fn take_in(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let Incoming { file, scanner, line_ends } = self;
        line_ends.feed(bytes, |piece| {
            scanner.feed(piece);
            file.write(piece)
        })
    }

    fn finish(mut self, limits: &Limits) -> Result<(NewMessage, Vec<u8>), Refusal> {
        let Incoming { file, scanner, line_ends } = &mut self;
        line_ends.finish(|piece| {
            scanner.feed(piece);
            file.write(piece)
        })?;
        // Line ends may have made it longer than it was announced.
        match self.file.bytes() <= limits.message_bytes_max + limits.message_bytes_max / 10 {
            true => Ok((self.file, self.scanner.finish().into_bytes())),
            false => Err(Refusal::no(Code::TooBig, "with CRLF line ends the message is too large")),
        }
    }
}

/// Names the messages and waits until they are on disk.
async fn added(target: &Arc<Mailbox>, mut messages: Vec<(NewMessage, Arrival)>) -> Answer {
    let (validity, uids, ticket) = match (messages.len(), messages.pop()) {
        (1, Some((file, arrival))) => {
            let added = disk(|| target.add(file, arrival))?;
            (added.uid_validity, vec![added.uid], added.ticket)
        }
        (_, last) => {
            messages.extend(last);
            let added = disk(|| target.add_all(messages))?;
            (added.uid_validity, added.uids, added.ticket)
        }
    };
    ticket.await?;
    let uids = SequenceSet::from_ranges(uids.iter().map(|uid| (uid.get(), uid.get())));
    Reply::coded(Code::AppendUid(validity.get(), uids), "it is on disk")
}
