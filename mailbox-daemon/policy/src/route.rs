//! Which server a recipient's mail goes to.

use crate::config::{Direct, HostPort, Outbound};
use types::{Address, Domain, TlsWish};

/// Where the mail of a domain goes. Mail for equal destinations shares connections and transactions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Destination {
    /// A server named in the configuration, or an address literal.
    Server(HostPort),
    /// One of `outbound.relays` by its name, or without one the relay for all.
    Relay(Option<String>),
    /// Whatever servers the domain's MX records name.
    Domain(Domain),
    /// The same for mail with a wish of its own: a connection made for other mail may not do for it.
    Wished(TlsWish, Box<Destination>),
}

impl Destination {
    /// The destination for mail with this wish.
    pub fn wishing(self, wish: TlsWish) -> Destination {
        match wish {
            TlsWish::Usual => self,
            TlsWish::Required | TlsWish::NotRequired => Destination::Wished(wish, Box::new(self)),
        }
    }

    /// Where it is, whatever the mail wishes, and the wish.
    pub fn place(&self) -> (&Destination, TlsWish) {
        match self {
            Destination::Wished(wish, place) => (place, *wish),
            place => (place, TlsWish::Usual),
        }
    }
}

/// The port of mail servers.
const SMTP_PORT: u16 = 25;

/// A route of its own, else a relay for the recipient's domain, else one for the sender's, else the relay for all, else the
/// domain's MX. `is_blocked` is whether the line lets no mail out by itself (see [`crate::direct_path`]).
pub fn destination(
    outbound: &Outbound,
    from: Option<&Address>,
    to: &Domain,
    is_blocked: bool,
) -> Destination {
    if let Some(server) = outbound.route.get(to) {
        return Destination::Server(server.clone());
    }
    let part = |takes: &dyn Fn(&crate::config::PartRelay) -> bool| {
        outbound.relays.iter().find(|(_, relay)| takes(relay)).map(|(name, _)| name.clone())
    };
    let by_recipient = part(&|relay| relay.to.contains(to));
    let by_sender = || from.and_then(|from| part(&|relay| relay.from.contains(&from.domain)));
    if let Some(name) = by_recipient.or_else(by_sender) {
        return Destination::Relay(Some(name));
    }
    let is_relayed = match outbound.direct {
        Direct::Never => true,
        Direct::Auto => is_blocked,
        Direct::Always => false,
    };
    match (&outbound.relay, to.literal()) {
        (Some(_), _) if is_relayed => Destination::Relay(None),
        (_, Some(address)) => Destination::Server(HostPort { host: address.to_string(), port: SMTP_PORT }),
        (_, None) => Destination::Domain(to.clone()),
    }
}

impl std::fmt::Display for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Destination::Server(server) => server.fmt(f),
            Destination::Relay(None) => f.write_str("the relay"),
            Destination::Relay(Some(name)) => write!(f, "the relay {name}"),
            Destination::Domain(domain) => domain.fmt(f),
            Destination::Wished(_, place) => place.fmt(f),
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

    fn outbound(text: &str) -> Outbound {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn which_mail_goes_where() {
        let routed = "route.\"routed.test\" = \"127.0.0.1:2527\"\n";
        let relayed = format!("relay = \"relay.test:587\"\n{routed}");
        let parts = format!(
            "{relayed}[relays.work]\nrelay = \"a.test:587\"\nfrom = [\"firm.test\"]\n\
             [relays.far]\nrelay = \"b.test:587\"\nto = [\"far.test\", \"routed.test\"]"
        );
        let (auto, always) = (format!("direct = \"auto\"\n{parts}"), format!("direct = \"always\"\n{parts}"));
        for (text, from, to, is_blocked, expected) in [
            (routed, "a@home.test", "routed.test", false, "127.0.0.1:2527"),
            (routed, "a@home.test", "sub.routed.test", false, "sub.routed.test"),
            (routed, "a@home.test", "[192.0.2.1]", true, "192.0.2.1:25"),
            (&relayed, "a@home.test", "routed.test", false, "127.0.0.1:2527"),
            (&relayed, "a@home.test", "other.test", false, "the relay"),
            (&relayed, "a@home.test", "[192.0.2.1]", false, "the relay"),
            (&parts, "a@home.test", "far.test", false, "the relay far"),
            (&parts, "a@firm.test", "far.test", false, "the relay far"),
            (&parts, "a@firm.test", "other.test", false, "the relay work"),
            (&parts, "a@firm.test", "routed.test", false, "127.0.0.1:2527"),
            (&parts, "", "other.test", false, "the relay"),
            (&auto, "a@home.test", "other.test", false, "other.test"),
            (&auto, "a@home.test", "other.test", true, "the relay"),
            (&auto, "a@home.test", "[192.0.2.1]", true, "the relay"),
            (&auto, "a@firm.test", "other.test", false, "the relay work"),
            (&always, "a@home.test", "other.test", true, "other.test"),
            (&always, "a@home.test", "far.test", true, "the relay far"),
        ] {
            let from = Address::parse(from).ok();
            let found = destination(&outbound(text), from.as_ref(), &domain(to), is_blocked);
            assert_eq!(found.to_string(), expected, "{from:?} {to} {is_blocked} in\n{text}");
        }
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
