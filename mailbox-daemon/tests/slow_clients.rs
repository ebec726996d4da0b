//! Clients that ask and do not read. Those that drip are among the dialogues.

#![allow(clippy::unwrap_used)]

mod support;

use support::demo::{Demo, DemoOptions};
use support::imap::ImapClient;

const MESSAGE_BYTES: usize = 1 << 20;
const TIMES: usize = 100;

/// A client asks for far more than the network holds and does not read: its session ends, and it gets only a part.
#[test]
fn a_client_that_does_not_read_is_left() {
    let demo = Demo::start_with(DemoOptions::set(&["limits.imap_send_s=1"]));
    let mut imap = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    let text = format!("Subject: large\r\n\r\n{}\r\n", "x".repeat(MESSAGE_BYTES));
    imap.append("INBOX", "", &text).unwrap().ok();
    imap.command("SELECT INBOX").unwrap().ok();
    for _ in 0..TIMES {
        // Once the server has given up, sending fails.
        let _ = imap.send("FETCH 1 BODY.PEEK[TEXT]");
    }
    // Whoever else is there is served meanwhile, until the place of this one is free again.
    let mut other = ImapClient::log_in(&demo, "ben@home.test").unwrap();
    support::wait_for("the end of the session", || {
        other.command("NOOP").unwrap().ok();
        demo.log().contains("reads nothing").then_some(())
    });
    let mut bytes = 0;
    while let Ok(Some(line)) = imap.wire().read_line() {
        bytes += line.len();
    }
    assert!(bytes < TIMES * MESSAGE_BYTES, "{bytes}");
}
