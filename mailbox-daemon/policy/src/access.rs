//! Whom the owner wants to hear from and whom not: lists of domains, addresses and networks. The list of the wanted wins.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use thiserror::Error;
use types::{Address, Domain, LocalPart, Network};

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// An address alone, whatever its case and tag.
    Address(Address),
    /// A domain and all below it.
    Domain(Domain),
    /// An IP address or a range of them.
    Network(Network),
}

/// Why a text is no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an entry looks like example.org, somebody@example.org, 192.0.2.7 or 192.0.2.0/24")]
pub struct EntryError;

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum List {
    /// The unwanted: refused.
    Block,
    /// The wanted: neither blocked nor looked up in lists of others, never put off or counted. Forgeries of them are still refused.
    Allow,
}

/// What the lists say about somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// On neither list.
    Unknown,
    /// Wanted, by this entry.
    Allowed(Entry),
    /// Unwanted, by this entry.
    Blocked(Entry),
}

/// Both lists, quick to ask however long they are.
#[derive(Clone, Debug, Default)]
pub struct Access {
    block: Entries,
    allow: Entries,
}

#[derive(Clone, Debug, Default)]
struct Entries {
    addresses: HashSet<Address>,
    domains: HashSet<String>,
    networks: HashSet<Network>,
    /// The prefixes in use, the longest first.
    prefixes: Vec<u8>,
}

impl FromStr for Entry {
    type Err = EntryError;

    fn from_str(text: &str) -> Result<Entry, EntryError> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(network) = bare.parse() {
            return Ok(Entry::Network(network));
        }
        // People write a domain in any of these ways.
        let name = text.strip_prefix("*@").or(text.strip_prefix('@')).unwrap_or(text);
        if name.contains('@') {
            let address = Address::parse(name).map_err(|_| EntryError)?.folded_without_tag();
            return match address.local.as_str() {
                "*" => Entry::of_domain(address.domain),
                _ => Ok(Entry::Address(address)),
            };
        }
        let name = name.strip_prefix("*.").or(name.strip_prefix('.')).unwrap_or(name);
        Entry::of_domain(Domain::parse(name).map_err(|_| EntryError)?)
    }
}

impl Entry {
    fn of_domain(domain: Domain) -> Result<Entry, EntryError> {
        let looks_like_numbers = domain.as_str().bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        match domain.literal() {
            Some(address) => Ok(Entry::Network(Network::of_address(address))),
            None if looks_like_numbers => Err(EntryError),
            None => Ok(Entry::Domain(domain)),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Address(address) => address.fmt(f),
            Entry::Domain(domain) => domain.fmt(f),
            Entry::Network(network) => network.fmt(f),
        }
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entry, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error| serde::de::Error::custom(format!("`{text}`: {error}")))
    }
}

impl List {
    /// Its name on the command line and in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            List::Block => "block",
            List::Allow => "allow",
        }
    }
}

impl Access {
    /// One more entry; twice the same is once.
    pub fn add(&mut self, list: List, entry: Entry) {
        match list {
            List::Block => self.block.add(entry),
            List::Allow => self.allow.add(entry),
        }
    }

    /// What the lists say about a client and, once it is known, the sender it names.
    pub fn judge(&self, client: IpAddr, sender: Option<&Address>) -> Standing {
        let find = |entries: &Entries| {
            entries.find_network(client).or_else(|| sender.and_then(|address| entries.find_address(address)))
        };
        match (find(&self.allow), find(&self.block)) {
            (Some(entry), _) => Standing::Allowed(entry),
            (None, Some(entry)) => Standing::Blocked(entry),
            (None, None) => Standing::Unknown,
        }
    }
}

impl Standing {
    /// Whether the owner wants to hear from him.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Standing::Allowed(_))
    }
}

impl Entries {
    fn add(&mut self, entry: Entry) {
        match entry {
            Entry::Network(network) => {
                let prefix = network.prefix_bits();
                self.networks.insert(network);
                if let Err(place) = self.prefixes.binary_search_by(|known| prefix.cmp(known)) {
                    self.prefixes.insert(place, prefix);
                }
            }
            Entry::Address(address) => drop(self.addresses.insert(address)),
            Entry::Domain(domain) => drop(self.domains.insert(domain.to_string())),
        }
    }

    fn find_network(&self, client: IpAddr) -> Option<Entry> {
        let mut around = self.prefixes.iter().map(|prefix| Network::containing(client, *prefix));
        around.find(|network| self.networks.contains(network)).map(Entry::Network)
    }

    fn find_address(&self, address: &Address) -> Option<Entry> {
        let alone = address.folded_without_tag();
        if self.addresses.contains(&alone) {
            return Some(Entry::Address(alone));
        }
        let mut name = address.domain.as_str();
        while !self.domains.contains(name) {
            (_, name) = name.split_once('.')?;
        }
        Domain::parse(name).ok().map(Entry::Domain)
    }
}

