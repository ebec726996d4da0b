use crate::reports::letter::{self, LetterHead};
use crate::reports::{date_name, rfc3339};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use types::{Address, Counts, Domain, TlsFailure, TlsOutcome, TlsPolicy, TlsPolicyType, UnixSeconds};

/// A report about to be written.
#[derive(Clone, Debug)]
pub struct TlsLetter<'a> {
    /// Who writes to whom, when.
    pub head: LetterHead,
    /// Whose servers it is about.
    pub domain: &'a Domain,
    /// The first second it tells about, and the last.
    pub time: (UnixSeconds, UnixSeconds),
    /// Sessions alike, and how many.
    pub rows: &'a [(TlsOutcome, u64)],
}

/// What is told of one policy.
#[derive(Default)]
struct Applied<'a> {
    sessions: Counts,
    failures: BTreeMap<&'a TlsFailure, u64>,
}

impl TlsLetter<'_> {
    /// The report (RFC 8460 section 4.4).
    pub fn json(&self) -> String {
        let mut by_policy = BTreeMap::<&TlsPolicy, Applied<'_>>::new();
        for (outcome, count) in self.rows {
            let applied = by_policy.entry(&outcome.policy).or_default();
            match &outcome.failure {
                None => applied.sessions.add(Counts::passed(*count)),
                Some(failure) => {
                    applied.sessions.add(Counts::failed(*count));
                    *applied.failures.entry(failure).or_default() += count;
                }
            }
        }
        let policies: Vec<Value> = by_policy.iter().map(|(policy, applied)| told(policy, applied)).collect();
        let (begin, end) = self.time;
        json!({
            "organization-name": self.head.submitter.as_str(),
            "date-range": { "start-datetime": rfc3339(begin), "end-datetime": rfc3339(end) },
            "contact-info": self.head.contact,
            "report-id": self.head.report_id,
            "policies": policies,
        })
        .to_string()
    }

    /// The whole mail around the packed report (RFC 8460 section 5.3). Lines end with CRLF.
    pub fn mail(&self, to: &Address, packed: &[u8]) -> Vec<u8> {
        let LetterHead { submitter, report_id, .. } = &self.head;
        let (begin, end) = self.time;
        let domain = self.domain;
        let mail = letter::Mail {
            to,
            subject: format!(
                "Report Domain: {domain}\n Submitter: {submitter}\n Report-ID: <{report_id}@{submitter}>"
            ),
            more_fields: format!(
                "TLS-Report-Domain: {domain}\nTLS-Report-Submitter: {submitter}\nTLS-Required: No\n"
            ),
            multipart: "report; report-type=\"tlsrpt\"".to_owned(),
            text: format!(
                "This is an aggregate TLS report from {submitter}\nabout connections to the servers of {domain}\non {}.\n",
                date_name(begin)
            ),
            media_type: "application/tlsrpt+gzip",
            file_name: format!("{submitter}!{domain}!{begin}!{end}.json.gz"),
        };
        mail.write(&self.head, packed)
    }
}

fn told(policy: &TlsPolicy, applied: &Applied<'_>) -> Value {
    let mut described = json!({
        "policy-type": policy.policy_type.as_str(),
        "policy-domain": policy.domain.as_str(),
    });
    if policy.policy_type != TlsPolicyType::NoPolicyFound {
        described["policy-string"] = json!(policy.strings);
    }
    if policy.policy_type == TlsPolicyType::Sts {
        described["mx-host"] = json!(policy.mx_patterns);
    }
    let mut report = json!({
        "policy": described,
        "summary": {
            "total-successful-session-count": applied.sessions.passed,
            "total-failure-session-count": applied.sessions.failed,
        },
    });
    if !applied.failures.is_empty() {
        let details = applied.failures.iter().map(|(failure, count)| detail(failure, *count));
        report["failure-details"] = details.collect();
    }
    report
}

fn detail(failure: &TlsFailure, count: u64) -> Value {
    let mut detail = json!({ "result-type": failure.failure_type.as_str() });
    let optional = [
        ("sending-mta-ip", failure.sending_ip.map(|ip| ip.to_string())),
        ("receiving-mx-hostname", failure.mx_host.clone()),
        ("receiving-ip", failure.receiving_ip.map(|ip| ip.to_string())),
        ("failure-reason-code", failure.reason.clone()),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            detail[name] = Value::String(value);
        }
    }
    detail["failed-session-count"] = json!(count);
    detail
}
