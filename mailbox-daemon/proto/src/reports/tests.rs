use super::dmarc::{DmarcLetter, DmarcRequest};
use super::tls::TlsLetter;
use super::*;
use crate::reports::letter::LetterHead;
use data_encoding::BASE64_MIME;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use std::io::Write;
use types::{
    Address, Counts, DmarcDkim, DmarcOverride, DmarcPolicy, DmarcRow, Domain, Outcome, TlsFailure,
    TlsFailureType, TlsOutcome, TlsPolicy, TlsPolicyType,
};

pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(content).unwrap();
    packer.finish().unwrap()
}

/// The beginning of a zip archive: one file packed with that method, as writers that do not seek leave it.
pub(super) fn zip(content: &[u8], method: u16) -> Vec<u8> {
    let packed = match method {
        8 => {
            let mut packer = DeflateEncoder::new(Vec::new(), Compression::best());
            packer.write_all(content).unwrap();
            packer.finish().unwrap()
        }
        _ => content.to_vec(),
    };
    let size = if method == 0 { content.len() as u32 } else { 0 };
    let mut archive = b"PK\x03\x04\x14\x00\x08\x00".to_vec();
    archive.extend_from_slice(&method.to_le_bytes());
    archive.extend_from_slice(&[0; 8]);
    archive.extend_from_slice(&size.to_le_bytes());
    archive.extend_from_slice(&size.to_le_bytes());
    archive.extend_from_slice(&[5, 0, 3, 0]);
    archive.extend_from_slice(b"a.xml...");
    archive.extend_from_slice(&packed);
    archive.extend_from_slice(b"PK\x07\x08 and a directory nobody reads");
    archive
}

fn limits() -> ScanLimits {
    ScanLimits { header_bytes_max: 65_536, depth_max: 20, parts_max: 100 }
}

fn mail(content_type: &str, content: &[u8]) -> Vec<u8> {
    let content = BASE64_MIME.encode(content);
    format!(
        "From: r@search.example\r\nSubject: Report\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\n\r\nHello\r\n--b\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: base64\r\n\r\n{content}\r\n--b--\r\n"
    )
    .into_bytes()
}

fn dmarc(incoming: Option<Incoming>) -> DmarcReport {
    match incoming {
        Some(Incoming::Dmarc(report)) => report,
        other => panic!("no DMARC report: {other:?}"),
    }
}

fn tls(incoming: Option<Incoming>) -> TlsReport {
    match incoming {
        Some(Incoming::Tls(report)) => report,
        other => panic!("no report about TLS: {other:?}"),
    }
}

#[test]
fn reports_as_the_large_ones_write_them() {
    let total = |report: &DmarcReport| {
        let mut all = report.others;
        report.sources.values().for_each(|counts| all.add(*counts));
        (report.organisation.clone(), report.sources.len(), all)
    };
    for (text, organisation, sources, expected) in [
        (include_str!("tests/search-engine.xml"), "search.example", 2, Counts { passed: 41, failed: 2 }),
        (include_str!("tests/office-suite.xml"), "Office Suite & Sons", 1, Counts { passed: 3, failed: 0 }),
        (include_str!("tests/webmail.xml"), "Webmail", 1, Counts { passed: 1, failed: 0 }),
    ] {
        let zip_mail = mail("application/x-zip-compressed; name=r.zip", &zip(text.as_bytes(), 8));
        let gzip_mail =
            mail("application/octet-stream; name=\"r!home.test!1!2.xml.gz\"", &gzip(text.as_bytes()));
        let plain_mail = mail("text/xml", text.as_bytes());
        let body = format!("Content-Type: application/xml\r\n\r\n{text}").into_bytes();
        for message in [zip_mail, gzip_mail, plain_mail, body] {
            let report = dmarc(read(&message, limits()));
            assert_eq!(total(&report), (organisation.to_owned(), sources, expected));
            assert_eq!((report.domain.as_str(), report.begin), ("home.test", 1_795_910_400));
        }
    }
}

#[test]
fn reports_about_tls_as_the_large_ones_write_them() {
    for (text, sessions, failures) in [
        (include_str!("tests/search-engine.json"), vec![Counts::passed(19)], 0),
        (
            include_str!("tests/office-suite.json"),
            vec![Counts { passed: 4, failed: 3 }, Counts::passed(5)],
            2,
        ),
    ] {
        for (kind, content) in [
            ("application/tlsrpt+gzip", gzip(text.as_bytes())),
            ("application/tlsrpt+json", text.as_bytes().to_vec()),
        ] {
            let report = tls(read(&mail(kind, &content), limits()));
            assert_eq!(report.policies.iter().map(|policy| policy.sessions).collect::<Vec<_>>(), sessions);
            assert_eq!(report.policies[0].failures.len(), failures);
            assert_eq!(month_of(report.begin), "2026-11");
        }
    }
}

