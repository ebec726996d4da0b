//! Passwords on their way in and out of the directory.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use proto::sasl::{SaslError, prepare};
use std::sync::OnceLock;
use types::PasswordRecord;

/// PBKDF2 rounds of the SCRAM keys, above RFC 7677's minimum of 4096; phones compute them at each login.
pub const ITERATIONS: u32 = 10_000;

/// What is kept of a new password under the account's salt and rounds; an error for one with control characters.
pub fn new_record(
    password: &str,
    scram_salt: &[u8; 16],
    scram_iterations: u32,
) -> Result<PasswordRecord, SaslError> {
    // The one spelling that SCRAM clients compute with too, whatever keyboard it was typed on.
    let password = &*prepare(password)?;
    Ok(PasswordRecord {
        argon2id: hash(password),
        scram: proto::sasl::scram_keys(password, scram_salt, scram_iterations),
    })
}

/// A salt for a new account's SCRAM keys.
pub fn new_salt() -> [u8; 16] {
    random_bytes()
}

/// Bytes from the operating system's generator.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the kernel's random generator answers once the system is up");
    bytes
}

/// Whether the password is the one that was hashed. A damaged hash fits none.
pub(super) fn is_right(argon2id: &str, password: &str) -> bool {
    PasswordHash::new(argon2id)
        .is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
}

/// A hash nobody knows the password of, for names nobody has.
pub(super) fn stranger_hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| hash(&data_encoding::BASE64.encode(&random_bytes::<18>())))
}

fn hash(password: &str) -> String {
    Argon2::default()
        .hash_password(password.as_bytes())
        .expect("the default parameters are valid and passwords have a limit")
        .to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_record_fits_its_password_only() {
        let record = new_record("correct horse", &[7; 16], 4096).unwrap();
        assert!(record.argon2id.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(is_right(&record.argon2id, "correct horse"));
        assert!(!is_right(&record.argon2id, "correct hors"));
        assert!(!is_right("garbage", "correct horse"));
        assert!(new_record("line\r\nend", &[7; 16], 4096).is_err());
    }
}
