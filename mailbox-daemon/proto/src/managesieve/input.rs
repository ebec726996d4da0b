use super::command::{Command, Response};
use super::parse::{self, Fault};
use crate::imap::{ANNOUNCEMENT_BYTES_MAX, announced_literal};

/// How much of one command is taken.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Octets of its lines together, literals left out.
    pub line_bytes_max: usize,
    /// Octets of its literals together.
    pub literals_bytes_max: usize,
    /// Octets that are thrown away of one that is too large, before the connection is given up.
    pub dropped_bytes_max: u64,
}

/// What came from the client and was not taken yet.
#[derive(Debug, Default)]
pub struct Input {
    bytes: Vec<u8>,
    /// Where the line begins that is to be searched for its end: behind the literals held so far.
    line_start: usize,
    /// Octets in these literals.
    literals: usize,
    dropping: Option<Dropping>,
}

/// The rest of a command nobody wants.
#[derive(Debug)]
struct Dropping {
    /// Octets of a literal that are still to come.
    literal_left: u64,
    dropped: u64,
    fault: Fault,
}

/// The next thing to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// Read more.
    Incomplete,
    /// Here it is.
    Complete(T),
    /// It was none; all of it has been dropped.
    Refused(Fault),
    /// There is no telling where it ends: say BYE and close.
    Hopeless(Fault),
}

impl Input {
    /// Nothing read yet.
    pub fn new() -> Input {
        Input::default()
    }

    /// Whether a command has begun that is not complete.
    pub fn is_mid_command(&self) -> bool {
        !self.bytes.is_empty() || self.dropping.is_some()
    }

    /// Room for `bytes` more; say with [`Input::filled`] how many came.
    pub fn space(&mut self, bytes: usize) -> &mut [u8] {
        let length = self.bytes.len();
        self.bytes.resize(length + bytes, 0);
        &mut self.bytes[length..]
    }

    /// `count` of the `space` bytes asked for with [`Input::space`] hold something.
    pub fn filled(&mut self, space: usize, count: usize) {
        self.bytes.truncate(self.bytes.len() - space + count);
    }

