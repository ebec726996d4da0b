use crate::reports::dmarc::word;
use crate::reports::time::parse_rfc3339;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use types::{Counts, Domain, UnixSeconds};

/// Policies of one report that are looked at, and failures of one policy.
const POLICIES_MAX: usize = 64;
const FAILURES_MAX: usize = 256;

/// What a report tells, counted up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsReport {
    /// Who says to have written it.
    pub organisation: String,
    /// Its name, unique to whoever wrote it.
    pub report_id: String,
    /// When the time it tells about began.
    pub begin: UnixSeconds,
    /// By policy.
    pub policies: Vec<TlsReportPolicy>,
}

/// What a report tells of one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsReportPolicy {
    /// Whose servers it is about.
    pub domain: Domain,
    /// Sessions.
    pub sessions: Counts,
    /// Failed sessions by their `result-type`.
    pub failures: BTreeMap<String, u64>,
}

/// Reads a report. Memory is a small multiple of the text's size at the most; what stands in lists beyond their limits is
/// passed over.
pub fn parse(json: &[u8]) -> Option<TlsReport> {
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    let written: Written = serde_json::from_slice(json).ok()?;
    let policies: Vec<TlsReportPolicy> = written.policies.0.into_iter().filter_map(policy).collect();
    let report = TlsReport {
        organisation: word(&written.organisation),
        report_id: word(&written.report_id),
        begin: parse_rfc3339(&written.dates.start).unwrap_or(0),
        policies,
    };
    (!report.report_id.is_empty() && !report.policies.is_empty()).then_some(report)
}

fn policy(written: WrittenPolicy) -> Option<TlsReportPolicy> {
    let WrittenPolicy { policy, summary, failures } = written;
    let mut by_type = BTreeMap::<String, u64>::new();
    for failure in failures.0 {
        let count = by_type.entry(word(&failure.result_type)).or_default();
        *count = count.saturating_add(failure.count);
    }
    Some(TlsReportPolicy {
        domain: Domain::parse(&policy.domain).ok()?,
        sessions: Counts { passed: summary.successful, failed: summary.failed },
        failures: by_type,
    })
}

#[derive(Deserialize)]
struct Written {
    #[serde(rename = "organization-name", default)]
    organisation: String,
    #[serde(rename = "date-range", default)]
    dates: WrittenDates,
    #[serde(rename = "report-id")]
    report_id: String,
    policies: Few<WrittenPolicy, POLICIES_MAX>,
}

#[derive(Default, Deserialize)]
struct WrittenDates {
    #[serde(rename = "start-datetime", default)]
    start: String,
}

#[derive(Deserialize)]
struct WrittenPolicy {
    policy: WrittenApplied,
    #[serde(default)]
    summary: WrittenSummary,
    #[serde(rename = "failure-details", default)]
    failures: Few<WrittenFailure, FAILURES_MAX>,
}

#[derive(Deserialize)]
struct WrittenApplied {
    #[serde(rename = "policy-domain")]
    domain: String,
}

#[derive(Default, Deserialize)]
struct WrittenSummary {
    #[serde(rename = "total-successful-session-count", default)]
    successful: u64,
    #[serde(rename = "total-failure-session-count", default)]
    failed: u64,
}

#[derive(Deserialize)]
struct WrittenFailure {
    #[serde(rename = "result-type", default)]
    result_type: String,
    #[serde(rename = "failed-session-count", default)]
    count: u64,
}

/// The first of a list.
struct Few<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> Default for Few<T, MAX> {
    fn default() -> Few<T, MAX> {
        Few(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Few<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Few<T, MAX>, D::Error> {
        deserializer.deserialize_any(FewVisitor::<T, MAX>(PhantomData))
    }
}

struct FewVisitor<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for FewVisitor<T, MAX> {
    type Value = Few<T, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    /// Some write `null` for an empty list.
    fn visit_unit<E>(self) -> Result<Few<T, MAX>, E> {
        Ok(Few::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Few<T, MAX>, A::Error> {
        let mut few = Vec::new();
        while few.len() < MAX {
            let Some(item) = list.next_element()? else { return Ok(Few(few)) };
            few.push(item);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Few(few))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_with_odd_corners() {
        let text = "\u{feff}{\"organization-name\":\"Other\\u0007 Co\",\"report-id\":\"r1\",\"new\":[[{}]],
            \"date-range\":{\"start-datetime\":\"2026-11-20T00:00:00Z\",\"end-datetime\":\"2026-11-20T23:59:59Z\"},
            \"policies\":[{\"policy\":{\"policy-type\":\"sts\",\"policy-domain\":\"Home.test\"},
              \"summary\":{\"total-successful-session-count\":7,\"total-failure-session-count\":3},
              \"failure-details\":[{\"result-type\":\"certificate-expired\",\"failed-session-count\":2},
                {\"result-type\":\"certificate-expired\",\"failed-session-count\":1,\"receiving-ip\":null}]},
             {\"policy\":{\"policy-domain\":\"not a domain\"}},
             {\"policy\":{\"policy-domain\":\"b.test\"},\"failure-details\":null}]}";
        let report = parse(text.as_bytes()).unwrap();
        assert_eq!((report.organisation.as_str(), report.report_id.as_str()), ("Other Co", "r1"));
        let policy = &report.policies[0];
        assert_eq!(policy.sessions, Counts { passed: 7, failed: 3 });
        assert_eq!(policy.failures, BTreeMap::from([("certificate-expired".to_owned(), 3)]));
        assert_eq!(report.policies.len(), 2);
    }

    #[test]
    fn lists_are_cut_and_depth_is_bounded() {
        let policy = "{\"policy\":{\"policy-domain\":\"a.test\"}},".repeat(100_000);
        let text = format!("{{\"report-id\":\"x\",\"policies\":[{}]}}", policy.trim_end_matches(','));
        assert_eq!(parse(text.as_bytes()).unwrap().policies.len(), POLICIES_MAX);
        let deep = format!("{{\"report-id\":\"x\",\"policies\":{}", "[".repeat(1_000_000));
        assert_eq!(parse(deep.as_bytes()), None);
        let hidden = format!("{{\"x\":{}", "[{\"a\":".repeat(1_000_000));
        assert_eq!(parse(hidden.as_bytes()), None);
        assert_eq!(parse(b"{}"), None);
    }
}
