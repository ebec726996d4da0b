//! What the connection to the next server must be, from what its domain publishes and what the message asks for.
//!
//! DANE (RFC 7672) comes before MTA-STS (RFC 8461 section 2), and both before trying: a server whose records cannot be had is
//! left out, never spoken to in clear. A message may ask for more (`REQUIRETLS`) or for less (`TLS-Required: No`, RFC 8689).

mod tlsa;

pub use tlsa::{Tlsa, TlsaMatching, TlsaSelector, TlsaUsage, usable};

use types::{Envelope, TlsWish};

/// What DNS, validated, says about the TLSA records of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dane {
    /// There are none, or no signature vouches for the way to them.
    None,
    /// At least one that can be used, and the names a certificate may bear under usage 2 (RFC 7672 section 3.2.2).
    Records {
        /// The usable ones.
        records: Vec<Tlsa>,
        /// The TLSA base domain first.
        names: Vec<String>,
    },
    /// Only such as nobody can use: a promise of TLS, no more (RFC 7672 section 2.2).
    Unusable,
    /// They could not be looked up, or what came does not validate (RFC 7672 section 2.1.2).
    Failed,
}

/// What the MTA-STS policy of the domain says about a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sts {
    /// There is no policy, or one of mode `none`.
    None,
    /// The policy is only watched.
    Testing {
        /// Whether it names the server.
        is_listed: bool,
    },
    /// It is followed.
    Enforced {
        /// Whether it names the server.
        is_listed: bool,
    },
}

/// How the server was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// By MX records, or by the domain's own name where it has none.
    ByDns {
        /// Whether signatures vouch for them.
        is_secure: bool,
    },
    /// In the configuration.
    BySettings,
}

/// What a connection must be to carry mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS where it can be had, whoever answers (RFC 7435).
    Opportunistic,
    /// TLS, whoever answers.
    Encrypted,
    /// TLS with a certificate for the server's name from a known authority.
    Authority,
    /// TLS with a certificate the records name.
    Dane {
        /// One of them must match.
        records: Vec<Tlsa>,
        /// The names that count under usage 2.
        names: Vec<String>,
    },
}

/// Why a server gets no mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// Its TLSA records could not be had (RFC 7672 section 2.1.2): try later.
    TlsaUnknown,
    /// The domain's MTA-STS policy does not name it (RFC 8461 section 5): try later, the policy may change.
    NotInPolicy,
    /// The message requires a server whose name is vouched for, and nobody does (RFC 8689 section 4.2.1): never.
    Unvouched,
}

/// What the message asks for. Reports go on without what their message required (RFC 8689 section 5).
pub fn wish(envelope: &Envelope, says_not_required: bool) -> TlsWish {
    match (envelope.parameters.require_tls, &envelope.from) {
        (true, Some(_)) => TlsWish::Required,
        (true, None) => TlsWish::Usual,
        (false, _) if says_not_required => TlsWish::NotRequired,
        (false, _) => TlsWish::Usual,
    }
}

/// What a connection to a server must be.
pub fn security(wish: TlsWish, found: Found, dane: Dane, sts: Sts) -> Result<Security, LeftOut> {
    match (wish, dane, sts) {
        (TlsWish::NotRequired, ..) => Ok(Security::Opportunistic),
        (_, Dane::Failed, _) => Err(LeftOut::TlsaUnknown),
        (_, Dane::Records { records, names }, _) => Ok(Security::Dane { records, names }),
        (_, _, Sts::Enforced { is_listed: false }) => Err(LeftOut::NotInPolicy),
        (_, _, Sts::Enforced { is_listed: true }) => Ok(Security::Authority),
        (TlsWish::Required, _, sts) if is_vouched_for(found, sts) => Ok(Security::Authority),
        (TlsWish::Required, ..) => Err(LeftOut::Unvouched),
        (TlsWish::Usual, Dane::Unusable, _) => Ok(Security::Encrypted),
        (TlsWish::Usual, Dane::None, _) => Ok(Security::Opportunistic),
    }
}

