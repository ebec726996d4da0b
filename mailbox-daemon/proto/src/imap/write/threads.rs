use super::data::number;

/// Writes `* THREAD ...` (RFC 5256 section 4) message by message, so that no part of the answer has to be held.
///
/// Messages come in the order of a walk from the top of each thread; depth 0 starts a thread. A thread without a message at
/// its top starts with [`ThreadWriter::headless`].
#[derive(Debug)]
pub struct ThreadWriter {
    /// For each level the walk is inside of, whether it opened a parenthesis.
    opened: Vec<bool>,
    last: Last,
}

/// What was written last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Begin,
    Close,
    Number,
    Open,
}

impl ThreadWriter {
    /// Starts the answer.
    pub fn begin(out: &mut Vec<u8>) -> ThreadWriter {
        out.extend_from_slice(b"* THREAD");
        ThreadWriter { opened: Vec::new(), last: Last::Begin }
    }

    /// A thread whose top message is missing: what follows at depth 1 are its branches.
    pub fn headless(&mut self, out: &mut Vec<u8>) {
        self.leave(out, 0);
        self.open(out);
    }

    /// One message at its depth; `branches` says whether it has siblings, and so a parenthesis of its own.
    pub fn message(&mut self, out: &mut Vec<u8>, depth: usize, branches: bool, value: u32) {
        self.leave(out, depth);
        match depth == 0 || branches {
            true => self.open(out),
            false => self.opened.push(false),
        }
        if self.last != Last::Open {
            out.push(b' ');
        }
        number(out, u64::from(value));
        self.last = Last::Number;
    }

    /// Ends the answer.
    pub fn end(mut self, out: &mut Vec<u8>) {
        self.leave(out, 0);
        out.extend_from_slice(b"\r\n");
    }

    fn open(&mut self, out: &mut Vec<u8>) {
        if matches!(self.last, Last::Begin | Last::Number) {
            out.push(b' ');
        }
        out.push(b'(');
        self.opened.push(true);
        self.last = Last::Open;
    }

    /// Closes all levels down to `depth`.
    fn leave(&mut self, out: &mut Vec<u8>, depth: usize) {
        while self.opened.len() > depth {
            if self.opened.pop() == Some(true) {
                out.push(b')');
                self.last = Last::Close;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        let mut out = Vec::new();
        let mut threads = ThreadWriter::begin(&mut out);
        for (depth, branches, value) in [
            (0, false, 2),
            (0, false, 3),
            (1, false, 6),
            (2, true, 4),
            (3, false, 23),
            (2, true, 44),
            (3, false, 7),
            (4, false, 96),
        ] {
            threads.message(&mut out, depth, branches, value);
        }
        threads.headless(&mut out);
        threads.message(&mut out, 1, true, 3);
        threads.message(&mut out, 1, true, 5);
        threads.end(&mut out);
        assert_eq!(out, b"* THREAD (2)(3 6 (4 23)(44 7 96))((3)(5))\r\n");
        out.clear();
        ThreadWriter::begin(&mut out).end(&mut out);
        assert_eq!(out, b"* THREAD\r\n");
    }
}
