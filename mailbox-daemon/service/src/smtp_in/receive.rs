use super::envelope::Transaction;
use super::sender::{check_address, check_allowance, reply_to_submission};
use super::spooled::Spooled;
use super::{Connection, header, reply_to_store, trace_id};
use crate::auth::Login;
use crate::host::Host;
use crate::places;
use policy::config::Settings;
use policy::submission::{check_hops, claimed};
use proto::mime::{ScanLimits, date};
use proto::smtp::header::end;
use proto::smtp::reply::{Reply, say};
use proto::smtp::write::{Trace, received, transmission_type};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tracing::warn;
use types::{Limits, Network};

/// A message coming in.
pub(super) struct Incoming {
    pub(super) id: String,
    pub(super) started_at: Instant,
    pub(super) spooled: Spooled,
    /// `Received:` of this hop.
    pub(super) trace: Vec<u8>,
    /// Fields a submitted message lacks.
    pub(super) missing_fields: String,
    /// Why it will be refused. Nothing more is kept of it then.
    pub(super) refusal: Option<Reply>,
    header: HeaderProgress,
    deadline: Instant,
    _place: Place,
}

#[derive(Clone, Copy)]
enum HeaderProgress {
    /// The end is not among the first bytes.
    Reading {
        searched_bytes: usize,
    },
    Judged,
}

/// What a header is judged by.
struct Judge<'a> {
    host: &'a Host,
    settings: &'a Settings,
    login: Option<&'a Login>,
    id: &'a str,
}

/// One of the `receiving_max` places.
struct Place {
    host: Arc<Host>,
    _share: Option<places::Place<Network>>,
}

impl Place {
    async fn take(host: &Arc<Host>, share: Option<places::Place<Network>>) -> Place {
        // The semaphore is never closed, so the only outcome is a permit.
        if let Ok(permit) = host.receiving.acquire().await {
            permit.forget();
        }
        Place { host: Arc::clone(host), _share: share }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.host.receiving.add_permits(1);
    }
}

impl Connection {
    /// DATA or the first BDAT.
    pub(super) async fn begin(&mut self) -> Reply {
        if let Some(transaction) = &self.transaction
            && let Err(refusal) = check_allowance(&self.host, self.login.as_ref(), transaction).await
        {
            self.transaction = None;
            return refusal;
        }
        let share = match self.take_share() {
            Ok(share) => share,
            Err(refusal) => {
                self.transaction = None;
                return refusal;
            }
        };
        let limits = &self.settings.limits;
        let patience = Duration::from_secs(limits.smtp_idle_s);
        let Ok(place) = timeout(patience, Place::take(&self.host, share)).await else {
            self.transaction = None;
            return say::TRY_LATER.with_text("Too many messages are coming in, try again later");
        };
        let now = self.host.now();
        let id = trace_id::new(now);
        let Some(transaction) = &self.transaction else { return say::BAD_SEQUENCE };
        let trace = self.trace_field(transaction, &id, &date::format_rfc5322(now, 0));
        let incoming = Incoming::new(id, transaction, trace, limits, place);
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
        let login = self.login.as_ref();
        let incoming = self.transaction.as_mut().and_then(|transaction| transaction.incoming.as_mut());
        if let Some(incoming) = incoming {
            incoming.take_in(&self.host, &self.settings, login, bytes);
        }
    }

    /// What only the end of the message tells: a CRLF to add, a header without a body. Gives the reason it is refused for.
    pub(super) fn complete(&mut self, lacks_newline: bool) -> Option<Reply> {
        let login = self.login.as_ref();
        let incoming = self.transaction.as_mut()?.incoming.as_mut()?;
        if lacks_newline {
            incoming.take_in(&self.host, &self.settings, login, b"\r\n");
        }
        incoming.end_header(&self.host, &self.settings, login);
        incoming.refusal.take()
    }
}

impl Incoming {
    fn new(id: String, transaction: &Transaction, trace: Vec<u8>, limits: &Limits, place: Place) -> Incoming {
        let first = transaction.mailboxes.first().map(|delivery| delivery.account.clone());
        let started_at = Instant::now();
        Incoming {
            id,
            started_at,
            spooled: Spooled::new(first),
            trace,
            missing_fields: String::new(),
            refusal: None,
            header: HeaderProgress::Reading { searched_bytes: 0 },
            deadline: started_at + Duration::from_secs(limits.smtp_data_s),
            _place: place,
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    fn take_in(&mut self, host: &Host, settings: &Settings, login: Option<&Login>, bytes: &[u8]) {
        if self.refusal.is_some() {
            return;
        }
        let mut written = self.spooled.write(bytes);
        if let HeaderProgress::Reading { searched_bytes } = self.header {
            self.read_header(host, settings, login, searched_bytes);
        }
        if let HeaderProgress::Judged = self.header {
            written = written.and_then(|()| self.spooled.relieve(host));
        }
        if let Err(error) = written {
            warn!(id = self.id, %error, "a message cannot be written");
            self.refuse(reply_to_store(&error));
        }
    }

    /// Judges the header as soon as it is complete, or longer than is read of one.
    fn read_header(
        &mut self,
        host: &Host,
        settings: &Settings,
        login: Option<&Login>,
        searched_bytes: usize,
    ) {
        let so_far = self.spooled.held();
        let bytes_max = settings.limits.header_bytes_max;
        match end(so_far, searched_bytes) {
            Some(end) => self.judge_header(host, settings, login, end),
            None if so_far.len() <= bytes_max => {
                self.header = HeaderProgress::Reading { searched_bytes: so_far.len() };
            }
            None if login.is_some() => {
                self.refuse(say::TOO_LARGE.with_text("The header is larger than this server takes"));
            }
            None => self.judge_header(host, settings, login, bytes_max),
        }
    }

    /// Judges what came where it is nothing but a header.
    fn end_header(&mut self, host: &Host, settings: &Settings, login: Option<&Login>) {
        if let (HeaderProgress::Reading { .. }, None) = (self.header, &self.refusal) {
            self.judge_header(host, settings, login, self.spooled.held().len());
        }
    }

    fn judge_header(&mut self, host: &Host, settings: &Settings, login: Option<&Login>, bytes: usize) {
        self.header = HeaderProgress::Judged;
        let judge = Judge { host, settings, login, id: &self.id };
        match judge.missing_fields(&self.spooled.held()[..bytes]) {
            Err(refusal) => self.refuse(refusal),
            Ok(fields) => self.missing_fields = fields,
        }
    }

    fn refuse(&mut self, reply: Reply) {
        self.refusal = Some(reply);
        self.spooled.forget();
    }
}

impl Judge<'_> {
    /// The fields to be added to a submitted message, or why the message is refused.
    fn missing_fields(&self, header: &[u8]) -> Result<String, Reply> {
        let facts = header::facts(header);
        check_hops(&facts, &self.settings.limits).map_err(reply_to_submission)?;
        let Some(login) = self.login else { return Ok(String::new()) };
        for address in claimed(&facts).map_err(reply_to_submission)? {
            check_address(self.host, login, address)?;
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
