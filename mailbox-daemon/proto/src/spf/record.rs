use super::MacroString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use thiserror::Error;
use types::Outcome;

/// A record with more terms than this is an attack: DNS lets one be 64 KiB long.
const TERMS_MAX: usize = 500;

/// Why a record is none (RFC 7208 section 4.6): the evaluation ends with `permerror`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the SPF record breaks the grammar")]
pub struct SpfSyntax;

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// What is tried, in this order.
    pub directives: Vec<Directive>,
    /// Whose record decides when nothing matched (RFC 7208 section 6.1).
    pub redirect: Option<MacroString>,
    /// Where the text for a failure is (RFC 7208 section 6.2).
    pub explanation: Option<MacroString>,
}

/// A mechanism and what it means when it matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// The qualifier: pass, fail, softfail or neutral.
    pub outcome: Outcome,
    /// What is compared.
    pub mechanism: Mechanism,
}

/// How much of two addresses has to be alike, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixLengths {
    /// Of IPv4 addresses.
    pub ipv4: u32,
    /// Of IPv6 addresses.
    pub ipv6: u32,
}

/// RFC 7208 section 5. Where a domain is optional, none is the one that is being checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// Always matches.
    All,
    /// Matches when that domain's record says pass.
    Include(MacroString),
    /// The client is one of the domain's addresses.
    A(Option<MacroString>, PrefixLengths),
    /// The client is an address of one of the domain's MXs.
    Mx(Option<MacroString>, PrefixLengths),
    /// The client's name is within the domain.
    Ptr(Option<MacroString>),
    /// The client is in this network.
    Ip(IpAddr, PrefixLengths),
    /// The name has an IPv4 address.
    Exists(MacroString),
}

impl Mechanism {
    /// Whether it counts towards the ten that may ask DNS (RFC 7208 section 4.6.4).
    pub fn asks_dns(&self) -> bool {
        !matches!(self, Mechanism::All | Mechanism::Ip(..))
    }
}

impl PrefixLengths {
    /// The whole addresses.
    pub const FULL: PrefixLengths = PrefixLengths { ipv4: 32, ipv6: 128 };

    /// Whether two addresses are alike so far. Addresses of different families never are.
    pub fn are_alike(self, one: IpAddr, other: IpAddr) -> bool {
        match (one, other) {
            (IpAddr::V4(one), IpAddr::V4(other)) => {
                let differing = u32::from(one) ^ u32::from(other);
                differing.leading_zeros() >= self.ipv4
            }
            (IpAddr::V6(one), IpAddr::V6(other)) => {
                let differing = u128::from(one) ^ u128::from(other);
                differing.leading_zeros() >= self.ipv6
            }
            _ => false,
        }
    }
}

/// Whether a TXT record is an SPF record (RFC 7208 section 4.5).
pub fn is_record(text: &[u8]) -> bool {
    let Some((version, rest)) = text.split_at_checked(6) else { return false };
    version.eq_ignore_ascii_case(b"v=spf1") && matches!(rest, [] | [b' ', ..])
}

impl Record {
    /// Reads a record.
    pub fn parse(text: &[u8]) -> Result<Record, SpfSyntax> {
        let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii()).ok_or(SpfSyntax)?;
        let terms = text.get(6..).filter(|_| is_record(text.as_bytes())).ok_or(SpfSyntax)?;
        let mut record = Record::default();
        for (count, term) in terms.split(' ').filter(|term| !term.is_empty()).enumerate() {
            if count == TERMS_MAX {
                return Err(SpfSyntax);
            }
            match modifier(term) {
                Some((name, value)) => record.modify(name, value)?,
                None => record.directives.push(directive(term)?),
            }
        }
        Ok(record)
    }

    fn modify(&mut self, name: &str, value: &str) -> Result<(), SpfSyntax> {
        let slot = match name.to_ascii_lowercase().as_str() {
            "redirect" => &mut self.redirect,
            "exp" => &mut self.explanation,
            // Others are for those who know them, but have to be well formed.
            _ => return MacroString::parse(value).map(|_| ()),
        };
        let domain = MacroString::parse_domain(value)?;
        slot.replace(domain).map_or(Ok(()), |_| Err(SpfSyntax))
    }
}

/// `name=value`, if the term is one: a name begins with a letter, and no mechanism has `=` before its `:` or `/`.
fn modifier(term: &str) -> Option<(&str, &str)> {
    let (name, value) = term.split_once('=')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    is_name.then_some((name, value))
}