/// Whether an address is one of those that must be reachable whatever the lists say: `postmaster` (RFC 5321 section 4.5.1) and
/// `abuse` (RFC 2142 section 4), for those who were refused to ask why.
pub fn always_arrives(recipient: &LocalPart) -> bool {
    let name = recipient.as_str().split('+').next().unwrap_or_default();
    ["postmaster", "abuse"].iter().any(|role| role.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn access(block: &[&str], allow: &[&str]) -> Access {
        let mut access = Access::default();
        for (list, entries) in [(List::Block, block), (List::Allow, allow)] {
            for text in entries {
                access.add(list, text.parse().unwrap_or_else(|error| panic!("{text}: {error}")));
            }
        }
        access
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn entries_are_read_as_people_write_them() {
        for (text, printed) in [
            ("example.org", "example.org"),
            (".Example.ORG", "example.org"),
            ("*.example.org", "example.org"),
            ("@example.org", "example.org"),
            ("*@example.org", "example.org"),
            ("Bücher.example", "xn--bcher-kva.example"),
            ("Some.Body+news@Example.org", "some.body@example.org"),
            ("192.0.2.7", "192.0.2.7"),
            ("[192.0.2.7]", "192.0.2.7"),
            ("[IPv6:2001:db8::1]", "2001:db8::1"),
            ("192.0.2.99/24", "192.0.2.0/24"),
            ("2001:db8::/32", "2001:db8::/32"),
        ] {
            let entry: Entry = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(entry.to_string(), printed, "{text}");
            assert_eq!(entry.to_string().parse(), Ok(entry), "{text}");
        }
        for bad in ["", "@", "a@", "1.2.3", "1.2.3.4.5", "192.0.2.0/40", "a b.example", "a..b", "x@y@"] {
            assert_eq!(bad.parse::<Entry>(), Err(EntryError), "{bad}");
        }
    }

    #[test]
    fn who_is_wanted_and_who_is_not() {
        let lists = access(
            &["spam.example", "nag@news.example", "192.0.2.0/24", "2001:db8::/32", "198.51.100.7"],
            &["good.spam.example", "192.0.2.7", "friend@spam.example"],
        );
        for (client, sender, expected) in [
            ("203.0.113.1", None, ""),
            ("203.0.113.1", Some("a@other.example"), ""),
            ("203.0.113.1", Some("a@spam.example"), "block spam.example"),
            ("203.0.113.1", Some("a@mx.SPAM.example"), "block spam.example"),
            ("203.0.113.1", Some("a@notspam.example"), ""),
            ("203.0.113.1", Some("Friend+1@spam.example"), "allow friend@spam.example"),
            ("203.0.113.1", Some("friend@sub.spam.example"), "block spam.example"),
            ("203.0.113.1", Some("a@x.good.spam.example"), "allow good.spam.example"),
            ("203.0.113.1", Some("NAG+x@news.example"), "block nag@news.example"),
            ("203.0.113.1", Some("ana@news.example"), ""),
            ("192.0.2.8", None, "block 192.0.2.0/24"),
            ("::ffff:192.0.2.8", None, "block 192.0.2.0/24"),
            ("192.0.2.7", None, "allow 192.0.2.7"),
            ("192.0.2.7", Some("a@spam.example"), "allow 192.0.2.7"),
            ("192.0.2.8", Some("friend@spam.example"), "allow friend@spam.example"),
            ("2001:db8:ffff::1", None, "block 2001:db8::/32"),
            ("2001:db9::1", None, ""),
            ("198.51.100.7", None, "block 198.51.100.7"),
        ] {
            let sender = sender.map(|text| Address::parse(text).expect("an address"));
            let found = match lists.judge(ip(client), sender.as_ref()) {
                Standing::Unknown => String::new(),
                Standing::Allowed(entry) => format!("allow {entry}"),
                Standing::Blocked(entry) => format!("block {entry}"),
            };
            assert_eq!(found, expected, "{client} {sender:?}");
        }
    }

    #[test]
    fn those_who_must_be_reachable() {
        for (name, expected) in [
            ("postmaster", true),
            ("Postmaster", true),
            ("ABUSE", true),
            ("abuse+list", true),
            ("postmasters", false),
            ("ana", false),
        ] {
            assert_eq!(always_arrives(&LocalPart::parse(name).expect("a name")), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_range_is_found_exactly_when_it_has_the_address(
            ranges in prop::collection::vec((any::<u32>(), 0u8..=32), 0..20), client: u32
        ) {
            let client = IpAddr::V4(client.into());
            let networks: Vec<_> =
                ranges.iter().map(|(bits, prefix)| Network::containing(IpAddr::V4((*bits).into()), *prefix)).collect();
            let mut lists = Access::default();
            for network in &networks {
                lists.add(List::Block, Entry::Network(*network));
            }
            let is_in_one = networks.iter().any(|network| network.contains(client));
            prop_assert_eq!(lists.judge(client, None) != Standing::Unknown, is_in_one);
        }

        #[test]
        fn allow_wins_whatever_is_blocked(client: u32, prefix in 0u8..=32, allowed_prefix in 0u8..=32) {
            let client = IpAddr::V4(client.into());
            let mut lists = Access::default();
            lists.add(List::Block, Entry::Network(Network::containing(client, prefix)));
            lists.add(List::Allow, Entry::Network(Network::containing(client, allowed_prefix)));
            prop_assert!(lists.judge(client, None).is_allowed());
        }
    }
}
