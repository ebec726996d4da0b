use super::Canonicalization;
use crate::tags::{Tags, base64, items, without_blanks};
use types::UnixSeconds;

/// More names in `h=` are not taken: each is looked for in the whole header.
const SIGNED_FIELDS_MAX: usize = 256;
/// Characters of `b=` that tell signatures apart (RFC 6008 section 4 asks for at least eight).
const BEGINS_CHARS: usize = 8;

/// `a=` (RFC 6376 section 3.3, RFC 8463).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `rsa-sha1`, which RFC 8301 withdrew.
    RsaSha1,
    /// `rsa-sha256`.
    RsaSha256,
    /// `ed25519-sha256`.
    Ed25519Sha256,
}

impl Algorithm {
    /// Reads `a=` in lower case.
    pub fn parse(name: &str) -> Option<Algorithm> {
        match name {
            "rsa-sha1" => Some(Algorithm::RsaSha1),
            "rsa-sha256" => Some(Algorithm::RsaSha256),
            "ed25519-sha256" => Some(Algorithm::Ed25519Sha256),
            _ => None,
        }
    }
}

/// What tells a signature apart, even one that cannot be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// `d=`, in lower case.
    pub domain: String,
    /// `s=`.
    pub selector: String,
    /// `a=`.
    pub algorithm: String,
    /// The first characters of `b=`.
    pub begins: String,
}

impl Label {
    /// What there is of it in a tag list.
    pub fn of(tags: &Tags<'_>) -> Label {
        let text = |name| tags.get(name).map(without_blanks).unwrap_or_default();
        Label {
            domain: text("d").to_lowercase(),
            selector: text("s"),
            algorithm: text("a").to_ascii_lowercase(),
            begins: text("b").chars().take(BEGINS_CHARS).collect(),
        }
    }

    /// The name the key is published at (RFC 6376 section 3.6.2.1).
    pub fn key_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }
}

/// A `DKIM-Signature:` or `ARC-Message-Signature:` that can be verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// `d=`, `s=`, and what else names it.
    pub label: Label,
    /// `a=`.
    pub algorithm: Algorithm,
    /// `c=`, first half.
    pub header: Canonicalization,
    /// `c=`, second half.
    pub body: Canonicalization,
    /// `h=`.
    pub signed: Vec<String>,
    /// `l=`, in octets of the canonical body.
    pub body_bytes: Option<u64>,
    /// `bh=`.
    pub body_hash: Vec<u8>,
    /// `b=`.
    pub signature: Vec<u8>,
    /// `x=`.
    pub expires: Option<UnixSeconds>,
    /// `i=`, which in ARC is the instance.
    pub identity: Option<String>,
}

impl Signature {
    /// Reads a `DKIM-Signature:` (RFC 6376 sections 3.5 and 6.1.1). The error says what is wrong with it.
    pub fn parse_dkim(tags: &Tags<'_>) -> Result<Signature, &'static str> {
        if tags.get("v") != Some("1") {
            return Err("this version of DKIM is unknown");
        }
        let signature = Signature::parse(tags)?;
        if !signature.signed.iter().any(|name| name.eq_ignore_ascii_case("from")) {
            return Err("From is not signed");
        }
        match signature.identity_domain() {
            Some(domain) if !is_within(&domain, &signature.label.domain) => Err("i= is not within d="),
            _ => Ok(signature),
        }
    }

    /// Reads what `DKIM-Signature:` and `ARC-Message-Signature:` have in common.
    pub fn parse(tags: &Tags<'_>) -> Result<Signature, &'static str> {
        let need = |name| tags.get(name).filter(|value| !value.is_empty()).ok_or("a tag is missing");
        let octets = |name| base64(need(name)?).ok_or("b= or bh= is no base64");
        let number = |name| tags.get(name).map(|value| value.parse::<u64>().map_err(|_| "a number is wrong"));
        for name in ["d", "s"] {
            need(name)?;
        }
        let (header, body) = Canonicalization::parse(tags.get("c").unwrap_or("simple/simple"))
            .ok_or("this canonicalization is unknown")?;
        let signed: Vec<_> = items(need("h")?).take(SIGNED_FIELDS_MAX + 1).map(str::to_owned).collect();
        let (signed_at, expires) = (number("t").transpose()?, number("x").transpose()?);
        if signed.len() > SIGNED_FIELDS_MAX {
            return Err("too many fields are signed");
        }
        if let (Some(signed_at), Some(expires)) = (signed_at, expires)
            && expires <= signed_at
        {
            return Err("it expires before it was made");
        }
        if !tags.get("q").is_none_or(|methods| items(methods).any(|method| method == "dns/txt")) {
            return Err("the key is not in DNS");
        }
        let label = Label::of(tags);
        Ok(Signature {
            algorithm: Algorithm::parse(&label.algorithm).ok_or("this algorithm is unknown")?,
            label,
            header,
            body,
            signed,
            body_bytes: number("l").transpose()?,
            body_hash: octets("bh")?,
            signature: octets("b")?,
            expires: expires.map(|expires| UnixSeconds::try_from(expires).unwrap_or(UnixSeconds::MAX)),
            identity: tags.get("i").map(without_blanks),
        })
    }

    /// Whether `i=` names the signing domain itself, as a key with `t=s` demands.
    pub fn is_identity_of_domain(&self) -> bool {
        self.identity_domain().is_none_or(|domain| domain == self.label.domain)
    }

    fn identity_domain(&self) -> Option<String> {
        let identity = self.identity.as_deref()?;
        Some(identity.rsplit_once('@').map_or(identity, |(_, domain)| domain).to_lowercase())
    }
}

/// Whether `name` is `domain` or lies below it.
fn is_within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|front| front.is_empty() || front.ends_with('.'))
}
