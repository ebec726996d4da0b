//! Where a domain wants reports to go.

use crate::tags::Tags;
use types::{Address, Domain};

/// Where a report goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportUri {
    /// By mail.
    Mailto {
        /// To whom.
        address: Address,
        /// Octets a report may have (`!10m`, RFC 7489 section 6.4).
        bytes_max: Option<u64>,
    },
    /// By POST.
    Https(String),
}

/// The longest URI that is used.
const URI_BYTES_MAX: usize = 1024;
/// Where more are listed, the first are used.
const URIS_MAX: usize = 4;

impl ReportUri {
    /// Those of a `rua=` value that are understood, in their order.
    pub fn parse_list(value: &str) -> Vec<ReportUri> {
        value.split(',').filter_map(|uri| ReportUri::parse(uri.trim())).take(URIS_MAX).collect()
    }

    fn parse(text: &str) -> Option<ReportUri> {
        let (scheme, rest) = text.split_once(':')?;
        if text.len() > URI_BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        if scheme.eq_ignore_ascii_case("https") {
            return rest.starts_with("//").then(|| ReportUri::Https(format!("https:{rest}")));
        }
        if !scheme.eq_ignore_ascii_case("mailto") {
            return None;
        }
        let (address, size) = rest.split_once('!').map_or((rest, None), |(rest, size)| (rest, Some(size)));
        // What a mailto URI says about the header is nothing for a report (RFC 6068).
        let address = percent_decoded(address.split('?').next().unwrap_or_default())?;
        let bytes_max = match size {
            Some(size) => Some(size_of(size)?),
            None => None,
        };
        let address = Address::parse(&address).ok().filter(Address::is_ascii)?;
        Some(ReportUri::Mailto { address, bytes_max })
    }

    /// The host a report goes to, where it goes by mail.
    pub fn mail_domain(&self) -> Option<&Domain> {
        match self {
            ReportUri::Mailto { address, .. } => Some(&address.domain),
            ReportUri::Https(_) => None,
        }
    }
}

/// `10m`: octets, with k, m, g or t for powers of 1024; `None` in place of what makes no sense.
fn size_of(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << unit)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte == b'%' {
            let digits = std::str::from_utf8(behind.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &behind[2..];
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Where a domain wants reports about TLS to go (RFC 8460 section 3), from all TXT records at `_smtp._tls`. Nowhere, if
/// there is not exactly one that counts.
pub fn tlsrpt_destinations(records: &[String]) -> Vec<ReportUri> {
    let tags = records.iter().map(|record| Tags::parse_kindly(record.as_bytes()));
    let mut counting = tags.filter(|tags| tags.begins_with("v") && tags.get("v") == Some("TLSRPTv1"));
    let (Some(only), None) = (counting.next(), counting.next()) else { return Vec::new() };
    only.get("rua").map_or_else(Vec::new, ReportUri::parse_list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailto(address: &str, bytes_max: Option<u64>) -> ReportUri {
        ReportUri::Mailto { address: Address::parse(address).unwrap(), bytes_max }
    }

    #[test]
    fn destinations() {
        for (value, expected) in [
            ("mailto:a@b.test", vec![mailto("a@b.test", None)]),
            (
                "MAILTO:a@b.test!10m , mailto:c%2bd@b.test!5",
                vec![mailto("a@b.test", Some(10 << 20)), mailto("c+d@b.test", Some(5))],
            ),
            ("https://r.test/v1?x=1", vec![ReportUri::Https("https://r.test/v1?x=1".to_owned())]),
            ("mailto:a@b.test!10q,http://r.test/,mailto:b,mailto:a%zz@b.test,ftp://x,,https:r", vec![]),
            ("mailto:a@b.test?subject=x", vec![mailto("a@b.test", None)]),
            ("mailto:a@b.test!99999999999999t", vec![]),
        ] {
            assert_eq!(ReportUri::parse_list(value), expected, "{value}");
        }
        assert_eq!(ReportUri::parse_list(&"mailto:a@b.test,".repeat(9)).len(), URIS_MAX);
    }

    #[test]
    fn a_domain_has_one_record_or_none() {
        let count = |records: &[&str]| {
            let records: Vec<String> = records.iter().map(ToString::to_string).collect();
            tlsrpt_destinations(&records).len()
        };
        assert_eq!(count(&["v=TLSRPTv1;rua=mailto:r@b.test", "v=spf1 -all"]), 1);
        assert_eq!(count(&["v=TLSRPTv1; x=y; rua=mailto:r@b.test,https://b.test/r;"]), 2);
        assert_eq!(count(&["v=TLSRPTv1;rua=mailto:r@b.test", "v=TLSRPTv1;rua=mailto:s@b.test"]), 0);
        assert_eq!(count(&["v=TLSRPTv2;rua=mailto:r@b.test"]), 0);
        assert_eq!(count(&["v=TLSRPTv1;"]), 0);
    }
}
