//! The works: each takes a fresh, stopped server and measures one thing about it.

mod big;
mod compress;
mod deliver;
mod folders;
mod fulltext;
mod idle;
mod idle500;
mod latency;
mod mailbox;
mod outbound;
mod queue;
mod spam;

use std::time::Duration;

use crate::fault::Outcome;
use crate::figures::Figures;
use crate::meter::{self, Cost};
use crate::servers::{Server, Site};

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
    Work {
        name: "checked8k",
        about: "1,000 x 8 KiB with SPF, DKIM, DMARC, lists and names looked up; Postfix with rspamd",
        run: deliver::run_checked,
    },
    Work { name: "big25", about: "one message of nearly 25 MiB", run: big::run },
    Work { name: "imap50k", about: "an INBOX of 50,000 messages, warm", run: mailbox::run },
    Work {
        name: "fulltext",
        about: "SEARCH TEXT of 50,000 messages once the server has been left alone",
        run: fulltext::run,
    },
    Work { name: "list500", about: "LIST of 500 folders", run: folders::run },
    Work {
        name: "compress",
        about: "1,000 bodies in one FETCH under TLS, with and without COMPRESS",
        run: compress::run,
    },
    Work { name: "idle500", about: "500 IDLE sessions without TLS, then one delivery", run: idle500::run },
    Work { name: "tls500", about: "500 IDLE sessions under TLS, then one delivery", run: idle500::run_tls },
    Work {
        name: "queue",
        about: "10,000 messages submitted to a destination that answers 451",
        run: queue::run,
    },
    Work {
        name: "outbound",
        about: "10,000 messages submitted and handed to a destination that takes them",
        run: outbound::run,
    },
    Work {
        name: "spam",
        about: "the messages of SPAM_CORPUS judged, then learnt; beside bogofilter",
        run: spam::run,
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

/// What each of so many rounds costs the server.
fn repeat(
    server: &Server,
    rounds: usize,
    mut once: impl FnMut(&Server) -> Outcome<()>,
) -> Outcome<Vec<Cost>> {
    let round = |_| {
        let (done, cost) = meter::cost(&server.tree, || once(server));
        done.map(|()| cost)
    };
    (0..rounds).map(round).collect()
}

/// Keeps the median of time and of CPU.
fn median_of(figures: &mut Figures, name: &str, costs: &[Cost]) {
    figures.put_ms(format!("{name}_ms"), meter::median(costs.iter().map(|cost| cost.wall)));
    figures.put_ms(format!("{name}_cpu_ms"), meter::median(costs.iter().map(|cost| cost.cpu)));
}

/// Messages that a response tells about: one for FETCH, any number for SEARCH, SORT and THREAD.
fn results_in(line: &[u8]) -> u64 {
    let numbers =
        |hits: &[u8]| hits.split(|byte| !byte.is_ascii_digit()).filter(|digits| !digits.is_empty()).count();
    let lists = [&b"* SEARCH"[..], b"* SORT", b"* THREAD"];
    match lists.iter().find_map(|list| line.strip_prefix(*list)) {
        Some(hits) => numbers(hits) as u64,
        None => u64::from(line.windows(7).any(|window| window == b" FETCH ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_counted() {
        assert_eq!(results_in(b"* SEARCH 2 84 882\r\n"), 3);
        assert_eq!(results_in(b"* SEARCH\r\n"), 0);
        assert_eq!(results_in(b"* THREAD (2)(3 6 (4 23)(44 7))\r\n"), 7);
        assert_eq!(results_in(b"* 12 FETCH (FLAGS ())\r\n"), 1);
        assert_eq!(results_in(b"* 12 EXISTS\r\n"), 0);
    }
}
