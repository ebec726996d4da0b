//! Transfer encodings and charsets, decoded as a stream and tolerant of garbage.

use encoding_rs::{Decoder, Encoding, UTF_8, WINDOWS_1252};
use std::borrow::Cow;

/// How a body is wrapped (RFC 2045 section 6).
#[derive(Clone, Debug)]
pub enum TransferDecoder {
    /// `7bit`, `8bit`, `binary` and names nobody knows: the octets themselves.
    Identity,
    /// `base64`.
    Base64(Base64),
    /// `quoted-printable`.
    QuotedPrintable(QuotedPrintable),
}

impl TransferDecoder {
    /// The decoder for a `Content-Transfer-Encoding`.
    pub fn of_name(name: Option<&[u8]>) -> TransferDecoder {
        let is = |known: &[u8]| name.is_some_and(|name| name.eq_ignore_ascii_case(known));
        if is(b"base64") {
            TransferDecoder::Base64(Base64::default())
        } else if is(b"quoted-printable") {
            TransferDecoder::QuotedPrintable(QuotedPrintable::default())
        } else {
            TransferDecoder::Identity
        }
    }

    /// Whether a `Content-Transfer-Encoding` is one that can be undone; a body without one is `7bit`.
    pub fn is_known(name: Option<&[u8]>) -> bool {
        let known: [&[u8]; 6] = [b"7bit", b"8bit", b"binary", b"base64", b"quoted-printable", b""];
        name.is_none_or(|name| known.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// Appends what `chunk` decodes to.
    pub fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        match self {
            TransferDecoder::Identity => out.extend_from_slice(chunk),
            TransferDecoder::Base64(decoder) => decoder.feed(chunk, out),
            TransferDecoder::QuotedPrintable(decoder) => decoder.feed(chunk, out),
        }
    }

    /// Appends what the end of the body still owes.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        match self {
            TransferDecoder::Identity => {}
            TransferDecoder::Base64(decoder) => decoder.finish(out),
            TransferDecoder::QuotedPrintable(decoder) => decoder.finish(out),
        }
    }
}

/// Streaming base64: octets outside the alphabet are passed over (RFC 2045 section 6.8), padding ends a group.
#[derive(Clone, Debug, Default)]
pub struct Base64 {
    bits: u32,
    letters: u8,
}

impl Base64 {
    /// Appends what `chunk` decodes to.
    pub fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        out.reserve(chunk.len() / 4 * 3 + 3);
        let mut rest = chunk;
        loop {
            if self.letters == 0 {
                rest = whole_groups(rest, out);
            }
            let Some((&letter, behind)) = rest.split_first() else { return };
            self.push(letter, out);
            rest = behind;
        }
    }

    /// Appends the octets of an unfinished group.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        match self.letters {
            2 => out.push((self.bits >> 4) as u8),
            3 => out.extend_from_slice(&[(self.bits >> 10) as u8, (self.bits >> 2) as u8]),
            _ => {}
        }
        *self = Base64::default();
    }

    fn push(&mut self, letter: u8, out: &mut Vec<u8>) {
        match BASE64_VALUES[letter as usize] {
            NO_LETTER if letter == b'=' => self.finish(out),
            NO_LETTER => {}
            value => {
                self.bits = self.bits << 6 | u32::from(value);
                self.letters += 1;
                if self.letters == 4 {
                    out.extend_from_slice(&self.bits.to_be_bytes()[1..]);
                    *self = Base64::default();
                }
            }
        }
    }
}

/// Decodes groups of four letters as long as nothing else is among them; what is left.
fn whole_groups<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let mut rest = text;
    while let Some((block, behind)) = rest.split_first_chunk::<64>() {
        let Some(octets) = block_of_64(block) else { break };
        out.extend_from_slice(&octets);
        rest = behind;
    }
    while let Some((group, behind)) = rest.split_first_chunk::<4>() {
        let Some(bits) = letters_to_bits(group) else { break };
        out.extend_from_slice(&(bits as u32).to_be_bytes()[1..]);
        rest = behind;
    }
    rest
}

fn block_of_64(block: &[u8; 64]) -> Option<[u8; 48]> {
    let mut octets = [0; 48];
    for (eight, six) in block.chunks_exact(8).zip(octets.chunks_exact_mut(6)) {
        six.copy_from_slice(&letters_to_bits(eight)?.to_be_bytes()[2..]);
    }
    Some(octets)
}

