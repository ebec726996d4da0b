//! Keywords beyond the letters of Maildir names.

use super::support::*;
use crate::disk::crash::Survival;
use crate::disk::{Disk, remove_tree};
use crate::{Arrival, FlagChange, Mailbox, StoreError};
use std::path::Path;
use std::sync::Arc;
use types::{Flags, Keyword, SystemFlag};

fn keyword(number: usize) -> Keyword {
    Keyword::parse(&format!("Word{number}")).unwrap()
}

fn change(mailbox: &Mailbox, uid: u32, change: FlagChange, numbers: &[usize]) {
    let keywords: Vec<Keyword> = numbers.iter().map(|number| keyword(*number)).collect();
    mailbox.store_flags(&uids(&[uid]), change, Flags::NONE, &keywords, None).unwrap();
}

/// The numbers of a message's keywords.
fn words(mailbox: &Mailbox, uid: u32) -> Vec<usize> {
    let names = mailbox.keywords();
    let row = rows(mailbox).into_iter().find(|row| row.uid.get() == uid).unwrap();
    let name = |slot| Some(&names.iter().find(|(named, _)| *named == slot)?.1);
    let number = |slot| name(slot)?.as_str().strip_prefix("Word")?.parse().ok();
    row.flags.keyword_slots().filter_map(number).collect()
}

/// A mailbox where 40 keywords have slots and message 1 has the first, the 31st and the 40th.
fn with_forty(rig: &Rig) -> Arc<Mailbox> {
    let inbox = rig.inbox();
    rig.deliver(&inbox, "one").unwrap();
    rig.deliver(&inbox, "two").unwrap();
    change(&inbox, 1, FlagChange::Add, &(0..40).collect::<Vec<_>>());
    change(&inbox, 1, FlagChange::Replace, &[0, 30, 39]);
    inbox
}

fn append(rig: &Rig, mailbox: &Arc<Mailbox>, body: &str, number: usize) -> Result<u32, StoreError> {
    let mut message = rig.account.new_message()?;
    message.write(body.as_bytes())?;
    let arrival = Arrival { keywords: vec![keyword(number)], ..Arrival::default() };
    let added = mailbox.add(message, arrival)?;
    added.ticket.wait().map(|()| added.uid.get())
}

#[test]
fn they_outlive_the_index() {
    let rig = Rig::new();
    let inbox = with_forty(&rig);
    change(&inbox, 2, FlagChange::Add, &[35]);
    change(&inbox, 2, FlagChange::Remove, &[35]);
    assert_eq!((words(&inbox, 1), words(&inbox, 2)), (vec![0, 30, 39], vec![]));
    drop(inbox);
    let rig = rig.restart();
    assert_eq!(words(&rig.inbox(), 1), [0, 30, 39]);
    let Rig { disk, store, account } = rig;
    drop(account);
    store.close();
    remove_tree(&disk, Path::new("/state/index")).unwrap();
    let rig = Rig::on(disk);
    assert_eq!((words(&rig.inbox(), 1), words(&rig.inbox(), 2)), (vec![0, 30, 39], vec![]));
    // The first spelling stays.
    let shouted = [Keyword::parse("WORD39").unwrap()];
    rig.inbox().store_flags(&uids(&[2]), FlagChange::Add, Flags::NONE, &shouted, None).unwrap();
    assert_eq!(words(&rig.inbox(), 2), [39]);
}

#[test]
fn other_programs_that_rename_files_leave_them() {
    let rig = Rig::new();
    let inbox = with_forty(&rig);
    let cur = root().join("cur");
    let name = rig.disk.names(&cur).unwrap().into_iter().find(|name| name.ends_with(":2,a")).unwrap();
    let flagged = name.replace(":2,a", ":2,FSa");
    rig.disk.rename(&cur.join(&name), &cur.join(flagged)).unwrap();
    inbox.rescan().unwrap();
    assert_eq!(words(&inbox, 1), [0, 30, 39]);
    assert!(rows(&inbox)[0].flags.has(SystemFlag::Flagged));
}

#[test]
fn copy_move_and_append_carry_them() {
    let rig = Rig::new();
    let inbox = with_forty(&rig);
    let archive = rig.mailbox("Archive");
    inbox.copy(&uids(&[1]), &archive).unwrap().ticket.wait().unwrap();
    inbox.copy(&uids(&[1]), &inbox).unwrap().ticket.wait().unwrap();
    inbox.move_to(&uids(&[1]), &archive).unwrap().ticket.wait().unwrap();
    assert_eq!(append(&rig, &inbox, "appended", 38).unwrap(), 4);
    assert_eq!((words(&archive, 1), words(&archive, 2)), (vec![0, 30, 39], vec![0, 30, 39]));
    drop((inbox, archive));
    remove_tree(&rig.disk, Path::new("/state/index")).unwrap();
    let rig = rig.restart();
    assert_eq!((words(&rig.inbox(), 3), words(&rig.inbox(), 4)), (vec![0, 30, 39], vec![38]));
    assert_eq!(words(&rig.mailbox("Archive"), 2), [0, 30, 39]);
}

