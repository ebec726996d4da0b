//! The sending side of SMTP, as little of it as the tests need.

use super::demo::{Demo, Door, PASSWORD};
use super::wire::Wire;
use std::io;
use std::net::Ipv4Addr;

/// A server's answer: its code and all its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The three digits.
    pub code: u16,
    /// The text of all lines, joined by line feeds.
    pub text: String,
}

/// A session that has said EHLO.
pub struct SmtpClient {
    wire: Wire,
}

impl SmtpClient {
    /// Greets the server behind a door.
    pub fn connect(demo: &Demo, door: Door) -> io::Result<SmtpClient> {
        let mut wire = Wire::try_connect(demo.port(door))?;
        if door.is_tls() {
            wire = wire.try_start_tls(&demo.ca_file())?;
        }
        SmtpClient::greet(wire)
    }

    /// Greets the server behind a door without TLS, coming from another of loopback's addresses.
    pub fn connect_from(demo: &Demo, door: Door, source: Ipv4Addr) -> io::Result<SmtpClient> {
        SmtpClient::greet(Wire::try_connect_from(source, demo.port(door))?)
    }

    /// Greets any server on loopback.
    pub fn connect_to(port: u16) -> io::Result<SmtpClient> {
        SmtpClient::greet(Wire::try_connect(port)?)
    }

    /// Greets over a connection that is there.
    pub fn greet(wire: Wire) -> io::Result<SmtpClient> {
        let mut client = SmtpClient { wire };
        let greeting = client.reply()?;
        if greeting.code != 220 {
            return Err(io::Error::other(format!("{} {}", greeting.code, greeting.text)));
        }
        client.command("EHLO client.example.net")?;
        Ok(client)
    }

    /// Logs in with AUTH PLAIN.
    pub fn log_in(&mut self, account: &str) -> io::Result<Reply> {
        self.log_in_with(account, PASSWORD)
    }

    /// The same with another password.
    pub fn log_in_with(&mut self, account: &str, password: &str) -> io::Result<Reply> {
        let words = data_encoding::BASE64.encode(format!("\0{account}\0{password}").as_bytes());
        self.command(&format!("AUTH PLAIN {words}"))
    }

    /// Sends a command and reads its answer.
    pub fn command(&mut self, line: &str) -> io::Result<Reply> {
        self.wire.send_line(line)?;
        self.reply()
    }

    /// One transaction; the answer that decided it.
    pub fn send_mail(&mut self, from: &str, to: &[&str], message: &str) -> io::Result<Reply> {
        let reply = self.command(&format!("MAIL FROM:<{from}>"))?;
        if reply.code != 250 {
            return Ok(reply);
        }
        for recipient in to {
            let reply = self.command(&format!("RCPT TO:<{recipient}>"))?;
            if reply.code != 250 {
                return Ok(reply);
            }
        }
        let reply = self.command("DATA")?;
        if reply.code != 354 {
            return Ok(reply);
        }
        self.send_text(message)?;
        self.reply()
    }

    /// A message in wire form with its dots doubled, and the final dot.
    pub fn send_text(&mut self, message: &str) -> io::Result<()> {
        let mut wire_form = String::with_capacity(message.len() + 8);
        for line in message.lines() {
            if line.starts_with('.') {
                wire_form.push('.');
            }
            wire_form.push_str(line);
            wire_form.push_str("\r\n");
        }
        wire_form.push_str(".\r\n");
        self.wire.send(wire_form.as_bytes())
    }

    /// The next answer.
    pub fn reply(&mut self) -> io::Result<Reply> {
        let mut texts = Vec::new();
        loop {
            let line = self.wire.read_line()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let line = String::from_utf8_lossy(&line).into_owned();
            let code = line.get(..3).and_then(|digits| digits.parse().ok());
            let code = code.ok_or_else(|| io::Error::other(format!("not an SMTP reply: {line:?}")))?;
            texts.push(line.get(4..).unwrap_or_default().to_owned());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(Reply { code, text: texts.join("\n") });
            }
        }
    }

    /// The connection itself.
    pub fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }
}
