//! Sender rewriting: mail that is forwarded leaves with a sender of this box, so that SPF passes at the next server, and a
//! bounce to that sender finds its way back.
//!
//! The new sender holds the old one, a day and a tag that only this box can make:
//!
//! ```text
//! SRS0=TAG=DAY=example.org=ana@home.test             for ana@example.org
//! SRS0=TAG=DAY==TOKEN@home.test                      for a sender that does not fit: the box keeps it under the token
//! SRS1=TAG=first.example==XXXX=YY=x.org=ana@home.test   for what first.example rewrote as SRS0=XXXX=YY=x.org=ana
//! ```
//!
//! Servers on the way may change capitals, so nothing hangs on them.

use thiserror::Error;
use types::{Address, Domain, LocalPart};

/// A bounce comes within days; after so many nothing is taken any more.
const AGE_DAYS_MAX: u32 = 21;
/// Days are counted in two letters.
const DAYS: u32 = 32 * 32;
/// The letters of tags, days and tokens: base 32 as of RFC 4648, which survives capitals being changed.
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Forty bits: a guess a second hits once in thirty thousand years.
const TAG_LETTERS: usize = 8;

/// Rewrites for one domain on one day.
pub struct Srs<'a> {
    /// The domain bounces come back to.
    pub domain: &'a Domain,
    /// Days since 1970.
    pub today: u32,
    /// A keyed hash that only this box can compute.
    pub mac: &'a dyn Fn(&[u8]) -> [u8; 32],
}

/// Whom a bounce goes back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This address.
    Address(Address),
    /// The address kept under this token, in capitals.
    Kept(String),
}

/// Why a bounce is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SrsError {
    /// This box did not make the address.
    #[error("this return address was not made here")]
    Forged,
    /// It was made too long ago.
    #[error("this return address is no longer valid")]
    Expired,
}

/// Whether a local part of this box's own domain is a rewritten sender, true or forged. No name of the box's own has `=`.
pub fn is_rewritten(local: &LocalPart) -> bool {
    ["SRS0=", "SRS1="].iter().any(|prefix| strip(local.as_str(), prefix).is_some())
}

