//! The bytes of a message as they come in: after DATA (RFC 5321 section 4.5.2) or BDAT (RFC 3030).
//!
//! Only `CRLF . CRLF` ends DATA, and the message may hold CR and LF only as CRLF: whatever else some server on the way might
//! take for the end of a message is a fault, and the message is refused when its true end has come. Bytes are
//! handed on as ranges of the input, as large as the dots at line beginnings allow.

use memchr::memchr3;
use std::ops::Range;

/// Why a message is refused. The first fault stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// CR without LF.
    BareCr,
    /// LF without CR.
    BareLf,
    /// A NUL byte, which IMAP cannot hand out.
    Nul,
    /// A line over the limit.
    LineTooLong,
    /// More bytes than the limit.
    TooLarge,
}

/// What part of the input is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Message content. Empty when there was none in what was consumed.
    Content(Range<usize>),
    /// The message is over.
    End,
}

/// Reads one message.
#[derive(Debug)]
pub struct MessageReader {
    at: At,
    bytes_max: u64,
    line_bytes_max: usize,
    bytes: u64,
    line_bytes: usize,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    LineStart,
    Middle,
    AfterCr,
    /// After a dot at the start of a line; it is not content.
    AfterDot,
    /// After dot and CR; if LF follows both belonged to the end.
    AfterDotCr,
}

impl MessageReader {
    /// A reader at the start of a message of at most `bytes_max` bytes with lines of at most `line_bytes_max`, CRLF included.
    pub fn new(bytes_max: u64, line_bytes_max: usize) -> MessageReader {
        MessageReader { at: At::LineStart, bytes_max, line_bytes_max, bytes: 0, line_bytes: 0, fault: None }
    }

    /// What is wrong with the message so far.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Content bytes so far, dropped ones included.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether a message that is refused anyway has gone on to twice its limit.
    pub fn runs_on(&self) -> bool {
        self.fault.is_some() && self.bytes > self.bytes_max.saturating_mul(2)
    }

    /// Reads from DATA. Says how much of the input is done with; call again with the rest until all is.
    pub fn read_dotted(&mut self, input: &[u8]) -> (usize, Piece) {
        let start = match self.leave_dot(input) {
            Dot::Content(start) => start,
            Dot::End(consumed) => return (consumed, Piece::End),
        };
        let end = start + self.scan(&input[start..], true);
        let has_dot = self.at == At::LineStart && input.get(end) == Some(&b'.');
        if has_dot {
            self.at = At::AfterDot;
        }
        (end + usize::from(has_dot), Piece::Content(self.content(start..end)))
    }

    /// Reads from a BDAT chunk; all of the input is consumed.
    pub fn read_chunk(&mut self, input: &[u8]) -> Range<usize> {
        self.scan(input, false);
        self.content(0..input.len())
    }

    /// After the last chunk: whether a CRLF is missing at the end. A message that ends in CR is a fault.
    pub fn lacks_newline(&mut self) -> bool {
        if self.at == At::AfterCr {
            self.fail(Fault::BareCr);
        }
        self.at != At::LineStart
    }

    /// Steps over a dot at the start of a line, which may have come with earlier input.
    fn leave_dot(&mut self, input: &[u8]) -> Dot {
        let mut consumed = 0;
        while let Some(&byte) = input.get(consumed) {
            match (self.at, byte) {
                (At::LineStart, b'.') => self.at = At::AfterDot,
                (At::AfterDot, b'\r') => self.at = At::AfterDotCr,
                (At::AfterDotCr, b'\n') => {
                    self.at = At::LineStart;
                    return Dot::End(consumed + 1);
                }
                (At::AfterDotCr, _) => {
                    self.fail(Fault::BareCr);
                    self.at = At::Middle;
                }
                (At::AfterDot, _) => self.at = At::Middle,
                _ => return Dot::Content(consumed),
            }
            if self.at == At::Middle {
                return Dot::Content(consumed);
            }
            consumed += 1;
        }
        Dot::Content(consumed)
    }

