use super::{Algorithm, Finding};
use crate::tags::{Tags, base64, items};
use aws_lc_rs::signature::{ED25519, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};
use types::Outcome;

/// The shortest RSA key that proves anything, in octets (RFC 8301 section 3.2).
const RSA_BYTES_MIN: usize = 1024 / 8;

/// A published key (RFC 6376 section 3.6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    kind: Kind,
    octets: Vec<u8>,
    /// `t=y`: the domain is still trying.
    pub is_in_test: bool,
    /// `t=s`: the key serves the domain itself alone.
    pub is_strict: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rsa,
    Ed25519,
}

/// Why a record is no key to verify mail with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It is no key record.
    NoKey,
    /// `p=` is empty: the key was withdrawn.
    Revoked,
    /// It is for something else: another service, another hash, another algorithm.
    ForOthers,
}

impl Unusable {
    /// What a signature with such a key is worth.
    pub fn finding(self) -> Finding {
        let reason = match self {
            Unusable::NoKey => "the published key makes no sense",
            Unusable::Revoked => "the key was revoked",
            Unusable::ForOthers => "the key is not for this",
        };
        Finding::because(Outcome::PermError, reason)
    }
}

impl Key {
    /// Reads a key record.
    pub fn parse(record: &[u8]) -> Result<Key, Unusable> {
        let tags = Tags::parse(record).ok_or(Unusable::NoKey)?;
        let is_key = match tags.get("v") {
            Some(version) => version == "DKIM1" && tags.begins_with("v"),
            None => true,
        };
        let public = tags.get("p").filter(|_| is_key).ok_or(Unusable::NoKey)?;
        if public.is_empty() {
            return Err(Unusable::Revoked);
        }
        let lists = |tag, wanted: &[&str]| {
            tags.get(tag).is_none_or(|value| items(value).any(|item| wanted.contains(&item)))
        };
        if !lists("h", &["sha256"]) || !lists("s", &["*", "email"]) {
            return Err(Unusable::ForOthers);
        }
        let kind = match tags.get("k").unwrap_or("rsa") {
            "rsa" => Kind::Rsa,
            "ed25519" => Kind::Ed25519,
            _ => return Err(Unusable::ForOthers),
        };
        let has_flag = |flag| tags.get("t").is_some_and(|value| items(value).any(|item| item == flag));
        let octets = base64(public).ok_or(Unusable::NoKey)?;
        Ok(Key { kind, octets, is_in_test: has_flag("y"), is_strict: has_flag("s") })
    }

    /// Whether `signature` is this key's for `bytes`.
    pub fn verify(&self, algorithm: Algorithm, bytes: &[u8], signature: &[u8]) -> Finding {
        let is_genuine = match (self.kind, algorithm) {
            // An RSA signature is as long as its key.
            (Kind::Rsa, Algorithm::RsaSha256) if signature.len() < RSA_BYTES_MIN => {
                return Finding::because(Outcome::Policy, "the key is shorter than 1024 bits");
            }
            (Kind::Rsa, Algorithm::RsaSha256) => {
                UnparsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, &self.octets)
                    .verify(bytes, signature)
                    .is_ok()
            }
            (Kind::Ed25519, Algorithm::Ed25519Sha256) => {
                let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
                UnparsedPublicKey::new(&ED25519, &self.octets).verify(digest.as_ref(), signature).is_ok()
            }
            _ => return Unusable::ForOthers.finding(),
        };
        match is_genuine {
            true => Finding::PASS,
            false => Finding::because(Outcome::Fail, "the signature does not fit"),
        }
    }
}
