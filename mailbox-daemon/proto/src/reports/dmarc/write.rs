use super::DmarcRequest;
use crate::reports::letter::{self, LetterHead};
use std::fmt::Write;
use types::{DmarcRow, Domain, UnixSeconds};

/// A report about to be written.
#[derive(Clone, Debug)]
pub struct DmarcLetter<'a> {
    /// Who writes to whom, when.
    pub head: LetterHead,
    /// Whose record asked for the report.
    pub domain: &'a Domain,
    /// What it says.
    pub request: &'a DmarcRequest,
    /// The first second it tells about, and the last.
    pub time: (UnixSeconds, UnixSeconds),
    /// Messages alike, and how many.
    pub rows: &'a [(DmarcRow, u64)],
}

impl DmarcLetter<'_> {
    /// The report (RFC 7489 appendix C).
    pub fn xml(&self) -> String {
        let mut out =
            String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feedback>\n<version>1.0</version>\n");
        let LetterHead { submitter, contact, report_id, .. } = &self.head;
        let (begin, end) = self.time;
        let _ = write!(
            out,
            "<report_metadata>\n<org_name>{submitter}</org_name>\n<email>{}</email>\n<report_id>{}</report_id>\n\
             <date_range>\n<begin>{begin}</begin>\n<end>{end}</end>\n</date_range>\n</report_metadata>\n",
            escaped(contact),
            escaped(report_id)
        );
        self.write_policy(&mut out);
        for (row, count) in self.rows {
            write_record(&mut out, row, *count);
        }
        out.push_str("</feedback>\n");
        out
    }

    fn write_policy(&self, out: &mut String) {
        let DmarcRequest { record, failure_options, .. } = self.request;
        let mode = |is_strict| if is_strict { "s" } else { "r" };
        let _ = write!(
            out,
            "<policy_published>\n<domain>{}</domain>\n<adkim>{}</adkim>\n<aspf>{}</aspf>\n<p>{}</p>\n<sp>{}</sp>\n\
             <pct>{}</pct>\n<fo>{}</fo>\n</policy_published>\n",
            self.domain,
            mode(record.is_dkim_strict),
            mode(record.is_spf_strict),
            record.policy.as_str(),
            record.subdomain_policy.unwrap_or(record.policy).as_str(),
            record.percent,
            escaped(failure_options)
        );
    }

    /// The whole mail around the packed report (RFC 7489 section 7.2.1.1). Lines end with CRLF.
    pub fn mail(&self, to: &types::Address, packed: &[u8]) -> Vec<u8> {
        let LetterHead { submitter, report_id, .. } = &self.head;
        let (begin, end) = self.time;
        let mail = letter::Mail {
            to,
            subject: format!(
                "Report Domain: {}\n Submitter: {submitter}\n Report-ID: <{report_id}@{submitter}>",
                self.domain
            ),
            more_fields: String::new(),
            multipart: "mixed".to_owned(),
            text: format!(
                "This is a DMARC aggregate report from {submitter}\nabout mail from {}\nthat came in on {}.\n",
                self.domain,
                crate::reports::date_name(begin)
            ),
            media_type: "application/gzip",
            file_name: format!("{submitter}!{}!{begin}!{end}.xml.gz", self.domain),
        };
        mail.write(&self.head, packed)
    }
}

fn write_record(out: &mut String, row: &DmarcRow, count: u64) {
    let result = |is_aligned| if is_aligned { "pass" } else { "fail" };
    let _ = write!(
        out,
        "<record>\n<row>\n<source_ip>{}</source_ip>\n<count>{count}</count>\n<policy_evaluated>\n\
         <disposition>{}</disposition>\n<dkim>{}</dkim>\n<spf>{}</spf>\n",
        row.source_ip,
        row.disposition.as_str(),
        result(row.is_dkim_aligned),
        result(row.is_spf_aligned)
    );
    if let Some(reason) = row.overridden {
        let _ = writeln!(out, "<reason>\n<type>{}</type>\n</reason>", reason.as_str());
    }
    let envelope_from = row.envelope_from.as_ref().map(ToString::to_string).unwrap_or_default();
    let _ = write!(
        out,
        "</policy_evaluated>\n</row>\n<identifiers>\n<envelope_from>{envelope_from}</envelope_from>\n\
         <header_from>{}</header_from>\n</identifiers>\n<auth_results>\n",
        row.header_from
    );
    for signature in &row.dkim {
        let _ = write!(
            out,
            "<dkim>\n<domain>{}</domain>\n<selector>{}</selector>\n<result>{}</result>\n</dkim>\n",
            signature.domain,
            escaped(&signature.selector),
            signature.outcome
        );
    }
    write_spf(out, row);
    out.push_str("</auth_results>\n</record>\n");
}

/// There is always one: where SPF was not asked, it says so of the author's domain.
fn write_spf(out: &mut String, row: &DmarcRow) {
    let scope = if row.envelope_from.is_some() { "mfrom" } else { "helo" };
    let (domain, result) = match &row.spf {
        Some((domain, outcome)) => (domain, spf_word(*outcome)),
        None => (row.envelope_from.as_ref().unwrap_or(&row.header_from), "none"),
    };
    let _ = write!(
        out,
        "<spf>\n<domain>{domain}</domain>\n<scope>{scope}</scope>\n<result>{result}</result>\n</spf>\n"
    );
}

/// SPF has no `policy` in a report.
fn spf_word(outcome: types::Outcome) -> &'static str {
    if outcome == types::Outcome::Policy { "fail" } else { outcome.as_str() }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
