//! Mail pouring in, sorted and sent, from clients that remember what the daemon acknowledged, and the comparison of that with
//! what is there afterwards.
// Every test binary compiles this module for itself and none uses all of it.
#![allow(dead_code)]

use crate::support::demo::{Demo, Door};
use crate::support::imap::{Answer, ImapClient};
use crate::support::smtp::SmtpClient;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Where mail of both accounts ends up.
pub const FOLDERS: [&str; 4] = ["INBOX", "Archive", "Sent", "Trash"];
const DELIVERERS: usize = 3;

/// What is known of one piece of mail from the answers alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Tried; the connection broke before the answer.
    Unknown,
    /// The server said it is safe.
    Acknowledged,
}

/// Where a sorted message may be: one of the places, and whether it may be nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    places: BTreeSet<&'static str>,
    may_be_missing: bool,
    /// A copy in Sent: none, perhaps, surely.
    copied: Option<Fate>,
}

/// What the load was told, over all rounds.
#[derive(Default)]
pub struct Log {
    next: AtomicU32,
    stop: AtomicBool,
    /// Mail delivered by SMTP to ana.
    pub deliveries: Mutex<BTreeMap<String, Fate>>,
    /// Mail ben's program appended and sorted.
    pub sorted: Mutex<BTreeMap<String, Whereabouts>>,
    /// Mail handed to the queue.
    pub queued: Mutex<BTreeMap<String, Fate>>,
}

impl Log {
    /// Every client ends after what it is doing.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    /// How many pieces of mail were begun.
    pub fn begun(&self) -> u32 {
        self.next.load(Ordering::Relaxed)
    }

    /// How many deliveries were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.deliveries.lock().unwrap().values().filter(|fate| **fate == Fate::Acknowledged).count()
    }

    fn name(&self, kind: &str) -> String {
        format!("{kind}-{}", self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// Starts every client; each ends when its connection breaks, or when told to stop. At most `queued_max` go to the queue:
/// `queue list` shows a thousand.
pub fn pour<'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    demo: &'scope Demo,
    log: &'scope Log,
    queued_max: u32,
) {
    for _ in 0..DELIVERERS {
        scope.spawn(|| drop(deliver_until_cut(demo, log)));
    }
    scope.spawn(|| drop(sort_until_cut(demo, log)));
    scope.spawn(move || drop(submit_until_cut(demo, log, queued_max)));
}

fn deliver_until_cut(demo: &Demo, log: &Log) -> std::io::Result<()> {
    let mut client = SmtpClient::connect(demo, Door::Smtp)?;
    while log.goes_on() {
        let name = log.name("delivery");
        let message = message(&name);
        log.deliveries.lock().unwrap().insert(name.clone(), Fate::Unknown);
        let reply = client.send_mail("friend@example.org", &["ana@home.test"], &message)?;
        assert_eq!(reply.code, 250, "{reply:?}");
        log.deliveries.lock().unwrap().insert(name, Fate::Acknowledged);
    }
    Ok(())
}

fn submit_until_cut(demo: &Demo, log: &Log, queued_max: u32) -> std::io::Result<()> {
    let mut client = SmtpClient::connect(demo, Door::Submission)?;
    client.log_in("ana@home.test")?;
    for _ in 0..queued_max {
        if !log.goes_on() {
            break;
        }
        let name = log.name("queued");
        log.queued.lock().unwrap().insert(name.clone(), Fate::Unknown);
        let recipient = format!("{name}@away.test");
        let message = format!("From: ana@home.test\n{}", message(&name));
        let reply = client.send_mail("ana@home.test", &[&recipient], &message)?;
        assert_eq!(reply.code, 250, "{reply:?}");
        log.queued.lock().unwrap().insert(name, Fate::Acknowledged);
    }
    Ok(())
}

/// One message after the other goes APPEND -> MOVE -> COPY -> sometimes EXPUNGE, as a mail program's filters do it.
fn sort_until_cut(demo: &Demo, log: &Log) -> std::io::Result<()> {
    let mut imap = ImapClient::log_in(demo, "ben@home.test")?;
    for turn in 0.. {
        if !log.goes_on() {
            break;
        }
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

/// What lies in each folder of an account: how often each subject.
pub type Found = BTreeMap<&'static str, BTreeMap<String, u32>>;

/// Every delivery is there once if it was acknowledged, and never twice.
pub fn check_deliveries(inbox: &BTreeMap<String, u32>, deliveries: &BTreeMap<String, Fate>, when: &str) {
    for (name, fate) in deliveries {
        let found = inbox.get(name).copied().unwrap_or(0);
        let expected = if *fate == Fate::Acknowledged { 1..=1 } else { 0..=1 };
        assert!(expected.contains(&found), "{when}: {name}, {fate:?}, is there {found} times");
    }
}

/// A sorted message is where the answers say it must be.
pub fn check_sorted(folders: &Found, name: &str, whereabouts: &Whereabouts, when: &str) {
    let count = |folder: &str| folders[folder].get(name).copied().unwrap_or(0);
    let at_home = count("INBOX") + count("Archive");
    let in_place: u32 = whereabouts.places.iter().map(|folder| count(folder)).sum();
    let told = format!(
        "{when}: {name} should be as {whereabouts:?}, is {} times in INBOX, {} in Archive, {} in Sent",
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

/// Messages of one account by folder, UID and subject, and what UIDVALIDITY and UIDNEXT say.
pub struct Look {
    /// UIDVALIDITY and UIDNEXT.
    pub numbers: BTreeMap<&'static str, (u64, u64)>,
    /// Subject by folder and UID.
    pub messages: BTreeMap<(&'static str, u32), String>,
}

impl Look {
    /// Looks into every folder.
    pub fn at(demo: &Demo, account: &str) -> Look {
        let mut imap = ImapClient::log_in(demo, account).unwrap();
        let mut look = Look { numbers: BTreeMap::new(), messages: BTreeMap::new() };
        for folder in FOLDERS {
            let selected = imap.command(&format!("EXAMINE {folder}")).unwrap().ok();
            let number =
                |word| ImapClient::number_after(&selected, word).unwrap_or_else(|| panic!("no {word}"));
            look.numbers.insert(folder, (number("[UIDVALIDITY "), number("[UIDNEXT ")));
            let messages = imap.fetch_field("SUBJECT").unwrap();
            look.messages.extend(messages.into_iter().map(|message| ((folder, message.uid), message.field)));
        }
        look
    }

    /// How often each subject lies where.
    pub fn found(&self) -> Found {
        let mut found: Found = FOLDERS.iter().map(|folder| (*folder, BTreeMap::new())).collect();
        for ((folder, _), subject) in &self.messages {
            *found.entry(folder).or_default().entry(subject.clone()).or_insert(0) += 1;
        }
        found
    }
}

/// What was handed to the queue is in it once.
pub fn check_queue(demo: &Demo, queued: &BTreeMap<String, Fate>, when: &str) {
    let output = demo.cli(&["queue", "list", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8_lossy(&output.stdout);
    for (name, fate) in queued {
        let found = listed.matches(&format!("\"{name}@away.test\"")).count();
        let expected = if *fate == Fate::Acknowledged { 1..=1 } else { 0..=1 };
        assert!(expected.contains(&found), "{when}: {name}, {fate:?}, is {found} times in the queue");
    }
}

fn message(name: &str) -> String {
    // Sizes from a few bytes to a few blocks, so that a kill finds files in every state.
    let filler = "All work and no play makes Jack a dull boy.\n".repeat(name.len() * 7 % 400);
    format!("Subject: {name}\n\n{filler}end\n")
}
