//! Strings as IMAP sends them: quoted, literal or NIL (RFC 9051 section 4.3).

use std::io::Write;

/// More specials than this make a literal shorter to read than a quoted string full of backslashes.
const ESCAPES_MAX: usize = 4;

/// Writes `text` as a quoted string, or as a literal when a quoted string cannot hold it.
pub fn write_string(text: &[u8], out: &mut Vec<u8>) {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if text.iter().all(is_plain) {
        out.reserve(text.len() + 2);
        out.push(b'"');
        out.extend_from_slice(text);
        return out.push(b'"');
    }
    let escapes = text.iter().filter(|byte| matches!(byte, b'"' | b'\\')).count();
    let quotable = text.iter().all(|byte| byte.is_ascii() && !matches!(byte, b'\r' | b'\n' | 0));
    match quotable && escapes <= ESCAPES_MAX {
        true => write_quoted(text, out),
        false => write_literal(text, out),
    }
}

/// [`write_string`], or `NIL` for `None`.
pub fn write_nstring(text: Option<&[u8]>, out: &mut Vec<u8>) {
    match text {
        Some(text) => write_string(text, out),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// Writes the value of a possibly folded field: line breaks vanish, the blanks behind them stay.
pub fn write_unfolded(text: &[u8], out: &mut Vec<u8>) {
    match text.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        true => {
            let flat: Vec<u8> = text.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
            write_string(&flat, out);
        }
        false => write_string(text, out),
    }
}

/// Writes text people read (subjects, display names): runs of blanks become one space, the ends are trimmed.
pub fn write_readable(text: &[u8], out: &mut Vec<u8>) {
    let plain = |byte: &u8| byte.is_ascii() && !matches!(byte, 0 | b'\t' | b'\r' | b'\n' | b'"' | b'\\');
    let doubled = text.windows(2).any(|pair| pair == b"  ");
    let padded = text.first() == Some(&b' ') || text.last() == Some(&b' ');
    if text.iter().all(plain) && !doubled && !padded {
        return write_quoted(text, out);
    }
    let mut readable = Vec::with_capacity(text.len());
    collapse_blanks(text, &mut readable);
    match readable.is_empty() {
        true => out.extend_from_slice(b"\"\""),
        false => write_literal(&readable, out),
    }
}

/// Appends `text` with line breaks removed, runs of blanks as one space and no blank at either end.
pub(super) fn collapse_blanks(text: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    for &byte in text {
        match byte {
            b' ' | b'\t' => {
                if out.len() > start && out.last() != Some(&b' ') {
                    out.push(b' ');
                }
            }
            b'\r' | b'\n' => {}
            _ => out.push(byte),
        }
    }
    if out.len() > start && out.last() == Some(&b' ') {
        out.pop();
    }
}

fn write_quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

fn write_literal(text: &[u8], out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{{{}}}\r\n", text.len());
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: fn(&[u8], &mut Vec<u8>), text: &str) -> String {
        let mut out = Vec::new();
        write(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_quoted_until_they_cannot_be() {
        assert_eq!(written(write_string, "a \"b\" \\c"), r#""a \"b\" \\c""#);
        assert_eq!(written(write_string, "\"\"\"\"\""), "{5}\r\n\"\"\"\"\"");
        assert_eq!(written(write_string, "grün"), "{5}\r\ngrün");
        assert_eq!(written(write_unfolded, "<a@b>\n <c@d>"), "\"<a@b> <c@d>\"");
    }

    #[test]
    fn readable_text_has_single_blanks() {
        assert_eq!(written(write_readable, "a b"), "\"a b\"");
        assert_eq!(written(write_readable, " a\n \t b "), "{3}\r\na b");
        assert_eq!(written(write_readable, " \t "), "\"\"");
    }
}
