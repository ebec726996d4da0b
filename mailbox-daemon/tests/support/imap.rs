//! The reading side of IMAP, as little of it as the tests need.

use super::demo::{Demo, Door, PASSWORD};
use super::wire::Wire;
use std::io;
use std::net::Ipv4Addr;

/// What came back for one command.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Untagged lines; a literal stands where its braces were, after a line feed.
    pub untagged: Vec<String>,
    /// The tagged line without its tag: `OK ...`, `NO ...`, `BAD ...`.
    pub verdict: String,
}

impl Answer {
    /// Whether the command succeeded.
    pub fn is_ok(&self) -> bool {
        self.verdict.starts_with("OK")
    }

    /// Panics unless the command succeeded.
    #[track_caller]
    pub fn ok(self) -> Answer {
        assert!(self.is_ok(), "the server said: {}", self.verdict);
        self
    }
}

/// One message as `FETCH` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its UID.
    pub uid: u32,
    /// The value of the one header field that was asked for.
    pub field: String,
}

/// A session.
pub struct ImapClient {
    wire: Wire,
    commands: u32,
}

impl ImapClient {
    /// Connects and reads the greeting.
    pub fn connect(demo: &Demo, door: Door) -> io::Result<ImapClient> {
        let mut wire = Wire::try_connect(demo.port(door))?;
        if door.is_tls() {
            wire = wire.try_start_tls(&demo.ca_file())?;
        }
        ImapClient::greeted(wire)
    }

    /// Connects without TLS from another of loopback's addresses; the greeting may be a BYE.
    pub fn connect_from(demo: &Demo, source: Ipv4Addr) -> io::Result<ImapClient> {
        ImapClient::greeted(Wire::try_connect_from(source, demo.port(Door::Imap))?)
    }

    fn greeted(wire: Wire) -> io::Result<ImapClient> {
        let mut client = ImapClient { wire, commands: 0 };
        match client.read_response()? {
            greeting if greeting.starts_with("* BYE") => Err(io::Error::other(greeting)),
            _ => Ok(client),
        }
    }

    /// A session that has logged in.
    pub fn log_in(demo: &Demo, account: &str) -> io::Result<ImapClient> {
        let mut client = ImapClient::connect(demo, Door::Imap)?;
        let answer = client.command(&format!("LOGIN {account} {PASSWORD}"))?;
        match answer.is_ok() {
            true => Ok(client),
            false => Err(io::Error::other(answer.verdict)),
        }
    }

    /// Sends a command and reads everything up to its end.
    pub fn command(&mut self, text: &str) -> io::Result<Answer> {
        let tag = self.send(text)?;
        self.finish(&tag)
    }

    /// Sends a command and returns its tag.
    pub fn send(&mut self, text: &str) -> io::Result<String> {
        self.commands += 1;
        let tag = format!("t{}", self.commands);
        self.wire.send_line(&format!("{tag} {text}"))?;
        Ok(tag)
    }

    /// Reads up to the end of the command with that tag.
    pub fn finish(&mut self, tag: &str) -> io::Result<Answer> {
        let mut untagged = Vec::new();
        loop {
            let response = self.read_response()?;
            match response.strip_prefix(tag).and_then(|rest| rest.strip_prefix(' ')) {
                Some(verdict) => return Ok(Answer { untagged, verdict: verdict.to_owned() }),
                None => untagged.push(response),
            }
        }
    }

    /// Appends a message in wire form.
    pub fn append(&mut self, mailbox: &str, flags: &str, message: &str) -> io::Result<Answer> {
        let tag = self.send(&format!("APPEND {mailbox} ({flags}) {{{}}}", message.len()))?;
        let go_on = self.read_response()?;
        if !go_on.starts_with('+') {
            let verdict = go_on.strip_prefix(&format!("{tag} ")).unwrap_or(&go_on).to_owned();
            return Ok(Answer { untagged: Vec::new(), verdict });
        }
        self.wire.send(message.as_bytes())?;
        self.wire.send(b"\r\n")?;
        self.finish(&tag)
    }

    /// The UID and one header field of every message of the selected mailbox.
    pub fn fetch_field(&mut self, field: &str) -> io::Result<Vec<Fetched>> {
        let answer = self.command(&format!("UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS ({field})])"))?;
        if !answer.is_ok() {
            return Err(io::Error::other(answer.verdict));
        }
        Ok(answer.untagged.iter().filter_map(|response| parse_fetched(response, field)).collect())
    }

    /// The number after a word such as `[UIDVALIDITY ` in any untagged line.
    pub fn number_after(answer: &Answer, word: &str) -> Option<u64> {
        answer.untagged.iter().chain([&answer.verdict]).find_map(|line| {
            let rest = &line[line.find(word)? + word.len()..];
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest[..end].parse().ok()
        })
    }

    /// One response with its literals.
    pub fn read_response(&mut self) -> io::Result<String> {
        let mut response = String::new();
        loop {
            let line = self.wire.read_line()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let line = String::from_utf8_lossy(&line).into_owned();
            response.push_str(&line);
            let Some(bytes) = literal_bytes(&line) else { return Ok(response) };
            response.push('\n');
            response.push_str(&String::from_utf8_lossy(&self.wire.read_exactly(bytes)?));
        }
    }

    /// The connection itself.
    pub fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

fn literal_bytes(line: &str) -> Option<usize> {
    line.strip_suffix('}')?.rsplit_once('{')?.1.parse().ok()
}

fn parse_fetched(response: &str, field: &str) -> Option<Fetched> {
    if !response.contains(" FETCH ") {
        return None;
    }
    let after_uid = &response[response.find("UID ")? + 4..];
    let digits = after_uid.find(|c: char| !c.is_ascii_digit()).unwrap_or(after_uid.len());
    let uid = after_uid[..digits].parse().ok()?;
    let wanted = format!("{}:", field.to_ascii_lowercase());
    let line = response.lines().find(|line| line.to_ascii_lowercase().starts_with(&wanted));
    let value = line.map(|line| line[wanted.len()..].trim().to_owned()).unwrap_or_default();
    Some(Fetched { uid, field: value })
}
