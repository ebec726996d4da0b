//! Hand-over under `kill -9`: mail is submitted and goes out to another server while the daemon is killed again and again.
//! Every message acknowledged at submission reaches that server, and one arrives twice only where the server's answer was on its
//! way when the daemon died: that gap is SMTP's own (RFC 1047).
//!
//! Twenty rounds with the release build, as `make test` runs it; three with a debug build.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::demo::{Demo, DemoOptions, Door};
use support::smtp::SmtpClient;

const ROUNDS: u32 = if cfg!(debug_assertions) { 3 } else { 20 };
const SENDERS: u32 = 4;
/// How long the queue may take to empty after a start.
const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn what_was_acknowledged_is_handed_over_and_never_twice_but_where_nobody_can_know() {
    let far = Far::start();
    let settings = [
        format!("outbound.route.far.test=127.0.0.1:{}", far.port),
        "limits.outbound_per_destination_max=5".to_owned(),
        "submission.messages_per_day=1000000".to_owned(),
        "submission.recipients_per_day=1000000".to_owned(),
    ];
    let mut demo = Demo::start_with(DemoOptions::set(&settings));
    let acknowledged = Mutex::new(BTreeSet::new());
    let next = AtomicU32::new(0);
    for round in 1..=ROUNDS {
        std::thread::scope(|scope| {
            for _ in 0..SENDERS {
                scope.spawn(|| submit_until_it_dies(&demo, &next, &acknowledged));
            }
            std::thread::sleep(Duration::from_millis(u64::from(50 + round * 7919 % 600)));
            demo.signal(nix::sys::signal::Signal::SIGKILL);
        });
        demo.wait_for_exit();
        demo.start_again();
    }
    wait_until_empty(&demo);
    let seen = far.seen.lock().unwrap();
    let acknowledged = acknowledged.into_inner().unwrap();
    let lost: Vec<_> = acknowledged.iter().filter(|name| !seen.taken.contains_key(*name)).collect();
    assert!(lost.is_empty(), "acknowledged and never handed over: {lost:?}");
    let twice = seen.taken.iter().filter(|(_, times)| **times > 1).map(|(name, _)| name);
    let wrongly: Vec<_> = twice.filter(|name| !seen.unknowable.contains(*name)).collect();
    assert!(wrongly.is_empty(), "handed over twice although the answer had been heard: {wrongly:?}");
    println!("{ROUNDS} kills, {} messages, {} in the gap", acknowledged.len(), seen.unknowable.len());
    assert!(acknowledged.len() > ROUNDS as usize, "the load never got going");
}

fn submit_until_it_dies(demo: &Demo, next: &AtomicU32, acknowledged: &Mutex<BTreeSet<String>>) {
    let Ok(mut client) = SmtpClient::connect(demo, Door::Submission) else { return };
    if client.log_in("ana@home.test").is_err() {
        return;
    }
    loop {
        let name = format!("message-{}", next.fetch_add(1, Ordering::Relaxed));
        let text = format!("From: ana@home.test\nSubject: {name}\n\ntext\n");
        match client.send_mail("ana@home.test", &["b@far.test"], &text) {
            Ok(reply) if reply.code == 250 => drop(acknowledged.lock().unwrap().insert(name)),
            Ok(reply) => panic!("refused: {reply:?}"),
            Err(_) => return,
        }
    }
}

fn wait_until_empty(demo: &Demo) {
    let start = Instant::now();
    while demo.told(&["--json", "queue", "list"], "").trim() != "[]" {
        // What a broken connection put off is not waited for.
        demo.tell(&["queue", "retry"], "");
        assert!(
            start.elapsed() < PATIENCE,
            "the queue does not empty: {}",
            demo.told(&["queue", "list"], "")
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A mail server elsewhere that takes everything and remembers what.
struct Far {
    port: u16,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// How often each message was taken.
    taken: BTreeMap<String, u32>,
    /// Those after whose answer the connection broke without another word.
    unknowable: BTreeSet<String>,
}

impl Far {
    fn start() -> Far {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<Mutex<Seen>>::default();
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&shared);
                std::thread::spawn(move || {
                    let mut last = None;
                    let _ = converse(stream, &seen, &mut last);
                    seen.lock().unwrap().unknowable.extend(last);
                });
            }
        });
        Far { port, seen }
    }
}

/// `last` is the message whose answer nothing has followed yet.
fn converse(mut stream: TcpStream, seen: &Mutex<Seen>, last: &mut Option<String>) -> std::io::Result<()> {
    let mut input = BufReader::new(stream.try_clone()?);
    stream.write_all(b"220 far.test\r\n")?;
    let mut line = String::new();
    loop {
        line.clear();
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        *last = None;
        match line.get(..4).unwrap_or_default() {
            "EHLO" => stream.write_all(b"250-far.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n")?,
            "DATA" => {
                stream.write_all(b"354 go\r\n")?;
                let Some(name) = take_message(&mut input)? else { return Ok(()) };
                *seen.lock().unwrap().taken.entry(name.clone()).or_default() += 1;
                *last = Some(name);
                stream.write_all(b"250 taken\r\n")?;
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n"),
            _ => stream.write_all(b"250 ok\r\n")?,
        }
    }
}

/// The message's subject; `None` when the connection ended before the message did.
fn take_message(input: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let (mut line, mut name) = (String::new(), String::new());
    loop {
        line.clear();
        if input.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if let Some(subject) = line.strip_prefix("Subject: ") {
            subject.trim_end().clone_into(&mut name);
        }
        if line == ".\r\n" {
            return Ok(Some(name));
        }
    }
}