    /// Goes over content, to the end of the input or, with `dotted`, to a dot at the start of a line. Says how far.
    fn scan(&mut self, input: &[u8], dotted: bool) -> usize {
        let mut line_start = 0;
        let mut next = 0;
        if self.at == At::AfterCr && !input.is_empty() {
            match input[0] {
                b'\n' => {
                    next = 1;
                    self.end_line(1);
                    line_start = 1;
                    if dotted && input.get(1) == Some(&b'.') {
                        return 1;
                    }
                }
                _ => self.fail(Fault::BareCr),
            }
        }
        while let Some(hit) = memchr3(b'\r', b'\n', 0, &input[next..]) {
            let here = next + hit;
            next = here + 1;
            match (input[here], input.get(next)) {
                (b'\r', Some(b'\n')) => {
                    next += 1;
                    self.end_line(next - line_start);
                    line_start = next;
                    if dotted && input.get(next) == Some(&b'.') {
                        return next;
                    }
                }
                (b'\r', Some(_)) => self.fail(Fault::BareCr),
                (b'\r', None) => {}
                (b'\n', _) => self.fail(Fault::BareLf),
                (_, _) => self.fail(Fault::Nul),
            }
        }
        self.stop_in_line(&input[line_start..]);
        input.len()
    }

    fn end_line(&mut self, bytes: usize) {
        self.at = At::LineStart;
        if self.line_bytes + bytes > self.line_bytes_max {
            self.fail(Fault::LineTooLong);
        }
        self.line_bytes = 0;
    }

    fn stop_in_line(&mut self, rest: &[u8]) {
        if let Some(last) = rest.last() {
            self.at = if *last == b'\r' { At::AfterCr } else { At::Middle };
            self.line_bytes = self.line_bytes.saturating_add(rest.len());
            if self.line_bytes > self.line_bytes_max {
                self.fail(Fault::LineTooLong);
            }
        }
    }

    fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// Counts what was read; content of a message with a fault is dropped.
    fn content(&mut self, range: Range<usize>) -> Range<usize> {
        self.bytes = self.bytes.saturating_add(range.len() as u64);
        if self.bytes > self.bytes_max {
            self.fail(Fault::TooLarge);
        }
        if self.fault.is_none() { range } else { 0..0 }
    }
}

enum Dot {
    /// Content goes on here.
    Content(usize),
    /// The message ended before here.
    End(usize),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Content, fault and how many bytes after the end were left, for input cut into pieces of `chunk` bytes.
    fn read(input: &[u8], chunk: usize) -> (Vec<u8>, Option<Fault>, Option<usize>) {
        let mut reader = MessageReader::new(1000, 100);
        let mut content = Vec::new();
        let mut position = 0;
        while position < input.len() {
            let window = &input[position..(position + chunk).min(input.len())];
            let (consumed, piece) = reader.read_dotted(window);
            assert!(consumed > 0, "no progress at {position}");
            position += consumed;
            match piece {
                Piece::Content(range) => content.extend_from_slice(&window[range]),
                Piece::End => return (content, reader.fault(), Some(input.len() - position)),
            }
        }
        (content, reader.fault(), None)
    }

    #[test]
    fn dots_are_unstuffed_and_the_end_is_found() {
        for (input, content) in [
            (&b".\r\n"[..], &b""[..]),
            (b"a\r\n.\r\n", b"a\r\n"),
            (b"a\r\n..\r\n.\r\n", b"a\r\n.\r\n"),
            (b"..a\r\n.\r\n", b".a\r\n"),
            (b"a.\r\n.b\r\n.\r\n", b"a.\r\nb\r\n"),
            (b"...\r\n\r\n...\r\n.\r\n", b"..\r\n\r\n..\r\n"),
        ] {
            for chunk in 1..=input.len() {
                assert_eq!(read(input, chunk), (content.to_vec(), None, Some(0)), "{input:?} by {chunk}");
            }
        }
    }

