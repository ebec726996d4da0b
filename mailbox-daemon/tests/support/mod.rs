//! What the black-box tests share: a demo box of their own, and clients that speak to it byte by byte.
// Every test binary compiles this module for itself and none uses all of it.
#![allow(dead_code, unreachable_pub)]

pub mod certificates;
pub mod control_group;
pub mod demo;
pub mod dns;
pub mod far_server;
pub mod https;
pub mod imap;
pub mod ports;
pub mod smtp;
pub mod wire;

use std::time::{Duration, Instant};

/// How long anything may take before a test calls it hung. No verdict hangs on it: a machine under load is slow, not wrong.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Asks again until `answer` gives a value, and panics with `what` when patience is over.
pub fn wait_for<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = answer() {
            return value;
        }
        assert!(Instant::now() < give_up, "waited {}s in vain for {what}", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(2));
    }
}
