//! Reports that come in: read before their mail is put anywhere, believed if somebody vouches for them, kept as a few numbers
//! for each domain, month and reporter.

use super::counted::fingerprint;
use crate::disk;
use crate::host::{Host, State};
use policy::report_summary::{DmarcMonth, TlsMonth, counted_at};
use policy::reports::{vouched_for_by, vouched_for_by_signature};
use proto::mime::ScanLimits;
use proto::reports::dmarc::DmarcReport;
use proto::reports::tls::TlsReport;
use proto::reports::{Incoming, month_of};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use store::{StoreError, Subject};
use types::{Domain, Evidence, UnixSeconds};

/// A row for each month, domain and reporter: years of a household's reports.
pub(super) const DMARC: Subject = Subject { name: "reports-dmarc-summary", rows_max: 4000 };
pub(super) const TLS: Subject = Subject { name: "reports-tls-summary", rows_max: 4000 };
/// Names of the last reports, so that one that comes twice counts once.
const SEEN: Subject = Subject { name: "reports-seen", rows_max: 4000 };

/// A report that is believed.
pub(crate) struct Arrived {
    reporter: Domain,
    report: Incoming,
}

/// The report in a message, if there is one, somebody vouches for it, and it is about a domain of this box. What is no such
/// report is mail like any other.
pub(crate) async fn read(host: &Host, evidence: &Evidence, message: &[u8]) -> Option<Arrived> {
    vouched_for_by(evidence)?;
    // One at a time: each may take some megabytes for a moment.
    let _turn = host.reports.reading.acquire().await.ok()?;
    let limits = ScanLimits::from(&host.settings.load().limits);
    // Whatever a report does to its reader, its mail is taken.
    let read = disk(|| catch_unwind(AssertUnwindSafe(|| proto::reports::read(message, limits))));
    let report = read.unwrap_or_else(|_| {
        tracing::error!("a report could not be read; it stays mail");
        None
    })?;
    believed(host, evidence, report)
}

fn believed(host: &Host, evidence: &Evidence, mut report: Incoming) -> Option<Arrived> {
    let is_ours = |domain: &Domain| disk(|| host.directory.domain(domain)).ok().flatten().is_some();
    let reporter = match &mut report {
        Incoming::Dmarc(report) => vouched_for_by(evidence).filter(|_| is_ours(&report.domain))?,
        Incoming::Tls(report) => {
            report.policies.retain(|policy| is_ours(&policy.domain));
            vouched_for_by_signature(evidence).filter(|_| !report.policies.is_empty())?
        }
    };
    Some(Arrived { reporter: reporter.clone(), report })
}

/// Takes a report into the summary; durable when this returns.
pub(crate) fn take_in(state: &State, arrived: Arrived, now: UnixSeconds) -> Result<(), StoreError> {
    let Arrived { reporter, report } = arrived;
    let report_id = match &report {
        Incoming::Dmarc(report) => &report.report_id,
        Incoming::Tls(report) => &report.report_id,
    };
    let seen = format!("{reporter}/{}", fingerprint(report_id.as_bytes()));
    let _one_at_a_time = state.reports.counting.lock().unwrap_or_else(PoisonError::into_inner);
    if state.notes.get::<()>(SEEN, &seen)?.is_some() {
        tracing::info!(%reporter, report_id, "a report came again");
        return Ok(());
    }
    tracing::info!(%reporter, report_id, "a report was taken in");
    match report {
        Incoming::Dmarc(report) => take_in_dmarc(state, &reporter, report, now)?,
        Incoming::Tls(report) => take_in_tls(state, &reporter, report, now)?,
    }
    state.notes.put(SEEN, &seen, &(), now)?;
    state.notes.flush()
}

fn take_in_dmarc(
    state: &State,
    reporter: &Domain,
    report: DmarcReport,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let key = key(report.begin, &report.domain, reporter, now);
    let mut month: DmarcMonth = state.notes.get(DMARC, &key)?.unwrap_or_default();
    month.add(report.sources, report.others);
    state.notes.put(DMARC, &key, &month, now)
}

fn take_in_tls(
    state: &State,
    reporter: &Domain,
    report: TlsReport,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let mut told_of = Vec::new();
    for policy in report.policies {
        let key = key(report.begin, &policy.domain, reporter, now);
        let mut month: TlsMonth = state.notes.get(TLS, &key)?.unwrap_or_default();
        month.reports = month.reports.saturating_add(u32::from(!told_of.contains(&policy.domain)));
        month.add(policy.sessions, policy.failures);
        state.notes.put(TLS, &key, &month, now)?;
        told_of.push(policy.domain);
    }
    Ok(())
}

fn key(begin: UnixSeconds, domain: &Domain, reporter: &Domain, now: UnixSeconds) -> String {
    format!("{}/{domain}/{reporter}", month_of(counted_at(begin, now)))
}
