//! The form in which headers and bodies are signed (RFC 6376 section 3.4).

use crate::mime::header::Field;
use aws_lc_rs::digest::{Context, SHA256};
use memchr::{memchr2, memmem};

/// How much a message may change on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Canonicalization {
    /// Not at all.
    Simple,
    /// In its blanks.
    Relaxed,
}

impl Canonicalization {
    /// Reads `c=`, header and body; `None` where one is unknown.
    pub fn parse(value: &str) -> Option<(Canonicalization, Canonicalization)> {
        let kind = |name: &str| match name.trim_ascii() {
            "simple" => Some(Canonicalization::Simple),
            "relaxed" => Some(Canonicalization::Relaxed),
            _ => None,
        };
        let (header, body) = value.split_once('/').unwrap_or((value, "simple"));
        Some((kind(header)?, kind(body)?))
    }
}

/// A body's hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyDigest {
    /// SHA-256 of the canonical body.
    pub sha256: Vec<u8>,
    /// Octets of the canonical body, what `l=` counts.
    pub bytes: u64,
}

/// Hashes a body, reading it once and copying nothing.
pub fn body_digest(body: &[u8], kind: Canonicalization) -> BodyDigest {
    let mut context = Context::new(&SHA256);
    let mut bytes = 0;
    canonical_body(body, kind, |piece| {
        context.update(piece);
        bytes += piece.len() as u64;
    });
    BodyDigest { sha256: context.finish().as_ref().to_vec(), bytes }
}

fn canonical_body(body: &[u8], kind: Canonicalization, mut sink: impl FnMut(&[u8])) {
    let mut rest = body;
    let mut empty_lines = 0_usize;
    let mut is_empty = true;
    while !rest.is_empty() {
        let end = memmem::find(rest, b"\r\n");
        let line = &rest[..end.unwrap_or(rest.len())];
        rest = end.map_or(&[], |end| &rest[end + 2..]);
        let line = match kind {
            Canonicalization::Simple => line,
            Canonicalization::Relaxed => trim_end_blanks(line),
        };
        // Empty lines count only once something follows; in the relaxed form a line of blanks is empty too.
        if line.is_empty() {
            empty_lines += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut empty_lines) {
            sink(b"\r\n");
        }
        match kind {
            Canonicalization::Simple => sink(line),
            Canonicalization::Relaxed => reduced(line, &mut sink),
        }
        sink(b"\r\n");
        is_empty = false;
    }
    if is_empty && kind == Canonicalization::Simple {
        sink(b"\r\n");
    }
}

/// Every run of blanks becomes one space.
fn reduced(line: &[u8], sink: &mut impl FnMut(&[u8])) {
    let mut from = 0;
    let mut at = 0;
    while let Some(blank) = memchr2(b' ', b'\t', &line[at..]) {
        let start = at + blank;
        let end = start + line[start..].iter().take_while(|byte| is_blank(**byte)).count();
        if line[start..end] != *b" " {
            sink(&line[from..start]);
            sink(b" ");
            from = end;
        }
        at = end;
    }
    sink(&line[from..]);
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn trim_end_blanks(line: &[u8]) -> &[u8] {
    let blanks = line.iter().rev().take_while(|byte| is_blank(**byte)).count();
    &line[..line.len() - blanks]
}

/// Appends a field in relaxed form with its line break (RFC 6376 section 3.4.2).
pub fn relaxed_field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend(name.to_ascii_lowercase());
    out.push(b':');
    let start = out.len();
    let mut is_blank_due = false;
    for byte in value.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')) {
        if is_blank(byte) {
            is_blank_due = true;
            continue;
        }
        if is_blank_due && out.len() > start {
            out.push(b' ');
        }
        is_blank_due = false;
        out.push(byte);
    }
    out.extend_from_slice(b"\r\n");
}

/// What a signature signs of a header: the fields `names` lists, each name taking the lowest field that was not taken yet,
/// then the signature's own field without its value and line break (RFC 6376 sections 3.7 and 5.4.2).
pub fn signed_bytes(
    fields: &[Field<'_>],
    names: &[String],
    kind: Canonicalization,
    own: &Field<'_>,
) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let taken = names[..at].iter().filter(|before| before.eq_ignore_ascii_case(name)).count();
        if let Some(field) = fields.iter().rev().filter(|field| field.is(name)).nth(taken) {
            match kind {
                Canonicalization::Simple => out.extend_from_slice(field.raw),
                Canonicalization::Relaxed => relaxed_field(field.name, field.value, &mut out),
            }
        }
    }
    let bare = without_signature(own.raw);
    match kind {
        Canonicalization::Simple => out.extend_from_slice(&bare),
        Canonicalization::Relaxed => {
            let colon = memchr::memchr(b':', &bare).unwrap_or(bare.len());
            relaxed_field(own.name, bare.get(colon + 1..).unwrap_or_default(), &mut out);
            out.truncate(out.len() - 2);
        }
    }
    out
}

/// A signature's field without the value of `b=` and without its last line break (RFC 6376 section 3.5, `b=`).
fn without_signature(raw: &[u8]) -> Vec<u8> {
    let raw = raw.strip_suffix(b"\r\n").unwrap_or(raw);
    let colon = memchr::memchr(b':', raw).map_or(raw.len(), |colon| colon + 1);
    let mut out = raw[..colon].to_vec();
    for (at, tag) in raw[colon..].split(|byte| *byte == b';').enumerate() {
        if at > 0 {
            out.push(b';');
        }
        let equals = memchr::memchr(b'=', tag);
        let kept = match equals {
            Some(equals) if tag[..equals].trim_ascii() == b"b" => &tag[..=equals],
            _ => tag,
        };
        out.extend_from_slice(kept);
    }
    out
}
