//! The bytes of a message as they come in: after DATA (RFC 5321 section 4.5.2) or BDAT (RFC 3030).
//!
//! Only `CRLF . CRLF` ends DATA, and the message that is handed on holds CR and LF only as CRLF, so that nothing in it can be
//! taken for the end of a message by some server on the way. From strangers any other CR or LF is a fault, and the message is
//! refused when its true end has come; from the people who live here each becomes CRLF. Bytes are handed on as ranges of the
//! input, as large as the dots at line beginnings and the line ends to be mended allow.

#[cfg(test)]
mod tests;

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

/// What becomes of CR without LF and of LF without CR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BareLineEnds {
    /// They are faults.
    Refused,
    /// Each becomes CRLF. A dot after one is content: what the client calls a line begins after CRLF only.
    Mended,
}

/// What part of the input is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Message content. Empty when there was none in what was consumed.
    Content(Range<usize>),
    /// CRLF, as content: the input has something else in its place, or had the CR earlier.
    LineEnd,
    /// The message is over.
    End,
}

/// Reads one message.
#[derive(Debug)]
pub struct MessageReader {
    at: At,
    bare_line_ends: BareLineEnds,
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
    /// After CR; if line ends are mended it has not been handed on.
    AfterCr,
    /// After a CR or LF that became CRLF: a line begins, but its dots are content.
    AfterMended,
    /// After a dot at the start of a line; it is not content.
    AfterDot,
    /// After dot and CR; if LF follows both belonged to the end.
    AfterDotCr,
}

impl MessageReader {
    /// A reader at the start of a message of at most `bytes_max` bytes with lines of at most `line_bytes_max`, CRLF included.
    pub fn new(bytes_max: u64, line_bytes_max: usize, bare_line_ends: BareLineEnds) -> MessageReader {
        MessageReader {
            at: At::LineStart,
            bare_line_ends,
            bytes_max,
            line_bytes_max,
            bytes: 0,
            line_bytes: 0,
            fault: None,
        }
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

    /// Reads from DATA, where the input is not empty. Says how much of it is done with; call again with the rest until all is.
    pub fn read_dotted(&mut self, input: &[u8]) -> (usize, Piece) {
        let start = match self.leave_dot(input) {
            Dot::Content(start) => start,
            Dot::LineEnd(consumed) => return (consumed, self.mended()),
            Dot::End(consumed) => return (consumed, Piece::End),
        };
        let (end, piece) = self.read(start, input, true);
        let has_dot = self.at == At::LineStart && input.get(end) == Some(&b'.');
        if has_dot {
            self.at = At::AfterDot;
        }
        (end + usize::from(has_dot), piece)
    }

    /// Reads from a BDAT chunk in the same manner.
    pub fn read_chunk(&mut self, input: &[u8]) -> (usize, Piece) {
        self.read(0, input, false)
    }

    /// After the last chunk: whether a CRLF is missing at the end. A message that ends in CR is a fault or lacks one.
    pub fn lacks_newline(&mut self) -> bool {
        if self.at == At::AfterCr && !self.mends() {
            self.fail(Fault::BareCr);
        }
        !matches!(self.at, At::LineStart | At::AfterMended)
    }

    /// Content from `start` to the end of the input, to a dot at the start of a line or to a line end to be mended.
    fn read(&mut self, start: usize, input: &[u8], dotted: bool) -> (usize, Piece) {
        if self.mends() && self.at == At::AfterCr && start < input.len() {
            let is_whole = input[start] == b'\n';
            let piece = self.mended();
            if is_whole {
                self.at = At::LineStart;
            }
            return (start + usize::from(is_whole), piece);
        }
        let end = start + self.scan(&input[start..], dotted);
        match input.get(end) {
            Some(b'\r') if end == start && end + 1 == input.len() => {
                self.at = At::AfterCr;
                (end + 1, Piece::Content(0..0))
            }
            Some(b'\r' | b'\n') if end == start => (end + 1, self.mended()),
            _ => (end, Piece::Content(self.content(start..end))),
        }
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
                (At::AfterDotCr, _) if self.mends() => return Dot::LineEnd(consumed),
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

    /// Goes over content, to the end of the input, to a CR or LF to be mended or, with `dotted`, to a dot at the start of a
    /// line. Says how far.
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
                (0, _) => self.fail(Fault::Nul),
                _ if self.mends() => {
                    self.stop_in_line(&input[line_start..here]);
                    return here;
                }
                (b'\r', Some(_)) => self.fail(Fault::BareCr),
                (b'\r', None) => {}
                (_, _) => self.fail(Fault::BareLf),
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

    fn mends(&self) -> bool {
        self.bare_line_ends == BareLineEnds::Mended
    }

    /// A CRLF of content that the input does not have in one piece.
    fn mended(&mut self) -> Piece {
        self.end_line(2);
        self.at = At::AfterMended;
        match self.content(0..2).is_empty() {
            true => Piece::Content(0..0),
            false => Piece::LineEnd,
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
    /// A CR that followed the dot is a line end to be mended; the input goes on here.
    LineEnd(usize),
    /// The message ended before here.
    End(usize),
}
