//! A reading IMAP client: it counts and times answers and keeps none of them (RFC 3501).

use std::io::{BufRead, BufReader, Read, Write};
use std::time::{Duration, Instant};

use crate::fault::{Doing, Fault, Outcome};
use crate::servers::Doors;
use crate::wire::Wire;

/// Read at once from the connection.
const INPUT_BYTES: usize = 64 * 1024;
const POLL_PAUSE: Duration = Duration::from_millis(10);

/// One session.
#[derive(Debug)]
pub struct Imap {
    input: BufReader<Wire>,
    line: Vec<u8>,
}

/// How a session is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Port 143, in the clear.
    Imap,
    /// Port 993, TLS at once.
    Imaps,
}

/// What came back before the tagged OK.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Untagged responses.
    pub responses: u64,
    /// Bytes, literals included.
    pub bytes: u64,
}

impl Imap {
    /// Connects, reads the greeting and logs in.
    pub fn login(doors: &Doors, door: Door, user: &str, password: &str) -> Outcome<Imap> {
        let wire = match door {
            Door::Imap => Wire::connect(doors.imap)?,
            Door::Imaps => Wire::connect_tls(doors.imaps)?,
        };
        let mut imap = Imap { input: BufReader::with_capacity(INPUT_BYTES, wire), line: Vec::new() };
        imap.read_response()?;
        imap.command(&format!("LOGIN {user} {password}"))?;
        Ok(imap)
    }

    /// From now on both sides send deflated (RFC 4978).
    pub fn compress(mut self) -> Outcome<Imap> {
        self.command("COMPRESS DEFLATE")?;
        let wire = self.input.into_inner().deflated();
        Ok(Imap { input: BufReader::with_capacity(INPUT_BYTES, wire), line: self.line })
    }

    /// Bytes that came over the network since the session was opened or compressed.
    pub fn wire_bytes_read(&self) -> u64 {
        self.input.get_ref().bytes_read()
    }

    /// Sends a command and reads up to its tagged OK; anything else is a fault.
    pub fn command(&mut self, command: &str) -> Outcome<Answer> {
        self.command_with(command, |_| {})
    }

    /// Like [`Imap::command`]; `each` sees every untagged response, without literals.
    pub fn command_with(&mut self, command: &str, mut each: impl FnMut(&[u8])) -> Outcome<Answer> {
        self.write(&format!("a {command}\r\n"))?;
        let mut answer = Answer::default();
        loop {
            answer.bytes += self.read_response()?;
            match self.line.first() {
                Some(b'a') if self.line.starts_with(b"a OK") => return Ok(answer),
                Some(b'*') => {
                    answer.responses += 1;
                    each(&self.line);
                }
                _ => return Err(self.unexpected(command)),
            }
        }
    }

    /// Number of messages in a mailbox that is not selected.
    pub fn messages_in(&mut self, mailbox: &str) -> Outcome<u64> {
        let mut messages = 0;
        self.command_with(&format!("STATUS {mailbox} (MESSAGES)"), |line| {
            messages = number_after(line, "MESSAGES ").unwrap_or(messages);
        })?;
        Ok(messages)
    }

    /// Polls until a mailbox that is not selected holds so many messages.
    pub fn wait_for_messages(&mut self, mailbox: &str, messages: u64, limit: Duration) -> Outcome<()> {
        let deadline = Instant::now() + limit;
        loop {
            let there = self.messages_in(mailbox)?;
            if there >= messages {
                return Ok(());
            }
            if Instant::now() > deadline {
                let what = format!("seeing {messages} messages in {mailbox} (there are {there})");
                return Err(Fault::Late { what, limit });
            }
            std::thread::sleep(POLL_PAUSE);
        }
    }

    /// Enters IDLE (RFC 2177).
    pub fn idle(&mut self) -> Outcome<()> {
        self.write("a IDLE\r\n")?;
        loop {
            self.read_response()?;
            match self.line.first() {
                Some(b'+') => return Ok(()),
                Some(b'*') => {}
                _ => return Err(self.unexpected("IDLE")),
            }
        }
    }

    /// Waits in IDLE for the next EXISTS and returns when it came.
    pub fn wait_for_exists(&mut self) -> Outcome<Instant> {
        loop {
            self.read_response()?;
            if is_exists(&self.line) {
                return Ok(Instant::now());
            }
        }
    }

    fn unexpected(&self, sent: &str) -> Fault {
        Fault::Answer { sent: sent.into(), answer: String::from_utf8_lossy(&self.line).trim_end().into() }
    }

    fn write(&mut self, text: &str) -> Outcome<()> {
        let wire = self.input.get_mut();
        wire.write_all(text.as_bytes()).and_then(|()| wire.flush()).doing("writing IMAP")
    }

    /// Reads one response into `line`, its literals skipped; returns the bytes of all of it.
    fn read_response(&mut self) -> Outcome<u64> {
        self.line.clear();
        let mut bytes = 0;
        loop {
            let before = self.line.len();
            self.input.read_until(b'\n', &mut self.line).doing("reading IMAP")?;
            bytes += (self.line.len() - before) as u64;
            if self.line.last() != Some(&b'\n') {
                return Err(Fault::Setup("the IMAP server closed the connection".into()));
            }
            let Some(literal_bytes) = literal_at_end(&self.line[before..]) else { return Ok(bytes) };
            self.skip(literal_bytes)?;
            bytes += literal_bytes;
        }
    }

    fn skip(&mut self, bytes: u64) -> Outcome<()> {
        let skipped = std::io::copy(&mut self.input.by_ref().take(bytes), &mut std::io::sink());
        if skipped.doing("reading a literal")? == bytes {
            Ok(())
        } else {
            Err(Fault::Setup("the IMAP server closed the connection".into()))
        }
    }
}

/// Whether these bytes hold an EXISTS response.
fn is_exists(bytes: &[u8]) -> bool {
    bytes.windows(8).any(|window| window == b" EXISTS\r")
}

fn literal_at_end(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"}\r\n")?;
    let open = line.iter().rposition(|byte| *byte == b'{')?;
    std::str::from_utf8(&line[open + 1..]).ok()?.parse().ok()
}

/// The number behind a word of a response.
pub fn number_after(line: &[u8], word: &str) -> Option<u64> {
    let line = std::str::from_utf8(line).ok()?;
    let digits = line.split_once(word)?.1;
    digits.split(|byte: char| !byte.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_announced_at_the_end_of_a_line() {
        assert_eq!(literal_at_end(b"* 1 FETCH (BODY[] {42}\r\n"), Some(42));
        assert_eq!(literal_at_end(b"* 1 FETCH (UID 1)\r\n"), None);
        assert_eq!(literal_at_end(b"a OK {not a number}\r\n"), None);
    }

    #[test]
    fn status_counts_are_found() {
        assert_eq!(number_after(b"* STATUS INBOX (MESSAGES 231)\r\n", "MESSAGES "), Some(231));
        assert!(is_exists(b"* OK still here\r\n* 7 EXISTS\r\n"));
    }
}
