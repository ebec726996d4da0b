use memchr::{memchr, memchr2};
use std::borrow::Cow;

/// Bytes of a refused line that are waited out before the session is closed.
const SKIPPED_BYTES_MAX: usize = 1024 * 1024;

/// Puts command lines together. Only CRLF ends one (RFC 5321 section 2.3.8); bytes are kept only while a line is incomplete.
#[derive(Debug, Default)]
pub(super) struct LineReader {
    kept: Vec<u8>,
    skipping: Option<Skipping>,
}

/// The rest of a line that was refused before it ended.
#[derive(Debug)]
struct Skipping {
    after_cr: bool,
    bytes: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Incomplete,
    Whole(Cow<'a, [u8]>),
    /// It holds a bare CR, bare LF or NUL. Said once a line, as soon as it is known.
    EndsBadly,
    TooLong,
    /// A refused line that does not end.
    Endless,
}

impl LineReader {
    /// Takes input up to the end of a line; `bytes_max` counts its CRLF.
    pub(super) fn read<'a>(&mut self, input: &'a [u8], bytes_max: usize) -> (usize, Line<'a>) {
        if let Some(skipping) = &mut self.skipping {
            let (consumed, is_over) = skipping.skip(input);
            let is_endless = skipping.bytes > SKIPPED_BYTES_MAX;
            if is_over {
                self.skipping = None;
            }
            return (consumed, if is_endless { Line::Endless } else { Line::Incomplete });
        }
        let Some(newline) = memchr(b'\n', input) else {
            return (input.len(), self.keep(input, bytes_max));
        };
        let consumed = newline + 1;
        let before = if newline == 0 { self.kept.last() } else { input.get(newline - 1) };
        if before != Some(&b'\r') {
            self.start_skipping(false);
            return (consumed, Line::EndsBadly);
        }
        let line = self.take(&input[..consumed]);
        let content = line.len() - 2;
        let line = match line {
            _ if content + 2 > bytes_max => Line::TooLong,
            line if memchr2(b'\r', 0, &line[..content]).is_some() => Line::EndsBadly,
            Cow::Borrowed(line) => Line::Whole(Cow::Borrowed(&line[..content])),
            Cow::Owned(mut line) => {
                line.truncate(content);
                Line::Whole(Cow::Owned(line))
            }
        };
        (consumed, line)
    }

    fn keep(&mut self, input: &[u8], bytes_max: usize) -> Line<'static> {
        if self.kept.len() + input.len() > bytes_max {
            self.start_skipping(input.last() == Some(&b'\r'));
            return Line::TooLong;
        }
        self.kept.extend_from_slice(input);
        Line::Incomplete
    }

    fn take<'a>(&mut self, end: &'a [u8]) -> Cow<'a, [u8]> {
        if self.kept.is_empty() {
            return Cow::Borrowed(end);
        }
        let mut line = std::mem::take(&mut self.kept);
        line.extend_from_slice(end);
        Cow::Owned(line)
    }

    fn start_skipping(&mut self, after_cr: bool) {
        self.kept = Vec::new();
        self.skipping = Some(Skipping { after_cr, bytes: 0 });
    }
}

impl Skipping {
    /// Says how much was consumed and whether the line is over.
    fn skip(&mut self, input: &[u8]) -> (usize, bool) {
        for newline in memchr::memchr_iter(b'\n', input) {
            let after_cr = if newline == 0 { self.after_cr } else { input[newline - 1] == b'\r' };
            if after_cr {
                return (newline + 1, true);
            }
        }
        self.bytes += input.len();
        self.after_cr = input.last() == Some(&b'\r');
        (input.len(), false)
    }
}
