use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

/// A domain name in lower-case A-label form (RFC 5890), or an address literal in brackets (RFC 5321 section 4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Domain(String);

/// The part of an address before `@`, unquoted, as the sender spelled it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LocalPart(String);

/// A mailbox address of RFC 5321 section 4.1.2 with the extensions of RFC 6531 section 3.3.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    /// Before the `@`.
    pub local: LocalPart,
    /// After the `@`.
    pub domain: Domain,
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// There is no `@`, or nothing beside it.
    #[error("an address looks like name@domain")]
    NoAt,
    /// The local part breaks the grammar.
    #[error("the part before @ has characters an address cannot have")]
    BadLocal,
    /// The domain breaks the grammar or IDNA.
    #[error("the part after @ is no domain name")]
    BadDomain,
    /// Longer than RFC 5321 section 4.5.3.1 allows (64 octets local part, 255 domain).
    #[error("an address has at most 64 octets before the @ and 255 after")]
    TooLong,
    /// The box's own rule for names it hosts.
    #[error(
        "a name here has letters, digits, dot, hyphen and underscore, at most 64 octets; + is kept for tags"
    )]
    NotOurs,
}

/// Which local parts the box hosts: the rule for accounts, aliases and groups.
#[derive(Clone, Copy, Debug)]
pub struct LocalRule;

impl Domain {
    /// Longest domain, in octets.
    pub const BYTES_MAX: usize = 255;

    /// Parses a name in U-label or A-label form, or a literal `[192.0.2.1]` / `[IPv6:...]`.
    pub fn parse(text: &str) -> Result<Domain, AddressError> {
        if let Some(literal) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return Self::parse_literal(literal);
        }
        let ascii = idna::domain_to_ascii_strict(text).map_err(|_| AddressError::BadDomain)?;
        let label_fits = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        match (ascii.len() <= Self::BYTES_MAX, ascii.split('.').all(label_fits)) {
            (false, _) => Err(AddressError::TooLong),
            (true, false) => Err(AddressError::BadDomain),
            (true, true) => Ok(Domain(ascii)),
        }
    }

    fn parse_literal(literal: &str) -> Result<Domain, AddressError> {
        let lower = literal.to_ascii_lowercase();
        let valid = match lower.strip_prefix("ipv6:") {
            Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
            None => lower.parse::<std::net::Ipv4Addr>().is_ok(),
        };
        match valid {
            true => Ok(Domain(format!("[{lower}]"))),
            false => Err(AddressError::BadDomain),
        }
    }

    /// Lower-case A-label form, or the bracketed literal.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address of an address literal.
    pub fn literal(&self) -> Option<std::net::IpAddr> {
        let inner = self.0.strip_prefix('[')?.strip_suffix(']')?;
        inner.strip_prefix("ipv6:").unwrap_or(inner).parse().ok()
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl LocalPart {
    /// Longest local part, in octets.
    pub const BYTES_MAX: usize = 64;

    /// Parses a dot-string or a quoted string (RFC 5321 section 4.1.2), with UTF-8 as RFC 6531 allows. The result is unquoted.
    pub fn parse(text: &str) -> Result<LocalPart, AddressError> {
        let plain = match text.strip_prefix('"') {
            Some(rest) => Self::unquote(rest.strip_suffix('"').ok_or(AddressError::BadLocal)?)?,
            None if Self::is_dot_string(text) => text.to_owned(),
            None => return Err(AddressError::BadLocal),
        };
        match plain.len() <= Self::BYTES_MAX {
            true => Ok(LocalPart(plain)),
            false => Err(AddressError::TooLong),
        }
    }

    fn is_dot_string(text: &str) -> bool {
        let atext = |c: char| {
            c.is_ascii_alphanumeric()
                || "!#$%&'*+-/=?^_`{|}~".contains(c)
                || (!c.is_ascii() && !c.is_control())
        };
        text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(atext))
    }

    fn unquote(inner: &str) -> Result<String, AddressError> {
        let mut plain = String::with_capacity(inner.len());
        let mut chars = inner.chars();
        while let Some(c) = chars.next() {
            let c = match c {
                '\\' => chars.next().ok_or(AddressError::BadLocal)?,
                '"' => return Err(AddressError::BadLocal),
                c => c,
            };
            if c.is_control() {
                return Err(AddressError::BadLocal);
            }
            plain.push(c);
        }
        Ok(plain)
    }

    /// The unquoted text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it needs SMTPUTF8.
    pub fn is_ascii(&self) -> bool {
        self.0.is_ascii()
    }
}

