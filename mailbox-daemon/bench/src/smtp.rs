//! The sending half of SMTP, as a mail server uses it: pipelined envelope, then DATA (RFC 5321, RFC 2920).

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::fault::{Doing, Fault, Outcome};

const ANSWER_LIMIT: Duration = Duration::from_mins(2);

/// A connection after EHLO.
#[derive(Debug)]
pub struct Smtp {
    stream: TcpStream,
    input: BufReader<TcpStream>,
    line: String,
}

/// How to hand in mail that is to leave the house.
#[derive(Clone, Copy, Debug)]
pub struct Submission {
    /// Where.
    pub address: SocketAddr,
    /// Name and password, where the server does not trust the loopback by itself.
    pub login: Option<(&'static str, &'static str)>,
}

/// When a message was taken.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// Just before MAIL was sent.
    pub started: Instant,
    /// When the 250 to the message had come.
    pub acknowledged: Instant,
}

impl Smtp {
    /// Connects and says EHLO.
    pub fn connect(address: SocketAddr) -> Outcome<Smtp> {
        let stream = TcpStream::connect(address).doing(format!("connecting to SMTP at {address}"))?;
        stream.set_nodelay(true).doing("setting TCP_NODELAY")?;
        stream.set_read_timeout(Some(ANSWER_LIMIT)).doing("setting a timeout")?;
        let input = BufReader::new(stream.try_clone().doing("sharing a connection")?);
        let mut smtp = Smtp { stream, input, line: String::new() };
        smtp.expect("(connect)", '2')?;
        smtp.command("EHLO bench.test")?;
        Ok(smtp)
    }

    /// Connects for submission, with AUTH PLAIN where needed (RFC 4954).
    pub fn submit_to(submission: &Submission) -> Outcome<Smtp> {
        let mut smtp = Smtp::connect(submission.address)?;
        if let Some((user, password)) = submission.login {
            smtp.command(&format!("AUTH PLAIN {}", base64(format!("\0{user}\0{password}").as_bytes())))?;
        }
        Ok(smtp)
    }

    /// Hands over one message: wire form, no line beginning with a dot, ending with CRLF.
    pub fn send(&mut self, from: &str, to: &str, message: &[u8]) -> Outcome<Taken> {
        let started = Instant::now();
        let envelope = format!("MAIL FROM:<{from}>\r\nRCPT TO:<{to}>\r\nDATA\r\n");
        self.write(envelope.as_bytes())?;
        self.expect("MAIL", '2')?;
        self.expect("RCPT", '2')?;
        self.expect("DATA", '3')?;
        self.write(message)?;
        self.write(b".\r\n")?;
        self.expect("(end of message)", '2')?;
        Ok(Taken { started, acknowledged: Instant::now() })
    }

    /// Ends politely.
    pub fn quit(mut self) -> Outcome<()> {
        self.command("QUIT")
    }

    fn command(&mut self, command: &str) -> Outcome<()> {
        self.write(format!("{command}\r\n").as_bytes())?;
        self.expect(command, '2')
    }

    fn write(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.stream.write_all(bytes).doing("writing SMTP")
    }

    /// Reads one reply, all its lines, and wants this class of code.
    fn expect(&mut self, sent: &str, class: char) -> Outcome<()> {
        loop {
            self.line.clear();
            self.input.read_line(&mut self.line).doing(format!("reading the reply to {sent}"))?;
            if !self.line.starts_with(class) {
                return Err(Fault::Answer { sent: sent.into(), answer: self.line.trim_end().into() });
            }
            if self.line.as_bytes().get(3) != Some(&b'-') {
                return Ok(());
            }
        }
    }
}

/// Standard base64 with padding (RFC 4648).
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let index = (group >> (18 - 6 * at)) as usize & 63;
            text.push(if at <= chunk.len() { char::from(ALPHABET[index]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_pads() {
        assert_eq!(base64(b"foobar"), "Zm9vYmFy");
        assert_eq!(base64(b"fooba"), "Zm9vYmE=");
        assert_eq!(base64(b"foob"), "Zm9vYg==");
        assert_eq!(base64(b""), "");
    }
}
