//! One round of reports: everything that gathered, domain by domain, written, tried again later, or dropped.

use super::counted::{Gathered, forget, gathered};
use super::dmarc::DmarcReports;
use super::tls::TlsReports;
use crate::disk;
use crate::dns::{self, Resolver};
use crate::host::Host;
use crate::signing::whole_signatures;
use flate2::Compression;
use flate2::write::GzEncoder;
use hickory_resolver::proto::rr::RecordType;
use policy::config::Settings;
use policy::report_schedule::{DAY_S, Day, day_of, is_worth_reporting, pause_after, start_of};
use proto::reports::LetterHead;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;
use std::io::Write;
use store::queue::Header;
use store::{StoreError, Subject};
use types::{Address, BodyType, Domain, DsnNotify, Envelope, MailParameters, Recipient, UnixSeconds};

/// Reports that could not be sent yet: how often they were tried, and when they are tried again.
const ATTEMPTS: Subject = Subject { name: "reports-attempts", rows_max: 2000 };

/// What every report of one round needs.
pub(super) struct Round<'a> {
    pub(super) host: &'a Host,
    pub(super) settings: &'a Settings,
    pub(super) resolver: &'a Resolver,
    /// The domain that reports.
    pub(super) own: &'a Domain,
    pub(super) now: UnixSeconds,
    /// Whether somebody asked for the reports by hand: then today is told about too, and no pause is kept.
    pub(super) is_asked: bool,
}

/// One kind of report.
pub(super) trait Kind {
    /// What is counted for it.
    type Row: Serialize + DeserializeOwned + Send + Sync;
    /// Where the counts gather.
    const COUNTED: Subject;
    /// Sends the report about one domain and day to everybody who wants it.
    fn send(
        round: &Round<'_>,
        gathered: &Gathered<Self::Row>,
    ) -> impl Future<Output = Result<Sent, StoreError>> + Send;
}

/// What became of one report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It went out.
    Yes,
    /// Nobody wants it.
    Unwanted,
    /// Somebody could not be reached.
    Later,
}

impl Round<'_> {
    /// Goes through all that gathered. When to come back for what could not be sent.
    pub(super) async fn write_all(&self) -> Result<Option<UnixSeconds>, StoreError> {
        let retries = [self.write::<TlsReports>().await?, self.write::<DmarcReports>().await?];
        Ok(retries.into_iter().flatten().min())
    }

    /// Those who are told most come first: they matter where not all are told.
    async fn write<K: Kind>(&self) -> Result<Option<UnixSeconds>, StoreError> {
        let through = if self.is_asked { day_of(self.now) } else { day_of(self.now) - 1 };
        let mut all = disk(|| gathered::<K::Row>(self.host, K::COUNTED, through))?;
        all.sort_by_key(|gathered| std::cmp::Reverse(gathered.total()));
        let mut retry_at: Option<UnixSeconds> = None;
        for gathered in all {
            let at = self.write_one::<K>(&gathered).await?;
            retry_at = [retry_at, at].into_iter().flatten().min();
        }
        Ok(retry_at)
    }

    /// One report; when it is to be tried again.
    async fn write_one<K: Kind>(
        &self,
        gathered: &Gathered<K::Row>,
    ) -> Result<Option<UnixSeconds>, StoreError> {
        let Gathered { day, domain, .. } = gathered;
        let key = format!("{}/{day}/{domain}", K::COUNTED.name);
        let (attempts, next_at): (u32, UnixSeconds) =
            disk(|| self.host.notes.get(ATTEMPTS, &key))?.unwrap_or_default();
        if next_at > self.now && !self.is_asked {
            return Ok(Some(next_at));
        }
        let is_ours = disk(|| self.host.directory.domain(domain))?.is_some();
        let sent = match is_worth_reporting(*day, self.now) && !is_ours {
            true => K::send(self, gathered).await?,
            false => Sent::Unwanted,
        };
        tracing::debug!(kind = K::COUNTED.name, day, %domain, ?sent, "report");
        let pause_s = pause_after(attempts + 1).filter(|_| sent == Sent::Later);
        disk(|| match pause_s {
            Some(pause_s) => {
                let next_at = self.now + pause_s;
                self.host.notes.put(ATTEMPTS, &key, &(attempts + 1, next_at), self.now)?;
                Ok(Some(next_at))
            }
            None => {
                forget(self.host, K::COUNTED, gathered)?;
                self.host.notes.remove(ATTEMPTS, &key)?;
                Ok(None)
            }
        })
    }

    /// The TXT records of a name; `None` where nobody knows.
    pub(super) async fn texts(&self, name: &str) -> Option<Vec<String>> {
        let texts = self.resolver.question(name, RecordType::TXT, dns::text).await.known()?;
        Some(texts.into_iter().map(|text| String::from_utf8_lossy(&text).into_owned()).collect())
    }

    /// The first second a report tells about, and the last.
    pub(super) fn time_of(&self, day: Day) -> (UnixSeconds, UnixSeconds) {
        let begin = start_of(day);
        (begin, (begin + DAY_S - 1).min(self.now))
    }

    /// Who writes. The same report has the same name, so that whoever gets it twice can tell.
    pub(super) fn head(&self, sender: &'static str, report_id: String) -> LetterHead {
        let contact = format!("postmaster@{}", self.own);
        LetterHead { submitter: self.own.clone(), sender, contact, report_id, date: self.now }
    }

    /// Puts a report into the queue; durable when this returns. It has the null sender: nobody needs to hear that a report
    /// did not arrive, and no report leads to another.
    pub(super) async fn enqueue(&self, to: &Address, mail: &[u8]) -> Result<(), StoreError> {
        let queued = disk(|| {
            let mut file = self.host.queue.new_entry()?;
            let signatures = whole_signatures::<StoreError>(self.host, self.now, |take| take(mail))?;
            file.write(signatures.as_bytes())?;
            file.write(mail)?;
            let recipient = Recipient { address: to.clone(), notify: Some(DsnNotify::NEVER), original: None };
            let parameters = MailParameters { body: BodyType::SevenBit, ..MailParameters::default() };
            let envelope = Envelope { from: None, parameters, recipients: vec![recipient] };
            self.host.queue.enqueue(file, &Header { envelope, account: None, arrived_at: self.now })
        })?;
        queued.ticket.await
    }
}

/// Packs a report.
pub(super) fn gzip(text: &str) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text.as_bytes()).and_then(|()| packer.finish()).expect("memory takes every byte")
}
