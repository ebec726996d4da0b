//! DKIM signatures (RFC 6376, RFC 8301, RFC 8463), read and verified.
//!
//! What a message is compared with comes from elsewhere: whoever looked up the key hands it in.

mod canonical;
mod key;
mod signature;

pub use canonical::{BodyDigest, Canonicalization, body_digest, relaxed_field, signed_bytes};
pub use key::{Key, Unusable};
pub use signature::{Algorithm, Label, Signature};

use crate::mime::header::Field;
use types::{Outcome, UnixSeconds};

/// What came out, and why where it is not a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The outcome.
    pub outcome: Outcome,
    /// A few words for people.
    pub reason: Option<&'static str>,
}

impl Finding {
    /// It holds.
    pub const PASS: Finding = Finding { outcome: Outcome::Pass, reason: None };

    /// It does not, or cannot be told.
    pub const fn because(outcome: Outcome, reason: &'static str) -> Finding {
        Finding { outcome, reason: Some(reason) }
    }
}

/// What can be said against a signature without its key: its age, its strength, and the body (RFC 6376 section 6.1.1).
pub fn objection(signature: &Signature, body: &BodyDigest, now: UnixSeconds) -> Option<Finding> {
    if signature.algorithm == Algorithm::RsaSha1 {
        return Some(Finding::because(Outcome::Policy, "rsa-sha1 proves nothing any more"));
    }
    if signature.expires.is_some_and(|expires| expires < now) {
        return Some(Finding::because(Outcome::Fail, "the signature has expired"));
    }
    if let Some(length) = signature.body_bytes {
        if length > body.bytes {
            return Some(Finding::because(Outcome::Fail, "the body is shorter than what was signed"));
        }
        // Anybody can append to such a message, and what is appended is what is shown.
        if length < body.bytes {
            return Some(Finding::because(Outcome::Policy, "only a part of the body is signed"));
        }
    }
    (signature.body_hash != body.sha256)
        .then_some(Finding::because(Outcome::Fail, "the body is not what was signed"))
}

/// Verifies a signature nothing else is to be said against. `own` is its field among `fields`, the message's header.
pub fn verify(signature: &Signature, own: &Field<'_>, fields: &[Field<'_>], key: &Key) -> Finding {
    if key.is_strict && !signature.is_identity_of_domain() {
        return Finding::because(Outcome::PermError, "the key does not serve subdomains");
    }
    let bytes = signed_bytes(fields, &signature.signed, signature.header, own);
    let finding = key.verify(signature.algorithm, &bytes, &signature.signature);
    match finding.outcome {
        // A domain that is still trying is not to be held to it (RFC 6376 section 3.6.1, t=y).
        Outcome::Fail if key.is_in_test => Finding::because(Outcome::Neutral, "the key is in test"),
        _ => finding,
    }
}

#[cfg(test)]
mod tests;
