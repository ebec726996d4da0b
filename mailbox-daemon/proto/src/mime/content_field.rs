//! `Content-Type:`, `Content-Disposition:` and fields of their kind (RFC 2045 section 5.1, RFC 2183): a value with parameters, told as text.

use super::decode::{charset_to_utf8, hex_pair};
use super::encoded_word;
use super::lexer::Lexer;
use super::parameter;

/// A field's value and its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentField {
    /// The type or the disposition, as written.
    pub value: String,
    /// What stands behind the slash of a type, as written; empty without one.
    pub subtype: String,
    /// Names in lower case and readable values: pieces joined, charsets and encoded words decoded (RFC 2231, RFC 2047).
    pub parameters: Vec<(String, String)>,
}

impl ContentField {
    /// Reads a field; `None` if it does not begin with `token` or `token "/" token`. Parameters that cannot be read are passed over.
    pub fn parse(value: &[u8]) -> Option<ContentField> {
        let mut lexer = Lexer::new(value);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let mut more = lexer.skip_blanks().ok()? && lexer.token(&mut first).ok()?;
        if more && lexer.peek() == Some(b'/') {
            lexer.bump();
            more = lexer.skip_blanks().ok()? && lexer.token(&mut second).ok()?;
            if second.is_empty() {
                return None;
            }
        }
        if first.is_empty() || more && lexer.peek() != Some(b';') {
            return None;
        }
        let parameters = parameter::parse(&mut lexer);
        Some(ContentField {
            value: String::from_utf8_lossy(&first).into_owned(),
            subtype: String::from_utf8_lossy(&second).into_owned(),
            parameters: parameters.iter().map(|(name, value)| readable(name, value)).collect(),
        })
    }
}

fn readable(name: &[u8], value: &[u8]) -> (String, String) {
    let (name, text) = match name.strip_suffix(b"*") {
        Some(name) => (name, extended(value)),
        None => (name, encoded_word::decoded(value)),
    };
    (String::from_utf8_lossy(name).to_ascii_lowercase(), text)
}

/// `charset'language'percent-encoded` (RFC 2231 section 4).
fn extended(value: &[u8]) -> String {
    let mut marks = value.splitn(3, |byte| *byte == b'\'');
    let (charset, rest) = match (marks.next(), marks.next(), marks.next()) {
        (Some(charset), Some(_), Some(rest)) => (charset, rest),
        _ => (&b""[..], value),
    };
    let mut octets = Vec::with_capacity(rest.len());
    let mut rest = rest;
    while let Some((&byte, behind)) = rest.split_first() {
        let escaped = behind.split_first_chunk().filter(|_| byte == b'%');
        let escaped = escaped.and_then(|([high, low], behind)| Some((hex_pair(*high, *low)?, behind)));
        let (octet, behind) = escaped.unwrap_or((byte, behind));
        octets.push(octet);
        rest = behind;
    }
    let mut text = Vec::with_capacity(octets.len());
    charset_to_utf8(charset, &octets, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(value: &str) -> String {
        let Some(field) = ContentField::parse(value.as_bytes()) else { return "-".to_owned() };
        let parameters = field.parameters.iter().map(|(name, value)| format!(";{name}={value}"));
        format!("{}/{}{}", field.value, field.subtype, parameters.collect::<String>())
    }

    #[test]
    fn values_and_parameters_become_text() {
        for (value, expected) in [
            ("text/plain", "text/plain"),
            (" Text / HTML (page) ; CHARSET = \"UTF-8\";", "Text/HTML;charset=UTF-8"),
            (
                "inline; filename=\"frop \\\"x\\\".exe\"; title=Frop!",
                "inline/;filename=frop \"x\".exe;title=Frop!",
            ),
            (
                "a/b;\r\n\tt*0*=us-ascii'en'This%20is%20;\r\n\tt*1*=%2A%2Afun;\r\n\tt*2=\"isn't %41\"",
                "a/b;t=This is **funisn't %41",
            ),
            ("a/b; n*=iso-8859-1''%FC%zz%", "a/b;n=ü%zz%"),
            ("a/b; n=\"=?utf-8?q?=C3=BC?=.pdf\"", "a/b;n=ü.pdf"),
            ("a/b; n==?utf-8?q?=C3=BC?=", "a/b;n=ü"),
            ("text", "text/"),
            ("", "-"),
            ("/b", "-"),
            ("text/", "-"),
            ("text/plain/stupid", "-"),
            ("text plain", "-"),
        ] {
            assert_eq!(told(value), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_value_makes_it_panic(value in "[a-c/;=*0-2'%?\"\\\\ (-]{0,60}") {
            let _ = told(&value);
        }
    }
}
