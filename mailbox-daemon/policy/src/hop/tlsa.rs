//! TLSA records (RFC 6698) as SMTP uses them (RFC 7672 section 3).

use std::fmt;

/// What a record says about a server's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tlsa {
    /// Which certificate of the chain is meant.
    pub usage: TlsaUsage,
    /// Which part of it.
    pub selector: TlsaSelector,
    /// How the part is written down.
    pub matching: TlsaMatching,
    /// The part or its hash.
    pub data: Vec<u8>,
}

/// The certificate usage (RFC 6698 section 2.1.1); the usages that need a list of public authorities are of no use to SMTP
/// (RFC 7672 section 3.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsaUsage {
    /// DANE-TA(2): an authority of the chain.
    Authority,
    /// DANE-EE(3): the server's own.
    EndEntity,
}

/// The selector (RFC 6698 section 2.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsaSelector {
    /// Cert(0).
    Certificate,
    /// SPKI(1).
    PublicKey,
}

/// The matching type (RFC 6698 section 2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsaMatching {
    /// Full(0).
    Full,
    /// SHA2-256(1).
    Sha256,
    /// SHA2-512(2).
    Sha512,
}

impl Tlsa {
    /// A record by its numbers; `None` where SMTP cannot use it.
    pub fn from_numbers(usage: u8, selector: u8, matching: u8, data: &[u8]) -> Option<Tlsa> {
        let usage = match usage {
            2 => TlsaUsage::Authority,
            3 => TlsaUsage::EndEntity,
            _ => return None,
        };
        let selector = match selector {
            0 => TlsaSelector::Certificate,
            1 => TlsaSelector::PublicKey,
            _ => return None,
        };
        let (matching, length) = match matching {
            0 => (TlsaMatching::Full, data.len().max(1)),
            1 => (TlsaMatching::Sha256, 32),
            2 => (TlsaMatching::Sha512, 64),
            _ => return None,
        };
        (data.len() == length).then(|| Tlsa { usage, selector, matching, data: data.to_vec() })
    }
}

/// Those that count: of two hashes of one kind of record only the stronger (RFC 7671 section 9).
pub fn usable(mut records: Vec<Tlsa>) -> Vec<Tlsa> {
    let strong: Vec<_> = records
        .iter()
        .filter(|record| record.matching == TlsaMatching::Sha512)
        .map(|record| (record.usage, record.selector))
        .collect();
    records.retain(|record| {
        record.matching != TlsaMatching::Sha256 || !strong.contains(&(record.usage, record.selector))
    });
    records
}

/// The presentation form (RFC 6698 section 2.2).
impl fmt::Display for Tlsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usage = match self.usage {
            TlsaUsage::Authority => 2,
            TlsaUsage::EndEntity => 3,
        };
        let selector = match self.selector {
            TlsaSelector::Certificate => 0,
            TlsaSelector::PublicKey => 1,
        };
        let matching = match self.matching {
            TlsaMatching::Full => 0,
            TlsaMatching::Sha256 => 1,
            TlsaMatching::Sha512 => 2,
        };
        write!(f, "{usage} {selector} {matching} ")?;
        self.data.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_smtp_can_use() {
        for (numbers, length, expected) in [
            ((3, 1, 1), 32, true),
            ((3, 0, 2), 64, true),
            ((2, 0, 0), 700, true),
            ((2, 1, 1), 32, true),
            // RFC 7672 section 3.1.3.
            ((0, 0, 1), 32, false),
            ((1, 1, 1), 32, false),
            ((255, 1, 1), 32, false),
            ((3, 2, 1), 32, false),
            ((3, 1, 3), 32, false),
            ((3, 1, 1), 31, false),
            ((3, 1, 2), 32, false),
            ((3, 1, 0), 0, false),
        ] {
            let (usage, selector, matching) = numbers;
            let record = Tlsa::from_numbers(usage, selector, matching, &vec![0xab; length]);
            assert_eq!(record.is_some(), expected, "{numbers:?} {length}");
        }
        let record = Tlsa::from_numbers(3, 1, 1, &[0xab; 32]).unwrap();
        assert_eq!(record.to_string(), format!("3 1 1 {}", "ab".repeat(32)));
    }

    #[test]
    fn the_stronger_hash_counts() {
        let record =
            |usage, matching, length| Tlsa::from_numbers(usage, 1, matching, &vec![1; length]).unwrap();
        let (weak, strong, full) = (record(3, 1, 32), record(3, 2, 64), record(3, 0, 9));
        let other = record(2, 1, 32);
        assert_eq!(usable(vec![weak.clone(), strong.clone(), full.clone()]), [strong, full.clone()]);
        assert_eq!(usable(vec![weak.clone(), other.clone(), full.clone()]), [weak, other, full]);
    }
}