    /// Takes bytes in.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Gives the memory back when nothing waits: idle sessions hold none.
    pub fn release(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = Vec::new();
        }
    }

    /// Drops everything, as STARTTLS demands of what came before the handshake.
    pub fn clear(&mut self) {
        *self = Input::default();
    }

    /// The next command.
    pub fn command(&mut self, bounds: &Bounds) -> Next<Command> {
        self.next(bounds, parse::command)
    }

    /// The answer to a challenge.
    pub fn response(&mut self, bounds: &Bounds) -> Next<Response> {
        self.next(bounds, parse::response)
    }

    fn next<T>(&mut self, bounds: &Bounds, parse: impl Fn(&[u8]) -> Result<T, Fault>) -> Next<T> {
        loop {
            if self.dropping.is_some() {
                return self.drop_rest(bounds);
            }
            let Some(line) = self.bytes.get(self.line_start..) else { return Next::Incomplete };
            let line_end = memchr::memchr(b'\n', line).map(|at| self.line_start + at + 1);
            if line_end.unwrap_or(self.bytes.len()) - self.literals > bounds.line_bytes_max {
                self.give_up(0, Fault::too_large("the line is too long"));
                continue;
            }
            let Some(line_end) = line_end else { return Next::Incomplete };
            let Some(literal) = announced_literal(&self.bytes[self.line_start..line_end]) else {
                let parsed = parse(&self.bytes[..line_end]);
                self.begin_anew_behind(line_end);
                return parsed.map_or_else(Next::Refused, Next::Complete);
            };
            if literal.synchronising {
                return Next::Hopeless(Fault::syntax("a literal is announced with a plus: {5+}"));
            }
            let literals = literal.bytes.saturating_add(self.literals as u64);
            match usize::try_from(literals).ok().filter(|literals| *literals <= bounds.literals_bytes_max) {
                Some(literals) => {
                    self.line_start = line_end + literals - self.literals;
                    self.literals = literals;
                }
                None => {
                    self.begin_anew_behind(line_end);
                    self.give_up(literal.bytes, Fault::too_large("that is too long"));
                }
            }
        }
    }

    fn begin_anew_behind(&mut self, end: usize) {
        self.bytes.drain(..end);
        (self.line_start, self.literals) = (0, 0);
    }

    fn give_up(&mut self, literal_left: u64, fault: Fault) {
        (self.line_start, self.literals) = (0, 0);
        self.dropping = Some(Dropping { literal_left, dropped: 0, fault });
    }

    fn drop_rest<T>(&mut self, bounds: &Bounds) -> Next<T> {
        let Some(mut rest) = self.dropping.take() else { return Next::Incomplete };
        loop {
            let count = self.bytes.len().min(usize::try_from(rest.literal_left).unwrap_or(usize::MAX));
            self.bytes.drain(..count);
            rest.literal_left -= count as u64;
            rest.dropped += count as u64;
            if rest.literal_left > 0 {
                break;
            }
            let Some(line_end) = memchr::memchr(b'\n', &self.bytes).map(|at| at + 1) else {
                // The last bytes may be the beginning of a literal's announcement.
                let count = self.bytes.len().saturating_sub(ANNOUNCEMENT_BYTES_MAX);
                self.bytes.drain(..count);
                rest.dropped += count as u64;
                break;
            };
            let literal = announced_literal(&self.bytes[..line_end]).filter(|literal| !literal.synchronising);
            self.bytes.drain(..line_end);
            rest.dropped += line_end as u64;
            match literal {
                Some(literal) => rest.literal_left = literal.bytes,
                None => return Next::Refused(rest.fault),
            }
        }
        if rest.dropped.saturating_add(rest.literal_left) > bounds.dropped_bytes_max {
            return Next::Hopeless(rest.fault);
        }
        self.dropping = Some(rest);
        Next::Incomplete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { line_bytes_max: 40, literals_bytes_max: 20, dropped_bytes_max: 1000 };

    fn heard(stream: &[&[u8]]) -> Vec<Next<Command>> {
        let mut input = Input::new();
        let mut heard = Vec::new();
        for bytes in stream {
            input.feed(bytes);
            loop {
                match input.command(&BOUNDS) {
                    Next::Incomplete => break,
                    next => heard.push(next),
                }
                if matches!(heard.last(), Some(Next::Hopeless(_))) {
                    return heard;
                }
            }
        }
        heard
    }

    fn names(stream: &[&[u8]]) -> Vec<String> {
        let name = |next: &Next<Command>| match next {
            Next::Complete(command) => format!("{command:?}"),
            Next::Refused(fault) => format!("refused: {}", fault.text),
            Next::Hopeless(fault) => format!("hopeless: {}", fault.text),
            Next::Incomplete => unreachable!("that ends the loop"),
        };
        heard(stream).iter().map(name).collect()
    }

    #[test]
    fn literals_are_part_of_their_command() {
        let stream: &[u8] = b"GETSCRIPT {3+}\r\na\nb\r\nPUTSCRIPT {1+}\r\nx {0+}\r\n\r\nNOOP \"{5+}\"\r\n";
        let expected = [
            "GetScript(\"a\\nb\")",
            "PutScript { name: \"x\", script: [] }",
            "Noop(Some([123, 53, 43, 125]))",
        ];
        assert_eq!(names(&[stream]), expected);
        let drops: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(names(&drops), expected);
    }

    #[test]
    fn what_is_too_large_is_dropped_and_what_follows_is_heard() {
        let long = b"x".repeat(500);
        let literal = [b"CHECKSCRIPT {21+}\r\n".as_slice(), &[b'\n'; 21], b"\r\nNOOP\r\n"].concat();
        let two = b"PUTSCRIPT {15+}\r\n123456789012345 {15+}\r\n123456789012345\r\nNOOP\r\n".to_vec();
        let line = [long.as_slice(), b" {3+}\r\n\n\n\n\r\nNOOP\r\n"].concat();
        for (stream, text) in
            [(literal, "that is too long"), (two, "that is too long"), (line, "the line is too long")]
        {
            assert_eq!(names(&[&stream]), [format!("refused: {text}"), "Noop(None)".to_owned()]);
        }
    }

    #[test]
    fn where_a_command_ends_must_be_known() {
        assert!(names(&[b"NOOP {3}\r\n"])[0].starts_with("hopeless"));
        assert!(names(&[b"NOOP {99999999999999999999999+}\r\n"])[0].starts_with("hopeless"));
        assert!(names(&[&b"x".repeat(1100)])[0].starts_with("hopeless"));
        assert!(names(&[&b"x {100+}\r\n".repeat(500)])[0].starts_with("hopeless"));
    }

    #[test]
    fn what_waits_before_tls_is_forgotten() {
        let mut input = Input::new();
        input.feed(b"NOOP {5+}\r\nab");
        assert_eq!(input.command(&BOUNDS), Next::Incomplete);
        input.clear();
        assert!(!input.is_mid_command());
        input.feed(b"NOOP\r\n");
        assert_eq!(input.command(&BOUNDS), Next::Complete(Command::Noop(None)));
    }
}
