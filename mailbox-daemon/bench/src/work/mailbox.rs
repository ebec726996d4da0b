//! `imap50k`: what a mail program asks of a big mailbox.

use std::thread;
use std::time::Duration;

use super::{STRANGER, Scale, median_of, results_in};
use crate::fault::{Fault, Outcome};
use crate::figures::Figures;
use crate::imap::{Door, Imap, number_after};
use crate::maildir::UNSEEN_ONE_IN;
use crate::message::{self, RARE_SUBJECT, RARE_SUBJECT_ONE_IN, RARE_TEXT, RARE_TEXT_ONE_IN};
use crate::meter::{self, Cost};
use crate::servers::{BEN, Server, Setup, Site};
use crate::smtp::Smtp;

const MESSAGES: u64 = 50_000;
const SOME: u64 = 1000;
/// A folder changed this instant is looked at again by everybody, since a file system's clock is coarse.
const SETTLE: Duration = Duration::from_secs(3);
/// Messages that come while the mailbox is looked at.
const DELIVERIES: usize = 5;
const DELIVERED: Duration = Duration::from_millis(500);

/// A command that changes nothing.
struct Read {
    name: &'static str,
    command: &'static str,
    rounds: usize,
    /// One in so many messages is answered or found.
    one_in: u64,
}

const READS: [Read; 14] = [
    Read { name: "fetch_flags", command: "FETCH 1:* (UID FLAGS)", rounds: 7, one_in: 1 },
    Read { name: "fetch_envelope", command: "FETCH 1:* (ENVELOPE)", rounds: 5, one_in: 1 },
    Read { name: "fetch_bodystructure", command: "FETCH 1:* (BODYSTRUCTURE)", rounds: 5, one_in: 1 },
    Read {
        name: "fetch_list",
        command: "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)",
        rounds: 5,
        one_in: 1,
    },
    Read { name: "search_unseen", command: "SEARCH UNSEEN", rounds: 7, one_in: UNSEEN_ONE_IN },
    Read {
        name: "search_subject",
        command: "SEARCH SUBJECT {subject}",
        rounds: 7,
        one_in: RARE_SUBJECT_ONE_IN,
    },
    Read { name: "search_from", command: "SEARCH FROM 77@example.org", rounds: 7, one_in: 100 },
    Read { name: "search_sent", command: "SEARCH SENTSINCE 1-Nov-2025", rounds: 7, one_in: 1 },
    Read { name: "search_text", command: "SEARCH TEXT {text}", rounds: 3, one_in: RARE_TEXT_ONE_IN },
    Read {
        name: "fetch_headers",
        command: "FETCH 1:* (BODY.PEEK[HEADER.FIELDS (FROM TO CC SUBJECT DATE MESSAGE-ID REFERENCES)])",
        rounds: 3,
        one_in: 1,
    },
    Read { name: "sort_date", command: "SORT (REVERSE DATE) UTF-8 ALL", rounds: 5, one_in: 1 },
    Read { name: "sort_subject", command: "SORT (SUBJECT) UTF-8 ALL", rounds: 5, one_in: 1 },
    Read { name: "sort_from", command: "SORT (FROM DATE) UTF-8 ALL", rounds: 5, one_in: 1 },
    Read { name: "thread", command: "THREAD REFERENCES UTF-8 ALL", rounds: 5, one_in: 1 },
];

/// Without the index for full texts, which has a work of its own.
const SETUP: Setup = Setup { ours: &["search.fulltext=false"], ..Setup::USUAL };
/// Flags changed while a client was away.
const CHANGED: u64 = 10_000;

/// Fills the mailbox while the server is stopped, lets the server read it once, then measures.
pub fn run(site: &Site, scale: Scale, figures: &mut Figures) -> Outcome<()> {
    let messages = scale.count(MESSAGES);
    site.start_with(SETUP)?.stop()?; // makes the accounts
    site.fill_inbox("ben", messages)?;
    let server = site.start_with(SETUP)?;
    let mut bench = Bench { server: &server, figures, rounds: if scale.quick { 1 } else { usize::MAX } };
    let before_kib = server.tree.memory().pss_kib;
    bench.first_select(messages)?;
    thread::sleep(SETTLE);
    select(&server)?;
    bench.select()?;
    bench.select_after_delivery()?;
    let mut imap = bench.selected()?;
    bench.reads(&mut imap, messages)?;
    let after_kib = server.tree.memory().pss_kib;
    bench.figures.put("imap50k.more_pss_after_reads_kib", after_kib.saturating_sub(before_kib) as f64);
    bench.bodies(&mut imap, SOME.min(messages / 4))?;
    bench.store(&mut imap, SOME.min(messages / 4))?;
    bench.resync(&mut imap, CHANGED.min(messages / 2))?;
    bench.moves(&mut imap, SOME.min(messages / 4))?;
    imap.command("LOGOUT")?;
    server.stop()
}

struct Bench<'a> {
    server: &'a Server,
    figures: &'a mut Figures,
    rounds: usize,
}

