use crate::dmarc::{is_record, parse};
use crate::reports::record::ReportUri;
use crate::tags::{Tags, items};
use types::DmarcRecord;

/// What a domain's DMARC record says about reports (RFC 7489 section 6.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DmarcRequest {
    /// The record, which a report repeats.
    pub record: DmarcRecord,
    /// `fo=`.
    pub failure_options: String,
    /// `rua=`.
    pub destinations: Vec<ReportUri>,
}

impl DmarcRequest {
    /// The request in the TXT records at `_dmarc`; `None` where there is not exactly one record.
    pub fn of(texts: &[String]) -> Option<DmarcRequest> {
        let mut records = texts.iter().filter(|text| is_record(text.as_bytes()));
        let (Some(only), None) = (records.next(), records.next()) else { return None };
        let tags = Tags::parse_kindly(only.as_bytes());
        Some(DmarcRequest {
            record: parse(only.as_bytes())?,
            failure_options: tags.get("fo").filter(|text| are_options(text)).unwrap_or("0").to_owned(),
            destinations: tags.get("rua").map_or_else(Vec::new, ReportUri::parse_list),
        })
    }

    /// Whether TXT records at `domain._report._dmarc.host` say that the host takes reports about the domain, and where it
    /// would rather have them (RFC 7489 section 7.1).
    pub fn consent(texts: &[String]) -> Option<Vec<ReportUri>> {
        let consenting = texts.iter().find(|text| is_record(text.as_bytes()))?;
        let elsewhere = Tags::parse_kindly(consenting.as_bytes()).get("rua");
        Some(elsewhere.map_or_else(Vec::new, ReportUri::parse_list))
    }
}

fn are_options(text: &str) -> bool {
    text.len() <= 7 && items(text).all(|option| matches!(option, "0" | "1" | "d" | "s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_and_what_it_leaves_out() {
        let request = |text: &str| DmarcRequest::of(&[text.to_owned(), "v=spf1 -all".to_owned()]);
        let full = request("v=DMARC1; p=reject; fo=1:d; rua=mailto:a@b.test!1m,https://b.test").unwrap();
        assert_eq!((full.failure_options.as_str(), full.destinations.len()), ("1:d", 2));
        let bare = request("v=DMARC1;p=quarantine;fo=<x>").unwrap();
        assert_eq!((bare.failure_options.as_str(), bare.destinations.len()), ("0", 0));
        assert_eq!(request("v=DMARC2;p=none"), None);
        let record = "v=DMARC1;p=none;rua=mailto:a@b.test".to_owned();
        assert_eq!(DmarcRequest::of(&[record.clone(), record]), None);
    }

    #[test]
    fn consent_of_another_host() {
        let consent = |text: &str| DmarcRequest::consent(&[text.to_owned()]);
        assert_eq!(consent("v=DMARC1"), Some(vec![]));
        assert_eq!(consent("v=DMARC1; rua=mailto:a@b.test").map(|uris| uris.len()), Some(1));
        assert_eq!(consent("v=DKIM1"), None);
        assert_eq!(DmarcRequest::consent(&[]), None);
    }
}
