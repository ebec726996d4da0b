//! A body in another transfer encoding: what its header then says (RFC 2045 section 6, RFC 3516 section 4.4).

use super::header::fields;

/// The header of a part whose body is encoded so from now on. Every other field stays as it was; `is_message` adds the sign of
/// MIME where a message lacks it.
pub fn header_with_encoding(header: &[u8], encoding: &str, is_message: bool) -> Vec<u8> {
    let line = format!("Content-Transfer-Encoding: {encoding}\r\n");
    let mut out = Vec::with_capacity(header.len() + 64);
    let (mut has_mime, mut is_said) = (false, false);
    let mut end = 0;
    for field in fields(header) {
        end += field.raw.len();
        if field.is("Content-Transfer-Encoding") {
            out.extend_from_slice(if is_said { b"" } else { line.as_bytes() });
            is_said = true;
            continue;
        }
        has_mime |= field.is("MIME-Version");
        out.extend_from_slice(field.raw);
    }
    if is_message && !has_mime {
        out.extend_from_slice(b"MIME-Version: 1.0\r\n");
    }
    out.extend_from_slice(if is_said { b"" } else { line.as_bytes() });
    out.extend_from_slice(&header[end..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_told_once() {
        for (header, is_message, expected) in [
            ("A: b\r\n\r\n", false, "A: b\r\nContent-Transfer-Encoding: base64\r\n\r\n"),
            ("\r\n", false, "Content-Transfer-Encoding: base64\r\n\r\n"),
            (
                "content-transfer-encoding:\r\n binary\r\nA: b\r\nContent-Transfer-Encoding : 8bit\r\n\r\n",
                false,
                "Content-Transfer-Encoding: base64\r\nA: b\r\n\r\n",
            ),
            ("A: b\n\n", true, "A: b\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\n"),
            ("MIME-Version: 1.0\n\n", true, "MIME-Version: 1.0\nContent-Transfer-Encoding: base64\r\n\n"),
        ] {
            let out = header_with_encoding(header.as_bytes(), "base64", is_message);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }
}