impl Bench<'_> {
    /// Reads the folder that it has never seen; no target, but worth knowing.
    fn first_select(&mut self, messages: u64) -> Outcome<()> {
        let mut imap = self.server.imap(Door::Imap, BEN)?;
        let mut exists = 0;
        let (selected, cost) = meter::cost(&self.server.tree, || {
            imap.command_with("SELECT INBOX", |line| exists = exists_count(line).unwrap_or(exists))
        });
        selected?;
        if exists != messages {
            return Err(Fault::Setup(format!("of {messages} files in the Maildir {exists} became messages")));
        }
        self.put("first_select", &[cost]);
        imap.command("LOGOUT").map(|_| ())
    }

    fn select(&mut self) -> Outcome<()> {
        self.repeat("select", 7, select)
    }

    /// As a phone does when it was told of new mail.
    fn select_after_delivery(&mut self) -> Outcome<()> {
        let mut serial = 1_000_000;
        self.repeat("select_after_delivery", DELIVERIES, |server| {
            let mut smtp = Smtp::connect(server.doors.smtp)?;
            smtp.send(STRANGER, BEN, &message::text(serial, 8192))?;
            smtp.quit()?;
            serial += 1;
            thread::sleep(DELIVERED); // the peers answer before they have delivered
            select(server)
        })
    }

    fn selected(&self) -> Outcome<Imap> {
        let mut imap = self.server.imap(Door::Imap, BEN)?;
        imap.command("SELECT INBOX")?;
        Ok(imap)
    }

    fn reads(&mut self, imap: &mut Imap, messages: u64) -> Outcome<()> {
        for read in READS {
            let command = read.command.replace("{subject}", RARE_SUBJECT).replace("{text}", RARE_TEXT);
            let mut results = 0;
            let (first, cold) = meter::cost(&self.server.tree, || {
                imap.command_with(&command, |line| results += results_in(line))
            });
            first?;
            let expected = messages / read.one_in;
            if !(expected..=expected + DELIVERIES as u64).contains(&results) {
                return Err(Fault::Setup(format!("{command}: {results} results instead of {expected}")));
            }
            self.put(&format!("{}_first", read.name), &[cold]);
            self.repeat(read.name, read.rounds, |server| timed(server, imap, &command))?;
        }
        Ok(())
    }

    fn bodies(&mut self, imap: &mut Imap, some: u64) -> Outcome<()> {
        self.repeat(&format!("bodies_{SOME}"), 3, |server| {
            let fetch_each =
                || (1..=some).try_for_each(|n| imap.command(&format!("FETCH {n} (BODY.PEEK[])")).map(|_| ()));
            let (fetched, cost) = meter::cost(&server.tree, fetch_each);
            fetched.map(|()| cost)
        })?;
        let at_once = format!("FETCH 1:{some} (BODY.PEEK[])");
        self.repeat(&format!("bodies_{SOME}_at_once"), 3, |server| timed(server, imap, &at_once))
    }

    fn store(&mut self, imap: &mut Imap, some: u64) -> Outcome<()> {
        let mut set = false;
        self.repeat(&format!("store_{SOME}"), 6, |server| {
            set = !set;
            let sign = if set { '+' } else { '-' };
            timed(server, imap, &format!("STORE 1:{some} {sign}FLAGS (\\Flagged)"))
        })
    }

    /// A client comes back after many flags have changed (RFC 7162 section 3.2.5).
    fn resync(&mut self, imap: &mut Imap, changed: u64) -> Outcome<()> {
        let (mut validity, mut modseq) = (0, 0);
        imap.command_with("STATUS INBOX (UIDVALIDITY HIGHESTMODSEQ)", |line| {
            validity = number_after(line, "UIDVALIDITY ").unwrap_or(validity);
            modseq = number_after(line, "HIGHESTMODSEQ ").unwrap_or(modseq);
        })?;
        imap.command(&format!("STORE 1:{changed} +FLAGS.SILENT (\\Answered)"))?;
        let resync = format!("SELECT INBOX (QRESYNC ({validity} {modseq}))");
        self.repeat("resync", 5, |server| {
            let mut imap = server.imap(Door::Imap, BEN)?;
            imap.command("ENABLE QRESYNC")?;
            let mut told = 0;
            let (selected, cost) =
                meter::cost(&server.tree, || imap.command_with(&resync, |line| told += results_in(line)));
            selected?;
            match told == changed {
                true => Ok(cost),
                false => Err(Fault::Setup(format!("{told} of {changed} changed flags were told"))),
            }
        })
    }

    fn moves(&mut self, imap: &mut Imap, some: u64) -> Outcome<()> {
        self.repeat(&format!("move_{SOME}"), 5, |server| {
            timed(server, imap, &format!("MOVE 1:{some} Archive"))
        })
    }

    /// Does it so often and keeps the median of time and of CPU.
    fn repeat(
        &mut self,
        name: &str,
        rounds: usize,
        mut once: impl FnMut(&Server) -> Outcome<Cost>,
    ) -> Outcome<()> {
        let rounds = rounds.min(self.rounds);
        let costs = (0..rounds).map(|_| once(self.server)).collect::<Outcome<Vec<Cost>>>()?;
        self.put(name, &costs);
        Ok(())
    }

    fn put(&mut self, name: &str, costs: &[Cost]) {
        median_of(self.figures, &format!("imap50k.{name}"), costs);
    }
}

fn select(server: &Server) -> Outcome<Cost> {
    let mut imap = server.imap(Door::Imap, BEN)?;
    let (selected, cost) = meter::cost(&server.tree, || imap.command("SELECT INBOX"));
    selected?;
    imap.command("LOGOUT")?;
    Ok(cost)
}

fn timed(server: &Server, imap: &mut Imap, command: &str) -> Outcome<Cost> {
    let (answer, cost) = meter::cost(&server.tree, || imap.command(command));
    answer.map(|_| cost)
}

fn exists_count(line: &[u8]) -> Option<u64> {
    std::str::from_utf8(line).ok()?.strip_prefix("* ")?.strip_suffix(" EXISTS\r\n")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exists_is_a_count() {
        assert_eq!(exists_count(b"* 12 EXISTS\r\n"), Some(12));
        assert_eq!(exists_count(b"* 12 EXPUNGE\r\n"), None);
    }
}
