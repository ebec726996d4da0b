use super::envelope::{Delivery, Transaction, owns};
use super::spooled::Spooled;
use super::{Connection, header, reply_to_store, trace_id};
use crate::host::Host;
use policy::config::Settings;
use policy::submission::{SubmissionError, authors, check_hops};
use proto::mime::{ScanLimits, Scanner, date};
use proto::smtp::header::end;
use proto::smtp::reply::{Reply, say};
use proto::smtp::write::{Trace, received, transmission_type};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tracing::warn;
use types::{Address, Limits, ReversePath};

/// Mailboxes for which the message is indexed as it comes in; further ones are indexed when they are first looked at.
const SCANNERS_MAX: usize = 8;

/// A message coming in.
pub(super) struct Incoming {
    pub(super) id: String,
    pub(super) started_at: Instant,
    pub(super) spooled: Spooled,
    /// One for each of the first mailboxes: their copies differ in the lines on top.
    pub(super) scanners: Vec<Scanner>,
    /// A copy of the header, where a report will return it.
    pub(super) returned_header: Option<Vec<u8>>,
    /// Why it will be refused. Nothing more is kept of it then.
    pub(super) refusal: Option<Reply>,
    header: HeaderProgress,
    deadline: Instant,
    _place: Place,
}

enum HeaderProgress {
    Reading(Vec<u8>),
    Done,
}

/// What a header is judged by.
struct Judge<'a> {
    host: &'a Host,
    settings: &'a Settings,
    account: Option<&'a Address>,
    id: &'a str,
}

/// One of the `receiving_max` places.
struct Place(Arc<Host>);

impl Place {
    async fn take(host: &Arc<Host>) -> Place {
        // The semaphore is never closed, so the only outcome is a permit.
        if let Ok(permit) = host.receiving.acquire().await {
            permit.forget();
        }
        Place(Arc::clone(host))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.receiving.add_permits(1);
    }
}

impl Connection {
    /// DATA or the first BDAT.
    pub(super) async fn begin(&mut self) -> Reply {
        let limits = &self.settings.limits;
        let patience = Duration::from_secs(limits.smtp_idle_s);
        let Ok(place) = timeout(patience, Place::take(&self.host)).await else {
            self.transaction = None;
            return say::TRY_LATER.with_text("Too many messages are coming in, try again later");
        };
        let now = self.host.now();
        let id = trace_id::new(now);
        let Some(transaction) = &self.transaction else { return say::BAD_SEQUENCE };
        let trace = self.trace_field(transaction, &id, &date::format_rfc5322(now, 0));
        let incoming = Incoming::new(id, transaction, &trace, limits, place);
        if let Some(transaction) = &mut self.transaction {
            transaction.incoming = Some(incoming);
        }
        say::SEND_MESSAGE
    }

    fn trace_field(&self, transaction: &Transaction, id: &str, date: &str) -> Vec<u8> {
        let only = match transaction.named.as_slice() {
            [only] => Some(only.address.to_string()),
            _ => None,
        };
        let is_utf8 = transaction.mail.parameters.smtputf8;
        let mut field = Vec::with_capacity(320);
        let trace = Trace {
            client_name: self.session.client_name(),
            client_ip: self.peer.ip(),
            host: self.settings.hostname.as_str(),
            with: transmission_type(
                self.session.is_esmtp(),
                self.tls.is_some(),
                self.session.is_authenticated(),
                is_utf8,
            ),
            tls: self.tls.as_deref(),
            id,
            recipient: only.as_deref(),
            date,
        };
        received(&trace, &mut field);
        field
    }

    /// A piece of the message.
    pub(super) fn content(&mut self, bytes: &[u8]) {
        let account = self.login.as_ref().map(|login| &login.account);
        let incoming = self.transaction.as_mut().and_then(|transaction| transaction.incoming.as_mut());
        if let Some(incoming) = incoming {
            incoming.take_in(&self.host, &self.settings, account, bytes);
        }
    }

    /// What only the end of the message tells: a CRLF to add, a header without a body. Gives the reason it is refused for.
    pub(super) fn complete(&mut self, lacks_newline: bool) -> Option<Reply> {
        let account = self.login.as_ref().map(|login| &login.account);
        let incoming = self.transaction.as_mut()?.incoming.as_mut()?;
        if lacks_newline {
            incoming.take_in(&self.host, &self.settings, account, b"\r\n");
        }
        incoming.end_header(&self.host, &self.settings, account);
        incoming.refusal.take()
    }
}

