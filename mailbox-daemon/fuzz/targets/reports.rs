use super::{choices, pieces};
use proto::mime::ScanLimits;
use proto::reports::dmarc::{DmarcParser, DmarcReport, DmarcRequest};
use proto::reports::{
    Event, Incoming, UNPACKED_BYTES_MAX, Xml, read, read_attachment, tlsrpt_destinations, unpack,
};

/// A whole message that may carry a report, through MIME, packing and parsing: it ends, and what it tells is bounded.
pub fn message(data: &[u8]) {
    let limits = ScanLimits { header_bytes_max: 4096, depth_max: 8, parts_max: 20 };
    check(read(data, limits));
}

/// What an attachment holds. However much comes out of it, no more than the limit is handed over.
pub fn attachment(data: &[u8]) {
    let mut bytes_out = 0;
    let _ = unpack(data, &mut |bytes| {
        bytes_out += bytes.len() as u64;
        true
    });
    assert!(bytes_out <= UNPACKED_BYTES_MAX);
    check(read_attachment(data));
}

fn check(incoming: Option<Incoming>) {
    match incoming {
        Some(Incoming::Dmarc(report)) => {
            assert!(report.sources.len() <= 1024);
            assert!(report.organisation.len() <= 255 && report.report_id.len() <= 255);
        }
        Some(Incoming::Tls(report)) => {
            assert!(report.policies.len() <= 64);
            assert!(report.policies.iter().all(|policy| policy.failures.len() <= 256));
        }
        None => {}
    }
}

/// XML in pieces is XML in one piece, for the elements and for the report.
pub fn xml(data: &[u8]) {
    let Some((choice, input)) = choices(data) else { return };
    assert_eq!(events(std::iter::once(input)), events(pieces(input, choice)));
    assert_eq!(parsed(std::iter::once(input)), parsed(pieces(input, choice)));
}

fn parsed<'a>(mut parts: impl Iterator<Item = &'a [u8]>) -> Option<DmarcReport> {
    let mut parser = DmarcParser::default();
    parts.try_for_each(|part| parser.feed(part)).ok()?;
    parser.finish()
}

fn events<'a>(mut parts: impl Iterator<Item = &'a [u8]>) -> (Vec<String>, bool) {
    let (mut xml, mut seen) = (Xml::default(), Vec::new());
    let result = parts.try_for_each(|part| {
        xml.feed(part, &mut |event| {
            seen.push(match event {
                Event::Start(path) => path.to_owned(),
                Event::End(path, text) => format!("{path}={text}"),
            });
        })
    });
    (seen, result.is_ok() && xml.is_complete())
}

/// TXT records that say where reports go, one a line.
pub fn records(data: &[u8]) {
    let texts: Vec<String> = String::from_utf8_lossy(data).lines().map(str::to_owned).collect();
    let destinations = tlsrpt_destinations(&texts);
    let request = DmarcRequest::of(&texts);
    let consent = DmarcRequest::consent(&texts);
    let all = [Some(destinations), request.map(|request| request.destinations), consent];
    assert!(all.iter().flatten().all(|list| list.len() <= 4));
}
