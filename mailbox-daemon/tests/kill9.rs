//! The promise under `kill -9`: mail pours in and is sorted, the daemon is killed at a random moment and started again, and
//! everything it had acknowledged must be there, once, under a UID that never meant anything else.
//!
//! Fifty rounds with the release build, as `make test` runs it; three with a debug build.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use support::demo::{Demo, DemoOptions, Door};
use support::imap::{Answer, ImapClient};
use support::smtp::SmtpClient;

const ROUNDS: u32 = if cfg!(debug_assertions) { 3 } else { 50 };
/// Longest time under load before the kill.
const LOAD_MS_MAX: u64 = 700;
const DELIVERERS: usize = 3;
const FOLDERS: [&str; 4] = ["INBOX", "Archive", "Sent", "Trash"];

#[test]
fn what_was_acknowledged_outlives_kill_9() {
    let mut demo = Demo::start_with(DemoOptions::set(&["outbound.route.away.test=127.0.0.1:1"]));
    let log = Arc::new(Log::default());
    let mut history = History::default();
    let mut random = Random::new();
    for round in 1..=ROUNDS {
        under_load(&mut demo, &log, Duration::from_millis(5 + random.below(LOAD_MS_MAX)));
        demo.start_again();
        history.check(&demo, &log, round);
    }
    let acknowledged =
        log.deliveries.lock().unwrap().values().filter(|fate| **fate == Fate::Acknowledged).count();
    println!("{ROUNDS} kills, {acknowledged} deliveries acknowledged and found");
    assert!(acknowledged > ROUNDS as usize, "the load never got going");
}

/// What is known of one piece of mail from the answers alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Tried; the connection broke before the answer.
    Unknown,
    /// The server said it is safe.
    Acknowledged,
}

/// Where a sorted message may be: one of the places, and whether it may be nowhere.
#[derive(Clone, Debug)]
struct Whereabouts {
    places: BTreeSet<&'static str>,
    may_be_missing: bool,
    /// A copy in Sent: none, perhaps, surely.
    copied: Option<Fate>,
}

/// What the load was told, over all rounds.
#[derive(Default)]
struct Log {
    next: AtomicU32,
    /// Mail delivered by SMTP to ana.
    deliveries: Mutex<BTreeMap<String, Fate>>,
    /// Mail ben's program appended and sorted.
    sorted: Mutex<BTreeMap<String, Whereabouts>>,
    /// Mail handed to the queue.
    queued: Mutex<BTreeMap<String, Fate>>,
}

