//! What others reported about a domain in a month, small however much they report.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use types::{Counts, UnixSeconds};

/// Addresses kept by one reporter for one month: those with the most messages.
const SOURCES_MAX: usize = 32;
/// Kinds of failure kept.
const FAILURES_MAX: usize = 16;
/// A report that says to be older is counted for the month it came in.
const AGE_MAX_S: i64 = 60 * 86_400;
const AHEAD_MAX_S: i64 = 2 * 86_400;

/// Of one reporter, what a month of DMARC reports says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DmarcMonth {
    /// Reports.
    pub reports: u32,
    /// Messages that passed, aligned, and that did not.
    pub messages: Counts,
    /// The same by where they came from, most first; the rest is only in the sum.
    pub sources: Vec<(IpAddr, Counts)>,
}

/// Of one reporter, what a month of reports about TLS says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsMonth {
    /// Reports.
    pub reports: u32,
    /// Sessions that were secure as the policy wants it, and those that were not.
    pub sessions: Counts,
    /// Failed sessions by what went wrong, most first.
    pub failures: Vec<(String, u64)>,
}

impl DmarcMonth {
    /// Takes a report in.
    pub fn add(&mut self, sources: impl IntoIterator<Item = (IpAddr, Counts)>, others: Counts) {
        self.reports = self.reports.saturating_add(1);
        self.messages.add(others);
        for (source, counts) in sources {
            self.messages.add(counts);
            match self.sources.iter_mut().find(|(known, _)| *known == source) {
                Some((_, known)) => known.add(counts),
                None => self.sources.push((source, counts)),
            }
        }
        self.sources.sort_by_key(|(source, counts)| (std::cmp::Reverse(counts.total()), *source));
        self.sources.truncate(SOURCES_MAX);
    }
}

impl TlsMonth {
    /// Takes what a report says of one policy in.
    pub fn add(&mut self, sessions: Counts, failures: impl IntoIterator<Item = (String, u64)>) {
        self.sessions.add(sessions);
        for (kind, count) in failures {
            match self.failures.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, known)) => *known = known.saturating_add(count),
                None => self.failures.push((kind, count)),
            }
        }
        self.failures.sort_by(|(one, few), (other, many)| many.cmp(few).then_with(|| one.cmp(other)));
        self.failures.truncate(FAILURES_MAX);
    }
}

/// The instant whose month a report counts for: when its time began, unless that makes no sense.
pub fn counted_at(begin: UnixSeconds, now: UnixSeconds) -> UnixSeconds {
    let is_sensible = begin >= now - AGE_MAX_S && begin <= now + AHEAD_MAX_S;
    if is_sensible { begin } else { now }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn a_month_keeps_the_busiest() {
        let mut month = DmarcMonth::default();
        let address = |number: u32| IpAddr::from(Ipv4Addr::from(number));
        month.add(
            (0..100).map(|number| (address(number), Counts::passed(u64::from(number)))),
            Counts::failed(7),
        );
        month.add([(address(99), Counts::failed(1))], Counts::default());
        assert_eq!((month.reports, month.messages), (2, Counts { passed: 4950, failed: 8 }));
        assert_eq!(month.sources.len(), SOURCES_MAX);
        assert_eq!(month.sources[0], (address(99), Counts { passed: 99, failed: 1 }));
        assert_eq!(month.sources[31].0, address(68));
    }

    #[test]
    fn failures_by_their_number() {
        let mut month = TlsMonth::default();
        month.add(Counts { passed: 1, failed: 3 }, [("b".to_owned(), 1), ("a".to_owned(), 2)]);
        month.add(Counts::failed(u64::MAX), [("b".to_owned(), 5)]);
        assert_eq!(month.failures, [("b".to_owned(), 6), ("a".to_owned(), 2)]);
        assert_eq!(month.sessions.failed, u64::MAX);
        month.add(Counts::default(), (0..50).map(|number| (number.to_string(), 1)));
        assert_eq!(month.failures.len(), FAILURES_MAX);
    }

    #[test]
    fn a_report_of_another_century_counts_for_now() {
        let now = 1_795_996_800;
        assert_eq!(counted_at(now - 86_400, now), now - 86_400);
        assert_eq!(counted_at(0, now), now);
        assert_eq!(counted_at(now * 2, now), now);
    }
}
