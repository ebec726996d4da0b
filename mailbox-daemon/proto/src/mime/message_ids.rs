//! Message-IDs out of Message-ID, In-Reply-To and References, whatever else stands there.

/// Reads one id after the other in the form that is compared: without angle brackets, quoting, comments and blanks
/// (RFC 5256 section 3). What has no at sign or no closing bracket is no id.
#[derive(Clone, Copy, Debug)]
pub struct MessageIds<'a> {
    rest: &'a [u8],
}

impl<'a> MessageIds<'a> {
    /// The ids of an unfolded field value.
    pub fn new(value: &'a [u8]) -> MessageIds<'a> {
        MessageIds { rest: value }
    }

    /// Puts the next id into `id`; `false` when there is no more.
    pub fn next_into(&mut self, id: &mut Vec<u8>) -> bool {
        while let Some(open) = memchr::memchr(b'<', self.rest) {
            self.rest = &self.rest[open + 1..];
            id.clear();
            match self.read(id) {
                Some(true) => return true,
                Some(false) => {}
                None => self.rest = b"",
            }
        }
        false
    }

    /// Reads up to `>`; whether it is an id. `None` when the value ends before.
    fn read(&mut self, id: &mut Vec<u8>) -> Option<bool> {
        let mut has_at = false;
        loop {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            match byte {
                b'>' => return Some(has_at),
                b'"' => self.quoted(id)?,
                b'(' => self.comment()?,
                b' ' | b'\t' => {}
                _ => {
                    has_at |= byte == b'@';
                    id.push(byte);
                }
            }
        }
    }

    fn quoted(&mut self, id: &mut Vec<u8>) -> Option<()> {
        loop {
            match self.bump()? {
                b'"' => return Some(()),
                b'\\' => id.push(self.bump()?),
                byte => id.push(byte),
            }
        }
    }

    fn comment(&mut self) -> Option<()> {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.bump()? {
                b'(' => depth += 1,
                b')' => depth -= 1,
                b'\\' => drop(self.bump()?),
                _ => {}
            }
        }
        Some(())
    }

    fn bump(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(value: &str) -> Vec<String> {
        let (mut ids, mut id, mut found) = (MessageIds::new(value.as_bytes()), Vec::new(), Vec::new());
        while ids.next_into(&mut id) {
            found.push(String::from_utf8(id.clone()).unwrap());
        }
        found
    }

    #[test]
    fn ids_are_found_among_other_things() {
        for (value, expected) in [
            ("<a@b>", vec!["a@b"]),
            ("<a@b><c@d>", vec!["a@b", "c@d"]),
            ("  <a@b>\t<c@d> ", vec!["a@b", "c@d"]),
            ("Your message of Monday <a@b> \"x\" <me@home>", vec!["a@b", "me@home"]),
            ("<\"a b\"@c>", vec!["a b@c"]),
            ("<\"01KF\"@xxx.yyy.com>", vec!["01KF@xxx.yyy.com"]),
            ("<\"a\\\"\"@c>", vec!["a\"@c"]),
            ("<a (comment >) @ b>", vec!["a@b"]),
            ("<a @ b>", vec!["a@b"]),
            ("<A@b> <a@B>", vec!["A@b", "a@B"]),
            ("<no-at-sign> <a@b>", vec!["a@b"]),
            ("<a@[1.2.3.4]>", vec!["a@[1.2.3.4]"]),
            ("a@b", vec![]),
            ("<a@b", vec![]),
            ("<a\"@b>", vec![]),
            ("<>", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(ids(value), expected, "{value}");
        }
    }
}
