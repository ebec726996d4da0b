use super::body::BodyHash;
use super::key::{KeyError, PrivateKey};
use super::signed_fields;
use crate::dkim::relaxed_field;
use crate::smtp::header::Field;
use data_encoding::BASE64;
use types::{Domain, UnixSeconds};

/// Folded lines are about this long.
const LINE_BYTES: usize = 76;

/// Who signs.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// With what.
    pub key: &'a PrivateKey,
    /// `d=`.
    pub domain: &'a Domain,
    /// `s=`.
    pub selector: &'a str,
    /// `t=`.
    pub now: UnixSeconds,
}

/// A `DKIM-Signature:` field, with its CRLF, for a message of this header and body. It belongs on top of the message.
pub fn sign(signer: Signer, header: &[Field], body: BodyHash) -> Result<String, KeyError> {
    let signed = signed_fields::choose(header, false);
    let Signer { key, domain, selector, now } = signer;
    let start = format!(
        "v=1; a={}; c=relaxed/simple; d={domain};\r\n\ts={selector}; t={now};",
        key.algorithm().signature_type()
    );
    complete(signer.key, "DKIM-Signature", &start, &signed, body)
}

/// A field that covers header and body: `start`, then `h=`, `bh=` and `b=`.
pub(super) fn complete(
    key: &PrivateKey,
    name: &str,
    start: &str,
    signed: &signed_fields::Signed,
    body: BodyHash,
) -> Result<String, KeyError> {
    let mut value = format!(" {start}\r\n\th=");
    append_folded(&mut value, signed.names.iter().copied(), ":");
    value += &[";\r\n\tbh=", &BASE64.encode(&body.0), ";\r\n\tb="].concat();
    let mut hashed = Vec::new();
    for field in &signed.fields {
        relaxed_field(field.name, field.value, &mut hashed);
    }
    finish(key, name, value, hashed)
}

/// Signs what was gathered and the field itself, whose `b=` is still empty (RFC 6376 section 3.7), and fills it.
pub(super) fn finish(
    key: &PrivateKey,
    name: &str,
    mut value: String,
    mut hashed: Vec<u8>,
) -> Result<String, KeyError> {
    relaxed_field(name.as_bytes(), value.as_bytes(), &mut hashed);
    hashed.truncate(hashed.len() - b"\r\n".len());
    let signature = BASE64.encode(&key.sign(&hashed)?);
    let pieces = signature.as_bytes().chunks(LINE_BYTES - 4);
    let pieces: Vec<_> = pieces.map(String::from_utf8_lossy).collect();
    value.push_str(&pieces.join("\r\n\t"));
    Ok(format!("{name}:{value}\r\n"))
}

/// Appends words with a separator after each but the last, folded after separators.
fn append_folded<'a>(text: &mut String, words: impl Iterator<Item = &'a str>, separator: &str) {
    let mut line_bytes = text.len() - text.rfind('\n').map_or(0, |newline| newline + 1);
    for (index, word) in words.enumerate() {
        if index > 0 {
            text.push_str(separator);
            line_bytes += separator.len();
            if line_bytes + word.len() >= LINE_BYTES {
                text.push_str("\r\n\t ");
                line_bytes = 2;
            }
        }
        text.push_str(word);
        line_bytes += word.len();
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Algorithm, BodyHasher};
    use super::*;
    use crate::smtp::header::fields;

    #[test]
    fn a_signature_names_what_it_covers_and_what_must_not_be_added() {
        let (key, _) = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let domain = Domain::parse("home.test").unwrap();
        let signer = Signer { key: &key, domain: &domain, selector: "20261121e", now: 1_795_000_000 };
        let header: Vec<_> =
            fields(b"Received: x\r\nFrom: ana@home.test\r\nTo: b@x\r\nSender: s@x\r\nTO: c@x\r\n").collect();
        let text = sign(signer, &header, BodyHasher::default().finish()).unwrap();
        assert!(text.starts_with(
            "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/simple; d=home.test;\r\n\
             \ts=20261121e; t=1795000000;\r\n\th=From:From:Reply-To:To:To:To:Cc:"
        ));
        assert!(text.contains(":Sender;") && !text.contains("Received") && !text.contains("l="));
        assert!(text.lines().all(|line| line.len() <= 78), "{text}");
        assert!(text.ends_with("\r\n"));
    }
}
