//! Hand-over under `kill -9`: mail is submitted and goes out to another server while the daemon is killed again and again.
//! Every message acknowledged at submission reaches that server, and one arrives twice only where the server's answer was on its
//! way when the daemon died: that gap is SMTP's own (RFC 1047).
//!
//! Twenty rounds with the release build, as `make test` runs it; three with a debug build.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::demo::{Demo, DemoOptions, Door};
use support::far_server::{self, Heard};
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
        // Of each connection the message whose answer nothing has followed yet.
        far_server::serve(listener, move |last: &mut Option<String>, heard| {
            match heard {
                Heard::Command(_) => *last = None,
                Heard::Message(message) => {
                    let name = subject(message);
                    *shared.lock().unwrap().taken.entry(name.clone()).or_default() += 1;
                    *last = Some(name);
                }
                Heard::End => shared.lock().unwrap().unknowable.extend(last.take()),
            }
            None
        });
        Far { port, seen }
    }
}

fn subject(message: &str) -> String {
    message.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or_default().to_owned()
}