/// As SMTP writes it: quoted where the dot-string grammar does not hold it.
impl fmt::Display for LocalPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if Self::is_dot_string(&self.0) {
            return self.0.fmt(f);
        }
        f.write_str("\"")?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}

impl Address {
    /// Parses `local@domain`; the last `@` outside quotes divides.
    pub fn parse(text: &str) -> Result<Address, AddressError> {
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::NoAt)?;
        if local.is_empty() || domain.is_empty() {
            return Err(AddressError::NoAt);
        }
        Ok(Address { local: LocalPart::parse(local)?, domain: Domain::parse(domain)? })
    }

    /// Parses the address of an account, alias or group and folds it to the form the directory keeps: see [`LocalRule`].
    pub fn parse_own(text: &str) -> Result<Address, AddressError> {
        let address = Address::parse(text)?;
        let local = LocalRule::fold(address.local.as_str());
        match LocalRule::holds(&local) && address.domain.literal().is_none() {
            true => Ok(Address { local: LocalPart(local), domain: address.domain }),
            false => Err(AddressError::NotOurs),
        }
    }

    /// The directory's key for a recipient: case folded and the `+tag` cut off.
    pub fn folded_without_tag(&self) -> Address {
        let local = self.local.as_str();
        let bare = match local.split_once('+') {
            Some((name, _)) if !name.is_empty() => name,
            _ => local,
        };
        Address { local: LocalPart(LocalRule::fold(bare)), domain: self.domain.clone() }
    }

    /// What stands between the first `+` and the `@`.
    pub fn tag(&self) -> Option<&str> {
        self.local.as_str().split_once('+').map(|(_, tag)| tag)
    }

    /// Whether a path to it needs SMTPUTF8.
    pub fn is_ascii(&self) -> bool {
        self.local.is_ascii()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl LocalRule {
    /// Lower case and NFC, so that one mailbox has one spelling.
    pub fn fold(local: &str) -> String {
        local.nfc().flat_map(char::to_lowercase).nfc().collect()
    }

    /// Letters and digits of any script, dot (not at an end, not doubled), hyphen, underscore; 1 to 64 octets.
    pub fn holds(local: &str) -> bool {
        (1..=LocalPart::BYTES_MAX).contains(&local.len())
            && local.split('.').all(|part| !part.is_empty())
            && local.chars().all(|c| c.is_alphanumeric() || is_mark(c) || matches!(c, '.' | '-' | '_'))
    }
}

/// Combining marks belong to the letter before them in scripts that NFC does not compose.
fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_fold_and_lose_their_tag() {
        let address = Address::parse("Ana.B+shop@HOME.Test").expect("valid");
        assert_eq!(address.domain.as_str(), "home.test");
        assert_eq!(address.tag(), Some("shop"));
        assert_eq!(address.folded_without_tag().to_string(), "ana.b@home.test");
    }

    #[test]
    fn international_addresses() {
        let address = Address::parse_own("Jürgen@Bücher.example").expect("valid");
        assert_eq!(address.to_string(), "jürgen@xn--bcher-kva.example");
        assert!(!address.is_ascii());
    }

    #[test]
    fn own_names_follow_the_rule() {
        for bad in [
            "a+b@home.test",
            ".a@home.test",
            "a..b@home.test",
            "\"a b\"@home.test",
            "a/b@home.test",
            "a@[127.0.0.1]",
        ] {
            assert!(Address::parse_own(bad).is_err(), "{bad}");
        }
        for good in ["a@home.test", "a.b-c_d@home.test", "用户@例え.test"] {
            assert!(Address::parse_own(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn literals_and_quotes() {
        assert_eq!(
            Domain::parse("[192.0.2.1]").expect("valid").literal(),
            Some("192.0.2.1".parse().expect("ip"))
        );
        assert_eq!(Address::parse("\"a b\\\"\"@x.test").expect("valid").to_string(), "\"a b\\\"\"@x.test");
        for bad in ["a@", "@b", "a b@c", "a@b c", "a@-b.test", "a@[300.1.1.1]", "\"a@b", "a\r\n@b", "a@b..c"]
        {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same(text in "\\PC{0,20}@[a-z]{1,8}\\.test") {
            if let Ok(address) = Address::parse(&text) {
                prop_assert_eq!(Address::parse(&address.to_string()), Ok(address));
            }
        }
    }
}
