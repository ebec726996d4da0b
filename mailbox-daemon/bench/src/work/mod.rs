//! The works: each takes a fresh, stopped server and measures one thing about it.

mod big;
mod deliver;
mod idle;
mod idle500;
mod latency;
mod mailbox;
mod queue;

use std::time::Duration;

use crate::fault::Outcome;
use crate::figures::Figures;
use crate::servers::Site;

/// One of the works.
#[derive(Debug)]
pub struct Work {
    /// Its name, and the first part of its figures' names.
    pub name: &'static str,
    /// What is done, for the reader of the report.
    pub about: &'static str,
    /// Does it.
    pub run: fn(&Site, Scale, &mut Figures) -> Outcome<()>,
}

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// A tenth, and nothing repeated.
    pub quick: bool,
}

/// All works, in the order in which they are done.
pub const ALL: &[Work] = &[
    Work {
        name: "idle",
        about: "memory after a start, one delivery and one login, when quiet again",
        run: idle::run,
    },
    Work {
        name: "latency",
        about: "8 KiB messages one at a time, an IDLE client watching",
        run: latency::run,
    },
    Work {
        name: "deliver8k",
        about: "1,000 x 8 KiB over 10 connections until visible in IMAP",
        run: deliver::run_8k,
    },
    Work {
        name: "deliver1m",
        about: "100 x 1 MiB over 10 connections until visible in IMAP",
        run: deliver::run_1m,
    },
    Work { name: "big25", about: "one message of nearly 25 MiB", run: big::run },
    Work { name: "imap50k", about: "an INBOX of 50,000 messages, warm", run: mailbox::run },
    Work { name: "idle500", about: "500 IDLE sessions without TLS, then one delivery", run: idle500::run },
    Work {
        name: "queue",
        about: "10,000 messages submitted to a destination that answers 451",
        run: queue::run,
    },
];

/// No wait for mail to appear is longer.
const VISIBLE_LIMIT: Duration = Duration::from_mins(3);

/// The sender of mail from outside.
const STRANGER: &str = "someone@example.org";

impl Scale {
    /// So many messages, or a tenth.
    fn count(self, full: u64) -> u64 {
        if self.quick { full.div_ceil(10) } else { full }
    }

    /// So many repetitions, or one.
    fn rounds(self, full: usize) -> usize {
        if self.quick { 1 } else { full }
    }
}