impl Log {
    fn name(&self, kind: &str) -> String {
        format!("{kind}-{}", self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// Loads the daemon from all sides and kills it in the middle.
fn under_load(demo: &mut Demo, log: &Arc<Log>, load: Duration) {
    let shared: &Demo = demo;
    std::thread::scope(|scope| {
        // Each of these ends when its connection breaks.
        for _ in 0..DELIVERERS {
            scope.spawn(|| drop(deliver_until_cut(shared, log)));
        }
        scope.spawn(|| drop(sort_until_cut(shared, log)));
        scope.spawn(|| drop(submit_until_cut(shared, log)));
        std::thread::sleep(load);
        shared.signal(nix::sys::signal::Signal::SIGKILL);
    });
    demo.wait_for_exit();
}

fn deliver_until_cut(demo: &Demo, log: &Log) -> std::io::Result<()> {
    let mut client = SmtpClient::connect(demo, Door::Smtp)?;
    loop {
        let name = log.name("delivery");
        let message = message(&name);
        log.deliveries.lock().unwrap().insert(name.clone(), Fate::Unknown);
        let reply = client.send_mail("friend@example.org", &["ana@home.test"], &message)?;
        assert_eq!(reply.code, 250, "{reply:?}");
        log.deliveries.lock().unwrap().insert(name, Fate::Acknowledged);
    }
}

fn submit_until_cut(demo: &Demo, log: &Log) -> std::io::Result<()> {
    let mut client = SmtpClient::connect(demo, Door::Submission)?;
    client.log_in("ana@home.test")?;
    loop {
        let name = log.name("queued");
        log.queued.lock().unwrap().insert(name.clone(), Fate::Unknown);
        let recipient = format!("{name}@away.test");
        let message = format!("From: ana@home.test\n{}", message(&name));
        let reply = client.send_mail("ana@home.test", &[&recipient], &message)?;
        assert_eq!(reply.code, 250, "{reply:?}");
        log.queued.lock().unwrap().insert(name, Fate::Acknowledged);
    }
}

/// One message after the other goes APPEND -> MOVE -> COPY -> sometimes EXPUNGE, as a mail program's filters do it.
fn sort_until_cut(demo: &Demo, log: &Log) -> std::io::Result<()> {
    let mut imap = ImapClient::log_in(demo, "ben@home.test")?;
    for turn in 0.. {
        let name = log.name("sorted");
        let know = |whereabouts: Whereabouts| log.sorted.lock().unwrap().insert(name.clone(), whereabouts);
        let at = |places: &[&'static str]| Whereabouts {
            places: places.iter().copied().collect(),
            may_be_missing: false,
            copied: None,
        };

        know(Whereabouts { may_be_missing: true, ..at(&["INBOX"]) });
        let text = message(&name).replace('\n', "\r\n");
        let appended = succeed(imap.append("INBOX", "\\Seen", &text)?);
        know(at(&["INBOX"]));
        let uid = appended_uid(&appended);

        succeed(imap.command("SELECT INBOX")?);
        know(at(&["INBOX", "Archive"]));
        let moved = succeed(imap.command(&format!("UID MOVE {uid} Archive"))?);
        know(at(&["Archive"]));
        let uid = moved_uid(&moved);

        succeed(imap.command("SELECT Archive")?);
        know(Whereabouts { copied: Some(Fate::Unknown), ..at(&["Archive"]) });
        succeed(imap.command(&format!("UID COPY {uid} Sent"))?);
        let copied = Some(Fate::Acknowledged);
        know(Whereabouts { copied, ..at(&["Archive"]) });

        if turn % 3 == 0 {
            succeed(imap.command(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"))?);
            know(Whereabouts { may_be_missing: true, copied, ..at(&["Archive"]) });
            succeed(imap.command(&format!("UID EXPUNGE {uid}"))?);
            know(Whereabouts { may_be_missing: true, copied, ..at(&[]) });
        }
    }
    Ok(())
}

fn succeed(answer: Answer) -> Answer {
    assert!(answer.is_ok(), "{}", answer.verdict);
    answer
}

/// The UID in `[APPENDUID validity uid]`.
fn appended_uid(answer: &Answer) -> u32 {
    let code = &answer.verdict[answer.verdict.find("[APPENDUID ").expect("UIDPLUS")..];
    code[..code.find(']').unwrap()].rsplit(' ').next().unwrap().parse().unwrap()
}

/// The target UID in `[COPYUID validity source target]`, which stands in an untagged OK for MOVE.
fn moved_uid(answer: &Answer) -> u32 {
    let mut lines = answer.untagged.iter().chain([&answer.verdict]);
    let code = lines.find_map(|line| line.split_once("[COPYUID ")).expect("UIDPLUS").1;
    code[..code.find(']').unwrap()].rsplit(' ').next().unwrap().parse().unwrap()
}

/// What earlier rounds saw, which no later round may contradict.
#[derive(Default)]
struct History {
    validity: BTreeMap<(&'static str, &'static str), u64>,
    meaning: BTreeMap<(&'static str, &'static str, u32), String>,
    /// What lay there after the round before; each round only touches mail of its own.
    present: BTreeSet<(&'static str, &'static str, u32)>,
    /// The first number the round under way gave out.
    round_start: u32,
}

impl History {
    fn check(&mut self, demo: &Demo, log: &Log, round: u32) {
        let before = std::mem::take(&mut self.present);
        let ana = self.look(demo, "ana@home.test", round);
        let ben = self.look(demo, "ben@home.test", round);
        let lost: Vec<_> = before.difference(&self.present).collect();
        assert!(lost.is_empty(), "round {round}: gone since the round before: {lost:?}");
        for place in self.present.difference(&before) {
            let name = &self.meaning[place];
            let number: u32 = name.rsplit('-').next().unwrap().parse().unwrap();
            assert!(number >= self.round_start, "round {round}: {name} came back, to {place:?}");
        }
        self.round_start = log.next.load(Ordering::Relaxed);
        for (name, fate) in log.deliveries.lock().unwrap().iter() {
            let found = ana["INBOX"].get(name).copied().unwrap_or(0);
            let expected = if *fate == Fate::Acknowledged { 1..=1 } else { 0..=1 };
            assert!(expected.contains(&found), "round {round}: {name}, {fate:?}, is there {found} times");
        }
        for (name, whereabouts) in log.sorted.lock().unwrap().iter() {
            check_sorted(&ben, name, whereabouts, round);
        }
        check_queue(demo, log, round);
    }

    /// How often each message lies in each folder; checks UIDs on the way.
    fn look(
        &mut self,
        demo: &Demo,
        account: &'static str,
        round: u32,
    ) -> BTreeMap<&'static str, BTreeMap<String, u32>> {
        let mut imap = ImapClient::log_in(demo, account).unwrap();
        let mut folders = BTreeMap::new();
        for folder in FOLDERS {
            let selected = imap.command(&format!("EXAMINE {folder}")).unwrap().ok();
            let number =
                |word| ImapClient::number_after(&selected, word).unwrap_or_else(|| panic!("no {word}"));
            let validity = number("[UIDVALIDITY ");
            let before = *self.validity.entry((account, folder)).or_insert(validity);
            assert_eq!(validity, before, "round {round}: UIDVALIDITY of {folder} changed");
            let mut counts = BTreeMap::new();
            for message in imap.fetch_field("SUBJECT").unwrap() {
                let known = self
                    .meaning
                    .entry((account, folder, message.uid))
                    .or_insert_with(|| message.field.clone());
                assert_eq!(
                    *known, message.field,
                    "round {round}: UID {} of {folder} was used twice",
                    message.uid
                );
                self.present.insert((account, folder, message.uid));
                *counts.entry(message.field).or_insert(0) += 1;
            }
            let next = number("[UIDNEXT ");
            let seen = self.meaning.range((account, folder, 0)..=(account, folder, u32::MAX)).next_back();
            assert!(
                seen.is_none_or(|((_, _, uid), _)| u64::from(*uid) < next),
                "round {round}: UIDNEXT of {folder} fell"
            );
            folders.insert(folder, counts);
        }
        folders
    }
}

fn check_sorted(
    folders: &BTreeMap<&'static str, BTreeMap<String, u32>>,
    name: &str,
    whereabouts: &Whereabouts,
    round: u32,
) {
    let count = |folder: &str| folders[folder].get(name).copied().unwrap_or(0);
    let at_home = count("INBOX") + count("Archive");
    let in_place: u32 = whereabouts.places.iter().map(|folder| count(folder)).sum();
    let told = format!(
        "round {round}: {name} should be as {whereabouts:?}, is {} times in INBOX, {} in Archive, {} in Sent",
        count("INBOX"),
        count("Archive"),
        count("Sent")
    );
    assert_eq!(at_home, in_place, "{told}");
    assert!(in_place == 1 || (in_place == 0 && whereabouts.may_be_missing), "{told}");
    let copies = match whereabouts.copied {
        None => 0..=0,
        Some(Fate::Unknown) => 0..=1,
        Some(Fate::Acknowledged) => 1..=1,
    };
    assert!(copies.contains(&count("Sent")), "{told}");
}

fn check_queue(demo: &Demo, log: &Log, round: u32) {
    let output = demo.cli(&["queue", "list", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8_lossy(&output.stdout);
    for (name, fate) in log.queued.lock().unwrap().iter() {
        let found = listed.matches(&format!("\"{name}@away.test\"")).count();
        let expected = if *fate == Fate::Acknowledged { 1..=1 } else { 0..=1 };
        assert!(expected.contains(&found), "round {round}: {name}, {fate:?}, is {found} times in the queue");
    }
}

fn message(name: &str) -> String {
    // Sizes from a few bytes to a few blocks, so that a kill finds files in every state.
    let filler = "All work and no play makes Jack a dull boy.\n".repeat(name.len() * 7 % 400);
    format!("Subject: {name}\n\n{filler}end\n")
}

/// Enough chance for choosing moments; the clock seeds it.
struct Random(u64);

impl Random {
    fn new() -> Random {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Random(since.as_nanos() as u64 | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
