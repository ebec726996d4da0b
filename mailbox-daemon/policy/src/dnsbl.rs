//! Lists of addresses that send what nobody wants (RFC 5782): what to ask them, and what their answers mean.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use types::Domain;

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Nothing is held against the address.
    NotListed,
    /// It is listed; which part of the list it is on.
    Listed(String),
    /// The list does not answer us. What the owner can do about it.
    AskedWrongly(String),
}

/// What Spamhaus means by the last octet of 127.0.0.x.
const SPAMHAUS: &[(std::ops::RangeInclusive<u8>, &str)] =
    &[(2..=2, "SBL"), (3..=3, "CSS"), (4..=7, "XBL"), (9..=9, "DROP"), (10..=11, "PBL")];

/// Whether lists can know anything about an address: those of a home's own network mean another machine everywhere. Addresses
/// of this machine are asked about, which is how lists are tried out (RFC 5782 section 5).
pub fn is_asked_about(client: IpAddr) -> bool {
    match client.to_canonical() {
        IpAddr::V4(ip) => {
            let is_carriers = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
            !(ip.is_private() || ip.is_link_local() || ip.is_unspecified() || is_carriers)
        }
        IpAddr::V6(ip) => !(ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_unspecified()),
    }
}

/// The name to ask for: the address turned round, before the list's zone (RFC 5782 sections 2.1 and 2.4).
pub fn question(client: IpAddr, zone: &Domain) -> String {
    match client.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            format!("{d}.{c}.{b}.{a}.{zone}")
        }
        IpAddr::V6(ip) => format!("{}{zone}", nibbles(ip)),
    }
}

fn nibbles(ip: Ipv6Addr) -> String {
    format!("{:032x}", u128::from(ip)).chars().rev().flat_map(|digit| [digit, '.']).collect()
}

/// What a list's A records mean.
pub fn read(zone: &Domain, answers: &[IpAddr]) -> Reading {
    let codes: Vec<Ipv4Addr> = answers
        .iter()
        .filter_map(|answer| match answer {
            IpAddr::V4(code) if code.is_loopback() => Some(*code),
            // Whoever catches all names that do not exist answers like this; it is not the list.
            _ => None,
        })
        .collect();
    if let Some(code) = codes.iter().find(|code| code.octets()[1] == 255 && code.octets()[2] == 255) {
        return Reading::AskedWrongly(advice(zone, *code));
    }
    let mut meanings: Vec<&str> = codes.iter().filter_map(|code| meaning(zone, *code)).collect();
    meanings.dedup();
    match meanings.is_empty() {
        true => Reading::NotListed,
        false => Reading::Listed(meanings.join("+")),
    }
}

fn meaning(zone: &Domain, code: Ipv4Addr) -> Option<&'static str> {
    if !is_of_spamhaus(zone) {
        return Some("listed");
    }
    match code.octets() {
        [127, 0, 0, last] => SPAMHAUS.iter().find(|(codes, _)| codes.contains(&last)).map(|(_, name)| *name),
        // The operator may give new codes a meaning that is no reason to refuse mail.
        _ => None,
    }
}

fn is_of_spamhaus(zone: &Domain) -> bool {
    let zone = zone.as_str();
    ["spamhaus.org", "spamhaus.net"].iter().any(|operator| {
        zone.strip_suffix(operator).is_some_and(|front| front.is_empty() || front.ends_with('.'))
    })
}

fn advice(zone: &Domain, code: Ipv4Addr) -> String {
    let reason = match code.octets()[3] {
        252 => "there is no such list: the name in inbound.dnsbl is misspelt",
        254 => {
            "it does not answer questions that come through a public resolver (such as 8.8.8.8 or 1.1.1.1): let dns.resolver \
             name the provider's or an own resolver, or enter the free personal key of the list's operator as part of the zone"
        }
        255 => {
            "it was asked too often through this resolver: let dns.resolver name an own resolver, or enter the free personal \
             key of the list's operator as part of the zone"
        }
        _ => "it does not answer this box; its operator's page tells why",
    };
    format!(
        "The list {zone} answers {code}, which says nothing about senders: {reason}. Until then it is not counted."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Domain {
        Domain::parse(name).unwrap()
    }

    #[test]
    fn addresses_are_turned_round() {
        let ask = |ip: &str| question(ip.parse().unwrap(), &zone("bl.test"));
        assert_eq!(ask("192.0.2.99"), "99.2.0.192.bl.test");
        assert_eq!(ask("::ffff:192.0.2.99"), "99.2.0.192.bl.test");
        // The example of RFC 5782 section 2.4.
        assert_eq!(
            ask("2001:db8:1:2:3:4:567:89ab"),
            "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.test"
        );
    }

    #[test]
    fn answers_mean_what_the_operator_says() {
        let listed = |text: &str| Some(text.to_owned());
        for (list, answers, expected) in [
            ("zen.spamhaus.org", "", None),
            ("zen.spamhaus.org", "127.0.0.2", listed("SBL")),
            ("zen.spamhaus.org", "127.0.0.3", listed("CSS")),
            ("zen.spamhaus.org", "127.0.0.4", listed("XBL")),
            ("zen.spamhaus.org", "127.0.0.7", listed("XBL")),
            ("zen.spamhaus.org", "127.0.0.10", listed("PBL")),
            ("zen.spamhaus.org", "127.0.0.11", listed("PBL")),
            ("zen.spamhaus.org", "127.0.0.4 127.0.0.11", listed("XBL+PBL")),
            ("zen.spamhaus.org", "127.0.0.1", None),
            ("zen.spamhaus.org", "127.0.1.2", None),
            ("key.zen.dq.spamhaus.net", "127.0.0.2", listed("SBL")),
            ("notspamhaus.org", "127.0.1.2", listed("listed")),
            ("bl.test", "127.0.0.2", listed("listed")),
            ("bl.test", "127.3.2.1 127.0.0.2", listed("listed")),
            ("bl.test", "192.0.2.1", None),
            ("bl.test", "2001:db8::1", None),
        ] {
            let answers: Vec<IpAddr> = answers.split_whitespace().map(|ip| ip.parse().unwrap()).collect();
            let expected = expected.map_or(Reading::NotListed, Reading::Listed);
            assert_eq!(read(&zone(list), &answers), expected, "{list} {answers:?}");
        }
    }

    #[test]
    fn a_list_that_refuses_lists_nobody() {
        for (code, hint) in [
            ("127.255.255.252", "misspelt"),
            ("127.255.255.254", "public resolver"),
            ("127.255.255.255", "too often"),
            ("127.255.255.253", "operator's page"),
        ] {
            let answers = [code.parse().unwrap(), "127.0.0.2".parse().unwrap()];
            let Reading::AskedWrongly(advice) = read(&zone("bl.test"), &answers) else { panic!("{code}") };
            assert!(advice.contains(hint) && advice.contains("bl.test"), "{advice}");
        }
    }

    #[test]
    fn lists_know_nothing_of_private_addresses() {
        for (ip, expected) in [
            ("203.0.113.1", true),
            ("2001:db8::1", true),
            ("127.0.0.2", true),
            ("192.168.1.2", false),
            ("::ffff:10.0.0.1", false),
            ("100.64.0.1", false),
            ("169.254.1.1", false),
            ("fd00::1", false),
            ("fe80::1", false),
        ] {
            assert_eq!(is_asked_about(ip.parse().unwrap()), expected, "{ip}");
        }
    }
}