/// RFC 8689 section 4.2.1, step 2.
fn is_vouched_for(found: Found, sts: Sts) -> bool {
    match (found, sts) {
        (Found::BySettings | Found::ByDns { is_secure: true }, _) => true,
        (Found::ByDns { is_secure: false }, Sts::Testing { is_listed }) => is_listed,
        (Found::ByDns { is_secure: false }, Sts::None | Sts::Enforced { .. }) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNSIGNED: Found = Found::ByDns { is_secure: false };
    const SIGNED: Found = Found::ByDns { is_secure: true };
    const LISTED: Sts = Sts::Enforced { is_listed: true };
    const NOT_LISTED: Sts = Sts::Enforced { is_listed: false };
    const TESTING: Sts = Sts::Testing { is_listed: true };

    fn records() -> Dane {
        Dane::Records { records: Vec::new(), names: vec!["mx.a.test".to_owned()] }
    }

    fn by_records() -> Security {
        Security::Dane { records: Vec::new(), names: vec!["mx.a.test".to_owned()] }
    }

    #[test]
    fn what_each_connection_must_be() {
        use TlsWish::{NotRequired, Required, Usual};
        for (wish, found, dane, sts, expected) in [
            // Nothing published: RFC 7435.
            (Usual, UNSIGNED, Dane::None, Sts::None, Ok(Security::Opportunistic)),
            (Usual, SIGNED, Dane::None, Sts::None, Ok(Security::Opportunistic)),
            // RFC 7672 section 2.2.
            (Usual, SIGNED, records(), Sts::None, Ok(by_records())),
            (Usual, SIGNED, Dane::Unusable, Sts::None, Ok(Security::Encrypted)),
            (Usual, SIGNED, Dane::Failed, Sts::None, Err(LeftOut::TlsaUnknown)),
            // RFC 8461 section 5.
            (Usual, UNSIGNED, Dane::None, LISTED, Ok(Security::Authority)),
            (Usual, UNSIGNED, Dane::None, NOT_LISTED, Err(LeftOut::NotInPolicy)),
            (Usual, UNSIGNED, Dane::None, TESTING, Ok(Security::Opportunistic)),
            (Usual, UNSIGNED, Dane::None, Sts::Testing { is_listed: false }, Ok(Security::Opportunistic)),
            // RFC 8461 section 2: never instead of a failing DANE.
            (Usual, SIGNED, records(), LISTED, Ok(by_records())),
            (Usual, SIGNED, records(), NOT_LISTED, Ok(by_records())),
            (Usual, SIGNED, Dane::Failed, LISTED, Err(LeftOut::TlsaUnknown)),
            (Usual, SIGNED, Dane::Unusable, LISTED, Ok(Security::Authority)),
            // RFC 8689 section 4.2.1.
            (Required, SIGNED, records(), Sts::None, Ok(by_records())),
            (Required, SIGNED, Dane::None, Sts::None, Ok(Security::Authority)),
            (Required, SIGNED, Dane::Unusable, Sts::None, Ok(Security::Authority)),
            (Required, SIGNED, Dane::Failed, Sts::None, Err(LeftOut::TlsaUnknown)),
            (Required, UNSIGNED, Dane::None, LISTED, Ok(Security::Authority)),
            (Required, UNSIGNED, Dane::None, TESTING, Ok(Security::Authority)),
            (Required, UNSIGNED, Dane::None, Sts::Testing { is_listed: false }, Err(LeftOut::Unvouched)),
            (Required, UNSIGNED, Dane::None, NOT_LISTED, Err(LeftOut::NotInPolicy)),
            (Required, UNSIGNED, Dane::None, Sts::None, Err(LeftOut::Unvouched)),
            (Required, Found::BySettings, Dane::None, Sts::None, Ok(Security::Authority)),
            // RFC 8689 section 4.2.2.
            (NotRequired, SIGNED, records(), LISTED, Ok(Security::Opportunistic)),
            (NotRequired, SIGNED, Dane::Failed, NOT_LISTED, Ok(Security::Opportunistic)),
        ] {
            let said = format!("{wish:?} {found:?} {dane:?} {sts:?}");
            assert_eq!(security(wish, found, dane, sts), expected, "{said}");
        }
    }

    #[test]
    fn what_messages_wish() {
        let envelope = |from: Option<&str>, require_tls| Envelope {
            from: from.map(|from| types::Address::parse(from).unwrap()),
            parameters: types::MailParameters { require_tls, ..Default::default() },
            recipients: Vec::new(),
        };
        for (from, require_tls, says_not_required, expected) in [
            (Some("ana@home.test"), false, false, TlsWish::Usual),
            (Some("ana@home.test"), false, true, TlsWish::NotRequired),
            // RFC 8689 section 4.1: the parameter wins.
            (Some("ana@home.test"), true, true, TlsWish::Required),
            (None, true, false, TlsWish::Usual),
            (None, false, true, TlsWish::NotRequired),
        ] {
            assert_eq!(wish(&envelope(from, require_tls), says_not_required), expected);
        }
    }
}
