//! A message for a server that takes only seven bits (RFC 6152 section 3): which octets of it stay, which are told differently.
//!
//! The message is taken apart into [`Piece`]s that cover it in order. Whoever holds it measures each of them ([`Contents`]); then
//! [`plan`] says what becomes of each, or that the message cannot be told in seven bits.

use super::structure::{Part, PartKind};
use std::ops::Range;

/// Longest line without its end (RFC 5322 section 2.1.1).
const LINE_BYTES_MAX: usize = 998;
/// Longest line of quoted-printable and base64 (RFC 2045 section 6.7 and 6.8).
const ENCODED_LINE_BYTES: usize = 76;
/// Octets that make one line of base64.
const BASE64_LINE_OCTETS: usize = 57;

/// A stretch of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Wire octets.
    pub range: Range<u64>,
    kind: Kind,
    /// Whether it stands inside something signed or encrypted.
    is_sealed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The header of a message or part.
    Header { is_message: bool, has_parts: bool, label: Label },
    /// The body of the part whose header stands before it.
    Body { is_text: bool, is_opaque: bool, label: Label },
    /// Boundaries and what no program shows.
    Between,
}

/// What `Content-Transfer-Encoding` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    SevenBit,
    /// `8bit` or `binary`.
    Beyond,
    /// `base64`, `quoted-printable` or something unknown.
    Encoded,
}

/// What was found in a piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    has_eight_bit: bool,
    line_bytes: usize,
    longest_line_bytes: usize,
}

/// What becomes of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It stays.
    Copy,
    /// A header whose `Content-Transfer-Encoding` says this; see [`super::reencode::header_with_encoding`].
    Header {
        /// The new value.
        encoding: &'static str,
        /// Whether it is a message's header.
        is_message: bool,
    },
    /// A body becomes quoted-printable.
    QuotedPrintable,
    /// A body becomes base64.
    Base64,
    /// Octets above 127 become question marks.
    Ascii,
}

/// Why a message cannot be told in seven bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Impossible {
    /// A signature or encryption would break (RFC 1847 section 2.1).
    Sealed,
    /// A header has octets above 127.
    Header,
    /// A part is not understood.
    Part,
}

impl Contents {
    /// Takes in the next octets of the piece.
    pub fn feed(&mut self, chunk: &[u8]) {
        self.has_eight_bit |= !chunk.is_ascii();
        for line in chunk.split_inclusive(|byte| *byte == b'\n') {
            self.line_bytes += line.len();
            self.longest_line_bytes = self.longest_line_bytes.max(self.line_bytes);
            if line.ends_with(b"\n") {
                self.line_bytes = 0;
            }
        }
    }

    /// Whether an octet above 127 is in it.
    pub fn has_eight_bit(&self) -> bool {
        self.has_eight_bit
    }
}

/// The pieces of a message, in order and without gaps.
pub fn pieces(root: &Part<'_>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    take_apart(root, true, false, &mut pieces);
    pieces
}

fn take_apart(part: &Part<'_>, is_message: bool, is_sealed: bool, pieces: &mut Vec<Piece>) {
    let label = label(part);
    let has_parts = matches!(part.kind, PartKind::Multipart | PartKind::Message);
    let header = Kind::Header { is_message, has_parts, label };
    pieces.push(Piece { range: part.header_range(), kind: header, is_sealed });
    if !has_parts {
        let kind = Kind::Body { is_text: part.is_text(), is_opaque: part.kind == PartKind::Opaque, label };
        return pieces.push(Piece { range: part.body_range(), kind, is_sealed });
    }
    let seals = part.kind == PartKind::Multipart
        && part.subtype.is_some_and(|name| {
            name.eq_ignore_ascii_case(b"signed") || name.eq_ignore_ascii_case(b"encrypted")
        });
    let is_sealed = is_sealed || seals;
    let mut at = part.body_start;
    for child in &part.children {
        pieces.push(Piece { range: at..child.header_start, kind: Kind::Between, is_sealed });
        take_apart(child, part.kind == PartKind::Message, is_sealed, pieces);
        at = child.body_end;
    }
    pieces.push(Piece { range: at..part.body_end, kind: Kind::Between, is_sealed });
}

fn label(part: &Part<'_>) -> Label {
    let is = |encoding: &[u8], name: &str| encoding.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
    match part.encoding {
        None => Label::SevenBit,
        Some(encoding) if is(encoding, "7bit") => Label::SevenBit,
        Some(encoding) if is(encoding, "8bit") || is(encoding, "binary") => Label::Beyond,
        Some(_) => Label::Encoded,
    }
}

/// What becomes of each piece, given what is in each.
pub fn plan(pieces: &[Piece], contents: &[Contents]) -> Result<Vec<Act>, Impossible> {
    let mut acts = Vec::with_capacity(pieces.len());
    for (index, (piece, found)) in pieces.iter().zip(contents).enumerate() {
        let act = match piece.kind {
            Kind::Between if found.has_eight_bit => Act::Ascii,
            Kind::Between => Act::Copy,
            Kind::Body { .. } => body_act(piece, found)?,
            Kind::Header { .. } if found.has_eight_bit => return Err(Impossible::Header),
            Kind::Header { is_message, has_parts, label } => {
                let body = pieces.get(index + 1).zip(contents.get(index + 1));
                let body = body.filter(|_| !has_parts).map(|(piece, found)| body_act(piece, found));
                let encoding = match (body.transpose()?, label) {
                    (Some(Act::QuotedPrintable), _) => Some("quoted-printable"),
                    (Some(Act::Base64), _) => Some("base64"),
                    (_, Label::Beyond) => Some("7bit"),
                    (_, Label::SevenBit | Label::Encoded) => None,
                };
                // What is sealed keeps its words: seven bits labelled as eight do no harm.
                encoding
                    .filter(|_| !piece.is_sealed)
                    .map_or(Act::Copy, |encoding| Act::Header { encoding, is_message })
            }
        };
        if piece.is_sealed && act != Act::Copy {
            return Err(Impossible::Sealed);
        }
        acts.push(act);
    }
    Ok(acts)
}

