//! A mail server that takes nothing: every recipient is answered 451, as a destination that greylists would.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use crate::fault::{Doing, Outcome};

/// Starts the sink; it ends with the program.
pub fn start() -> Outcome<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing("opening the sink's port")?;
    let address = listener.local_addr().doing("asking for the sink's port")?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A peer that goes away in the middle is its own business.
            thread::spawn(move || answer(stream).ok());
        }
    });
    Ok(address)
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let input = BufReader::new(stream.try_clone()?);
    stream.write_all(b"220 sink.test ESMTP\r\n")?;
    for line in input.lines() {
        let line = line?;
        stream.write_all(reply(&line).as_bytes())?;
        if line.eq_ignore_ascii_case("QUIT") {
            break;
        }
    }
    Ok(())
}

fn reply(line: &str) -> &'static str {
    match line.get(..4).map(str::to_ascii_uppercase).as_deref() {
        Some("EHLO") => "250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n",
        Some("HELO" | "MAIL" | "RSET" | "NOOP") => "250 2.0.0 ok\r\n",
        Some("RCPT") => "451 4.7.1 try again later\r\n",
        Some("DATA") => "503 5.5.1 no recipient\r\n",
        Some("QUIT") => "221 2.0.0 bye\r\n",
        _ => "502 5.5.1 unknown\r\n",
    }
}

#[cfg(test)]
mod tests {
    use super::reply;

    #[test]
    fn recipients_are_put_off_and_the_rest_is_taken() {
        assert!(reply("rcpt to:<x@slow.test>").starts_with("451"));
        assert!(reply("MAIL FROM:<>").starts_with("250"));
        assert!(reply("X").starts_with("502"));
    }
}