#[test]
fn a_full_target_takes_the_message_without_them() {
    let rig = Rig::new();
    let inbox = with_forty(&rig);
    let archive = rig.mailbox("Archive");
    rig.deliver(&archive, "x").unwrap();
    for number in 100..100 + Flags::KEYWORDS_MAX {
        change(&archive, 1, FlagChange::Replace, &[number]);
    }
    inbox.copy(&uids(&[1]), &archive).unwrap().ticket.wait().unwrap();
    assert_eq!((words(&archive, 2), uids_in(&archive)), (vec![], vec![1, 2]));
}

#[test]
fn the_record_of_the_gone_is_tidied() {
    let rig = Rig::new();
    let inbox = with_forty(&rig);
    for _ in 0..1500 {
        change(&inbox, 2, FlagChange::Add, &[33]);
        change(&inbox, 2, FlagChange::Remove, &[33]);
    }
    let record = root().join("mailbox-keywords");
    assert!(rig.disk.stat(&record).unwrap().bytes < 60_000, "{:?}", rig.disk.stat(&record));
    inbox.expunge(&uids(&[2]), false).unwrap().ticket.wait().unwrap();
    drop(inbox);
    remove_tree(&rig.disk, Path::new("/state/index")).unwrap();
    let rig = rig.restart();
    assert_eq!((words(&rig.inbox(), 1), uids_in(&rig.inbox())), (vec![0, 30, 39], vec![1]));
}

#[test]
fn what_was_acknowledged_with_them_survives_a_cut_anywhere() {
    for step in 1.. {
        let rig = Rig::new();
        let (inbox, archive) = (with_forty(&rig), rig.mailbox("Archive"));
        rig.disk.sync_file_system(Path::new("/")).unwrap();
        rig.disk.cut_at(rig.disk.operations() + step);
        let work = || -> Result<(), StoreError> {
            append(&rig, &inbox, "appended", 45)?;
            inbox.copy(&everything(), &archive)?.ticket.wait()?;
            inbox.store_flags(&uids(&[2]), FlagChange::Add, Flags::NONE, &[keyword(46)], None)?;
            inbox.move_to(&uids(&[1]), &archive)?.ticket.wait()
        };
        let result = work();
        let (appended, copied) = (uids_in(&inbox).contains(&3), uids_in(&archive).len() >= 3);
        drop((inbox, archive));
        let disk = rig.disk.clone();
        disk.cut();
        drop(rig);
        for survival in
            [Survival::Strict, Survival::Everything, Survival::Chance(step), Survival::Chance(!step)]
        {
            let left = disk.survive(survival);
            remove_tree(&left, Path::new("/state/index")).unwrap();
            check_after_cut(&Rig::on(left), appended, copied, &format!("cut at {step}, {survival:?}"));
        }
        if result.is_ok() {
            return;
        }
    }
}

/// Whatever is there has the keywords it was given.
fn check_after_cut(rig: &Rig, appended: bool, copied: bool, context: &str) {
    let (inbox, archive) = (rig.inbox(), rig.mailbox("Archive"));
    let mut seen = (false, false);
    for mailbox in [&inbox, &archive] {
        for (uid, body) in contents(mailbox) {
            let words = words(mailbox, uid);
            // A copy nobody was told of may have lost some.
            let is_told = copied || Arc::ptr_eq(mailbox, &inbox);
            match body.as_str() {
                "one" if is_told => assert_eq!(words, [0, 30, 39], "{context}"),
                "one" => assert!(words.iter().all(|word| [0, 30, 39].contains(word)), "{context}"),
                "two" => assert!(words.is_empty() || words == [46], "{context}: {words:?}"),
                "appended" => {
                    let is_told = if Arc::ptr_eq(mailbox, &inbox) { appended } else { copied };
                    assert!(words == [45] || !is_told && words.is_empty(), "{context}: {words:?}");
                    seen.0 |= Arc::ptr_eq(mailbox, &inbox);
                    seen.1 |= Arc::ptr_eq(mailbox, &archive);
                }
                other => panic!("{context}: {other}"),
            }
        }
    }
    assert!(seen.0 || !appended, "{context}");
    assert!(seen.1 || !copied, "{context}");
    // A new message has no keywords of an old one.
    let uid = rig.deliver(&inbox, "afterwards").unwrap();
    assert_eq!(words(&inbox, uid), [0; 0], "{context}");
}
