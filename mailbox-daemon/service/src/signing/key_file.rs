//! The file of one key: a PEM file like any other, with the key's life in lines on top.
//!
//! ```text
//! domain: home.test
//! made: 1795219200
//! signing: 1795219200
//! -----BEGIN PRIVATE KEY-----
//! ```

use data_encoding::BASE64;
use policy::dkim_rotation::KeyTimes;
use proto::signing::{Algorithm, KeyError, KeyRecord, PrivateKey};
use std::fmt::Write as _;
use thiserror::Error;
use types::{Domain, UnixSeconds};
use zeroize::Zeroizing;

/// Ends the name of every key's file.
pub(super) const SUFFIX: &str = ".pem";
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
const LINE_BYTES: usize = 64;

/// A key with everything known of it.
pub(crate) struct SigningKey {
    /// `d=`.
    pub(crate) domain: Domain,
    /// `s=`.
    pub(crate) selector: String,
    /// Its life.
    pub(crate) times: KeyTimes,
    /// To sign with.
    pub(crate) private: PrivateKey,
    pkcs8: Zeroizing<Vec<u8>>,
}

/// Why a file holds no key.
#[derive(Debug, Error)]
pub(crate) enum KeyFileError {
    /// Its name is not that of a key.
    #[error("its name is not that of a key")]
    Name,
    /// A line is missing or makes no sense.
    #[error("the line `{0}` is missing or damaged")]
    Line(&'static str),
    /// What is between the PEM lines.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl SigningKey {
    /// A new key; it does not sign yet.
    pub(super) fn make(
        domain: &Domain,
        algorithm: Algorithm,
        selector: String,
        now: UnixSeconds,
    ) -> Result<SigningKey, KeyError> {
        let (private, pkcs8) = PrivateKey::generate(algorithm)?;
        let times = KeyTimes { made_at: now, ..KeyTimes::default() };
        Ok(SigningKey { domain: domain.clone(), selector, times, private, pkcs8 })
    }

    /// The same key, further in its life.
    pub(super) fn with(&self, times: KeyTimes) -> Result<SigningKey, KeyError> {
        Ok(SigningKey {
            domain: self.domain.clone(),
            selector: self.selector.clone(),
            times,
            private: PrivateKey::from_pkcs8(self.private.algorithm(), &self.pkcs8)?,
            pkcs8: self.pkcs8.clone(),
        })
    }

    /// Where its record belongs (RFC 6376 section 3.6.2.1), without the dot at the end.
    pub(crate) fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// Its record.
    pub(crate) fn record(&self) -> KeyRecord {
        KeyRecord::of(&self.private)
    }

    /// What its file is called.
    pub(super) fn file_name(&self) -> String {
        self.record_name() + SUFFIX
    }

    /// What its file holds.
    pub(super) fn file(&self) -> Zeroizing<String> {
        let KeyTimes { made_at, seen_at, signing_since, retired_at } = self.times;
        let moments =
            [("made", Some(made_at)), ("seen", seen_at), ("signing", signing_since), ("retired", retired_at)];
        let base64 = Zeroizing::new(BASE64.encode(&self.pkcs8));
        // Room for all of it: a string that grows leaves pieces of the key behind.
        let mut text = Zeroizing::new(String::with_capacity(4096));
        let _ = writeln!(text, "domain: {}", self.domain);
        for (name, at) in moments {
            if let Some(at) = at {
                let _ = writeln!(text, "{name}: {at}");
            }
        }
        let _ = writeln!(text, "{BEGIN}");
        for line in base64.as_bytes().chunks(LINE_BYTES) {
            let _ = writeln!(text, "{}", std::str::from_utf8(line).unwrap_or_default());
        }
        let _ = writeln!(text, "{END}");
        text
    }

    /// Reads a file.
    pub(super) fn read(file_name: &str, contents: &[u8]) -> Result<SigningKey, KeyFileError> {
        let (selector, domain) = split_name(file_name).ok_or(KeyFileError::Name)?;
        let algorithm = algorithm_of(selector).ok_or(KeyFileError::Name)?;
        let text = std::str::from_utf8(contents).map_err(|_| KeyFileError::Line(BEGIN))?;
        let (head, rest) = text.split_once(BEGIN).ok_or(KeyFileError::Line(BEGIN))?;
        let (base64, _) = rest.split_once(END).ok_or(KeyFileError::Line(END))?;
        let moment = |name: &'static str| match line(head, name) {
            None => Ok(None),
            Some(text) => text.parse::<UnixSeconds>().map(Some).map_err(|_| KeyFileError::Line(name)),
        };
        let times = KeyTimes {
            made_at: moment("made")?.ok_or(KeyFileError::Line("made"))?,
            seen_at: moment("seen")?,
            signing_since: moment("signing")?,
            retired_at: moment("retired")?,
        };
        let base64: Zeroizing<Vec<u8>> =
            Zeroizing::new(base64.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect());
        let pkcs8 = Zeroizing::new(BASE64.decode(&base64).map_err(|_| KeyError::Damaged)?);
        let private = PrivateKey::from_pkcs8(algorithm, &pkcs8)?;
        Ok(SigningKey { domain, selector: selector.to_owned(), times, private, pkcs8 })
    }
}

/// Selector and domain of a key's file.
pub(super) fn split_name(file_name: &str) -> Option<(&str, Domain)> {
    let (selector, domain) = file_name.strip_suffix(SUFFIX)?.split_once("._domainkey.")?;
    Some((selector, Domain::parse(domain).ok()?))
}

/// A selector says how its key signs: `20261121-rsa`.
pub(super) fn algorithm_of(selector: &str) -> Option<Algorithm> {
    let kind = selector.split('-').nth(1)?;
    Algorithm::ALL.into_iter().find(|algorithm| algorithm.key_type() == kind)
}

fn line<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_file() {
        let domain = Domain::parse("home.test").expect("valid");
        for algorithm in Algorithm::ALL {
            let selector = format!("20261121-{}-2", algorithm.key_type());
            let key = SigningKey::make(&domain, algorithm, selector, 5).expect("made");
            let times = KeyTimes { seen_at: Some(6), signing_since: Some(7), ..key.times };
            let key = key.with(times).expect("read");
            let read = SigningKey::read(&key.file_name(), key.file().as_bytes()).expect("whole");
            assert_eq!((&read.domain, read.times), (&domain, times));
            assert_eq!((read.record(), read.record_name()), (key.record(), key.record_name()));
        }
    }

    #[test]
    fn what_is_damaged_is_named() {
        let domain = Domain::parse("home.test").expect("valid");
        let key = SigningKey::make(&domain, Algorithm::Ed25519, "1-ed25519".to_owned(), 5).expect("made");
        let (name, file) = (key.file_name(), key.file());
        let error = |name: &str, file: &str| {
            SigningKey::read(name, file.as_bytes()).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(error("home.test.pem", &file), "its name is not that of a key");
        assert_eq!(error(&name, &file.replace("made: 5\n", "")), "the line `made` is missing or damaged");
        assert_eq!(
            error(&name, &file.replace("made: 5", "made: x")),
            "the line `made` is missing or damaged"
        );
        assert_eq!(
            error(&name, &file[..file.len() / 2]),
            "the line `-----END PRIVATE KEY-----` is missing or damaged"
        );
        assert_eq!(error(&name, &file.replace("\nM", "\nN")), "this is no private key of its kind");
        assert_eq!(error(&name, ""), "the line `-----BEGIN PRIVATE KEY-----` is missing or damaged");
    }
}
