//! What people who live here may send, and what is put right in it (RFC 6409).

use thiserror::Error;
use types::{Address, Limits};

/// What the header of a message says, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderFacts {
    /// How many `From:` fields there are.
    pub from_fields: usize,
    /// Whom they name; `None` for what is no address.
    pub from: Vec<Option<Address>>,
    /// Whether there is a `Date:`.
    pub has_date: bool,
    /// Whether there is a `Message-ID:`.
    pub has_message_id: bool,
    /// How many `Received:` fields there are.
    pub received_fields: usize,
}

/// Why a message is not taken. All of it is the sender's to mend and permanent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SubmissionError {
    /// There is no `From:`, or it names nobody.
    #[error("the message has no From: address")]
    NoFrom,
    /// RFC 5322 section 3.6 allows one `From:`.
    #[error("the message has more than one From: field")]
    ManyFromFields,
    /// A `From:` that cannot be read.
    #[error("the From: field has something that is no address")]
    UnreadableFrom,
    /// A sender or `From:` address of somebody else.
    #[error("{0} is not your address")]
    NotOwned(Address),
    /// It has been through more servers than any message should.
    #[error("the message has been through too many servers, it goes round in a circle")]
    TooManyHops,
}

/// The authors of a submitted message: the account must own each of them.
pub fn authors(facts: &HeaderFacts) -> Result<Vec<&Address>, SubmissionError> {
    match (facts.from_fields, facts.from.as_slice()) {
        (0, _) | (1, []) => Err(SubmissionError::NoFrom),
        (1, from) => {
            from.iter().map(|author| author.as_ref().ok_or(SubmissionError::UnreadableFrom)).collect()
        }
        (_, _) => Err(SubmissionError::ManyFromFields),
    }
}

/// Whether the message has been through few enough servers (RFC 5321 section 6.3).
pub fn check_hops(facts: &HeaderFacts, limits: &Limits) -> Result<(), SubmissionError> {
    match facts.received_fields <= limits.hops_max {
        true => Ok(()),
        false => Err(SubmissionError::TooManyHops),
    }
}

/// Whether a field of a message that comes in is left out of what is kept.
///
/// `Return-Path:` is only ever added by the last server (RFC 5321 section 4.4); blind copies stay blind.
pub fn is_dropped_field(name: &[u8], is_submission: bool) -> bool {
    let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    is("Return-Path") || (is_submission && (is("Bcc") || is("Resent-Bcc")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authors_are_named_once_and_readably() {
        let ana = Address::parse("ana@home.test").expect("valid");
        let facts = |from_fields, from: &[Option<&Address>]| HeaderFacts {
            from_fields,
            from: from.iter().map(|author| author.cloned()).collect(),
            ..HeaderFacts::default()
        };
        assert_eq!(authors(&facts(1, &[Some(&ana)])), Ok(vec![&ana]));
        assert_eq!(authors(&facts(0, &[])), Err(SubmissionError::NoFrom));
        assert_eq!(authors(&facts(1, &[])), Err(SubmissionError::NoFrom));
        assert_eq!(authors(&facts(2, &[Some(&ana)])), Err(SubmissionError::ManyFromFields));
        assert_eq!(authors(&facts(1, &[Some(&ana), None])), Err(SubmissionError::UnreadableFrom));
    }

    #[test]
    fn looping_mail_stops() {
        let limits = Limits { hops_max: 2, ..Limits::default() };
        let facts = |received_fields| HeaderFacts { received_fields, ..HeaderFacts::default() };
        assert_eq!(check_hops(&facts(2), &limits), Ok(()));
        assert_eq!(check_hops(&facts(3), &limits), Err(SubmissionError::TooManyHops));
    }

    #[test]
    fn blind_copies_stay_blind() {
        assert!(is_dropped_field(b"bCC", true));
        assert!(!is_dropped_field(b"Bcc", false));
        assert!(is_dropped_field(b"return-path", false));
    }
}
