//! PREVIEW (RFC 8970): the first words of a message, as a list of messages shows them.

use super::decode::{CharsetDecoder, TransferDecoder, charset};
use super::html;
use super::structure::{Part, PartKind};
use encoding_rs::UTF_8;

/// Characters a preview has at most (RFC 8970 section 3.3).
const CHARS_MAX: usize = 200;
/// Octets of a part that are read for it; what is quoted in front or styled may take some.
const READ_BYTES: u64 = 64 * 1024;

/// The preview of a message; empty when it has no text that can be read. `read` fills a buffer from a wire offset and says how many
/// octets it got.
pub fn preview<E>(
    root: &Part<'_>,
    mut read: impl FnMut(&mut [u8], u64) -> Result<usize, E>,
) -> Result<String, E> {
    let Some(part) = text_part(root) else { return Ok(String::new()) };
    let range = part.body_range();
    let mut octets = vec![0; (range.end - range.start).min(READ_BYTES) as usize];
    let mut filled = 0;
    while filled < octets.len() {
        match read(&mut octets[filled..], range.start + filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    let text = decoded(part, &octets[..filled]);
    Ok(match is_subtype(part, b"html") {
        true => collapsed(html::text(&text).chars()),
        false => without_quotes(&text),
    })
}

/// The part that is shown first: plain text rather than HTML where there is a choice, and nothing that is attached or encrypted.
fn text_part<'p, 'd>(part: &'p Part<'d>) -> Option<&'p Part<'d>> {
    match part.kind {
        PartKind::Leaf => is_shown(part).then_some(part),
        PartKind::Multipart if is_subtype(part, b"encrypted") => None,
        PartKind::Multipart if is_subtype(part, b"alternative") => {
            let mut texts = part.children.iter().filter_map(text_part);
            let first = texts.next()?;
            match is_subtype(first, b"html") {
                true => Some(texts.find(|text| !is_subtype(text, b"html")).unwrap_or(first)),
                false => Some(first),
            }
        }
        PartKind::Multipart => part.children.iter().find_map(text_part),
        PartKind::Message | PartKind::Opaque => None,
    }
}

fn is_shown(part: &Part<'_>) -> bool {
    let is_attached =
        part.disposition.as_ref().is_some_and(|place| place.name.eq_ignore_ascii_case(b"attachment"));
    let is_readable = part.media_type.is_none() || is_subtype(part, b"plain") || is_subtype(part, b"html");
    let encoding = part.encoding.map(<[u8]>::trim_ascii);
    part.is_text() && is_readable && !is_attached && TransferDecoder::is_known(encoding)
}

fn is_subtype(part: &Part<'_>, name: &[u8]) -> bool {
    part.subtype.is_some_and(|subtype| subtype.eq_ignore_ascii_case(name))
}

fn decoded(part: &Part<'_>, octets: &[u8]) -> String {
    let mut decoder = TransferDecoder::of_name(part.encoding.map(<[u8]>::trim_ascii));
    let mut plain = Vec::new();
    decoder.feed(octets, &mut plain);
    decoder.finish(&mut plain);
    let encoding = part.parameter(b"charset").and_then(charset).unwrap_or(UTF_8);
    let mut text = Vec::new();
    CharsetDecoder::new(encoding).feed(&plain, true, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Text without the lines that quote another message, unless there is nothing else.
fn without_quotes(text: &str) -> String {
    let own = text.lines().filter(|line| !line.starts_with('>'));
    let own = collapsed(own.flat_map(|line| line.chars().chain(['\n'])));
    match own.is_empty() {
        true => collapsed(text.chars()),
        false => own,
    }
}

/// The first characters, with single spaces for whatever is blank.
fn collapsed(text: impl Iterator<Item = char>) -> String {
    let mut preview = String::new();
    let (mut count, mut is_blank) = (0, false);
    for letter in text.filter(|letter| !is_invisible(*letter)) {
        if letter.is_whitespace() || letter.is_control() {
            is_blank = count > 0;
            continue;
        }
        if count + 1 + usize::from(is_blank) > CHARS_MAX {
            break;
        }
        if std::mem::take(&mut is_blank) {
            preview.push(' ');
            count += 1;
        }
        preview.push(letter);
        count += 1;
    }
    preview
}

/// What newsletters fill the space behind their first line with.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{34f}' | '\u{200b}' | '\u{2060}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::{ScanLimits, Scanner};
    use types::Limits;

    fn preview_of(message: &str) -> String {
        let message = message.replace('\n', "\r\n");
        let mut scanner = Scanner::new(ScanLimits::from(&Limits::default()));
        scanner.feed(message.as_bytes());
        let digest = scanner.finish();
        let root = digest.view().structure().expect("a digest made here");
        let read = |buffer: &mut [u8], offset: u64| {
            let rest = &message.as_bytes()[offset as usize..];
            let count = rest.len().min(buffer.len()).min(7);
            buffer[..count].copy_from_slice(&rest[..count]);
            Ok::<_, std::convert::Infallible>(count)
        };
        preview(&root, read).expect("reading a slice")
    }

    #[test]
    fn blanks_collapse_and_quotes_are_left_out() {
        assert_eq!(preview_of("A: b\n\n  one\n\ttwo  \n> three\n\nfour\n"), "one two four");
        assert_eq!(preview_of("A: b\n\n> only\n> quoted\n"), "> only > quoted");
        assert_eq!(preview_of("A: b\n\n"), "");
        assert_eq!(preview_of("A: b\n"), "");
        let long = format!("A: b\n\n{}", "ü ".repeat(300));
        assert_eq!(preview_of(&long).chars().count(), 199);
    }

    #[test]
    fn plain_text_is_preferred_and_html_read() {
        let alternative = |parts: &str| {
            format!(
                "Content-Type: multipart/alternative; boundary=x\n\n{}--x--\n",
                parts.replace('|', "--x\n")
            )
        };
        let html = "|Content-Type: text/html; charset=iso-8859-1\n\n<p>H&auml;llo&nbsp;<b>w</b>orld</p>\n";
        let plain = "|Content-Type: text/plain\n\nplain\n";
        assert_eq!(preview_of(&alternative(&format!("{html}{plain}"))), "plain");
        assert_eq!(preview_of(&alternative(html)), "Hällo world");
        let attached = "|Content-Disposition: attachment\n\nattached\n";
        assert_eq!(preview_of(&alternative(&format!("{attached}{html}"))), "Hällo world");
        assert_eq!(preview_of("MIME-Version: 1.0\nContent-Transfer-Encoding: x-uue\n\nbegin\n"), "");
        assert_eq!(preview_of("Content-Type: image/png\n\nPNG\n"), "");
        assert_eq!(preview_of("Content-Type: multipart/encrypted; boundary=x\n\n--x\n\nkey\n--x--\n"), "");
    }
}