fn letters_to_bits(letters: &[u8]) -> Option<u64> {
    let mut seen = 0;
    let bits = letters.iter().fold(0, |bits, &letter| {
        let value = BASE64_VALUES[letter as usize];
        seen |= value;
        bits << 6 | u64::from(value)
    });
    (seen < 0x80).then_some(bits)
}

const NO_LETTER: u8 = 0xff;

const BASE64_VALUES: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [NO_LETTER; 256];
    let mut value = 0;
    while value < 64 {
        values[alphabet[value as usize] as usize] = value;
        value += 1;
    }
    values
};

/// Streaming quoted-printable (RFC 2045 section 6.7): blanks before a line break vanish, `=` before one joins the lines, what
/// is no valid escape stays as it is.
#[derive(Clone, Debug, Default)]
pub struct QuotedPrintable {
    /// `=` and what followed it, or blanks whose line may end.
    held: Vec<u8>,
}

/// More blanks than this before a line break are text.
const HELD_BYTES_MAX: usize = 1024;

impl QuotedPrintable {
    /// Appends what `chunk` decodes to.
    pub fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let mut rest = chunk;
        while !rest.is_empty() {
            if self.held.is_empty() {
                let plain =
                    rest.iter().position(|byte| matches!(byte, b'=' | b' ' | b'\t')).unwrap_or(rest.len());
                out.extend_from_slice(&rest[..plain]);
                rest = &rest[plain..];
            }
            if let Some((&byte, behind)) = rest.split_first() {
                self.hold(byte, out);
                rest = behind;
            }
        }
    }

    /// Appends what was held back; an `=` at the very end joins nothing and vanishes.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if self.held != b"=" {
            out.extend_from_slice(&self.held);
        }
        self.held.clear();
    }

    fn hold(&mut self, byte: u8, out: &mut Vec<u8>) {
        match (self.held.first(), byte) {
            (None, b'=' | b' ' | b'\t') => self.held.push(byte),
            (None, _) => out.push(byte),
            (Some(b'='), _) => self.escape(byte, out),
            (Some(_), b' ' | b'\t') if self.held.len() < HELD_BYTES_MAX => self.held.push(byte),
            // CR waits for its LF.
            (Some(_), b'\r') if self.held.last() != Some(&b'\r') => self.held.push(byte),
            (Some(_), b'\n') => {
                let crlf = self.held.last() == Some(&b'\r');
                self.held.clear();
                out.extend_from_slice(if crlf { b"\r\n" } else { b"\n" });
            }
            (Some(_), _) => self.give_up(byte, out),
        }
    }

    fn escape(&mut self, byte: u8, out: &mut Vec<u8>) {
        let blanks = self.held[1..].iter().all(|held| matches!(held, b' ' | b'\t' | b'\r'));
        match (self.held.len(), byte) {
            // A soft line break, perhaps with blanks a gateway added.
            (_, b'\n') if blanks => self.held.clear(),
            (_, b' ' | b'\t' | b'\r') if blanks && self.held.len() < HELD_BYTES_MAX => self.held.push(byte),
            (1, _) if byte.is_ascii_hexdigit() => self.held.push(byte),
            (2, _) if hex_pair(self.held[1], byte).is_some() => {
                out.extend(hex_pair(self.held[1], byte));
                self.held.clear();
            }
            _ => self.give_up(byte, out),
        }
    }

    fn give_up(&mut self, byte: u8, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.held);
        self.held.clear();
        self.hold(byte, out);
    }
}

/// The octet two hexadecimal digits name.
pub(super) fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    Some((digit(high)? << 4 | digit(low)?) as u8)
}

/// The charset a MIME label names. ASCII and labels nobody knows are read as UTF-8 where that fits, else as Windows-1252.
pub fn charset(label: &[u8]) -> Option<&'static Encoding> {
    match label.eq_ignore_ascii_case(b"us-ascii") || label.eq_ignore_ascii_case(b"ascii") {
        true => None,
        false => Encoding::for_label_no_replacement(label),
    }
}

/// Appends `octets` as UTF-8. Sequences the charset does not have become U+FFFD.
pub fn charset_to_utf8(label: &[u8], octets: &[u8], out: &mut Vec<u8>) {
    let encoding = match charset(label) {
        Some(encoding) => encoding,
        None if str::from_utf8(octets).is_ok() => UTF_8,
        None => WINDOWS_1252,
    };
    let (text, _) = encoding.decode_without_bom_handling(octets);
    out.extend_from_slice(text.as_bytes());
}

