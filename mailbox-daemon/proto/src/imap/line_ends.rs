//! Line ends of an appended message: whatever the client's program made of them, CRLF is stored (RFC 5322 section 2.3).

/// Makes every line end CRLF while a message passes in pieces.
#[derive(Clone, Copy, Debug, Default)]
pub struct LineEnds {
    /// The last byte passed on was a CR; whether it was bare is not known yet.
    after_cr: bool,
    has_changed: bool,
}

impl LineEnds {
    /// Passes a piece on to `sink`, cut only where a byte is missing.
    pub fn feed<E>(&mut self, piece: &[u8], mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let Some((&first, &last)) = piece.first().zip(piece.last()) else { return Ok(()) };
        if self.after_cr && first != b'\n' {
            self.has_changed = true;
            sink(b"\n")?;
        }
        let mut begin = 0;
        for at in memchr::memchr2_iter(b'\r', b'\n', piece) {
            let before = if at == 0 { self.after_cr } else { piece[at - 1] == b'\r' };
            if piece[at] == b'\n' && !before {
                self.has_changed = true;
                sink(&piece[begin..at])?;
                sink(b"\r")?;
                begin = at;
            } else if piece[at] == b'\r' && piece.get(at + 1).is_some_and(|next| *next != b'\n') {
                self.has_changed = true;
                sink(&piece[begin..=at])?;
                sink(b"\n")?;
                begin = at + 1;
            }
        }
        self.after_cr = last == b'\r';
        sink(&piece[begin..])
    }

    /// Ends the message: a CR at its very end still lacks its LF.
    pub fn finish<E>(&mut self, mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        match std::mem::take(&mut self.after_cr) {
            true => {
                self.has_changed = true;
                sink(b"\n")
            }
            false => Ok(()),
        }
    }

    /// Whether any line end so far was another than CRLF.
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn passed(pieces: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut line_ends = LineEnds::default();
        let mut sink = |bytes: &[u8]| -> Result<(), Infallible> {
            out.extend_from_slice(bytes);
            Ok(())
        };
        for piece in pieces {
            line_ends.feed(piece, &mut sink).unwrap();
        }
        line_ends.finish(&mut sink).unwrap();
        assert_eq!(line_ends.has_changed(), out != pieces.concat());
        out
    }

    #[test]
    fn every_kind_of_line_end_becomes_crlf() {
        assert_eq!(passed(&[b"a\nb\rc\r\nd\r"]), b"a\r\nb\r\nc\r\nd\r\n");
        assert_eq!(passed(&[b"a\r", b"\nb\r", b"c", b"", b"\n"]), b"a\r\nb\r\nc\r\n");
        assert_eq!(passed(&[b"\n\n\r\r"]), b"\r\n\r\n\r\n\r\n");
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(text in "[a\r\n]{0,12}", cut in 0_usize..12) {
            let (first, second) = text.as_bytes().split_at(cut.min(text.len()));
            let whole = passed(&[text.as_bytes()]);
            prop_assert_eq!(passed(&[first, second]), whole.clone());
            prop_assert_eq!(passed(&[&whole]), whole);
        }
    }
}
