//! Text packed against text that is at hand when it is unpacked: what the digest says already costs a few bytes to say again.
//!
//! ```text
//! packed   varint literal bytes | the bytes | varint match bytes - 4 | varint how far back it lies | ... and so on
//! ```
//!
//! Distances reach back into the text so far and, before it, into the dictionary.

use super::digest::{DigestError, Reader, write_varint};

/// Shorter matches are written as they are.
const MATCH_BYTES_MIN: usize = 4;
/// What is unpacked is not longer, whatever the bytes say.
const UNPACKED_BYTES_MAX: usize = 16 * 1024;
const HASH_BITS: u32 = 12;

/// What headers often say, what is most usual last.
const USUAL: &[u8] = b"\r\nPrecedence: bulk\r\nImportance: Normal\r\nX-Priority: 3\r\nList-Help: <mailto:\r\nList-Subscribe: <\
    \r\nList-Archive: <\r\nList-Post: <mailto:\r\nList-Id: <\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\
    \r\nList-Unsubscribe: <https://www.\r\nSender: \r\nReply-To: \r\nCc: \r\nContent-Language: en-US\
    \r\nContent-Transfer-Encoding: quoted-printable\r\nContent-Transfer-Encoding: 7bit\r\nContent-Type: text/html; charset=\"UTF-8\
    \"\r\nContent-Type: multipart/mixed; boundary=\"\r\nContent-Type: multipart/alternative; boundary=\"----=_Part_\
    \r\nContent-Type: text/plain; charset=utf-8; format=flowed\r\nMIME-Version: 1.0\r\nIn-Reply-To: <\r\nReferences: <\
    \r\nMessage-ID: <\r\nDate: \r\nSubject: \r\nTo: \r\nFrom: ";

/// Appends `text`, packed against `known`.
pub(super) fn pack(known: &[&[u8]], text: &[u8], out: &mut Vec<u8>) {
    let mut history = USUAL.to_vec();
    for part in known {
        history.extend_from_slice(part);
    }
    let mut at = history.len();
    history.extend_from_slice(text);
    let mut last_seen = vec![u32::MAX; 1 << HASH_BITS];
    for place in 0..at {
        note(&history, place, &mut last_seen);
    }
    let mut literal_start = at;
    while at < history.len() {
        let Some((from, bytes)) = longest(&history, at, &last_seen) else {
            note(&history, at, &mut last_seen);
            at += 1;
            continue;
        };
        put_literal(&history[literal_start..at], out);
        write_varint((bytes - MATCH_BYTES_MIN) as u64, out);
        write_varint((at - from) as u64, out);
        for place in at..at + bytes {
            note(&history, place, &mut last_seen);
        }
        at += bytes;
        literal_start = at;
    }
    put_literal(&history[literal_start..], out);
}

/// Unpacks into `history`, which is cleared first, and returns the text there.
pub(super) fn unpack<'h>(
    known: &[u8],
    packed: &[u8],
    history: &'h mut Vec<u8>,
) -> Result<&'h [u8], DigestError> {
    history.clear();
    history.extend_from_slice(USUAL);
    history.extend_from_slice(known);
    let start = history.len();
    let mut reader = Reader::new(packed);
    while !reader.is_empty() {
        history.extend_from_slice(reader.slice()?);
        if !reader.is_empty() {
            let bytes = reader.length()? as usize + MATCH_BYTES_MIN;
            let distance = reader.length()? as usize;
            let from = history.len().checked_sub(distance).ok_or(DigestError::Damaged)?;
            if distance == 0 || bytes > UNPACKED_BYTES_MAX {
                return Err(DigestError::Damaged);
            }
            copy_within(history, from, bytes);
        }
        if history.len() - start > UNPACKED_BYTES_MAX {
            return Err(DigestError::Damaged);
        }
    }
    Ok(&history[start..])
}

/// Appends what lies at `from`; it may reach into what is being appended.
fn copy_within(history: &mut Vec<u8>, from: usize, bytes: usize) {
    let end = history.len() + bytes;
    while history.len() < end {
        let count = (history.len() - from).min(end - history.len());
        history.extend_from_within(from..from + count);
    }
}

fn put_literal(literal: &[u8], out: &mut Vec<u8>) {
    write_varint(literal.len() as u64, out);
    out.extend_from_slice(literal);
}

fn note(history: &[u8], place: usize, last_seen: &mut [u32]) {
    if let Some(start) = history[place..].first_chunk() {
        last_seen[hash(*start)] = place as u32;
    }
}

/// Where the text at `at` was seen before, and how much of it.
fn longest(history: &[u8], at: usize, last_seen: &[u32]) -> Option<(usize, usize)> {
    let start = history[at..].first_chunk()?;
    let from = last_seen[hash(*start)] as usize;
    let before = history.get(from..)?.iter();
    let bytes = before.zip(&history[at..]).take_while(|(a, b)| a == b).count();
    (bytes >= MATCH_BYTES_MIN).then_some((from, bytes))
}

fn hash(start: [u8; MATCH_BYTES_MIN]) -> usize {
    (u32::from_le_bytes(start).wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_known_costs_little() {
        let known = b"(\"Sun, 2 Nov 2025 10:00:00 +0000\" \"a subject\" ((\"Some One\" NIL \"someone\" \"example.org\")) \"<1@example.org>\")";
        let text = b"From: Some One <someone@example.org>\r\nSubject: a subject\r\nDate: Sun, 2 Nov 2025 10:00:00 +0000\r\n\
            Message-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n";
        let mut packed = Vec::new();
        pack(&[known], text, &mut packed);
        assert!(packed.len() < text.len() / 3, "{} of {}", packed.len(), text.len());
        assert_eq!(unpack(known, &packed, &mut Vec::new()).unwrap(), text);
    }

    proptest! {
        #[test]
        fn everything_comes_back(known in "[ab\r\nFrom: ]{0,60}", text in "[ab\r\nFrom: Date]{0,200}") {
            let (front, back) = known.as_bytes().split_at(known.len() / 2);
            let mut packed = Vec::new();
            pack(&[front, back], text.as_bytes(), &mut packed);
            let mut scratch = Vec::new();
            prop_assert_eq!(unpack(known.as_bytes(), &packed, &mut scratch).unwrap(), text.as_bytes());
        }

        #[test]
        fn garbage_stays_within_bounds(packed in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = unpack(b"known", &packed, &mut Vec::new());
        }
    }
}
