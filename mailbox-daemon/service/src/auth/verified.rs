//! Passwords that were right lately, so that a mail program's tenth connection costs no 19 MiB hash.
//!
//! Kept is only a keyed hash over account, stored hash and password under a key that dies with the process; a changed or
//! revoked password has another stored hash and is not found.

use aws_lc_rs::hmac;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

const REMEMBERED_MAX: usize = 256;

pub(super) type Fingerprint = [u8; 32];

pub(super) struct Verified {
    key: [u8; 32],
    known: Mutex<HashSet<Fingerprint>>,
}

impl Verified {
    pub(super) fn new() -> Verified {
        Verified { key: super::password::random_bytes(), known: Mutex::default() }
    }

    pub(super) fn fingerprint(&self, account: &str, argon2id: &str, password: &str) -> Fingerprint {
        keyed_hash(&self.key, &[account.as_bytes(), argon2id.as_bytes(), password.as_bytes()])
    }

    pub(super) fn contains(&self, fingerprint: &Fingerprint) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(fingerprint)
    }

    pub(super) fn remember(&self, fingerprint: Fingerprint) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Starting over is rarer than a family has devices, and costs each of them one hash.
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(fingerprint);
    }
}

/// HMAC-SHA-256 over the parts, each with its length before it.
pub(crate) fn keyed_hash(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.sign().as_ref());
    hash
}
