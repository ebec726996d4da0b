//! A mail server elsewhere: recipients at the slow domain are answered 451, as a destination that greylists would; mail for
//! everybody else is taken and counted.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::fault::{Doing, Outcome};
use crate::servers::SLOW_DOMAIN;

static TAKEN: AtomicU64 = AtomicU64::new(0);

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

/// Messages taken so far.
pub fn taken() -> u64 {
    TAKEN.load(Ordering::Relaxed)
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BufReader::with_capacity(64 * 1024, stream.try_clone()?);
    stream.write_all(b"220 sink.test ESMTP\r\n")?;
    let (mut line, mut replies) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line);
        let reply = reply(text.trim_end());
        replies.extend_from_slice(reply.as_bytes());
        if reply.starts_with("354") {
            stream.write_all(&replies)?;
            replies.clear();
            take_message(&mut input, &mut line)?;
            replies.extend_from_slice(b"250 2.0.0 taken\r\n");
        }
        // Commands sent together are answered together.
        if input.buffer().is_empty() || reply.starts_with("221") {
            stream.write_all(&replies)?;
            replies.clear();
        }
        if reply.starts_with("221") {
            return Ok(());
        }
    }
}

fn take_message(input: &mut BufReader<TcpStream>, line: &mut Vec<u8>) -> std::io::Result<()> {
    loop {
        line.clear();
        match input.read_until(b'\n', line)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ if line == b".\r\n" => break,
            _ => {}
        }
    }
    TAKEN.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

fn reply(line: &str) -> &'static str {
    let is_slow = line.trim_end_matches('>').ends_with(SLOW_DOMAIN);
    match line.get(..4).map(str::to_ascii_uppercase).as_deref() {
        Some("EHLO") => "250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n",
        Some("HELO" | "MAIL" | "RSET" | "NOOP") => "250 2.0.0 ok\r\n",
        Some("RCPT") if is_slow => "451 4.7.1 try again later\r\n",
        Some("RCPT") => "250 2.1.5 ok\r\n",
        Some("DATA") => "354 go on\r\n",
        Some("QUIT") => "221 2.0.0 bye\r\n",
        _ => "502 5.5.1 unknown\r\n",
    }
}

#[cfg(test)]
mod tests {
    use super::reply;

    #[test]
    fn recipients_at_the_slow_domain_are_put_off_and_the_rest_is_taken() {
        assert!(reply("RCPT TO:<x@fast.test>").starts_with("250"));
        assert!(reply("rcpt to:<x@slow.test>").starts_with("451"));
        assert!(reply("MAIL FROM:<>").starts_with("250"));
        assert!(reply("X").starts_with("502"));
    }
}