fn body_act(piece: &Piece, found: &Contents) -> Result<Act, Impossible> {
    let Kind::Body { is_text, is_opaque, label } = piece.kind else { return Ok(Act::Copy) };
    let is_long = label == Label::Beyond && found.longest_line_bytes > LINE_BYTES_MAX + 2;
    match (found.has_eight_bit || is_long, label) {
        (false, _) => Ok(Act::Copy),
        (true, _) if piece.is_sealed => Err(Impossible::Sealed),
        (true, Label::Encoded) => Err(Impossible::Part),
        (true, _) if is_opaque => Err(Impossible::Part),
        (true, _) => Ok(if is_text { Act::QuotedPrintable } else { Act::Base64 }),
    }
}

/// Writes pieces as their acts say, in any chunks.
pub enum Encoder {
    /// As it is.
    Copy,
    /// With question marks for what is not ASCII.
    Ascii,
    /// Quoted-printable: what was seen of the line, and a blank or CR whose place decides how it is written.
    QuotedPrintable {
        /// Octets of the output's line so far.
        column: usize,
        /// Not yet written.
        held: Vec<u8>,
    },
    /// Base64: octets that make no whole line yet.
    Base64(Vec<u8>),
}

impl Encoder {
    /// For an act on a body or between; headers are rewritten as a whole.
    pub fn new(act: Act) -> Encoder {
        match act {
            Act::Copy | Act::Header { .. } => Encoder::Copy,
            Act::Ascii => Encoder::Ascii,
            Act::QuotedPrintable => Encoder::QuotedPrintable { column: 0, held: Vec::new() },
            Act::Base64 => Encoder::Base64(Vec::with_capacity(2 * BASE64_LINE_OCTETS)),
        }
    }

    /// Appends what can be written after these octets.
    pub fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        match self {
            Encoder::Copy => out.extend_from_slice(chunk),
            Encoder::Ascii => {
                out.extend(chunk.iter().map(|byte| if byte.is_ascii() { *byte } else { b'?' }));
            }
            Encoder::QuotedPrintable { column, held } => {
                for byte in chunk {
                    quote(*byte, column, held, out);
                }
            }
            Encoder::Base64(carry) => {
                carry.extend_from_slice(chunk);
                let whole = carry.len() - carry.len() % BASE64_LINE_OCTETS;
                base64_lines(&carry[..whole], out);
                carry.drain(..whole);
            }
        }
    }

    /// Appends the rest.
    pub fn finish(self, out: &mut Vec<u8>) {
        match self {
            Encoder::Copy | Encoder::Ascii => {}
            Encoder::QuotedPrintable { mut column, held } => {
                for byte in held {
                    put_quoted(byte, true, &mut column, out);
                }
            }
            Encoder::Base64(carry) => base64_lines(&carry, out),
        }
    }
}

fn base64_lines(octets: &[u8], out: &mut Vec<u8>) {
    for line in octets.chunks(BASE64_LINE_OCTETS) {
        out.extend_from_slice(data_encoding::BASE64.encode(line).as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// RFC 2045 section 6.7: a line break stays one, a blank before it must be quoted.
fn quote(byte: u8, column: &mut usize, held: &mut Vec<u8>, out: &mut Vec<u8>) {
    match (held.last(), byte) {
        (Some(b'\r'), b'\n') => {
            held.pop();
            held.drain(..).for_each(|blank| put_quoted(blank, true, column, out));
            out.extend_from_slice(b"\r\n");
            *column = 0;
        }
        // One blank at most is held; a CR behind it waits for its LF.
        (Some(b' ' | b'\t') | None, b'\r') => held.push(byte),
        _ => {
            held.drain(..).for_each(|waiting| put_quoted(waiting, waiting == b'\r', column, out));
            match byte {
                b' ' | b'\t' | b'\r' => held.push(byte),
                _ => put_quoted(byte, byte == b'\n', column, out),
            }
        }
    }
}

fn put_quoted(byte: u8, must: bool, column: &mut usize, out: &mut Vec<u8>) {
    let is_plain = !must && (matches!(byte, b'!'..=b'~') && byte != b'=' || matches!(byte, b' ' | b'\t'));
    let bytes = if is_plain { 1 } else { 3 };
    // Room for the sign of a soft line break.
    if *column + bytes > ENCODED_LINE_BYTES - 1 {
        out.extend_from_slice(b"=\r\n");
        *column = 0;
    }
    match is_plain {
        true => out.push(byte),
        false => out.extend_from_slice(format!("={byte:02X}").as_bytes()),
    }
    *column += bytes;
}

#[cfg(test)]
#[path = "seven_bit/tests.rs"]
mod tests;
