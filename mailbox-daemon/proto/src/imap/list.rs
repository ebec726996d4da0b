//! LIST patterns (RFC 9051 section 6.3.9.1): `*` matches anything, `%` anything within one level.

use types::MailboxName;

/// A pattern, ready to be matched against many names in time linear in pattern times name, whatever it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Piece>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Byte(u8),
    Level,
    Anything,
}

impl Pattern {
    /// The pattern of a LIST command: reference and pattern joined as they stand.
    pub fn new(reference: &str, pattern: &str) -> Pattern {
        let mut pieces: Vec<Piece> = Vec::with_capacity(reference.len() + pattern.len());
        for byte in reference.bytes().chain(pattern.bytes()) {
            match (byte, pieces.last()) {
                (b'*', Some(Piece::Anything)) | (b'%', Some(Piece::Anything | Piece::Level)) => {}
                (b'*', Some(Piece::Level)) => *pieces.last_mut().expect("just seen") = Piece::Anything,
                (b'*', _) => pieces.push(Piece::Anything),
                (b'%', _) => pieces.push(Piece::Level),
                (byte, _) => pieces.push(Piece::Byte(byte)),
            }
        }
        let mut pattern = Pattern(pieces);
        pattern.fold_inbox();
        pattern
    }

    /// `INBOX` is one mailbox in any case, also as the first level of others.
    fn fold_inbox(&mut self) {
        let is_inbox = self.0.len() >= 5
            && self.0[..5]
                .iter()
                .zip(b"INBOX")
                .all(|(piece, wanted)| matches!(piece, Piece::Byte(b) if b.eq_ignore_ascii_case(wanted)));
        let ends_there =
            matches!(self.0.get(5), None | Some(Piece::Byte(b'/') | Piece::Level | Piece::Anything));
        if is_inbox && ends_there {
            self.0.splice(..5, b"INBOX".iter().map(|byte| Piece::Byte(*byte)));
        }
    }

    /// Bytes the shortest matching name has.
    fn bytes_min(&self) -> usize {
        self.0.iter().filter(|piece| matches!(piece, Piece::Byte(_))).count()
    }

    /// Whether the name matches.
    pub fn matches(&self, name: &MailboxName) -> bool {
        self.matches_text(name.as_str())
    }

    /// Whether it reaches across levels.
    pub fn is_deep(&self) -> bool {
        self.0.contains(&Piece::Anything)
    }

    /// Whether a name in text form matches.
    pub fn matches_text(&self, name: &str) -> bool {
        if self.0 == [Piece::Anything] {
            return true;
        }
        if self.bytes_min() > name.len() {
            return false;
        }
        // reached[i]: the pieces before i can match what was read so far.
        let mut reached = vec![false; self.0.len() + 1];
        reached[0] = true;
        self.skip_empty_wildcards(&mut reached);
        for byte in name.bytes() {
            for index in (0..reached.len()).rev() {
                let stays = reached[index] && self.waits_at(index, byte);
                let arrives = index > 0 && reached[index - 1] && self.0[index - 1] == Piece::Byte(byte);
                reached[index] = stays || arrives;
            }
            self.skip_empty_wildcards(&mut reached);
        }
        reached[self.0.len()]
    }

    /// Whether the wildcard at `index` takes the byte in.
    fn waits_at(&self, index: usize, byte: u8) -> bool {
        match self.0.get(index) {
            Some(Piece::Anything) => true,
            Some(Piece::Level) => byte != MailboxName::SEPARATOR as u8,
            _ => false,
        }
    }

    fn skip_empty_wildcards(&self, reached: &mut [bool]) {
        for (index, piece) in self.0.iter().enumerate() {
            if reached[index] && !matches!(piece, Piece::Byte(_)) {
                reached[index + 1] = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new("", pattern).matches_text(name)
    }

    #[test]
    fn wildcards_know_levels() {
        assert!(matches("*", "a/b/c") && matches("%", "a") && !matches("%", "a/b"));
        assert!(matches("a/%", "a/b") && !matches("a/%", "a/b/c") && matches("a/%/c", "a/b/c"));
        assert!(matches("%b%", "abc") && !matches("%d%", "abc") && matches("a*c", "a/b/c"));
        assert!(matches("", "") && !matches("", "a") && !matches("a", "ab") && !matches("ab", "a"));
    }

    #[test]
    fn inbox_has_no_case() {
        assert!(matches("inbox", "INBOX") && matches("iNBoX/%", "INBOX/kid") && matches("inbox*", "INBOX"));
        assert!(!matches("inboxes", "INBOXes") && !matches("sent", "Sent"));
        assert!(Pattern::new("in", "box").matches(&MailboxName::inbox()));
    }

    #[test]
    fn hostile_patterns_take_linear_time() {
        let name = "a".repeat(200);
        assert!(matches(&"%*".repeat(500), &name));
        assert!(!matches(&format!("{}b", "%a".repeat(199)), &name));
        assert!(!matches(&"a*".repeat(30_000), &name));
    }

    fn naive(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|skipped| naive(rest, &name[skipped..])),
            Some((b'%', rest)) => (0..=name.len())
                .take_while(|skipped| !name[..*skipped].contains(&b'/'))
                .any(|skipped| naive(rest, &name[skipped..])),
            Some((byte, rest)) => name.first() == Some(byte) && naive(rest, &name[1..]),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab/*%]{0,7}", name in "[ab/]{0,7}") {
            prop_assert_eq!(matches(&pattern, &name), naive(pattern.as_bytes(), name.as_bytes()));
        }
    }
}