/// `octets` as text, if their charset is known and they are right in it; ASCII and text without a label may be UTF-8.
pub fn charset_to_text(label: Option<&[u8]>, octets: &[u8]) -> Option<String> {
    let is_ascii =
        |label: &[u8]| label.eq_ignore_ascii_case(b"us-ascii") || label.eq_ignore_ascii_case(b"ascii");
    let encoding = match label.filter(|label| !label.is_empty() && !is_ascii(label)) {
        Some(label) => charset(label)?,
        None => UTF_8,
    };
    encoding.decode_without_bom_handling_and_without_replacement(octets).map(Cow::into_owned)
}

/// A charset decoded as a stream.
pub struct CharsetDecoder(Decoder);

impl CharsetDecoder {
    /// The decoder for a charset.
    pub fn new(encoding: &'static Encoding) -> CharsetDecoder {
        CharsetDecoder(encoding.new_decoder_without_bom_handling())
    }

    /// Appends `octets` as UTF-8; `last` says that no more follow.
    pub fn feed(&mut self, octets: &[u8], last: bool, out: &mut Vec<u8>) {
        let start = out.len();
        let room = self.0.max_utf8_buffer_length(octets.len()).unwrap_or(octets.len() * 3 + 16);
        out.resize(start + room, 0);
        let (_, _, written, _) = self.0.decode_to_utf8(octets, &mut out[start..], last);
        out.truncate(start + written);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(name: &str, chunks: &[&[u8]]) -> Vec<u8> {
        let mut decoder = TransferDecoder::of_name(Some(name.as_bytes()));
        let mut out = Vec::new();
        for chunk in chunks {
            decoder.feed(chunk, &mut out);
        }
        decoder.finish(&mut out);
        out
    }

    #[test]
    fn base64_passes_over_garbage() {
        for (text, octets) in [
            ("SGFsbG8=", "Hallo"),
            ("SGFs\r\nbG8", "Hallo"),
            ("S-G!F sbG8=\r\n-- \r\n", "Hallo"),
            ("SGFsbG8=SGFsbG8=", "HalloHallo"),
            ("S", ""),
            ("", ""),
        ] {
            assert_eq!(decode("BASE64", &[text.as_bytes()]), octets.as_bytes(), "{text}");
        }
    }

    #[test]
    fn quoted_printable_passes_over_garbage() {
        for (text, octets) in [
            ("a=3Db", "a=b"),
            ("a =\r\nb", "a b"),
            ("a= \t\r\nb", "ab"),
            ("a \t\r\nb", "a\r\nb"),
            ("a=ZZ=4", "a=ZZ=4"),
            ("a==41", "a=A"),
            ("a=", "a"),
            ("a b  c", "a b  c"),
            ("=3d\n=3D", "=\n="),
        ] {
            assert_eq!(decode("quoted-printable", &[text.as_bytes()]), octets.as_bytes(), "{text}");
        }
    }

    #[test]
    fn charsets_become_utf8() {
        let mut out = Vec::new();
        charset_to_utf8(b"iso-8859-1", b"\xfc", &mut out);
        charset_to_utf8(b"koi8-r", b"\xd0", &mut out);
        charset_to_utf8(b"nobody-knows", b"\xfc", &mut out);
        charset_to_utf8(b"us-ascii", "ü".as_bytes(), &mut out);
        assert_eq!(out, "üпüü".as_bytes());
    }

    #[test]
    fn only_right_octets_of_a_known_charset_become_text() {
        for (label, octets, text) in [
            (None, &b"a"[..], Some("a")),
            (None, "ü".as_bytes(), Some("ü")),
            (Some("us-ascii"), b"\xfc", None),
            (Some("ISO-8859-15"), b"\xa4", Some("€")),
            (Some("utf-8"), b"\xc3", None),
            (Some("nobody-knows"), b"a", None),
        ] {
            assert_eq!(charset_to_text(label.map(str::as_bytes), octets).as_deref(), text, "{label:?}");
        }
    }

    proptest! {
        #[test]
        fn chunks_make_no_difference(text in "[A-Za-z0-9+/=\r\n \t]{0,200}", cut in 0usize..200) {
            for name in ["base64", "quoted-printable", "8bit"] {
                let cut = cut.min(text.len());
                let (a, b) = text.as_bytes().split_at(cut);
                prop_assert_eq!(decode(name, &[text.as_bytes()]), decode(name, &[a, b]));
            }
        }

        #[test]
        fn base64_reads_what_is_written(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            let text = data_encoding::BASE64_MIME.encode(&octets);
            prop_assert_eq!(decode("base64", &[text.as_bytes()]), octets);
        }
    }
}
