//! `fulltext`: SEARCH TEXT of a big mailbox after the box has had time to itself.

use std::thread;
use std::time::{Duration, Instant};

use super::{Scale, median_of, results_in};
use crate::fault::{Fault, Outcome};
use crate::figures::Figures;
use crate::imap::Door;
use crate::message::{RARE_TEXT, RARE_TEXT_ONE_IN};
use crate::process::Tree;
use crate::servers::{BEN, Site};

const MESSAGES: u64 = 50_000;
const ROUNDS: usize = 7;
/// The server counts as quiet once it used less than this ...
const QUIET_CPU: Duration = Duration::from_millis(30);
/// ... in so long a time.
const QUIET_FOR: Duration = Duration::from_secs(10);
const QUIET_LIMIT: Duration = Duration::from_mins(10);

/// Lets the server read the mailbox and build what it builds when idle, then searches.
pub fn run(site: &Site, scale: Scale, figures: &mut Figures) -> Outcome<()> {
    let messages = scale.count(MESSAGES);
    site.start()?.stop()?; // makes the accounts
    site.fill_inbox("ben", messages)?;
    let server = site.start()?;
    let mut imap = server.imap(Door::Imap, BEN)?;
    imap.command("SELECT INBOX")?;
    let cpu_before = server.tree.cpu();
    wait_until_quiet(&server.tree)?;
    let cpu = server.tree.cpu().saturating_sub(cpu_before);
    figures.put("fulltext.idle_cpu_ms_per_message", crate::meter::ms(cpu) / messages as f64);
    for (name, key) in [("search_text", "TEXT"), ("search_body", "BODY")] {
        let costs = super::repeat(&server, scale.rounds(ROUNDS), |_| {
            let mut hits = 0;
            imap.command_with(&format!("SEARCH {key} {RARE_TEXT}"), |line| hits += results_in(line))?;
            match hits == messages / RARE_TEXT_ONE_IN {
                true => Ok(()),
                false => Err(Fault::Setup(format!("SEARCH {key} found {hits} messages"))),
            }
        })?;
        median_of(figures, &format!("fulltext.{name}"), &costs);
    }
    imap.command("LOGOUT")?;
    server.stop()
}

fn wait_until_quiet(tree: &Tree) -> Outcome<()> {
    let deadline = Instant::now() + QUIET_LIMIT;
    loop {
        let before = tree.cpu();
        thread::sleep(QUIET_FOR);
        if tree.cpu().saturating_sub(before) < QUIET_CPU {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Fault::Late { what: "the server being quiet".into(), limit: QUIET_LIMIT });
        }
    }
}
