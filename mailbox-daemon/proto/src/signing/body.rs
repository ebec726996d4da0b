use aws_lc_rs::digest::{Context, Digest, SHA256};

/// SHA-256 of a body in simple form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyHash(pub(super) [u8; 32]);

/// Hashes a body in simple form (RFC 6376 section 3.4.3) as it comes, cut anywhere: empty lines at its end do not count.
pub struct BodyHasher {
    digest: Context,
    /// Line ends that count once something follows them.
    held_line_ends: u64,
    /// Whether the last piece ended between CR and LF.
    holds_cr: bool,
}

impl Default for BodyHasher {
    fn default() -> BodyHasher {
        BodyHasher { digest: Context::new(&SHA256), held_line_ends: 0, holds_cr: false }
    }
}

impl BodyHasher {
    /// Takes the next piece.
    pub fn feed(&mut self, mut piece: &[u8]) {
        let Some(first) = piece.first() else { return };
        if std::mem::take(&mut self.holds_cr) {
            if *first == b'\n' {
                self.held_line_ends += 1;
                piece = &piece[1..];
            } else {
                self.count(b"\r");
            }
        }
        if let Some(before) = piece.strip_suffix(b"\r") {
            self.holds_cr = true;
            piece = before;
        }
        let mut content = piece;
        let mut line_ends = 0;
        while let Some(before) = content.strip_suffix(b"\r\n") {
            content = before;
            line_ends += 1;
        }
        if !content.is_empty() {
            self.count(content);
        }
        self.held_line_ends += line_ends;
    }

    /// The hash of all that came. It always ends in one CRLF.
    pub fn finish(mut self) -> BodyHash {
        if self.holds_cr {
            self.count(b"\r");
        }
        self.digest.update(b"\r\n");
        let digest: Digest = self.digest.finish();
        BodyHash(digest.as_ref().try_into().expect("SHA-256 has 32 octets"))
    }

    fn count(&mut self, content: &[u8]) {
        for _ in 0..std::mem::take(&mut self.held_line_ends) {
            self.digest.update(b"\r\n");
        }
        self.digest.update(content);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::BASE64;
    use proptest::prelude::*;

    fn hash(pieces: &[&[u8]]) -> BodyHash {
        let mut hasher = BodyHasher::default();
        for piece in pieces {
            hasher.feed(piece);
        }
        hasher.finish()
    }

    /// RFC 6376 section 3.4.3 gives the hash of an empty body.
    #[test]
    fn an_empty_body_is_one_line_end() {
        let expected = "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=";
        for body in [&b""[..], b"\r\n", b"\r\n\r\n\r\n"] {
            assert_eq!(BASE64.encode(&hash(&[body]).0), expected);
        }
    }

    #[test]
    fn only_what_is_empty_at_the_end_does_not_count() {
        let expected = hash(&[b"a\r\n\r\n b \r\n"]);
        assert_eq!(hash(&[b"a\r\n\r\n b \r\n\r\n\r\n"]), expected);
        assert_eq!(hash(&[b"a\r\n\r\n b "]), expected);
        assert_ne!(hash(&[b"a\r\n b \r\n"]), expected);
        assert_ne!(hash(&[b"a\r\n\r\n b \r\n \r\n"]), expected);
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(body in "[ab\\r\\n]{0,40}", cuts in proptest::collection::vec(0usize..40, 0..6)) {
            let body = body.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(body.len())).collect();
            cuts.extend([0, body.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &body[cut[0]..cut[1]]).collect();
            let mut end = body;
            while let Some(before) = end.strip_suffix(b"\r\n") {
                end = before;
            }
            prop_assert_eq!(hash(&pieces), hash(&[end]));
        }
    }
}
