//! Counts that gather during a day, in the notes: one row for all that is alike, under `day/domain/name of the row`.

use crate::disk;
use crate::host::{Host, State};
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE32_DNSSEC;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::PoisonError;
use store::{StoreError, Subject};
use types::{Domain, UnixSeconds};

/// Connections to others, by the recipients' domain. A household meets a few hundred a day.
pub(super) const TLS: Subject = Subject { name: "reports-tls-counted", rows_max: 4000 };
/// Messages from others, by the domain whose DMARC record applies.
pub(super) const DMARC: Subject = Subject { name: "reports-dmarc-counted", rows_max: 4000 };

/// A day of UTC, in days since 1970-01-01.
pub(super) type Day = i64;

const DAY_S: i64 = 86_400;

/// The day an instant belongs to.
pub(super) fn day_of(at: UnixSeconds) -> Day {
    at.div_euclid(DAY_S)
}

/// One more of its kind today. What cannot be counted is only missing in a report.
pub(super) fn count<R: Serialize + DeserializeOwned>(host: &Host, subject: Subject, domain: &Domain, row: R) {
    let now = host.now();
    if let Err(error) = disk(|| try_count(host, subject, domain, row, now)) {
        tracing::warn!(%domain, %error, "a report's numbers could not be kept");
    }
}

fn try_count<R: Serialize + DeserializeOwned>(
    state: &State,
    subject: Subject,
    domain: &Domain,
    row: R,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let name = digest(&SHA256, &serde_json::to_vec(&row).map_err(std::io::Error::other)?);
    let name = BASE32_DNSSEC.encode(&name.as_ref()[..15]);
    let key = format!("{:06}/{domain}/{name}", day_of(now));
    let _one_at_a_time = state.reports.counting.lock().unwrap_or_else(PoisonError::into_inner);
    let known: Option<(R, u64)> = state.notes.get(subject, &key)?;
    let count = known.map_or(0, |(_, count)| count);
    state.notes.put(subject, &key, &(row, count + 1), now)
}
