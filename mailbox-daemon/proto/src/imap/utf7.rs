//! Modified UTF-7, the spelling of mailbox names in IMAP4rev1 (RFC 3501 section 5.1.3).

use data_encoding::{Encoding, Specification};
use std::sync::LazyLock;
use thiserror::Error;

/// Why a name is no modified UTF-7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Utf7Error {
    /// A byte outside printable ASCII.
    #[error("a mailbox name in modified UTF-7 is printable ASCII")]
    NotAscii,
    /// `&` without its `-`, or base64 that does not decode to whole UTF-16.
    #[error("the modified UTF-7 between & and - does not decode")]
    BadBase64,
    /// A printable ASCII character spelled in base64, or two shifts in a row: one name would have two spellings.
    #[error("the modified UTF-7 is not in its only spelling")]
    NotCanonical,
}

static BASE64: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,");
    specification.encoding().expect("64 distinct symbols make an encoding")
});

/// Decodes a name; only the canonical spelling is taken, as RFC 3501 demands.
pub fn decode(name: &[u8]) -> Result<String, Utf7Error> {
    let mut text = String::with_capacity(name.len());
    let mut rest = name;
    let mut after_shift = false;
    while let Some((&byte, tail)) = rest.split_first() {
        match byte {
            b'&' => {
                let end = memchr::memchr(b'-', tail).ok_or(Utf7Error::BadBase64)?;
                match end {
                    0 => text.push('&'),
                    _ if after_shift => return Err(Utf7Error::NotCanonical),
                    _ => decode_shifted(&tail[..end], &mut text)?,
                }
                after_shift = end > 0;
                rest = &tail[end + 1..];
            }
            0x20..=0x7e => {
                text.push(char::from(byte));
                after_shift = false;
                rest = tail;
            }
            _ => return Err(Utf7Error::NotAscii),
        }
    }
    Ok(text)
}

fn decode_shifted(base64: &[u8], text: &mut String) -> Result<(), Utf7Error> {
    let bytes = BASE64.decode(base64).map_err(|_| Utf7Error::BadBase64)?;
    if bytes.len() % 2 != 0 {
        return Err(Utf7Error::BadBase64);
    }
    let units = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    for character in char::decode_utf16(units) {
        let character = character.map_err(|_| Utf7Error::BadBase64)?;
        if matches!(character, ' '..='~') {
            return Err(Utf7Error::NotCanonical);
        }
        text.push(character);
    }
    Ok(())
}

/// Encodes a name.
pub fn encode(name: &str, out: &mut Vec<u8>) {
    let mut shifted: Vec<u8> = Vec::new();
    for character in name.chars() {
        if matches!(character, ' '..='~') {
            unshift(&mut shifted, out);
            out.push(character as u8);
            if character == '&' {
                out.push(b'-');
            }
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                shifted.extend_from_slice(&unit.to_be_bytes());
            }
        }
    }
    unshift(&mut shifted, out);
}

fn unshift(shifted: &mut Vec<u8>, out: &mut Vec<u8>) {
    if !shifted.is_empty() {
        out.push(b'&');
        out.extend_from_slice(BASE64.encode(shifted).as_bytes());
        out.push(b'-');
        shifted.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_rfc_3501() {
        assert_eq!(decode(b"~peter/mail/&U,BTFw-/&ZeVnLIqe-").as_deref(), Ok("~peter/mail/台北/日本語"));
        assert_eq!(decode(b"&Jjo-!"), Ok("☺!".to_owned()));
        assert_eq!(decode(b"&U,BTFw-&ZeVnLIqe-"), Err(Utf7Error::NotCanonical));
        assert_eq!(decode(b"R&-D"), Ok("R&D".to_owned()));
    }

    #[test]
    fn broken_names_are_told_apart() {
        for (name, error) in [
            (&b"&"[..], Utf7Error::BadBase64),
            (b"&Jjo", Utf7Error::BadBase64),
            (b"&Jjo!-", Utf7Error::BadBase64),
            (b"&AGE-", Utf7Error::NotCanonical),
            (b"&2AA-", Utf7Error::BadBase64),
            (b"&AA-", Utf7Error::BadBase64),
            (b"gr\xc3\xbcn", Utf7Error::NotAscii),
            (b"a\0", Utf7Error::NotAscii),
        ] {
            assert_eq!(decode(name), Err(error), "{}", name.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn every_name_survives(name in "\\PC{0,40}") {
            let mut encoded = Vec::new();
            encode(&name, &mut encoded);
            prop_assert_eq!(decode(&encoded), Ok(name));
        }

        #[test]
        fn what_decodes_has_one_spelling(name in "[a&+,AG-]{0,12}") {
            if let Ok(text) = decode(name.as_bytes()) {
                let mut encoded = Vec::new();
                encode(&text, &mut encoded);
                prop_assert_eq!(encoded, name.into_bytes());
            }
        }
    }
}
