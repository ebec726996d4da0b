//! Tag lists, `name=value; name=value`: what DKIM, ARC and DMARC write their facts in (RFC 6376 section 3.2).

/// More tags are no tag list.
const TAGS_MAX: usize = 100;

/// A tag list that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Tags<'a> {
    /// Reads a list; `None` where the grammar is broken or a tag stands twice, which makes the whole list invalid.
    pub fn parse(text: &'a [u8]) -> Option<Tags<'a>> {
        let text = std::str::from_utf8(text).ok()?;
        let mut tags = Tags::default();
        let mut parts = text.split(';').peekable();
        while let Some(part) = parts.next() {
            // One semicolon may stand at the end.
            if part.trim_ascii().is_empty() && parts.peek().is_none() && !tags.0.is_empty() {
                break;
            }
            let (name, value) = tag(part)?;
            if tags.get(name).is_some() || tags.0.len() == TAGS_MAX {
                return None;
            }
            tags.0.push((name, value));
        }
        Some(tags)
    }

    /// Reads what can be read and lets the rest be, as RFC 7489 section 6.3 asks for; of a tag that stands twice the first.
    pub fn parse_kindly(text: &'a [u8]) -> Tags<'a> {
        let text = std::str::from_utf8(text).unwrap_or_default();
        Tags(text.split(';').filter_map(tag).take(TAGS_MAX).collect())
    }

    /// The value of a tag, as it stands there but for blanks around it.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(tag, _)| *tag == name).map(|(_, value)| *value)
    }

    /// Whether the list begins with this tag.
    pub fn begins_with(&self, name: &str) -> bool {
        self.0.first().is_some_and(|(tag, _)| *tag == name)
    }
}

fn tag(part: &str) -> Option<(&str, &str)> {
    let (name, value) = part.split_once('=')?;
    let name = name.trim_ascii();
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some((name, value.trim_ascii()))
}

/// A value without the blanks and line breaks that may stand anywhere in it.
pub fn without_blanks(value: &str) -> String {
    value.split_ascii_whitespace().collect()
}

/// Decodes base64 with blanks in it, padded or not.
pub fn base64(value: &str) -> Option<Vec<u8>> {
    let text = without_blanks(value);
    data_encoding::BASE64_NOPAD.decode(text.trim_end_matches('=').as_bytes()).ok()
}

/// The items of a list with colons.
pub fn items(value: &str) -> impl Iterator<Item = &str> {
    value.split(':').map(str::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read() {
        let tags = Tags::parse(b" v=1;\r\n a = rsa-sha256 ; b=a\r\n b=;").unwrap();
        assert_eq!((tags.get("v"), tags.get("a")), (Some("1"), Some("rsa-sha256")));
        assert_eq!(tags.get("b"), Some("a\r\n b="));
        assert_eq!((tags.get("A"), tags.begins_with("v")), (None, true));
        for broken in ["", ";", "a", "a=1;;b=2", "a=1; a=2", "1=2", "=x", "a b=1"] {
            assert_eq!(Tags::parse(broken.as_bytes()), None, "{broken}");
        }
        assert_eq!(Tags::parse(b"a=\xff"), None);
        assert_eq!(Tags::parse_kindly(b"v=DMARC1; rubbish; p=none;;").get("p"), Some("none"));
    }

    #[test]
    fn base64_may_be_folded() {
        assert_eq!(base64("aGVs\r\n\tbG8=").unwrap(), b"hello");
        assert_eq!(base64("aGVsbG8").unwrap(), b"hello");
        assert_eq!(base64("a GVs!"), None);
    }
}
