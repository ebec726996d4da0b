//! The fields on top of one message that vouch for it.

use super::key_file::SigningKey;
use crate::disk;
use crate::host::Host;
use proto::signing::{Algorithm, BodyHash, ChainStatus, KeyError, Seal, Signer, says_failed, sign};
use proto::smtp::header::Field;
use std::sync::Arc;
use types::{Domain, Outcome, UnixSeconds};

/// `DKIM-Signature:` fields for a message of this author's domain; empty where the box has no part in that domain. A key that
/// does not work is an issue for the owner and costs its signature, never the message.
pub(crate) fn signatures(
    host: &Host,
    author: &Domain,
    header: &[Field],
    body: BodyHash,
    now: UnixSeconds,
) -> String {
    let Some(domain) = signing_domain(host, author) else { return String::new() };
    let keys = keys(host, &domain, now);
    let signed = keys.iter().map(|key| sign(signer(key, now), header, body));
    signed.filter_map(|field| whole(host, &domain, field, now)).collect()
}

/// One more ARC set for a message that is forwarded for `domain`, as RFC 8617 section 5.1 has it; empty where none can or
/// need be added. `results` is what `Authentication-Results:` says.
pub(crate) fn seal(
    host: &Host,
    domain: &Domain,
    header: &[Field],
    body: BodyHash,
    found: Outcome,
    results: &str,
    now: UnixSeconds,
) -> String {
    let chain = match found {
        Outcome::None => ChainStatus::None,
        Outcome::Pass => ChainStatus::Pass,
        // Nobody knows whether it holds; the next server may find out.
        Outcome::TempError => return String::new(),
        _ if says_failed(header) => return String::new(),
        _ => ChainStatus::Fail,
    };
    let keys = keys(host, domain, now);
    // One set per hop: with the algorithm every verifier knows.
    let Some(key) = keys.iter().find(|key| key.private.algorithm() == Algorithm::Rsa) else {
        return String::new();
    };
    let fields = Seal { signer: signer(key, now), chain, results }.fields(header, body);
    whole(host, domain, fields, now).flatten().unwrap_or_default()
}

/// The domain of this box that signs for an author's domain: itself or the nearest one above it, which DMARC calls aligned
/// (RFC 7489 section 3.1.1).
fn signing_domain(host: &Host, author: &Domain) -> Option<Domain> {
    let mut name = author.as_str();
    loop {
        let domain = Domain::parse(name).ok()?;
        match host.directory.domain(&domain) {
            Ok(Some(local)) => return Some(local.domain),
            Ok(None) => name = name.split_once('.')?.1,
            Err(error) => {
                unusable(host, &domain, &error, host.now());
                return None;
            }
        }
    }
}

fn keys(host: &Host, domain: &Domain, now: UnixSeconds) -> Vec<Arc<SigningKey>> {
    if let Err(error) = disk(|| host.keyring.ensure(domain, now)) {
        unusable(host, domain, &error, now);
    }
    host.keyring.signing(domain)
}

fn signer(key: &SigningKey, now: UnixSeconds) -> Signer<'_> {
    Signer { key: &key.private, domain: &key.domain, selector: &key.selector, now }
}

fn whole<T>(host: &Host, domain: &Domain, made: Result<T, KeyError>, now: UnixSeconds) -> Option<T> {
    made.inspect_err(|error| unusable(host, domain, error, now)).ok()
}

fn unusable(host: &Host, domain: &Domain, error: &dyn std::fmt::Display, now: UnixSeconds) {
    let text = format!("Mail from {domain} leaves without a signature: {error}");
    host.issues.raise(&format!("dkim/{domain}"), &text, now);
}
