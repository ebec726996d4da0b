use super::imap_string::{write_nstring, write_string, write_unfolded};
use super::structure::{Parameter, Part, PartKind};

const EMPTY_BODY: &[u8] = br#"("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0"#;

/// Appends BODYSTRUCTURE (`extensible`) or BODY of a message, with parentheses (RFC 9051 section 7.5.2).
pub(super) fn write_root(root: &Part<'_>, extensible: bool, out: &mut Vec<u8>) {
    match is_plain(root) {
        // However it was spelled, plain ASCII text is written like text without a type.
        true => {
            let Part { kind, body_start, body_end, body_lines, .. } = *root;
            write_part(&Part { body_start, body_end, body_lines, ..Part::empty(kind) }, extensible, out);
        }
        false => write_part(root, extensible, out),
    }
}

/// Whether the header says no more than the defaults of RFC 2045 section 5.2.
fn is_plain(root: &Part<'_>) -> bool {
    let is = |text: Option<&[u8]>, default: &[u8]| text.is_none_or(|text| text.eq_ignore_ascii_case(default));
    let ascii = |p: &Parameter<'_>| {
        p.name.eq_ignore_ascii_case(b"charset") && p.value.eq_ignore_ascii_case(b"us-ascii")
    };
    root.kind == PartKind::Leaf
        && is(root.media_type, b"text")
        && is(root.subtype, b"plain")
        && root.parameters.iter().all(ascii)
        && is(root.encoding, b"7bit")
        && [root.id, root.description, root.md5, root.location].iter().all(Option::is_none)
        && root.disposition.is_none()
        && root.languages.is_empty()
}

fn write_part(part: &Part<'_>, extensible: bool, out: &mut Vec<u8>) {
    out.push(b'(');
    match part.kind {
        PartKind::Multipart => write_multipart(part, extensible, out),
        PartKind::Leaf | PartKind::Message | PartKind::Opaque => write_single(part, extensible, out),
    }
    out.push(b')');
}

fn write_multipart(part: &Part<'_>, extensible: bool, out: &mut Vec<u8>) {
    for child in &part.children {
        write_part(child, extensible, out);
    }
    if part.children.is_empty() {
        // The grammar asks for at least one part.
        out.extend_from_slice(EMPTY_BODY);
        out.extend_from_slice(if extensible { b" NIL NIL NIL NIL)" } else { b")" });
    }
    out.push(b' ');
    write_string(part.subtype.unwrap_or_default(), out);
    if extensible {
        out.push(b' ');
        write_parameters(&part.parameters, false, out);
        write_extension(part, out);
    }
}

fn write_single(part: &Part<'_>, extensible: bool, out: &mut Vec<u8>) {
    let text = write_type(part, out);
    out.push(b' ');
    write_parameters(&part.parameters, text, out);
    out.push(b' ');
    write_unfolded_or_nil(part.id, out);
    out.push(b' ');
    write_unfolded_or_nil(part.description, out);
    out.push(b' ');
    write_string(part.encoding.unwrap_or(b"7bit"), out);
    write_number(part.body_end - part.body_start, out);
    if text {
        write_number(part.body_lines, out);
    } else if let (PartKind::Message, Some(inner)) = (part.kind, part.children.first()) {
        out.push(b' ');
        out.extend_from_slice(inner.envelope.unwrap_or(b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"));
        out.push(b' ');
        write_part(inner, extensible, out);
        write_number(part.body_lines, out);
    }
    if extensible {
        out.push(b' ');
        write_unfolded_or_nil(part.md5, out);
        write_extension(part, out);
    }
}

/// Writes type and subtype; whether it is `text/*`, which has a default charset and a line count.
fn write_type(part: &Part<'_>, out: &mut Vec<u8>) -> bool {
    let (media_type, subtype): (&[u8], &[u8]) = match (part.kind, part.media_type) {
        (PartKind::Message, _) => (b"message", b"rfc822"),
        (PartKind::Opaque, _) => (b"application", b"octet-stream"),
        (_, None) => (b"text", b"plain"),
        (_, Some(media_type)) => (media_type, part.subtype.unwrap_or_default()),
    };
    write_string(media_type, out);
    out.push(b' ');
    write_string(subtype, out);
    media_type.eq_ignore_ascii_case(b"text")
}

/// Disposition, language and location: what single parts and multiparts have in common.
fn write_extension(part: &Part<'_>, out: &mut Vec<u8>) {
    out.push(b' ');
    match &part.disposition {
        Some(disposition) => {
            out.push(b'(');
            write_string(disposition.name, out);
            out.push(b' ');
            write_parameters(&disposition.parameters, false, out);
            out.push(b')');
        }
        None => write_nstring(None, out),
    }
    out.push(b' ');
    match part.languages.is_empty() {
        true => write_nstring(None, out),
        false => {
            for (index, language) in part.languages.iter().enumerate() {
                out.push(if index == 0 { b'(' } else { b' ' });
                write_string(language, out);
            }
            out.push(b')');
        }
    }
    out.push(b' ');
    write_unfolded_or_nil(part.location, out);
}

fn write_parameters(parameters: &[Parameter<'_>], default_charset: bool, out: &mut Vec<u8>) {
    let charset = default_charset && !parameters.iter().any(|p| p.name.eq_ignore_ascii_case(b"charset"));
    if parameters.is_empty() && !charset {
        return write_nstring(None, out);
    }
    out.push(b'(');
    for (index, parameter) in parameters.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        write_string(parameter.name, out);
        out.push(b' ');
        write_string(parameter.value, out);
    }
    if charset {
        out.extend_from_slice(if parameters.is_empty() { b"" } else { b" " });
        out.extend_from_slice(br#""charset" "us-ascii""#);
    }
    out.push(b')');
}

fn write_unfolded_or_nil(text: Option<&[u8]>, out: &mut Vec<u8>) {
    match text {
        Some(text) => write_unfolded(text, out),
        None => write_nstring(None, out),
    }
}

/// Appends a space and the number.
fn write_number(mut number: u64, out: &mut Vec<u8>) {
    const DIGITS_MAX: usize = 20;
    let mut digits = [0; DIGITS_MAX];
    let mut start = DIGITS_MAX;
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.push(b' ');
    out.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use super::super::{ScanLimits, Scanner};
    use super::*;

    #[test]
    fn what_the_digest_keeps_is_what_the_tree_says() {
        let part = "--b\r\nContent-Type: text/plain; name=\"a \\\" b\"\r\nContent-ID: <1@b>\r\n\r\ntext\r\n";
        for (parts, is_kept) in [(1, true), (40, false)] {
            let header = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
            let mut scanner =
                Scanner::new(ScanLimits { header_bytes_max: 2000, depth_max: 6, parts_max: 100 });
            scanner.feed(format!("{header}{}--b--\r\n", part.repeat(parts)).as_bytes());
            let digest = scanner.finish();
            let (mut told, mut written) = (Vec::new(), Vec::new());
            digest.view().write_body_structure(true, &mut told).unwrap();
            write_root(&digest.view().structure().unwrap(), true, &mut written);
            assert_eq!(told, written);
            assert_eq!(memchr::memmem::find(digest.as_bytes(), &written).is_some(), is_kept);
        }
    }
}
