//! Text in header fields: `=?charset?encoding?text?=` (RFC 2047), read tolerantly and written properly.

use super::decode;
use std::fmt::Write;

/// Longest encoded word (RFC 2047 section 2).
const WORD_BYTES_MAX: usize = 75;

/// Words far longer than allowed are read; an end to the search keeps hostile fields cheap.
const TEXT_BYTES_MAX: usize = 4096;
const CHARSET_BYTES_MAX: usize = 100;

/// Appends the readable form of an unstructured or structured value as UTF-8. Line breaks vanish; blanks between encoded
/// words do too; words that cannot be read stay as they are. Raw octets that are no UTF-8 are read as Windows-1252.
pub fn decode(value: &[u8], out: &mut Vec<u8>) {
    let mut run = Run::default();
    let mut rest = value;
    while let Some(start) = memchr::memmem::find(rest, b"=?") {
        let (before, word) = rest.split_at(start);
        match Word::parse(word) {
            Some(word) => {
                let blank = before.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
                if !(run.open && blank) {
                    run.close(out);
                    decode_raw(before, out);
                }
                run.push(&word, out);
                rest = &rest[start + word.length..];
            }
            None => {
                run.close(out);
                decode_raw(&rest[..start + 2], out);
                rest = &rest[start + 2..];
            }
        }
    }
    run.close(out);
    decode_raw(rest, out);
}

/// The readable form of a value as a string.
pub fn decoded(value: &[u8]) -> String {
    let mut out = Vec::with_capacity(value.len());
    decode(value, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Encodes a value for a header: ASCII stays, anything else becomes UTF-8 encoded words, folded with CRLF and a space.
pub fn encode(text: &str) -> String {
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && !text.contains("=?");
    if plain { text.to_owned() } else { words(text) }
}

/// Encodes a value as encoded words whatever it says, folded with CRLF and a space.
pub fn words(text: &str) -> String {
    const FRAME: usize = "=?utf-8?B??=".len();
    let bytes_max = (WORD_BYTES_MAX - FRAME) / 4 * 3;
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, behind) = rest.split_at(rest.floor_char_boundary(bytes_max));
        let separator = if out.is_empty() { "" } else { "\r\n " };
        // Writing to a String cannot fail.
        let _ = write!(out, "{separator}=?utf-8?B?{}?=", data_encoding::BASE64.encode(word.as_bytes()));
        rest = behind;
    }
    out
}

/// Encodes a display name (RFC 5322 section 3.2.5): quoted where it is ASCII, as encoded words where it is not.
pub fn phrase(text: &str) -> String {
    match encode(text) {
        plain if plain == text => format!("\"{}\"", plain.replace('\\', "\\\\").replace('"', "\\\"")),
        encoded => encoded,
    }
}

/// Adjacent words of one charset: a letter may be cut between them, so they are decoded together.
#[derive(Default)]
struct Run<'a> {
    open: bool,
    charset: &'a [u8],
    octets: Vec<u8>,
}

impl<'a> Run<'a> {
    fn push(&mut self, word: &Word<'a>, out: &mut Vec<u8>) {
        if self.open && !self.charset.eq_ignore_ascii_case(word.charset) {
            self.close(out);
        }
        self.open = true;
        self.charset = word.charset;
        word.decode(&mut self.octets);
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.open) {
            decode::charset_to_utf8(self.charset, &self.octets, out);
            self.octets.clear();
        }
    }
}

struct Word<'a> {
    charset: &'a [u8],
    base64: bool,
    text: &'a [u8],
    /// Octets of the whole word.
    length: usize,
}

impl<'a> Word<'a> {
    /// Reads the word that starts with `=?` in front of `input`.
    fn parse(input: &'a [u8]) -> Option<Word<'a>> {
        let body = &input[2..];
        let charset_end = memchr::memchr(b'?', &body[..body.len().min(CHARSET_BYTES_MAX)])?;
        let (charset, rest) = (&body[..charset_end], body.get(charset_end + 1..)?);
        let base64 = match rest {
            [b'b' | b'B', b'?', ..] => true,
            [b'q' | b'Q', b'?', ..] => false,
            _ => return None,
        };
        let text = &rest[2..];
        let text_end = memchr::memmem::find(&text[..text.len().min(TEXT_BYTES_MAX)], b"?=")?;
        let text = &text[..text_end];
        // Blanks within a word are wrong but common with Q.
        let clean = charset.iter().all(u8::is_ascii_graphic) && !charset.is_empty();
        let readable = clean && !text.contains(&b'\n');
        // A language may follow the charset (RFC 2231 section 5).
        let charset = charset.split(|byte| *byte == b'*').next()?;
        readable.then_some(Word { charset, base64, text, length: 2 + charset_end + 1 + 2 + text_end + 2 })
    }

    fn decode(&self, out: &mut Vec<u8>) {
        if self.base64 {
            let mut decoder = decode::Base64::default();
            decoder.feed(self.text, out);
            return decoder.finish(out);
        }
        let mut text = self.text;
        while let Some((&byte, rest)) = text.split_first() {
            text = rest;
            match (byte, rest) {
                (b'=', [high, low, behind @ ..]) => match decode::hex_pair(*high, *low) {
                    Some(octet) => {
                        out.push(octet);
                        text = behind;
                    }
                    None => out.push(b'='),
                },
                (b'_', _) => out.push(b' '),
                _ => out.push(byte),
            }
        }
    }
}

fn decode_raw(text: &[u8], out: &mut Vec<u8>) {
    if text.is_ascii() || str::from_utf8(text).is_ok() {
        out.extend(text.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')));
    } else {
        decode::charset_to_utf8(b"windows-1252", text, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_text() {
        for (raw, text) in [
            ("=?ISO-8859-1?Q?a?=", "a"),
            ("=?ISO-8859-1?Q?a?= b", "a b"),
            ("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
            ("=?ISO-8859-1?Q?a?=\r\n  =?ISO-8859-1?Q?b?=", "ab"),
            ("=?ISO-8859-1?Q?a_b?=", "a b"),
            ("=?utf-8?B?ww==?= =?utf-8?B?pA==?=", "ä"),
            ("=?utf-8?q?Gr=C3=BC=C3=9Fe?= an (=?iso-8859-1*de?q?=FC?=)", "Grüße an (ü)"),
            ("x =?utf-8?q?y?= z =?utf-8?q?w?=", "x y z w"),
        ] {
            assert_eq!(decoded(raw.as_bytes()), text, "{raw}");
        }
    }

    #[test]
    fn broken_words_stay() {
        for raw in ["=?utf-8?q?open", "=?utf-8?x?a?=", "=??q?a?=", "=?", "a =?b c?q?d?="] {
            assert_eq!(decoded(raw.as_bytes()), raw);
        }
        assert_eq!(decoded(b"=?utf-8?q?a=ZZ?="), "a=ZZ");
        assert_eq!(decoded(b"=?no-such-charset?q?abc?="), "abc");
        assert_eq!(decoded(b"Gr\xfc\xdfe"), "Grüße");
    }

    #[test]
    fn written_words_read_back() {
        let text = "Ein sehr langer Betreff mit Umlauten äöü und noch viel mehr Text, damit er gefaltet wird – ja 🎉";
        let encoded = encode(text);
        assert!(encoded.lines().all(|line| line.trim().len() <= WORD_BYTES_MAX), "{encoded}");
        assert_eq!(decoded(encoded.as_bytes()), text);
        assert_eq!(encode("plain"), "plain");
        assert_eq!(decoded(encode("=?utf-8?q?x?=").as_bytes()), "=?utf-8?q?x?=");
    }
}