impl Incoming {
    fn new(id: String, transaction: &Transaction, trace: &[u8], limits: &Limits, place: Place) -> Incoming {
        let mut scanners = Vec::new();
        for delivery in transaction.mailboxes.iter().take(SCANNERS_MAX) {
            let mut scanner = Scanner::new(scan_limits(limits));
            scanner.feed(&own_lines(&transaction.mail.from, delivery));
            scanner.feed(trace);
            scanners.push(scanner);
        }
        let first = transaction.mailboxes.first();
        let own = first.map(|delivery| own_lines(&transaction.mail.from, delivery)).unwrap_or_default();
        let spooled = Spooled::new(first.map(|delivery| delivery.account.clone()), own, trace);
        let started_at = Instant::now();
        Incoming {
            id,
            started_at,
            spooled,
            scanners,
            returned_header: (!transaction.reported.is_empty()).then(Vec::new),
            refusal: None,
            header: HeaderProgress::Reading(Vec::new()),
            deadline: started_at + Duration::from_secs(limits.smtp_data_s),
            _place: place,
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    fn take_in(&mut self, host: &Host, settings: &Settings, account: Option<&Address>, bytes: &[u8]) {
        if self.refusal.is_some() {
            return;
        }
        let HeaderProgress::Reading(collected) = &mut self.header else { return self.write(host, bytes) };
        if collected.is_empty()
            && let Some(end) = end(bytes, 0)
        {
            // The usual case: the whole header came with the first bytes.
            self.header = HeaderProgress::Done;
            self.take_header(host, settings, account, &bytes[..end]);
            return self.write(host, &bytes[end..]);
        }
        let searched = collected.len();
        collected.extend_from_slice(bytes);
        let is_over = end(collected, searched).is_some();
        if is_over || collected.len() > settings.limits.header_bytes_max {
            self.end_header(host, settings, account);
        }
    }

    /// Judges and writes what was collected of the header, if any is.
    fn end_header(&mut self, host: &Host, settings: &Settings, account: Option<&Address>) {
        let HeaderProgress::Reading(collected) = std::mem::replace(&mut self.header, HeaderProgress::Done)
        else {
            return;
        };
        if self.refusal.is_some() {
            return;
        }
        let end = end(&collected, 0);
        if end.is_none() && collected.len() > settings.limits.header_bytes_max && account.is_some() {
            return self.refuse(say::TOO_LARGE.with_text("The header is larger than this server takes"));
        }
        let (header, rest) = collected.split_at(end.unwrap_or(collected.len()));
        self.take_header(host, settings, account, header);
        self.write(host, rest);
    }

    fn take_header(&mut self, host: &Host, settings: &Settings, account: Option<&Address>, header: &[u8]) {
        let judge = Judge { host, settings, account, id: &self.id };
        match judge.additions(header) {
            Err(refusal) => self.refuse(refusal),
            Ok(additions) => {
                if let Some(returned) = &mut self.returned_header {
                    returned.extend_from_slice(header);
                }
                self.write(host, additions.as_bytes());
                for part in header::kept(header, account.is_some()) {
                    self.write(host, part);
                }
            }
        }
    }

    fn write(&mut self, host: &Host, bytes: &[u8]) {
        if self.refusal.is_some() || bytes.is_empty() {
            return;
        }
        for scanner in &mut self.scanners {
            scanner.feed(bytes);
        }
        if let Err(error) = self.spooled.write(host, bytes) {
            warn!(id = self.id, %error, "a message cannot be written");
            self.refuse(reply_to_store(&error));
        }
    }

    fn refuse(&mut self, reply: Reply) {
        self.refusal = Some(reply);
        self.spooled.forget();
        self.scanners = Vec::new();
    }
}

impl Judge<'_> {
    /// The fields to be added to a submitted message, or why the message is refused.
    fn additions(&self, header: &[u8]) -> Result<String, Reply> {
        let facts = header::facts(header);
        check_hops(&facts, &self.settings.limits).map_err(reply_to_submission)?;
        let Some(account) = self.account else { return Ok(String::new()) };
        for author in authors(&facts).map_err(reply_to_submission)? {
            match owns(self.host, self.settings, account, author) {
                Ok(true) => {}
                Ok(false) => return Err(reply_to_submission(SubmissionError::NotOwned(author.clone()))),
                Err(error) => return Err(reply_to_store(&error)),
            }
        }
        let mut fields = String::new();
        if !facts.has_date {
            let _ = write!(fields, "Date: {}\r\n", date::format_rfc5322(self.host.now(), 0));
        }
        if !facts.has_message_id {
            let _ = write!(fields, "Message-ID: <{}@{}>\r\n", self.id, self.settings.hostname);
        }
        Ok(fields)
    }
}

/// How much of a message is told apart for the index.
pub(crate) fn scan_limits(limits: &Limits) -> ScanLimits {
    ScanLimits {
        header_bytes_max: limits.header_bytes_max,
        depth_max: limits.mime_depth_max,
        parts_max: limits.mime_parts_max,
    }
}

/// The lines on top of one mailbox's copy (RFC 5321 section 4.4).
pub(super) fn own_lines(from: &ReversePath, delivery: &Delivery) -> Vec<u8> {
    let from = from.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("Return-Path: <{from}>\r\nDelivered-To: {}\r\n", delivery.delivered_to).into_bytes()
}

fn reply_to_submission(error: SubmissionError) -> Reply {
    let reply = match error {
        SubmissionError::NotOwned(_) => say::NOT_YOUR_ADDRESS,
        SubmissionError::TooManyHops => say::LOOP,
        SubmissionError::NoFrom | SubmissionError::ManyFromFields | SubmissionError::UnreadableFrom => {
            say::BAD_HEADER
        }
    };
    reply.with_text(error.to_string())
}
