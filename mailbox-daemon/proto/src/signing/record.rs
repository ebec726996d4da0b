use super::key::{Algorithm, PrivateKey};
use crate::dkim::Key;
use crate::tags::{Tags, base64};
use data_encoding::BASE64;

/// A character string of a TXT record holds at most so much (RFC 1035 section 3.3).
const TXT_STRING_BYTES_MAX: usize = 255;

/// What is published of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    algorithm: Algorithm,
    public: Vec<u8>,
}

impl KeyRecord {
    /// That of a key.
    pub fn of(key: &PrivateKey) -> KeyRecord {
        KeyRecord { algorithm: key.algorithm(), public: key.public() }
    }

    /// The whole value (RFC 6376 section 3.6.1).
    pub fn text(&self) -> String {
        format!("v=DKIM1; k={}; p={}", self.algorithm.key_type(), BASE64.encode(&self.public))
    }

    /// The value in pieces a TXT record can hold; verifiers put them together again.
    pub fn strings(&self) -> Vec<String> {
        let text = self.text();
        let pieces = text.as_bytes().chunks(TXT_STRING_BYTES_MAX);
        pieces.map(|piece| String::from_utf8_lossy(piece).into_owned()).collect()
    }

    /// Whether the strings of a TXT record, put together, publish this key.
    pub fn is_in(&self, txt: &[u8]) -> bool {
        publishes(txt, &self.public)
    }
}

/// Whether a key record publishes these octets. What a verifier would not take publishes nothing.
pub fn publishes(txt: &[u8], public: &[u8]) -> bool {
    let published = Tags::parse(txt).and_then(|tags| base64(tags.get("p")?));
    Key::parse(txt).is_ok() && published.is_some_and(|published| published == public)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_record_is_cut_and_found_again() {
        let (key, _) = PrivateKey::generate(Algorithm::Rsa).unwrap();
        let record = KeyRecord::of(&key);
        let strings = record.strings();
        assert_eq!(strings.len(), 2);
        assert!(strings.iter().all(|string| string.len() <= 255));
        assert!(strings[0].starts_with("v=DKIM1; k=rsa; p=MII"));
        assert!(record.is_in(strings.concat().as_bytes()));
    }

    #[test]
    fn records_are_read_as_they_are_published() {
        let is_in = |txt: &str| publishes(txt.as_bytes(), b"key");
        for txt in ["v=DKIM1; k=rsa; p=a2V5", "p=a2\tV 5", " k=rsa ; p = a2V5 ; t=s"] {
            assert!(is_in(txt), "{txt}");
        }
        for txt in [
            "",
            "p=",
            "p",
            "v=DKIM1; p=a2V6",
            "p=a2V",
            "n=p=a2V5",
            "v=DKIM2; p=a2V5",
            "k=dsa; p=a2V5",
            "p=\u{0}",
        ] {
            assert!(!is_in(txt), "{txt}");
        }
        assert!(!publishes(b"p=", b""), "a revoked key is not published");
    }
}