fn directive(term: &str) -> Result<Directive, SpfSyntax> {
    let (outcome, term) = match term.split_at_checked(1) {
        Some(("+", rest)) => (Outcome::Pass, rest),
        Some(("-", rest)) => (Outcome::Fail, rest),
        Some(("~", rest)) => (Outcome::SoftFail, rest),
        Some(("?", rest)) => (Outcome::Neutral, rest),
        _ => (Outcome::Pass, term),
    };
    let end = term.find([':', '/']).unwrap_or(term.len());
    let (name, argument) = term.split_at(end);
    let value = argument.strip_prefix(':');
    let mechanism = match name.to_ascii_lowercase().as_str() {
        "all" if argument.is_empty() => Mechanism::All,
        "include" => Mechanism::Include(domain(value)?),
        "exists" => Mechanism::Exists(domain(value)?),
        "ptr" if argument.is_empty() => Mechanism::Ptr(None),
        "ptr" => Mechanism::Ptr(Some(domain(value)?)),
        "a" => host(argument).map(|(domain, lengths)| Mechanism::A(domain, lengths))?,
        "mx" => host(argument).map(|(domain, lengths)| Mechanism::Mx(domain, lengths))?,
        "ip4" => network(value, |ip| ip.parse::<Ipv4Addr>().ok().map(IpAddr::V4), 32)?,
        "ip6" => network(value, |ip| ip.parse::<Ipv6Addr>().ok().map(IpAddr::V6), 128)?,
        _ => return Err(SpfSyntax),
    };
    Ok(Directive { outcome, mechanism })
}

fn domain(value: Option<&str>) -> Result<MacroString, SpfSyntax> {
    MacroString::parse_domain(value.ok_or(SpfSyntax)?)
}

/// `[ ":" domain-spec ] [ dual-cidr-length ]`; a slash within a macro's delimiters is no length.
fn host(argument: &str) -> Result<(Option<MacroString>, PrefixLengths), SpfSyntax> {
    let lengths_start = lengths_start(argument);
    let (domain, lengths) = argument.split_at(lengths_start);
    let domain = match domain.strip_prefix(':') {
        Some(domain) => Some(MacroString::parse_domain(domain)?),
        None if domain.is_empty() => None,
        None => return Err(SpfSyntax),
    };
    let (ipv4, ipv6) = match lengths.split_once("//") {
        Some((ipv4, ipv6)) => (ipv4, Some(ipv6)),
        None => (lengths, None),
    };
    let ipv4 = match ipv4.strip_prefix('/') {
        Some(bits) => length(bits, 32)?,
        None if ipv4.is_empty() => 32,
        None => return Err(SpfSyntax),
    };
    let ipv6 = ipv6.map_or(Ok(128), |bits| length(bits, 128))?;
    Ok((domain, PrefixLengths { ipv4, ipv6 }))
}

fn lengths_start(argument: &str) -> usize {
    let is_of_length = |c: char| c.is_ascii_digit() || c == '/';
    let tail = argument.len() - argument.trim_end_matches(is_of_length).len();
    let tail_start = argument.len() - tail;
    argument[tail_start..].find('/').map_or(argument.len(), |slash| tail_start + slash)
}

fn network(
    value: Option<&str>,
    parse: impl FnOnce(&str) -> Option<IpAddr>,
    bits: u32,
) -> Result<Mechanism, SpfSyntax> {
    let value = value.ok_or(SpfSyntax)?;
    let (ip, length) = match value.split_once('/') {
        Some((ip, length)) => (ip, self::length(length, bits)?),
        None => (value, bits),
    };
    let ip = parse(ip).ok_or(SpfSyntax)?;
    let lengths = match ip {
        IpAddr::V4(_) => PrefixLengths { ipv4: length, ..PrefixLengths::FULL },
        IpAddr::V6(_) => PrefixLengths { ipv6: length, ..PrefixLengths::FULL },
    };
    Ok(Mechanism::Ip(ip, lengths))
}

/// A prefix length: digits without a leading zero.
fn length(text: &str, max: u32) -> Result<u32, SpfSyntax> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = is_number && (text.len() == 1 || !text.starts_with('0'));
    let length: Option<u32> = text.parse().ok().filter(|length| is_plain && *length <= max);
    length.ok_or(SpfSyntax)
}
