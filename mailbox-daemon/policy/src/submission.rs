//! What people who live here may send, and what is put right in it (RFC 6409).

use thiserror::Error;
use types::{Address, Domain, Limits};

/// What the header of a message says, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderFacts {
    /// How many `From:` fields there are.
    pub from_fields: usize,
    /// Whom they name; `None` for what is no address.
    pub from: Vec<Option<Address>>,
    /// How many `Sender:` fields there are.
    pub sender_fields: usize,
    /// Whom they name; `None` for what is no address.
    pub sender: Vec<Option<Address>>,
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
    /// RFC 5322 section 3.6.2 allows one `Sender:` with one address in it.
    #[error("the Sender: field is to name one address")]
    BadSender,
    /// A sender or `From:` address of somebody else.
    #[error("{0} is not your address")]
    NotOwned(Address),
    /// An address of the account's own that the app password is not for.
    #[error("this password sends as {0} only")]
    OtherThanOnly(Address),
    /// It has been through more servers than any message should.
    #[error("the message has been through too many servers, it goes round in a circle")]
    TooManyHops,
}

/// The authors of a submitted message and who says he sends it: the account must be allowed to send as each of them.
pub fn claimed(facts: &HeaderFacts) -> Result<Vec<&Address>, SubmissionError> {
    let mut claimed: Vec<&Address> = match (facts.from_fields, facts.from.as_slice()) {
        (0, _) | (1, []) => return Err(SubmissionError::NoFrom),
        (1, from) => {
            from.iter().map(|author| author.as_ref().ok_or(SubmissionError::UnreadableFrom)).collect()
        }
        (_, _) => Err(SubmissionError::ManyFromFields),
    }?;
    match (facts.sender_fields, facts.sender.as_slice()) {
        (0, _) => {}
        (1, [Some(sender)]) => claimed.push(sender),
        (_, _) => return Err(SubmissionError::BadSender),
    }
    Ok(claimed)
}

/// What gives somebody the right to send as an address.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Whether mail for the address reaches the account and nobody else.
    pub is_own: bool,
    /// Domains as any of whose addresses the account may send.
    pub masquerades: &'a [Domain],
    /// The one address the app password is for.
    pub only: Option<&'a Address>,
}

/// Whether somebody may send as an address.
pub fn may_send_as(address: &Address, claim: Claim<'_>) -> Result<(), SubmissionError> {
    if !claim.is_own && !claim.masquerades.contains(&address.domain) {
        return Err(SubmissionError::NotOwned(address.clone()));
    }
    match claim.only {
        Some(only) if !is_same(only, address) => Err(SubmissionError::OtherThanOnly(only.clone())),
        _ => Ok(()),
    }
}

/// Case tells our own addresses as little apart as anybody's.
fn is_same(one: &Address, other: &Address) -> bool {
    let tag = |address: &Address| address.tag().map(str::to_lowercase);
    one.folded_without_tag() == other.folded_without_tag() && tag(one) == tag(other)
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

    fn address(text: &str) -> Address {
        Address::parse(text).expect("valid")
    }

    #[test]
    fn authors_are_named_once_and_readably() {
        let (ana, ben) = (address("ana@home.test"), address("ben@home.test"));
        let list = |addresses: &[Option<&Address>]| addresses.iter().map(|one| one.cloned()).collect();
        let facts = |from_fields, from, sender_fields, sender| HeaderFacts {
            from_fields,
            from: list(from),
            sender_fields,
            sender: list(sender),
            ..HeaderFacts::default()
        };
        let (a, b) = (Some(&ana), Some(&ben));
        for (facts, expected) in [
            (facts(1, &[a], 0, &[]), Ok(vec![&ana])),
            (facts(1, &[a, b], 1, &[b]), Ok(vec![&ana, &ben, &ben])),
            (facts(0, &[], 1, &[a]), Err(SubmissionError::NoFrom)),
            (facts(1, &[], 0, &[]), Err(SubmissionError::NoFrom)),
            (facts(2, &[a], 0, &[]), Err(SubmissionError::ManyFromFields)),
            (facts(1, &[a, None], 0, &[]), Err(SubmissionError::UnreadableFrom)),
            (facts(1, &[a], 1, &[]), Err(SubmissionError::BadSender)),
            (facts(1, &[a], 1, &[None]), Err(SubmissionError::BadSender)),
            (facts(1, &[a], 1, &[a, b]), Err(SubmissionError::BadSender)),
            (facts(1, &[a], 2, &[a, b]), Err(SubmissionError::BadSender)),
        ] {
            assert_eq!(claimed(&facts), expected, "{facts:?}");
        }
    }

    #[test]
    fn somebody_sends_as_himself_and_as_he_was_allowed_to() {
        let home = [Domain::parse("home.test").expect("valid")];
        let printer = address("printer@home.test");
        for (text, is_own, masquerades, only, expected) in [
            ("ana@home.test", true, &[][..], None, ""),
            ("ben@home.test", false, &[], None, "ben@home.test is not your address"),
            ("ben@home.test", false, &home, None, ""),
            ("ben@sub.home.test", false, &home, None, "ben@sub.home.test is not your address"),
            ("Printer@HOME.test", true, &[], Some(&printer), ""),
            (
                "printer+x@home.test",
                true,
                &[],
                Some(&printer),
                "this password sends as printer@home.test only",
            ),
            ("ana@home.test", true, &home, Some(&printer), "this password sends as printer@home.test only"),
            ("printer@home.test", false, &home, Some(&printer), ""),
            // An alias that no longer leads to the account.
            ("printer@home.test", false, &[], Some(&printer), "printer@home.test is not your address"),
        ] {
            let said = may_send_as(&address(text), Claim { is_own, masquerades, only });
            assert_eq!(said.err().map_or_else(String::new, |error| error.to_string()), expected, "{text}");
        }
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
