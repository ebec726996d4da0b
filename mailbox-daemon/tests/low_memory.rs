//! A board with little memory: the daemon in a control group of 96 MiB, and again of 48 MiB, under everything at once that needs
//! memory. Nothing is killed, nothing acknowledged is lost, and when memory is short mail from outside waits at its senders.
//!
//! Making a control group takes root; without it these tests say so and try nothing.

#![allow(clippy::unwrap_used)]

mod support;

use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use support::control_group::ControlGroup;
use support::demo::{Demo, DemoOptions, Door};
use support::imap::ImapClient;
use support::smtp::SmtpClient;
use support::wait_for;

const MIB: u64 = 1 << 20;
/// As large as SIZE allows, nearly.
const BIG_BYTES: usize = 24 * MIB as usize;
/// The release build, as `make test` runs it, goes the whole way; a debug build shows that the test works.
const BIG_MESSAGES: usize = if cfg!(debug_assertions) { 10 } else { 50 };
const QUEUED: usize = if cfg!(debug_assertions) { 2000 } else { 100_000 };
const READERS: usize = 200;
const SILENT: usize = 3000;

#[test]
fn everything_at_once_in_96_mib() {
    everything_at_once_in(96 * MIB);
}

#[test]
fn everything_at_once_in_48_mib() {
    everything_at_once_in(48 * MIB);
}

fn everything_at_once_in(bytes: u64) {
    let Some((group, demo)) = boxed_in(bytes) else { return };
    fill_the_queue(&demo);
    let mut readers: Vec<ImapClient> = (0..READERS).map(|_| reader(&demo)).collect();
    thread::scope(|scope| {
        scope.spawn(|| silent_callers(&demo));
        for number in 0..BIG_MESSAGES {
            scope.spawn({
                let demo = &demo;
                move || until_accepted(demo, number)
            });
        }
    });
    for reader in &mut readers {
        reader.command("NOOP").unwrap().ok();
    }
    let mut guest = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    let status = guest.command("STATUS INBOX (MESSAGES)").unwrap().ok();
    assert_eq!(status.untagged, [format!("* STATUS INBOX (MESSAGES {BIG_MESSAGES})")]);
    assert_eq!(queued(&demo), QUEUED, "acknowledged messages are missing from the queue");
    assert_eq!(group.killings(), 0);
    println!("peak of the group, page cache included: {} MiB", group.peak_bytes() / MIB);
}

#[test]
fn mail_waits_while_memory_is_short_and_comes_in_again_afterwards() {
    let Some((group, demo)) = boxed_in(96 * MIB) else { return };
    let codes = |demo: &Demo| {
        let Ok(mut client) = SmtpClient::connect(demo, Door::Smtp) else { return 0 };
        client
            .send_mail("friend@example.org", &["ana@home.test"], "Subject: x\n\nx\n")
            .map_or(0, |reply| reply.code)
    };
    assert_eq!(codes(&demo), 250);
    // Logged in before: hashing a password takes what the hog will leave.
    let mut owner = SmtpClient::connect(&demo, Door::Submission).unwrap();
    owner.log_in("ana@home.test").unwrap();
    let hog = Hog::new(&group, 80);
    // The greeting itself is the refusal.
    wait_for("mail from outside to be refused", || {
        let greeting = demo.connect(Door::Smtp).read_line().unwrap().unwrap();
        greeting.starts_with(b"421 4.3.2 ").then_some(())
    });
    // The people who live here still send.
    let letter = "From: ana@home.test\nSubject: y\n\ny\n";
    assert_eq!(owner.send_mail("ana@home.test", &["ben@home.test"], letter).unwrap().code, 250);
    let status = demo.cli(&["status"]).output().unwrap();
    assert!(String::from_utf8_lossy(&status.stdout).contains("Memory is short"));
    drop(hog);
    wait_for("mail to come in again", || (codes(&demo) == 250).then_some(()));
    assert_eq!(group.killings(), 0);
}

/// A box in a group; `None` where no group can be made.
fn boxed_in(bytes: u64) -> Option<(ControlGroup, Demo)> {
    let group = match ControlGroup::limited_to(bytes) {
        Ok(group) => group,
        Err(reason) => {
            println!("not tried: no control group can be made here ({reason})");
            return None;
        }
    };
    let mut options = DemoOptions::set(&["outbound.route.away.test=127.0.0.1:1"]);
    options.through = group.entrance();
    Some((group, Demo::start_with(options)))
}

/// Submits messages to nowhere, many to a connection.
fn fill_the_queue(demo: &Demo) {
    const CONNECTIONS: usize = 8;
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut client = SmtpClient::connect(demo, Door::Submission).unwrap();
                assert_eq!(client.log_in("ana@home.test").unwrap().code, 235);
                for _ in 0..QUEUED / CONNECTIONS {
                    let letter = "From: ana@home.test\nSubject: far away\n\nhello\n";
                    let reply = client.send_mail("ana@home.test", &["x@away.test"], letter).unwrap();
                    assert_eq!(reply.code, 250, "{reply:?}");
                }
            });
        }
    });
}

fn queued(demo: &Demo) -> usize {
    let spool = demo.state_dir().join("queue/spool");
    std::fs::read_dir(spool).unwrap().count()
}

fn reader(demo: &Demo) -> ImapClient {
    let mut client = ImapClient::log_in(demo, "ana@home.test").unwrap();
    client.command("SELECT INBOX").unwrap().ok();
    client
}

/// Calls, hangs up, calls again, and never says anything.
fn silent_callers(demo: &Demo) {
    let port = demo.port(Door::Smtp);
    let mut calls = std::collections::VecDeque::new();
    for _ in 0..SILENT {
        calls.extend(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok());
        if calls.len() > 100 {
            calls.pop_front();
        }
    }
}

/// Sends a big message again and again until it is accepted, as a mail server would.
fn until_accepted(demo: &Demo, number: usize) {
    wait_for("a big message to be accepted", || match send_big(demo, number) {
        Ok(250) => Some(()),
        Ok(code) if code / 100 == 5 => panic!("refused for ever: {code}"),
        _ => None,
    });
}

fn send_big(demo: &Demo, number: usize) -> io::Result<u16> {
    let mut client = SmtpClient::connect(demo, Door::Smtp)?;
    for (command, expected) in
        [("MAIL FROM:<friend@example.org>", 250), ("RCPT TO:<ana@home.test>", 250), ("DATA", 354)]
    {
        let code = client.command(command)?.code;
        if code != expected {
            return Ok(code);
        }
    }
    let wire = client.wire();
    wire.send(format!("Subject: {number}\r\n\r\n").as_bytes())?;
    let line = [&[b'x'; 76][..], b"\r\n"].concat();
    let chunk = line.repeat(1000);
    for _ in 0..BIG_BYTES / chunk.len() {
        wire.send(&chunk)?;
    }
    wire.send(b".\r\n")?;
    Ok(client.reply()?.code)
}

/// Another process in the group that holds memory as long as this lives.
struct Hog(Child);

impl Hog {
    /// It holds all of it when this returns.
    fn new(group: &ControlGroup, mib: usize) -> Hog {
        let words = group.entrance();
        let script = format!(
            "import time\nx = bytearray({mib} << 20)\nfor i in range(0, len(x), 4096): x[i] = 1\n\
             print('full', flush=True)\ntime.sleep(600)"
        );
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .args(["/usr/bin/python3", "-c", &script])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0; 4]).unwrap();
        Hog(child)
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
