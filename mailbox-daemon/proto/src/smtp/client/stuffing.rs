//! Transparency (RFC 5321 section 4.5.2): a dot that begins a line is doubled.

use memchr::memmem;

/// Stuffs a message that comes in chunks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stuffing {
    /// How much of CRLF has just gone out; a message begins at a line's start.
    seen: Seen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Text,
    Cr,
    CrLf,
}

impl Stuffing {
    pub(super) fn new() -> Stuffing {
        Stuffing { seen: Seen::CrLf }
    }

    /// Appends the chunk to `out`, doubled dots and all.
    pub(super) fn write(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let mut rest = chunk;
        // A line end that fell on the border of two chunks.
        let ends_line = self.seen == Seen::Cr && rest.first() == Some(&b'\n');
        if ends_line {
            out.push(b'\n');
            rest = &rest[1..];
        }
        if (ends_line || self.seen == Seen::CrLf) && rest.first() == Some(&b'.') {
            out.push(b'.');
        }
        while let Some(found) = memmem::find(rest, b"\r\n.") {
            out.extend_from_slice(&rest[..found + 3]);
            out.push(b'.');
            rest = &rest[found + 3..];
        }
        out.extend_from_slice(rest);
        self.seen = match chunk {
            [.., b'\r', b'\n'] => Seen::CrLf,
            [.., b'\r'] => Seen::Cr,
            [b'\n'] if ends_line => Seen::CrLf,
            [] => self.seen,
            _ => Seen::Text,
        };
    }

    /// Appends the end of the message, and the line end it may lack.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        let end: &[u8] = match self.seen {
            Seen::CrLf => b".\r\n",
            Seen::Cr => b"\n.\r\n",
            Seen::Text => b"\r\n.\r\n",
        };
        out.extend_from_slice(end);
        *self = Stuffing::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stuffed(chunks: &[&[u8]]) -> Vec<u8> {
        let (mut stuffing, mut out) = (Stuffing::new(), Vec::new());
        for chunk in chunks {
            stuffing.write(chunk, &mut out);
        }
        stuffing.finish(&mut out);
        out
    }

    #[test]
    fn dots_at_line_starts_are_doubled() {
        for (message, expected) in [
            ("", ".\r\n"),
            (".", "..\r\n.\r\n"),
            ("a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n"),
            ("..\r\n", "...\r\n.\r\n"),
            ("a.b\r\n", "a.b\r\n.\r\n"),
            ("no end", "no end\r\n.\r\n"),
            ("a\r\n\r\n.\r\n", "a\r\n\r\n..\r\n.\r\n"),
        ] {
            assert_eq!(stuffed(&[message.as_bytes()]), expected.as_bytes(), "{message:?}");
        }
    }

    proptest! {
        #[test]
        fn chunks_make_no_difference_and_nothing_ends_early(
            lines in prop::collection::vec("[.a]{0,3}", 0..8),
            cuts in prop::collection::vec(0usize..40, 0..8),
        ) {
            let message: String = lines.iter().flat_map(|line| [line.as_str(), "\r\n"]).collect();
            let message = message.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(message.len())).collect();
            cuts.sort_unstable();
            let (mut chunks, mut from) = (Vec::new(), 0);
            for cut in cuts {
                chunks.push(&message[from..cut]);
                from = cut;
            }
            chunks.push(&message[from..]);
            let out = stuffed(&chunks);
            let text = String::from_utf8(out).unwrap();
            let body = text.strip_suffix(".\r\n").unwrap();
            prop_assert!(!body.starts_with(".\r\n") && !body.contains("\r\n.\r\n"));
            let undone: String = body.split_inclusive("\r\n").map(|line| line.strip_prefix('.').unwrap_or(line)).collect();
            prop_assert_eq!(undone.as_bytes(), message);
        }
    }
}
