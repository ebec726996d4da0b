use super::SpfSyntax;
use std::fmt::Write as _;
use std::net::IpAddr;
use types::UnixSeconds;

/// Longest name DNS takes, in characters; longer ones lose labels on the left (RFC 7208 section 7.3).
const NAME_CHARS_MAX: usize = 253;

/// What macros are about: the check that runs (RFC 7208 section 7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `l`: before the sender's `@`.
    pub local: String,
    /// `o`: behind it.
    pub sender_domain: String,
    /// `d`: the domain whose record is evaluated.
    pub domain: String,
    /// `i`, `v`, `c`.
    pub client: IpAddr,
    /// `h`.
    pub helo: String,
    /// `p`: the client's name, where it was needed and found.
    pub client_name: Option<String>,
    /// `r`: who asks.
    pub receiver: String,
    /// `t`.
    pub now: UnixSeconds,
}

/// A text with macros in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacroString(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Macro(Macro),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Macro {
    letter: char,
    is_escaped: bool,
    /// Labels that stay, counted from the right.
    labels_max: Option<usize>,
    is_reversed: bool,
    delimiters: String,
}

impl MacroString {
    /// Reads `macro-string` of RFC 7208 section 7.1.
    pub fn parse(text: &str) -> Result<MacroString, SpfSyntax> {
        MacroString::read(text, false)
    }

    /// Reads an explanation, which may have spaces and the macros `c`, `r` and `t`.
    pub fn parse_explanation(text: &str) -> Result<MacroString, SpfSyntax> {
        MacroString::read(text, true)
    }

    /// Reads `domain-spec`: it ends in a label that no number is, or in a macro.
    pub fn parse_domain(text: &str) -> Result<MacroString, SpfSyntax> {
        let parsed = MacroString::parse(text)?;
        let is_domain = match parsed.0.last() {
            Some(Piece::Macro(_)) => true,
            Some(Piece::Text(end)) => ends_in_top_label(end),
            None => false,
        };
        is_domain.then_some(parsed).ok_or(SpfSyntax)
    }

    fn read(text: &str, is_explanation: bool) -> Result<MacroString, SpfSyntax> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            if c != '%' {
                let is_allowed = c.is_ascii_graphic() || (is_explanation && c == ' ');
                plain.push(is_allowed.then_some(c).ok_or(SpfSyntax)?);
                continue;
            }
            match rest.as_bytes().first() {
                Some(b'%') => plain.push('%'),
                Some(b'_') => plain.push(' '),
                Some(b'-') => plain.push_str("%20"),
                Some(b'{') => {
                    let (inner, after) = rest[1..].split_once('}').ok_or(SpfSyntax)?;
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    pieces.push(Piece::Macro(Macro::parse(inner, is_explanation)?));
                    rest = after;
                    continue;
                }
                _ => return Err(SpfSyntax),
            }
            rest = &rest[1..];
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(MacroString(pieces))
    }

    /// Whether the client's name is needed, which takes look-ups.
    pub fn needs_client_name(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Macro(Macro { letter: 'p', .. })))
    }

    /// The text with everything filled in.
    pub fn expand(&self, identity: &Identity) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Macro(part) => part.expand(identity, &mut out),
            }
        }
        out
    }

    /// The name with everything filled in, short enough for DNS.
    pub fn expand_domain(&self, identity: &Identity) -> String {
        let name = self.expand(identity);
        let mut name = name.strip_suffix('.').unwrap_or(&name);
        while name.len() > NAME_CHARS_MAX {
            match name.split_once('.') {
                Some((_, rest)) => name = rest,
                None => return String::new(),
            }
        }
        name.to_owned()
    }
}

impl Macro {
    fn parse(inner: &str, is_explanation: bool) -> Result<Macro, SpfSyntax> {
        let first = inner.chars().next().ok_or(SpfSyntax)?;
        let letter = first.to_ascii_lowercase();
        let letters = if is_explanation { "slodiphvcrt" } else { "slodiphv" };
        if !letters.contains(letter) {
            return Err(SpfSyntax);
        }
        let rest = &inner[1..];
        let digits_end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, rest) = rest.split_at(digits_end);
        let labels_max = match digits {
            "" => None,
            digits => Some(digits.parse().ok().filter(|labels| *labels > 0).ok_or(SpfSyntax)?),
        };
        let reversed = rest.strip_prefix(['r', 'R']);
        let delimiters = reversed.unwrap_or(rest);
        if !delimiters.chars().all(|c| ".-+,/_=".contains(c)) {
            return Err(SpfSyntax);
        }
        Ok(Macro {
            letter,
            is_escaped: first.is_ascii_uppercase(),
            labels_max,
            is_reversed: reversed.is_some(),
            delimiters: if delimiters.is_empty() { ".".to_owned() } else { delimiters.to_owned() },
        })
    }

    fn expand(&self, identity: &Identity, out: &mut String) {
        let value = self.value(identity);
        let mut labels: Vec<&str> = value.split(|c| self.delimiters.contains(c)).collect();
        if self.is_reversed {
            labels.reverse();
        }
        let skipped = self.labels_max.map_or(0, |max| labels.len().saturating_sub(max));
        let value = labels[skipped..].join(".");
        match self.is_escaped {
            true => escape(&value, out),
            false => out.push_str(&value),
        }
    }

    fn value(&self, identity: &Identity) -> String {
        match self.letter {
            's' => format!("{}@{}", identity.local, identity.sender_domain),
            'l' => identity.local.clone(),
            'o' => identity.sender_domain.clone(),
            'd' => identity.domain.clone(),
            'i' => dotted(identity.client),
            'p' => identity.client_name.clone().unwrap_or_else(|| "unknown".to_owned()),
            'h' => identity.helo.clone(),
            'v' if identity.client.is_ipv4() => "in-addr".to_owned(),
            'v' => "ip6".to_owned(),
            'c' => identity.client.to_string(),
            'r' => identity.receiver.clone(),
            _ => identity.now.to_string(),
        }
    }
}

/// IPv4 as it is written, IPv6 as 32 nibbles with dots.
fn dotted(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let digits = format!("{:032x}", u128::from(ip));
            digits.chars().map(String::from).collect::<Vec<_>>().join(".")
        }
    }
}

/// What is not unreserved in a URI becomes `%` and two digits (RFC 3986 section 2.1).
fn escape(value: &str, out: &mut String) {
    for byte in value.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

/// `"." toplabel [ "." ]` (RFC 7208 section 7.1).
fn ends_in_top_label(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let Some((_, label)) = text.rsplit_once('.') else { return false };
    let is_label = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-');
    is_label && !label.bytes().all(|byte| byte.is_ascii_digit())
}
