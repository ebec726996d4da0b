//! The first of a server's addresses that takes a connection (after RFC 8305): both families in turn, the next attempt a moment
//! after the last, until one succeeds.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long an attempt has to itself (RFC 8305 section 5).
const HEAD_START: Duration = Duration::from_millis(250);
/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Attempts under way and addresses still to be tried. Dropped, it gives up what is under way.
pub(super) struct Race {
    waiting: VecDeque<SocketAddr>,
    running: JoinSet<(SocketAddr, io::Result<TcpStream>)>,
}

impl Race {
    /// A race between addresses in this order; see [`in_turn`].
    pub(super) fn new(addresses: impl IntoIterator<Item = SocketAddr>) -> Race {
        Race { waiting: addresses.into_iter().collect(), running: JoinSet::new() }
    }

    /// The next attempt to end, well or not; `None` when all have. Whoever finds no fault with a connection asks no more.
    pub(super) async fn next(&mut self) -> Option<(SocketAddr, io::Result<TcpStream>)> {
        loop {
            if self.running.is_empty() && !self.start() {
                return None;
            }
            tokio::select! {
                Some(ended) = self.running.join_next() => {
                    // An attempt neither panics nor is it called off.
                    if let Ok(ended) = ended {
                        return Some(ended);
                    }
                }
                () = sleep(HEAD_START), if !self.waiting.is_empty() => {
                    self.start();
                }
            }
        }
    }

    fn start(&mut self) -> bool {
        let Some(address) = self.waiting.pop_front() else { return false };
        self.running.spawn(async move { (address, connect(address).await) });
        true
    }
}

/// A connection, or why there is none in time.
pub(super) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let tcp = timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await??;
    // Commands are written whole; waiting for more to send would only delay them.
    let _ = tcp.set_nodelay(true);
    Ok(tcp)
}

/// Addresses of both families in turn. IPv4 begins: mail from a home's IPv6 address is trusted least.
pub(super) fn in_turn<A>(addresses: Vec<A>, is_ipv6: impl Fn(&A) -> bool) -> Vec<A> {
    let (v6, v4): (VecDeque<A>, VecDeque<A>) = addresses.into_iter().partition(is_ipv6);
    let (mut next, mut other) = (v4, v6);
    let mut mixed = Vec::new();
    while !next.is_empty() || !other.is_empty() {
        mixed.extend(next.pop_front());
        std::mem::swap(&mut next, &mut other);
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[test]
    fn families_take_turns() {
        for (addresses, expected) in [
            ("4a 4b 6a 6b 6c", "4a 6a 4b 6b 6c"),
            ("6a 4a", "4a 6a"),
            ("6a 6b", "6a 6b"),
            ("4a 4b", "4a 4b"),
            ("", ""),
        ] {
            let mixed = in_turn(addresses.split_ascii_whitespace().collect(), |name| name.starts_with('6'));
            assert_eq!(mixed.join(" "), expected);
        }
    }

    #[tokio::test]
    async fn a_refusal_gives_the_next_its_chance_and_silence_costs_a_moment() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listening = listener.local_addr().unwrap();
        let refusing = {
            let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
            gone.local_addr().unwrap()
        };
        // Nobody routes to this network (RFC 5737): the attempt hangs or fails at once.
        let silent: SocketAddr = "192.0.2.1:25".parse().unwrap();
        let mut race = Race::new([refusing, silent, listening]);
        let mut failed = Vec::new();
        let connected = loop {
            match race.next().await.unwrap() {
                (address, Ok(_)) => break address,
                (address, Err(_)) => failed.push(address),
            }
        };
        assert_eq!(connected, listening);
        assert_eq!(failed[0], refusing);
        assert!(Race::new([]).next().await.is_none());
    }
}
