//! Counts that gather during a day, in the notes: one row for all that is alike, under `day/domain/name of the row`.

use crate::disk;
use crate::host::{Host, State};
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE32_DNSSEC;
use policy::report_schedule::{Day, day_of};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::PoisonError;
use store::{StoreError, Subject};
use types::{Domain, UnixSeconds};

/// Connections to others, by the recipients' domain. A household meets a few hundred a day.
pub(super) const TLS: Subject = Subject { name: "reports-tls-counted", rows_max: 4000 };
/// Messages from others, by the domain whose DMARC record applies.
pub(super) const DMARC: Subject = Subject { name: "reports-dmarc-counted", rows_max: 4000 };

/// What gathered about one domain on one day.
pub(super) struct Gathered<R> {
    pub(super) day: Day,
    pub(super) domain: Domain,
    /// Rows and how often each was seen.
    pub(super) rows: Vec<(R, u64)>,
    keys: Vec<String>,
}

impl<R> Gathered<R> {
    /// Everything that was seen.
    pub(super) fn total(&self) -> u64 {
        self.rows.iter().map(|(_, count)| count).sum()
    }
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
    let name = fingerprint(&serde_json::to_vec(&row).map_err(std::io::Error::other)?);
    let key = format!("{:06}/{domain}/{name}", day_of(now));
    let _one_at_a_time = state.reports.counting.lock().unwrap_or_else(PoisonError::into_inner);
    let known: Option<(R, u64)> = state.notes.get(subject, &key)?;
    let count = known.map_or(0, |(_, count)| count);
    state.notes.put(subject, &key, &(row, count + 1), now)
}

/// Everything that gathered up to a day, oldest day first, by domain.
pub(super) fn gathered<R: DeserializeOwned>(
    state: &State,
    subject: Subject,
    through: Day,
) -> Result<Vec<Gathered<R>>, StoreError> {
    let mut all = BTreeMap::<(Day, Domain), Gathered<R>>::new();
    for (key, row) in state.notes.all::<(R, u64)>(subject, "")? {
        let Some((day, domain)) = parts(&key).filter(|(day, _)| *day <= through) else { continue };
        let gathered = all.entry((day, domain.clone())).or_insert_with(|| Gathered {
            day,
            domain,
            rows: Vec::new(),
            keys: Vec::new(),
        });
        gathered.rows.push(row);
        gathered.keys.push(key);
    }
    Ok(all.into_values().collect())
}

/// Forgets what was reported, or is not worth it.
pub(super) fn forget<R>(state: &State, subject: Subject, gathered: &Gathered<R>) -> Result<(), StoreError> {
    gathered.keys.iter().try_for_each(|key| state.notes.remove(subject, key))
}

fn parts(key: &str) -> Option<(Day, Domain)> {
    let mut parts = key.split('/');
    Some((parts.next()?.parse().ok()?, Domain::parse(parts.next()?).ok()?))
}

/// A short name for some bytes that is the same after every start.
pub(super) fn fingerprint(bytes: &[u8]) -> String {
    BASE32_DNSSEC.encode(&digest(&SHA256, bytes).as_ref()[..15])
}
