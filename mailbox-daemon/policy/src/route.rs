//! Which server a recipient's mail goes to.

use crate::config::{HostPort, Outbound};
use types::Domain;

/// Where the mail of a domain goes. Mail for equal destinations shares connections and transactions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Destination {
    /// A server named in the configuration, or an address literal.
    Server(HostPort),
    /// The configured relay.
    Relay,
    /// Whatever servers the domain's MX records name.
    Domain(Domain),
}

/// The port of mail servers.
const SMTP_PORT: u16 = 25;

/// A route of its own, else the relay, else the domain's MX.
pub fn destination(outbound: &Outbound, domain: &Domain) -> Destination {
    match (outbound.route.get(domain), &outbound.relay, domain.literal()) {
        (Some(server), ..) => Destination::Server(server.clone()),
        (None, Some(_), _) => Destination::Relay,
        (None, None, Some(address)) => {
            Destination::Server(HostPort { host: address.to_string(), port: SMTP_PORT })
        }
        (None, None, None) => Destination::Domain(domain.clone()),
    }
}

impl std::fmt::Display for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Destination::Server(server) => server.fmt(f),
            Destination::Relay => f.write_str("the relay"),
            Destination::Domain(domain) => domain.fmt(f),
        }
    }
}

/// What DNS said when asked for a domain's MX records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MxAnswer {
    /// Preference and host of each; `.` as an empty host.
    Records(Vec<(u16, String)>),
    /// The domain is there and has none.
    NoRecords,
    /// There is no such domain.
    NoDomain,
    /// No answer, or one that says to ask later.
    Failed,
}

/// Why a domain's mail goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unroutable {
    /// The domain says that it takes no mail (RFC 7505).
    NullMx,
    /// There is no such domain.
    NoDomain,
    /// Its best server is this box, which does not know the domain.
    LoopsBack,
    /// DNS did not answer: ask again later.
    DnsFailed,
}

impl Unroutable {
    /// Whether asking later may help.
    pub fn is_temporary(self) -> bool {
        self == Unroutable::DnsFailed
    }
}

/// The servers to try, in order (RFC 5321 section 5.1). `random` is any number; it spreads load over servers of equal preference.
pub fn servers(
    domain: &Domain,
    answer: MxAnswer,
    own_name: &Domain,
    random: u64,
) -> Result<Vec<String>, Unroutable> {
    let mut records = match answer {
        MxAnswer::Failed => return Err(Unroutable::DnsFailed),
        MxAnswer::NoDomain => return Err(Unroutable::NoDomain),
        // The domain itself is its implicit MX.
        MxAnswer::NoRecords => vec![(0, domain.as_str().to_owned())],
        MxAnswer::Records(records) if records.is_empty() => vec![(0, domain.as_str().to_owned())],
        MxAnswer::Records(records) => records,
    };
    if records.iter().all(|(_, host)| host.is_empty()) {
        return Err(Unroutable::NullMx);
    }
    // A root among other names is a mistake that RFC 7505 section 3 lets us ignore.
    records.retain(|(_, host)| !host.is_empty());
    let is_ours = |host: &str| host.eq_ignore_ascii_case(own_name.as_str());
    if let Some(own) =
        records.iter().filter(|(_, host)| is_ours(host)).map(|(preference, _)| *preference).min()
    {
        records.retain(|(preference, _)| *preference < own);
    }
    if records.is_empty() {
        return Err(Unroutable::LoopsBack);
    }
    records.sort_by_key(|(preference, host)| (*preference, mixed(host, random)));
    Ok(records.into_iter().map(|(_, host)| host).collect())
}

/// A number that depends on the host and the random number alike.
fn mixed(host: &str, random: u64) -> u64 {
    host.bytes().fold(random | 1, |mix, byte| {
        (mix ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(name: &str) -> Domain {
        Domain::parse(name).unwrap()
    }

    #[test]
    fn a_route_comes_before_the_relay_and_the_relay_before_mx() {
        let server: HostPort = "127.0.0.1:2527".parse().unwrap();
        let mut outbound = Outbound::default();
        outbound.route.insert(domain("routed.test"), server.clone());
        assert_eq!(destination(&outbound, &domain("routed.test")), Destination::Server(server.clone()));
        assert_eq!(
            destination(&outbound, &domain("sub.routed.test")),
            Destination::Domain(domain("sub.routed.test"))
        );
        assert_eq!(
            destination(&outbound, &domain("[192.0.2.1]")),
            Destination::Server("192.0.2.1:25".parse().unwrap())
        );
        outbound.relay = Some("relay.test:587".parse().unwrap());
        assert_eq!(destination(&outbound, &domain("routed.test")), Destination::Server(server));
        assert_eq!(destination(&outbound, &domain("other.test")), Destination::Relay);
        assert_eq!(destination(&outbound, &domain("[192.0.2.1]")), Destination::Relay);
    }

    #[test]
    fn servers_by_what_dns_said() {
        let records = |list: &[(u16, &str)]| {
            MxAnswer::Records(
                list.iter().map(|(preference, host)| (*preference, (*host).to_owned())).collect(),
            )
        };
        for (answer, expected) in [
            (records(&[(20, "b.test"), (10, "a.test")]), Ok(vec!["a.test", "b.test"])),
            (MxAnswer::NoRecords, Ok(vec!["x.test"])),
            (records(&[]), Ok(vec!["x.test"])),
            (records(&[(0, "")]), Err(Unroutable::NullMx)),
            (records(&[(0, ""), (10, "a.test")]), Ok(vec!["a.test"])),
            (MxAnswer::NoDomain, Err(Unroutable::NoDomain)),
            (MxAnswer::Failed, Err(Unroutable::DnsFailed)),
            (records(&[(10, "a.test"), (20, "BOX.home.test"), (30, "c.test")]), Ok(vec!["a.test"])),
            (records(&[(10, "a.test"), (10, "box.home.test")]), Err(Unroutable::LoopsBack)),
            (records(&[(10, "box.home.test"), (20, "c.test")]), Err(Unroutable::LoopsBack)),
        ] {
            let found = servers(&domain("x.test"), answer.clone(), &domain("box.home.test"), 7);
            assert_eq!(
                found,
                expected.map(|hosts| hosts.into_iter().map(str::to_owned).collect()),
                "{answer:?}"
            );
        }
    }

    #[test]
    fn equal_servers_take_turns_in_being_first() {
        let answer =
            MxAnswer::Records(["a.test", "b.test", "c.test"].map(|host| (10, host.to_owned())).to_vec());
        let first = |random| {
            servers(&domain("x.test"), answer.clone(), &domain("box.test"), random).unwrap().remove(0)
        };
        let firsts: std::collections::BTreeSet<String> =
            (0..50).map(|n| first(n * 0x1234_5678_9abc)).collect();
        assert_eq!(firsts.len(), 3);
    }
}