    #[test]
    fn nothing_but_crlf_dot_crlf_ends_a_message() {
        // What other servers took for the end of a message, each with a command smuggled behind it.
        for (end, fault) in [
            ("\n.\n", Fault::BareLf),
            ("\n.\r\n", Fault::BareLf),
            ("\r\n.\n", Fault::BareLf),
            ("\r.\r", Fault::BareCr),
            ("\r.\r\n", Fault::BareCr),
            ("\r\n.\r", Fault::BareCr),
            ("\r\n.\r.\r\n", Fault::BareCr),
            ("\n.\r", Fault::BareLf),
            ("\r.\n", Fault::BareCr),
            ("\r\r\n.\r\r\n", Fault::BareCr),
            ("\n\r.\r\n", Fault::BareLf),
            ("\r\n.\0\r\n", Fault::Nul),
            ("\r\n\0.\r\n", Fault::Nul),
            ("\r\0\n.\r\n", Fault::BareCr),
            ("\r\n.\r\0\n", Fault::BareCr),
        ] {
            let input = format!("a{end}MAIL FROM:<x@y>\r\nb\r\n.\r\nQUIT\r\n");
            for chunk in 1..=input.len() {
                let (_, found, left) = read(input.as_bytes(), chunk);
                assert_eq!((found, left), (Some(fault), Some(6)), "{end:?} by {chunk}");
            }
        }
    }

    #[test]
    fn limits_are_faults_and_the_end_is_still_found() {
        let long_line = format!("{}\r\n.\r\nx", "a".repeat(99));
        let large = format!("{}.\r\nx", "a\r\n".repeat(334));
        for chunk in [1, 7, 2000] {
            assert_eq!(read(long_line.as_bytes(), chunk).1, Some(Fault::LineTooLong));
            assert_eq!(read(long_line.as_bytes(), chunk).2, Some(1));
            assert_eq!(read(large.as_bytes(), chunk).1, Some(Fault::TooLarge));
            assert_eq!(read(large.as_bytes(), chunk).2, Some(1));
        }
        let fits = format!("{}\r\n.\r\n", "a".repeat(98));
        assert_eq!(read(fits.as_bytes(), 3).1, None);
    }

    #[test]
    fn a_message_without_dots_is_one_range() {
        let message = "0123456789abcdef\r\n".repeat(40);
        let mut reader = MessageReader::new(10_000, 100);
        let input = format!("{message}.\r\n");
        let (consumed, piece) = reader.read_dotted(input.as_bytes());
        assert_eq!((consumed, piece), (message.len() + 1, Piece::Content(0..message.len())));
    }

    #[test]
    fn chunks_follow_the_same_rules_without_dots() {
        let feed = |chunks: &[&[u8]]| {
            let mut reader = MessageReader::new(1000, 100);
            let bytes: usize = chunks.iter().map(|chunk| reader.read_chunk(chunk).len()).sum();
            (bytes, reader.lacks_newline(), reader.fault())
        };
        assert_eq!(feed(&[b"a\r", b"\n.\r\n", b""]), (6, false, None));
        assert_eq!(feed(&[b"a\r\nb"]), (4, true, None));
        assert_eq!(feed(&[b"a\r", b"b\r\n"]).2, Some(Fault::BareCr));
        assert_eq!(feed(&[b"a\n"]).2, Some(Fault::BareLf));
        assert_eq!(feed(&[b"a\r"]).2, Some(Fault::BareCr));
        assert_eq!(feed(&[&[b'a'; 101][..]]).2, Some(Fault::LineTooLong));
    }

    proptest! {
        #[test]
        fn any_chunking_reads_the_same(bytes in prop::collection::vec(prop::sample::select(b"\r\n.a\0".to_vec()), 0..60), chunk in 1usize..8) {
            let whole = read(&bytes, usize::MAX / 2);
            let cut = read(&bytes, chunk);
            prop_assert_eq!((whole.1, whole.2), (cut.1, cut.2));
            if whole.1.is_none() {
                prop_assert_eq!(whole.0, cut.0);
            }
        }

        #[test]
        fn stuffed_messages_come_back(lines in prop::collection::vec("[.a]{0,6}", 0..12)) {
            let message = lines.iter().fold(String::new(), |text, line| text + line + "\r\n");
            let stuffed = lines.iter().fold(String::new(), |text, line| {
                text + if line.starts_with('.') { "." } else { "" } + line + "\r\n"
            });
            let (content, fault, left) = read(format!("{stuffed}.\r\n").as_bytes(), 5);
            prop_assert_eq!((content, fault, left), (message.into_bytes(), None, Some(0)));
        }
    }
}
