//! A mail server elsewhere. It takes everything; a test hears what it is told and may answer differently.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// What a client said.
pub enum Heard<'a> {
    /// A command line, its line end included.
    Command(&'a str),
    /// A whole message, its final dot included.
    Message(&'a str),
    /// Nothing more: the connection has ended.
    End,
}

/// Serves until the test ends. `hear` gives the answer where it is not the usual one; each connection has a state of its own.
pub fn serve<S: Default>(
    listener: TcpListener,
    hear: impl Fn(&mut S, Heard<'_>) -> Option<&'static str> + Send + Sync + 'static,
) {
    let hear = Arc::new(hear);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let hear = Arc::clone(&hear);
            std::thread::spawn(move || {
                let mut state = S::default();
                // A client that goes away is what many tests are about.
                let _ = converse(stream, &mut |heard| hear(&mut state, heard));
                hear(&mut state, Heard::End);
            });
        }
    });
}

fn converse(mut stream: TcpStream, hear: &mut dyn FnMut(Heard<'_>) -> Option<&'static str>) -> Result<()> {
    let mut input = BufReader::new(stream.try_clone()?);
    stream.write_all(b"220 elsewhere.test\r\n")?;
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let heard = hear(Heard::Command(&line));
        let usual = match line.get(..4).unwrap_or_default() {
            "EHLO" => "250-elsewhere.test\r\n250-PIPELINING\r\n250 8BITMIME",
            "DATA" => {
                stream.write_all(b"354 go\r\n")?;
                let Some(message) = message(&mut input)? else { return Ok(()) };
                let answer = hear(Heard::Message(&message)).unwrap_or("250 taken");
                stream.write_all(format!("{answer}\r\n").as_bytes())?;
                continue;
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n"),
            _ => "250 ok",
        };
        stream.write_all(format!("{}\r\n", heard.unwrap_or(usual)).as_bytes())?;
    }
}

/// Up to the final dot; `None` when the connection ended before it.
fn message(input: &mut BufReader<TcpStream>) -> Result<Option<String>> {
    let mut message = String::new();
    loop {
        let begin = message.len();
        if input.read_line(&mut message)? == 0 {
            return Ok(None);
        }
        if &message[begin..] == ".\r\n" {
            return Ok(Some(message));
        }
    }
}
