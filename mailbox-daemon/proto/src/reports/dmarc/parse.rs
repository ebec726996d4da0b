use crate::reports::xml::{Event, Xml, XmlError};
use std::collections::BTreeMap;
use std::net::IpAddr;
use types::{Counts, Domain, UnixSeconds};

/// Addresses told apart in one report; messages of more are counted together.
const SOURCES_MAX: usize = 1024;
/// Octets of a name or an id that are kept.
const WORD_BYTES_MAX: usize = 255;

/// What a report tells, counted up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DmarcReport {
    /// Who says to have written it.
    pub organisation: String,
    /// Its name, unique to whoever wrote it.
    pub report_id: String,
    /// When the time it tells about began.
    pub begin: UnixSeconds,
    /// Whose mail it is about.
    pub domain: Domain,
    /// Messages that passed, aligned, and that did not, by the address they came from.
    pub sources: BTreeMap<IpAddr, Counts>,
    /// Those of addresses beyond the limit or unreadable.
    pub others: Counts,
}

/// A report being read, in any chunking; memory is bounded whatever comes.
#[derive(Debug, Default)]
pub struct DmarcParser {
    xml: Xml,
    found: Found,
}

#[derive(Debug, Default)]
struct Found {
    is_feedback: bool,
    organisation: String,
    report_id: String,
    begin: UnixSeconds,
    domain: Option<Domain>,
    sources: BTreeMap<IpAddr, Counts>,
    others: Counts,
    record: Record,
}

/// The record being read.
#[derive(Debug, Default)]
struct Record {
    source: Option<IpAddr>,
    count: u64,
    is_aligned: bool,
}

impl DmarcParser {
    /// Reads on.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), XmlError> {
        let found = &mut self.found;
        self.xml.feed(bytes, &mut |event| found.take(event))
    }

    /// What the report tells; `None` where it is no whole report.
    pub fn finish(self) -> Option<DmarcReport> {
        let Found { is_feedback, organisation, report_id, begin, domain, sources, others, .. } = self.found;
        let is_whole = self.xml.is_complete() && is_feedback && !report_id.is_empty();
        let report = DmarcReport { organisation, report_id, begin, domain: domain?, sources, others };
        is_whole.then_some(report)
    }
}

impl Found {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start("feedback") => self.is_feedback = true,
            Event::Start("feedback/record") => self.record = Record::default(),
            Event::Start(_) => {}
            Event::End("feedback/record", _) => self.count(),
            Event::End(path, text) => self.word(path, text),
        }
    }

    fn word(&mut self, path: &str, text: &str) {
        match path {
            "feedback/report_metadata/org_name" => self.organisation = word(text),
            "feedback/report_metadata/report_id" => self.report_id = word(text),
            "feedback/report_metadata/date_range/begin" => self.begin = text.parse().unwrap_or(0),
            "feedback/policy_published/domain" => self.domain = Domain::parse(text).ok(),
            "feedback/record/row/source_ip" => self.record.source = text.parse().ok(),
            "feedback/record/row/count" => self.record.count = text.parse().unwrap_or(0),
            "feedback/record/row/policy_evaluated/dkim" | "feedback/record/row/policy_evaluated/spf" => {
                self.record.is_aligned |= text.eq_ignore_ascii_case("pass");
            }
            _ => {}
        }
    }

    fn count(&mut self) {
        let Record { source, count, is_aligned } = std::mem::take(&mut self.record);
        let is_full = self.sources.len() >= SOURCES_MAX;
        let counts = match source.map(|source| source.to_canonical()) {
            Some(source) if !is_full || self.sources.contains_key(&source) => {
                self.sources.entry(source).or_default()
            }
            _ => &mut self.others,
        };
        counts.add(if is_aligned { Counts::passed(count) } else { Counts::failed(count) });
    }
}

/// Foreign text of one line.
pub(in crate::reports) fn word(text: &str) -> String {
    let mut kept = String::new();
    for character in text.chars().filter(|character| !character.is_control()) {
        if kept.len() + character.len_utf8() > WORD_BYTES_MAX {
            break;
        }
        kept.push(character);
    }
    kept
}
