//! What others reported, as rows for people and programs.

use super::incoming::{DMARC, TLS};
use policy::report_summary::{DmarcMonth, TlsMonth};
use serde_json::{Value, json};
use store::{Notes, StoreError};
use types::Domain;

/// Of a list in a row, so many are shown.
const DETAILS_MAX: usize = 32;

/// Every summary of a domain and a month, or of all.
pub(crate) fn summary(
    notes: &Notes,
    domain: Option<&Domain>,
    month: Option<&str>,
) -> Result<Vec<Value>, StoreError> {
    let prefix = month.map(|month| format!("{month}/")).unwrap_or_default();
    let mut rows = Vec::new();
    for (key, month) in notes.all::<DmarcMonth>(DMARC, &prefix)? {
        let details = month.sources.iter().map(|(source, counts)| {
            json!({ "source": source.to_string(), "passed": counts.passed, "failed": counts.failed })
        });
        let details: Vec<Value> = details.take(DETAILS_MAX).collect();
        rows.push((key, "dmarc", month.reports, month.messages, details));
    }
    for (key, month) in notes.all::<TlsMonth>(TLS, &prefix)? {
        let details =
            month.failures.iter().map(|(kind, count)| json!({ "failure": kind, "sessions": count }));
        let details: Vec<Value> = details.take(DETAILS_MAX).collect();
        rows.push((key, "tls", month.reports, month.sessions, details));
    }
    rows.sort_by(|one, other| one.0.cmp(&other.0));
    let row = |(key, about, reports, counts, details): (String, _, _, types::Counts, Vec<Value>)| {
        let mut parts = key.splitn(3, '/');
        let (month, of, reporter) = (parts.next()?, parts.next()?, parts.next()?);
        let is_wanted = domain.is_none_or(|domain| domain.as_str() == of);
        is_wanted.then(|| {
            json!({
                "month": month, "domain": of, "about": about, "reporter": reporter, "reports": reports,
                "passed": counts.passed, "failed": counts.failed, "details": details,
            })
        })
    };
    Ok(rows.into_iter().filter_map(row).collect())
}