impl Srs<'_> {
    /// The sender that mail from `sender` is forwarded with; `None` where it does not fit into an address: then see
    /// [`Srs::kept`].
    pub fn rewrite(&self, sender: &Address) -> Option<Address> {
        if sender.domain.literal().is_some() {
            return None;
        }
        let local = sender.local.as_str();
        let again = ["SRS1=", "SRS1+", "SRS1-"].iter().find_map(|prefix| strip(local, prefix));
        let once = strip(local, "SRS0").filter(|rest| rest.starts_with(['=', '+', '-']));
        let text = match (again.and_then(|rest| rest.split_once('=')), once) {
            (Some((_, first_and_rest)), _) => self.second(first_and_rest),
            (None, Some(rest)) => self.second(&format!("{}={rest}", sender.domain)),
            (None, None) => self.first(&format!("{}={local}", sender.domain)),
        };
        let local = LocalPart::parse(&text).ok()?;
        // What others rewrote need not make sense.
        self.origin(&local).ok()?;
        Some(Address { local, domain: self.domain.clone() })
    }

    /// The sender that mail from `sender` is forwarded with where [`Srs::rewrite`] has none, and the token to keep it under.
    pub fn kept(&self, sender: &Address) -> (Address, String) {
        let token = letters(&(self.mac)(sender.to_string().as_bytes()), 16);
        let local = LocalPart::parse(&self.first(&format!("={token}"))).expect("it is short and plain");
        (Address { local, domain: self.domain.clone() }, token)
    }

    /// Whom a bounce to this local part goes back to.
    pub fn origin(&self, local: &LocalPart) -> Result<Origin, SrsError> {
        let local = local.as_str();
        if let Some(rest) = strip(local, "SRS1=") {
            let (tag, signed) = rest.split_once('=').ok_or(SrsError::Forged)?;
            self.check(tag, signed)?;
            let (first, rest) = signed.split_once('=').ok_or(SrsError::Forged)?;
            return parse(&format!("SRS0{rest}"), first);
        }
        let rest = strip(local, "SRS0=").ok_or(SrsError::Forged)?;
        let (tag, signed) = rest.split_once('=').ok_or(SrsError::Forged)?;
        self.check(tag, signed)?;
        let (day, sender) = signed.split_once('=').ok_or(SrsError::Forged)?;
        let made_on = parse_day(day).ok_or(SrsError::Forged)?;
        if (self.today % DAYS + DAYS - made_on) % DAYS > AGE_DAYS_MAX {
            return Err(SrsError::Expired);
        }
        match sender.split_once('=').ok_or(SrsError::Forged)? {
            ("", token) => Ok(Origin::Kept(token.to_ascii_uppercase())),
            (domain, local) => parse(local, domain),
        }
    }

    fn first(&self, sender: &str) -> String {
        let day = self.today % DAYS;
        let [high, low] = [day / 32, day % 32].map(|digit| char::from(LETTERS[digit as usize]));
        let signed = format!("{high}{low}={sender}");
        format!("SRS0={}={signed}", self.tag(&signed))
    }

    fn second(&self, first_and_rest: &str) -> String {
        format!("SRS1={}={first_and_rest}", self.tag(first_and_rest))
    }

    fn check(&self, tag: &str, signed: &str) -> Result<(), SrsError> {
        let expected = self.tag(signed);
        // Every letter is looked at, so that time tells nothing about them.
        let differing = expected.bytes().zip(tag.bytes()).filter(|(a, b)| !a.eq_ignore_ascii_case(b)).count();
        match tag.len() == expected.len() && differing == 0 {
            true => Ok(()),
            false => Err(SrsError::Forged),
        }
    }

    fn tag(&self, signed: &str) -> String {
        letters(&(self.mac)(signed.to_lowercase().as_bytes()), TAG_LETTERS)
    }
}

fn parse(local: &str, domain: &str) -> Result<Origin, SrsError> {
    let local = LocalPart::parse(local).map_err(|_| SrsError::Forged)?;
    let domain = Domain::parse(domain).map_err(|_| SrsError::Forged)?;
    Ok(Origin::Address(Address { local, domain }))
}

/// Five bits of each octet make a letter.
fn letters(octets: &[u8], count: usize) -> String {
    octets.iter().take(count).map(|octet| char::from(LETTERS[usize::from(octet & 31)])).collect()
}

fn parse_day(text: &str) -> Option<u32> {
    let digit = |letter: &u8| LETTERS.iter().position(|known| known.eq_ignore_ascii_case(letter));
    match text.as_bytes() {
        [high, low] => Some(digit(high)? as u32 * 32 + digit(low)? as u32),
        _ => None,
    }
}

fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Not a good hash, but one that tells inputs apart.
    fn mac(secret: u8) -> impl Fn(&[u8]) -> [u8; 32] {
        move |input| {
            let mut state = 0x9E37_79B9_7F4A_7C15 ^ u64::from(secret);
            std::array::from_fn(|_| {
                for byte in input {
                    state = (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3).rotate_left(23);
                }
                (state >> 32) as u8
            })
        }
    }

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn origin(domain: &str, today: u32, secret: u8, rewritten: &Address) -> Result<Origin, SrsError> {
        assert!(is_rewritten(&rewritten.local));
        Srs { domain: &Domain::parse(domain).unwrap(), today, mac: &mac(secret) }.origin(&rewritten.local)
    }

    fn rewrite(domain: &str, today: u32, sender: &str) -> Option<Address> {
        Srs { domain: &Domain::parse(domain).unwrap(), today, mac: &mac(1) }.rewrite(&address(sender))
    }

    #[test]
    fn a_bounce_finds_its_way_back_whatever_became_of_its_capitals() {
        let sender = address("Ana.B@example.org");
        let rewritten = rewrite("home.test", 20_000, "Ana.B@example.org").unwrap();
        assert!(rewritten.to_string().starts_with("SRS0="), "{rewritten}");
        assert!(rewritten.to_string().ends_with("=example.org=Ana.B@home.test"), "{rewritten}");
        assert_eq!(origin("home.test", 20_021, 1, &rewritten), Ok(Origin::Address(sender)));
        let lower = address(&rewritten.to_string().to_lowercase());
        let expected = Origin::Address(address("ana.b@example.org"));
        assert_eq!(origin("home.test", 20_000, 1, &lower), Ok(expected));
    }

    #[test]
    fn what_is_old_or_forged_is_refused() {
        let rewritten = rewrite("home.test", 1020, "ana@example.org").unwrap();
        assert!(origin("home.test", 1030, 1, &rewritten).is_ok(), "the count of days goes round");
        assert_eq!(origin("home.test", 1042, 1, &rewritten), Err(SrsError::Expired));
        assert_eq!(origin("home.test", 1019, 1, &rewritten), Err(SrsError::Expired), "not from tomorrow");
        assert_eq!(origin("home.test", 1020, 2, &rewritten), Err(SrsError::Forged));
        let other = rewritten.to_string().replace("=ana@", "=ben@");
        assert_eq!(origin("home.test", 1020, 1, &address(&other)), Err(SrsError::Forged));
        for forged in ["SRS0=x@home.test", "SRS0==@home.test", "SRS1=a@home.test", "srs1=a=b=c=d@home.test"] {
            assert_eq!(origin("home.test", 1020, 1, &address(forged)), Err(SrsError::Forged), "{forged}");
        }
    }

    #[test]
    fn what_was_rewritten_before_is_not_wrapped_twice() {
        let first = "SRS0+abcd=ef=x.org=ana@first.example";
        let second = rewrite("second.example", 1, first).unwrap();
        assert!(second.to_string().ends_with("=first.example=+abcd=ef=x.org=ana@second.example"));
        let third = rewrite("home.test", 1, &second.to_string()).unwrap();
        assert!(third.to_string().ends_with("=first.example=+abcd=ef=x.org=ana@home.test"), "{third}");
        assert_eq!(origin("home.test", 1, 1, &third), Ok(Origin::Address(address(first))));
    }

    #[test]
    fn a_sender_that_does_not_fit_is_kept_under_a_token() {
        let long = format!("{}@bounces.example.org", "x".repeat(50));
        for sender in [long.as_str(), "\"a b\"@example.org", "ana@[192.0.2.1]"] {
            assert_eq!(rewrite("home.test", 1, sender), None, "{sender}");
            let domain = Domain::parse("home.test").unwrap();
            let srs = Srs { domain: &domain, today: 1, mac: &mac(1) };
            let (rewritten, token) = srs.kept(&address(sender));
            let lower = address(&rewritten.to_string().to_lowercase());
            assert_eq!(srs.origin(&lower.local), Ok(Origin::Kept(token)));
        }
    }

    #[test]
    fn names_of_the_box_are_not_taken_for_rewritten_ones() {
        for name in ["srs0@home.test", "srs0-x@home.test", "SRS0+x@home.test", "s@home.test"] {
            assert!(!is_rewritten(&address(name).local), "{name}");
        }
    }

    proptest! {
        #[test]
        fn nothing_made_elsewhere_is_taken(local in "(SRS0|srs1)=[A-C=+.a]{0,30}") {
            if let Ok(local) = LocalPart::parse(&local) {
                let domain = Domain::parse("home.test").unwrap();
                let srs = Srs { domain: &domain, today: 9, mac: &mac(7) };
                prop_assert_eq!(srs.origin(&local), Err(SrsError::Forged));
            }
        }
    }
}
