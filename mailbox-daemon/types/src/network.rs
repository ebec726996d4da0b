use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use thiserror::Error;

/// An IP network in CIDR form (RFC 4632, RFC 4291 section 2.3), or one address. IPv4 inside IPv6 (`::ffff:192.0.2.1`) is IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    /// All bits behind the prefix are zero.
    address: IpAddr,
    prefix_bits: u8,
}

/// Why a text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a network looks like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32")]
pub struct NetworkError;

/// How far the addresses of one connection to the internet reach in IPv6.
const CONNECTION_BITS_V6: u8 = 64;
/// What one customer is given, so that its neighbour is somebody else.
const NEIGHBOURHOOD_BITS_V4: u8 = 24;
const NEIGHBOURHOOD_BITS_V6: u8 = 48;
const MAPPED_BITS: u8 = 96;

impl Network {
    /// One address alone.
    pub fn of_address(address: IpAddr) -> Network {
        Network::containing(address, u8::MAX)
    }

    /// Who shares one connection to the internet: an IPv4 address, or the /64 an IPv6 address is in.
    pub fn of_connection(address: IpAddr) -> Network {
        Network::by_family(address, u8::MAX, CONNECTION_BITS_V6)
    }

    /// The addresses near one, which often are the same people's: the /24 of an IPv4 address, the /48 of an IPv6 address.
    pub fn of_neighbourhood(address: IpAddr) -> Network {
        Network::by_family(address, NEIGHBOURHOOD_BITS_V4, NEIGHBOURHOOD_BITS_V6)
    }

    /// The servers of one sender, which take turns: the /24 of an IPv4 address, the /64 of an IPv6 address.
    pub fn of_servers(address: IpAddr) -> Network {
        Network::by_family(address, NEIGHBOURHOOD_BITS_V4, CONNECTION_BITS_V6)
    }

    /// The network of that prefix an address is in; a prefix that is too long stands for the address alone.
    pub fn containing(address: IpAddr, prefix_bits: u8) -> Network {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let prefix_bits = prefix_bits.min(32);
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix_bits)).unwrap_or(0);
                let address = IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask));
                Network { address, prefix_bits }
            }
            IpAddr::V6(address) => {
                let prefix_bits = prefix_bits.min(128);
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix_bits)).unwrap_or(0);
                let address = IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask));
                Network { address, prefix_bits }
            }
        }
    }

    fn by_family(address: IpAddr, bits_v4: u8, bits_v6: u8) -> Network {
        let bits = if address.to_canonical().is_ipv4() { bits_v4 } else { bits_v6 };
        Network::containing(address, bits)
    }

    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4()
            && Network::containing(address, self.prefix_bits).address == self.address
    }

    /// The first address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How many bits all its addresses share.
    pub fn prefix_bits(&self) -> u8 {
        self.prefix_bits
    }

    fn is_one_address(&self) -> bool {
        self.prefix_bits == if self.address.is_ipv4() { 32 } else { 128 }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Network, NetworkError> {
        let Some((address, bits)) = text.split_once('/') else {
            return text.parse().map(Network::of_address).map_err(|_| NetworkError);
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let is_number = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
        let bits: u8 = bits.parse().ok().filter(|_| is_number).ok_or(NetworkError)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let is_mapped = address.is_ipv6() && address.to_canonical().is_ipv4();
        match (bits <= most, is_mapped) {
            (false, _) => Err(NetworkError),
            (true, false) => Ok(Network::containing(address, bits)),
            // A shorter prefix would reach beyond the IPv4 addresses.
            (true, true) => {
                let bits = bits.checked_sub(MAPPED_BITS).ok_or(NetworkError)?;
                Ok(Network::containing(address, bits))
            }
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_one_address() {
            true => self.address.fmt(f),
            false => write!(f, "{}/{}", self.address, self.prefix_bits),
        }
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Network, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error| serde::de::Error::custom(format!("`{text}`: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn networks_are_read_and_printed() {
        for (text, printed) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7/32", "192.0.2.7"),
            ("192.0.2.7/24", "192.0.2.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:db8:1::1/32", "2001:db8::/32"),
            ("::/0", "::/0"),
            ("2001:db8::1/128", "2001:db8::1"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7/120", "192.0.2.0/24"),
        ] {
            assert_eq!(network(text).to_string(), printed, "{text}");
        }
        for bad in [
            "",
            "/",
            "192.0.2",
            "192.0.2.0/",
            "192.0.2.0/33",
            "192.0.2.0/+8",
            "192.0.2.0/-1",
            "192.0.2.0/24/1",
            "2001:db8::/129",
            "::ffff:192.0.2.0/90",
            "home.test",
            " 192.0.2.1",
            "192.0.2.0/999",
        ] {
            assert_eq!(bad.parse::<Network>(), Err(NetworkError), "{bad}");
        }
    }

    #[test]
    fn what_is_in_and_what_is_not() {
        for (text, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.0/24", "::ffff:192.0.2.9", "2001:db8::1"),
            ("192.0.2.8/29", "192.0.2.15", "192.0.2.16"),
            ("0.0.0.0/0", "203.0.113.9", "::1"),
            ("fc00::/7", "fd12::1", "fe80::1"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("::/0", "2001:db8::1", "192.0.2.1"),
        ] {
            assert!(network(text).contains(ip(inside)), "{inside} in {text}");
            assert!(!network(text).contains(ip(outside)), "{outside} not in {text}");
        }
    }

    #[test]
    fn who_shares_a_connection_and_who_a_neighbourhood() {
        let same = |of: fn(IpAddr) -> Network, a: &str, b: &str| of(ip(a)) == of(ip(b));
        assert!(same(Network::of_connection, "2001:db8::1", "2001:db8::ffff:1:2:3"));
        assert!(!same(Network::of_connection, "2001:db8::1", "2001:db8:0:1::1"));
        assert!(same(Network::of_connection, "::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same(Network::of_connection, "192.0.2.1", "192.0.2.2"));
        assert!(same(Network::of_neighbourhood, "192.0.2.1", "192.0.2.2"));
        assert!(same(Network::of_neighbourhood, "2001:db8:0:1::1", "2001:db8:0:2::1"));
        assert!(!same(Network::of_servers, "2001:db8:0:1::1", "2001:db8:0:2::1"));
    }

    proptest! {
        #[test]
        fn a_network_has_its_addresses_and_reads_as_it_prints(bits: u128, other: u128, prefix in 0u8..=128, v4: bool) {
            let address = |bits: u128| match v4 {
                true => IpAddr::V4(Ipv4Addr::from_bits(bits as u32)),
                false => IpAddr::V6(Ipv6Addr::from_bits(bits)),
            };
            let network = Network::containing(address(bits), prefix);
            prop_assert!(network.contains(address(bits)));
            prop_assert_eq!(network.to_string().parse::<Network>(), Ok(network));
            let same = Network::containing(address(other), prefix) == network;
            prop_assert_eq!(network.contains(address(other)), same);
        }
    }
}
