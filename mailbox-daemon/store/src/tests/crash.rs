//! The power is cut at every operation of everything that is acknowledged, and what the disk may then hold is opened again.

use super::support::*;
use crate::disk::Disk;
use crate::disk::crash::{CrashDisk, Survival};
use crate::{Mailbox, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use types::{SystemFlag, UidValidity};

/// What was seen of a mailbox: UIDs and bodies, ever.
#[derive(Clone, Default)]
struct Witness {
    validity: BTreeMap<String, UidValidity>,
    bodies: BTreeMap<(String, u32), String>,
}

impl Witness {
    fn saw(&mut self, mailbox: &Arc<Mailbox>) {
        let name = mailbox.name().to_string();
        let validity = mailbox.uid_validity();
        assert_eq!(
            *self.validity.entry(name.clone()).or_insert(validity),
            validity,
            "UIDVALIDITY of {name} changed"
        );
        for uid in uids_in(mailbox) {
            let body = match body(mailbox, uid) {
                // The thread that commits may have cut the power already for what comes next.
                Err(_) if mailbox.core().disk.stat(Path::new("/")).is_err() => continue,
                body => body.unwrap(),
            };
            let before = self.bodies.entry((name.clone(), uid)).or_insert_with(|| body.clone());
            assert_eq!(*before, body, "UID {uid} of {name} was used twice");
        }
    }
}

/// What must be true after a restart.
#[derive(Clone, Default)]
struct Promise {
    /// Acknowledged: exactly one message with this body is in one of these mailboxes.
    kept: BTreeMap<String, Vec<&'static str>>,
    /// Acknowledged as gone.
    gone: BTreeSet<String>,
    /// Possible: at most once in each of these mailboxes.
    possible: BTreeMap<String, Vec<&'static str>>,
    /// Of each of these sets all are in their mailboxes, or none.
    together: Vec<Vec<(String, &'static str)>>,
}

const MAILBOXES: [&str; 2] = ["INBOX", "Archive"];

struct Case {
    rig: Rig,
    witness: Witness,
    promise: Promise,
}

impl Case {
    fn new(names_ride: bool, has_index: bool) -> Case {
        let mut case = Case {
            rig: Rig::on(CrashDisk::with_names_ride(names_ride)),
            witness: Witness::default(),
            promise: Promise::default(),
        };
        for n in 0..4 {
            let body = format!("old{n}, longer than one sector: {}", "x".repeat(600));
            case.rig.deliver(&case.rig.inbox(), &body).unwrap();
            case.promise.kept.insert(body, vec!["INBOX"]);
        }
        add_flag(&case.rig.inbox(), &uids(&[1, 2]), SystemFlag::Deleted);
        if has_index {
            case.rig.disk.advance_s(60);
            case.rig = case.rig.restart();
        }
        case.saw();
        case
    }

    fn saw(&mut self) {
        for name in MAILBOXES {
            self.witness.saw(&self.rig.mailbox(name));
        }
    }

    fn old(n: u32) -> String {
        format!("old{n}, longer than one sector: {}", "x".repeat(600))
    }
}

/// Does the work, noting in the promise what was acknowledged and what was begun.
type Work = fn(&Rig, &mut Promise, &mut Witness) -> Result<(), StoreError>;

fn deliver(rig: &Rig, promise: &mut Promise, witness: &mut Witness) -> Result<(), StoreError> {
    let inbox = rig.account.mailbox(&name("INBOX"))?;
    for n in 0..3 {
        let body = format!("new{n} {}", "y".repeat(700));
        promise.possible.insert(body.clone(), vec!["INBOX"]);
        rig.deliver(&inbox, &body)?;
        promise.kept.insert(body, vec!["INBOX"]);
        witness.saw(&inbox);
    }
    let together: Result<Vec<_>, _> = (0..3)
        .map(|n| {
            let body = format!("together{n} {}", "z".repeat(700));
            promise.possible.insert(body.clone(), vec!["INBOX"]);
            Ok::<_, StoreError>((body.clone(), rig.begin(&inbox, &body)?.1))
        })
        .collect();
    for (body, ticket) in together? {
        ticket.wait()?;
        promise.kept.insert(body, vec!["INBOX"]);
        witness.saw(&inbox);
    }
    Ok(())
}

fn copy(rig: &Rig, promise: &mut Promise, witness: &mut Witness) -> Result<(), StoreError> {
    let (inbox, archive) = (rig.account.mailbox(&name("INBOX"))?, rig.account.mailbox(&name("Archive"))?);
    for n in 0..4 {
        promise.possible.insert(Case::old(n), vec!["INBOX", "Archive"]);
    }
    promise.together.push((0..4).map(|n| (Case::old(n), "Archive")).collect());
    inbox.copy(&everything(), &archive)?.ticket.wait()?;
    witness.saw(&archive);
    for n in 0..4 {
        promise.kept.insert(Case::old(n), vec!["INBOX", "Archive"]);
    }
    Ok(())
}

/// Several messages in one go: all of them are there after a cut, or none.
fn append_together(rig: &Rig, promise: &mut Promise, witness: &mut Witness) -> Result<(), StoreError> {
    let inbox = rig.account.mailbox(&name("INBOX"))?;
    let bodies: Vec<String> = (0..3).map(|n| format!("together{n} {}", "t".repeat(700))).collect();
    for body in &bodies {
        promise.possible.insert(body.clone(), vec!["INBOX"]);
    }
    promise.together.push(bodies.iter().map(|body| (body.clone(), "INBOX")).collect());
    let messages: Result<Vec<_>, StoreError> = bodies
        .iter()
        .map(|body| {
            let mut message = rig.account.new_message()?;
            message.write(body.as_bytes())?;
            let digest = b"together".to_vec();
            Ok((
                message,
                crate::Arrival { internal_date: INTERNAL_DATE, digest, ..crate::Arrival::default() },
            ))
        })
        .collect();
    inbox.add_all(messages?)?.ticket.wait()?;
    for body in bodies {
        promise.kept.insert(body, vec!["INBOX"]);
    }
    witness.saw(&inbox);
    Ok(())
}

fn move_away(rig: &Rig, promise: &mut Promise, witness: &mut Witness) -> Result<(), StoreError> {
    let (inbox, archive) = (rig.account.mailbox(&name("INBOX"))?, rig.account.mailbox(&name("Archive"))?);
    // Until it is acknowledged, each message is in one of the two, which `kept` cannot say; see `check`.
    for n in 0..4 {
        promise.kept.insert(Case::old(n), vec!["INBOX or Archive"]);
    }
    inbox.move_to(&everything(), &archive)?.ticket.wait()?;
    for n in 0..4 {
        promise.kept.insert(Case::old(n), vec!["Archive"]);
    }
    witness.saw(&archive);
    Ok(())
}

fn expunge(rig: &Rig, promise: &mut Promise, witness: &mut Witness) -> Result<(), StoreError> {
    let inbox = rig.account.mailbox(&name("INBOX"))?;
    for n in 0..2 {
        promise.kept.remove(&Case::old(n));
        promise.possible.insert(Case::old(n), vec!["INBOX"]);
        inbox.expunge(&uids(&[n + 1]), true)?.ticket.wait()?;
        promise.possible.remove(&Case::old(n));
        promise.gone.insert(Case::old(n));
        witness.saw(&inbox);
    }
    // The UIDs that went must not come back for others.
    deliver(rig, promise, witness)
}

/// New mail that is seen and expunged at once: only the reservation remembers its UID.
fn deliver_and_expunge(rig: &Rig, promise: &mut Promise, witness: &mut Witness) -> Result<(), StoreError> {
    let inbox = rig.account.mailbox(&name("INBOX"))?;
    for n in 0..2 {
        let body = format!("short-lived{n}");
        promise.possible.insert(body.clone(), vec!["INBOX"]);
        let uid = rig.deliver(&inbox, &body)?;
        witness.saw(&inbox);
        inbox.expunge(&uids(&[uid]), false)?.ticket.wait()?;
        promise.possible.remove(&body);
        promise.gone.insert(body);
    }
    Ok(())
}

fn restart_and_flags(rig: &Rig, promise: &mut Promise, witness: &mut Witness) -> Result<(), StoreError> {
    let inbox = rig.account.mailbox(&name("INBOX"))?;
    inbox.store_flags(&everything(), crate::FlagChange::Add, flag(SystemFlag::Seen), &[], None)?;
    inbox.flush();
    deliver(rig, promise, witness)?;
    inbox.flush();
    let work = [types::Keyword::parse("Work").unwrap()];
    inbox.store_flags(&uids(&[3, 4]), crate::FlagChange::Replace, types::Flags::NONE, &work, None)?;
    inbox.flush();
    Ok(())
}

fn folders(rig: &Rig, promise: &mut Promise, witness: &mut Witness) -> Result<(), StoreError> {
    rig.account.create(&name("Work"), None)?;
    rig.account.create(&name("Work/Old"), None)?;
    let work = rig.account.mailbox(&name("Work"))?;
    let body = "in a new folder".to_owned();
    promise.possible.insert(body.clone(), vec!["Work", "Play"]);
    rig.deliver(&work, &body)?;
    promise.kept.insert(body.clone(), vec!["Work or Play"]);
    let validity = work.uid_validity();
    drop(work);
    rig.account.rename(&name("Work"), &name("Play"))?;
    promise.kept.insert(body, vec!["Play"]);
    assert_eq!(rig.account.mailbox(&name("Play"))?.uid_validity(), validity);
    rig.account.delete(&name("Play/Old"))?;
    rig.account.subscribe(&name("Play"), true)?;
    let _ = witness;
    Ok(())
}

fn check(case: Witness, promise: &Promise, disk: &CrashDisk, context: &str) {
    let mut witness = case;
    let rig = Rig::on(disk.clone());
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in rig.account.list().unwrap().iter().filter(|entry| entry.exists) {
        let mailbox = rig.account.mailbox(&entry.name).unwrap();
        if MAILBOXES.contains(&entry.name.as_str()) {
            witness.saw(&mailbox);
        }
        for (_, body) in contents(&mailbox) {
            found.entry(body).or_default().push(entry.name.to_string());
        }
    }
    for (body, places) in &found {
        let short = &body[..body.len().min(12)];
        assert!(!promise.gone.contains(body), "{context}: {short} came back");
        let expected = promise.kept.get(body).or_else(|| promise.possible.get(body));
        assert!(expected.is_some(), "{context}: {short} was invented or torn");
        let mut distinct = places.clone();
        distinct.dedup();
        assert_eq!(&distinct, places, "{context}: {short} is there twice");
    }
    for set in &promise.together {
        let is_there = |(body, place): &&(String, &str)| {
            found.get(body).is_some_and(|places| places.iter().any(|found| found == place))
        };
        let count = set.iter().filter(is_there).count();
        assert!(count == 0 || count == set.len(), "{context}: {count} of {} came together", set.len());
    }
    for (body, places) in &promise.kept {
        let short = &body[..body.len().min(12)];
        let mut there = found.get(body).cloned().unwrap_or_default();
        there.sort_unstable();
        let is_kept = match places.as_slice() {
            [either] if either.contains(" or ") => there.len() == 1 && either.contains(there[0].as_str()),
            places => places.iter().all(|place| there.iter().any(|found| found == place)),
        };
        assert!(is_kept, "{context}: {short} should be in {places:?} and is in {there:?}");
    }
    // It goes on working, with UIDs nobody has seen.
    for name in MAILBOXES {
        let mailbox = rig.mailbox(name);
        rig.deliver(&mailbox, &format!("afterwards in {name}")).unwrap();
        witness.saw(&mailbox);
    }
}

/// Cuts the power at every operation of `work` and looks at what may be left.
fn cut_everywhere(work: Work, names_ride: bool, has_index: bool) {
    let mut seed = 0;
    for step in 1.. {
        let mut case = Case::new(names_ride, has_index);
        let disk = case.rig.disk.clone();
        disk.cut_at(disk.operations() + step);
        let result = work(&case.rig, &mut case.promise, &mut case.witness);
        disk.cut();
        let mut survivals = vec![Survival::Strict, Survival::Everything];
        for _ in 0..4 {
            seed += 1;
            survivals.push(Survival::Chance(seed));
        }
        for survival in survivals {
            let context = format!("cut at {step}, {survival:?}, names ride {names_ride}, index {has_index}");
            let left = disk.survive(survival);
            check(case.witness.clone(), &case.promise, &left, &context);
            // The index is a cache.
            let left = disk.survive(survival);
            crate::disk::remove_tree(&left, Path::new("/state/index")).unwrap();
            check(case.witness.clone(), &case.promise, &left, &format!("{context}, index deleted"));
        }
        if result.is_ok() {
            return;
        }
    }
}

#[test]
fn deliver_survives_a_cut_anywhere() {
    cut_everywhere(deliver, true, true);
    cut_everywhere(deliver, false, false);
}

#[test]
fn copy_survives_a_cut_anywhere() {
    cut_everywhere(copy, true, true);
    cut_everywhere(copy, false, false);
}

#[test]
fn appends_together_survive_a_cut_anywhere() {
    cut_everywhere(append_together, true, true);
    cut_everywhere(append_together, false, false);
}

#[test]
fn move_survives_a_cut_anywhere() {
    cut_everywhere(move_away, true, false);
    cut_everywhere(move_away, false, true);
}

#[test]
fn expunge_survives_a_cut_anywhere() {
    cut_everywhere(expunge, true, true);
    cut_everywhere(deliver_and_expunge, true, false);
    cut_everywhere(deliver_and_expunge, false, true);
}

#[test]
fn flags_and_index_writes_survive_a_cut_anywhere() {
    cut_everywhere(restart_and_flags, true, true);
}

#[test]
fn folders_survive_a_cut_anywhere() {
    cut_everywhere(folders, true, true);
}

#[test]
fn the_first_opening_survives_a_cut_anywhere() {
    for step in 1.. {
        let disk = CrashDisk::new();
        disk.cut_at(step);
        let result = open(&disk).and_then(|store: Store| {
            let account = store.account(&ana())?;
            account.mailbox(&name("INBOX")).map(drop)
        });
        disk.cut();
        for seed in 0..4 {
            let rig = Rig::on(disk.survive(Survival::Chance(seed)));
            assert_eq!(rig.account.list().unwrap().iter().filter(|entry| entry.exists).count(), 6);
            rig.deliver(&rig.mailbox("Sent"), "x").unwrap();
        }
        if result.is_ok() {
            return;
        }
    }
}

#[test]
fn a_torn_message_is_set_aside_and_not_shown() {
    let mut torn = 0;
    for seed in 0..60 {
        let rig = Rig::new();
        let inbox = rig.inbox();
        rig.deliver(&inbox, "first").unwrap();
        // Up to the sync, which does not happen.
        rig.disk.cut_at(rig.disk.operations() + 5);
        assert!(rig.deliver(&inbox, &"torn ".repeat(1000)).is_err());
        drop(inbox);
        let rig = rig.crash(Survival::Chance(seed));
        let seen = contents(&rig.inbox());
        assert_eq!(seen[0].1, "first");
        assert!(seen.len() == 1 || seen[1].1.len() == 5000, "a torn message is shown");
        let aside = rig.store.take_set_aside();
        for path in &aside {
            assert!(rig.disk.stat(path).is_ok());
        }
        torn += aside.len();
    }
    assert!(torn > 0, "no seed tore the message");
}