#[test]
fn what_is_no_report_is_none() {
    let report = include_bytes!("tests/search-engine.xml");
    let laughs =
        b"<?xml version='1.0'?><!DOCTYPE f [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><feedback>&b;</feedback>";
    for (kind, content) in [
        ("image/png", gzip(report)),
        ("application/zip", zip(&zip(report, 8), 8)),
        ("application/gzip", gzip(&gzip(report))),
        ("application/gzip", gzip(&b" ".repeat(32 << 20))),
        ("application/zip", zip(&b"<".repeat(32 << 20), 8)),
        ("application/gzip", gzip("<a>".repeat(3 << 20).as_bytes())),
        ("text/xml", laughs.to_vec()),
        ("text/xml", report[..report.len() - 20].to_vec()),
        ("application/json", "[".repeat(1 << 20).into_bytes()),
        ("application/json", "{\"a\":".repeat(1 << 18).into_bytes()),
        ("application/gzip", Vec::new()),
    ] {
        assert_eq!(read(&mail(kind, &content), limits()), None, "{kind}");
    }
    assert_eq!(read(b"", limits()), None);
    assert_eq!(read(&vec![b'x'; MESSAGE_BYTES_MAX + 1], limits()), None);
}

#[test]
fn many_sources_are_counted_together() {
    let record = |number: u32| {
        format!(
            "<record><row><source_ip>{}</source_ip><count>2</count></row></record>",
            std::net::Ipv4Addr::from(number)
        )
    };
    let records: String = (0..3000).map(record).collect();
    let text = format!(
        "<feedback><report_metadata><report_id>x</report_id></report_metadata>\
         <policy_published><domain>home.test</domain></policy_published>{records}</feedback>"
    );
    let report = dmarc(read_attachment(&gzip(text.as_bytes())));
    assert_eq!((report.sources.len(), report.others), (1024, Counts::failed((3000 - 1024) * 2)));
}

fn domain(name: &str) -> Domain {
    Domain::parse(name).unwrap()
}

fn head() -> LetterHead {
    LetterHead {
        submitter: domain("home.test"),
        sender: "noreply-dmarc",
        contact: "postmaster@home.test".to_owned(),
        report_id: "2026-11-29.example.org".to_owned(),
        date: 1_795_996_800,
    }
}

#[test]
fn what_is_written_is_read_again() {
    let row = DmarcRow {
        source_ip: "192.0.2.9".parse().unwrap(),
        disposition: DmarcPolicy::None,
        is_dkim_aligned: false,
        is_spf_aligned: false,
        overridden: Some(DmarcOverride::LocalPolicy),
        header_from: domain("news.example.org"),
        envelope_from: None,
        dkim: vec![DmarcDkim {
            domain: domain("example.org"),
            selector: "<&>".to_owned(),
            outcome: Outcome::Fail,
        }],
        spf: None,
    };
    let rows = [(row.clone(), 3), (DmarcRow { is_dkim_aligned: true, ..row }, 4)];
    let request = DmarcRequest::of(&["v=DMARC1; p=reject; rua=mailto:a@example.org".to_owned()]).unwrap();
    let subject = domain("example.org");
    let letter = DmarcLetter {
        head: head(),
        domain: &subject,
        request: &request,
        time: (1_795_910_400, 1_795_996_799),
        rows: &rows,
    };
    let to = Address::parse("a@example.org").unwrap();
    let report = dmarc(read(&letter.mail(&to, &gzip(letter.xml().as_bytes())), limits()));
    assert_eq!((report.organisation.as_str(), report.domain.as_str()), ("home.test", "example.org"));
    assert_eq!(report.report_id, "2026-11-29.example.org");
    let counts: Vec<Counts> = report.sources.into_values().collect();
    assert_eq!(counts, [Counts { passed: 4, failed: 3 }]);
}

#[test]
fn what_is_written_about_tls_is_read_again() {
    let policy = |policy_type| TlsPolicy {
        policy_type,
        domain: domain("example.org"),
        strings: vec!["version: STSv1".to_owned()],
        mx_patterns: vec!["*.example.org".to_owned()],
    };
    let failure = TlsFailure {
        failure_type: TlsFailureType::CertificateExpired,
        mx_host: Some("mx.example.org".to_owned()),
        receiving_ip: Some("2001:db8::1".parse().unwrap()),
        sending_ip: None,
        reason: Some("\"old\"".to_owned()),
    };
    let outcome = |policy_type, failure| TlsOutcome {
        recipient_domain: domain("example.org"),
        policy: policy(policy_type),
        failure,
    };
    let rows = [
        (outcome(TlsPolicyType::Sts, None), 5),
        (outcome(TlsPolicyType::Sts, Some(failure)), 2),
        (outcome(TlsPolicyType::NoPolicyFound, None), 1),
    ];
    let subject = domain("example.org");
    let time = (1_795_910_400, 1_795_996_799);
    let letter = TlsLetter { head: head(), domain: &subject, time, rows: &rows };
    let to = Address::parse("a@example.org").unwrap();
    let message = letter.mail(&to, &gzip(letter.json().as_bytes()));
    let text = String::from_utf8(message.clone()).unwrap();
    assert!(text.contains("TLS-Report-Submitter: home.test\r\n"));
    assert!(text.contains("Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n"));
    let report = tls(read(&message, limits()));
    assert_eq!(report.policies.len(), 2);
    assert_eq!(report.policies[0].sessions, Counts { passed: 5, failed: 2 });
    assert_eq!(report.policies[0].failures.get("certificate-expired"), Some(&2));
    assert_eq!(report.begin, 1_795_910_400);
}
