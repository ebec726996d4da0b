//! What a program that comes back is told: nothing it should know may be missing, whatever was lost meanwhile.

use super::support::*;
use crate::disk::crash::Survival;
use crate::{FlagChange, View};
use std::path::Path;
use types::{Flags, ModSeq, SystemFlag};

fn box_of(count: u32) -> Rig {
    let rig = Rig::new();
    let inbox = rig.inbox();
    for number in 0..count {
        rig.deliver(&inbox, &format!("message {number}")).unwrap();
    }
    rig
}

/// UIDs of what changed and of what vanished since.
fn since(rig: &Rig, known: &[u32], modseq: ModSeq) -> (Vec<u32>, Vec<u32>) {
    let view = View::open(rig.inbox()).unwrap();
    let changed = view.changed_since(&everything(), modseq).iter().collect();
    (changed, view.vanished_since(&uids(known), modseq).iter().collect())
}

fn told(rig: &Rig) -> ModSeq {
    View::open(rig.inbox()).unwrap().told_modseq()
}

#[test]
fn an_orderly_restart_changes_nothing() {
    let rig = box_of(5);
    add_flag(&rig.inbox(), &uids(&[2]), SystemFlag::Seen);
    let before = told(&rig);
    let rig = rig.restart();
    assert_eq!(since(&rig, &[1, 2, 3, 4, 5], before), (vec![], vec![]));
    let rig = rig.restart();
    assert!(told(&rig) >= before);
    rig.inbox().expunge(&uids(&[4]), false).unwrap().ticket.wait().unwrap();
    add_flag(&rig.inbox(), &uids(&[1]), SystemFlag::Seen);
    let rig = rig.restart();
    assert_eq!(since(&rig, &[1, 2, 3, 4, 5], before), (vec![1], vec![4]));
}

#[test]
fn flags_changed_and_changed_back_before_a_kill_are_told() {
    let rig = box_of(3).restart();
    let inbox = rig.inbox();
    add_flag(&inbox, &uids(&[2]), SystemFlag::Flagged);
    let saw_it_flagged = told(&rig);
    inbox.store_flags(&uids(&[2]), FlagChange::Replace, Flags::NONE, &[], None).unwrap();
    drop(inbox);
    let rig = rig.crash(Survival::Everything);
    assert_eq!(since(&rig, &[1, 2, 3], saw_it_flagged), (vec![1, 2, 3], vec![]));
    let known = told(&rig);
    assert!(known > saw_it_flagged);
    // Once is enough.
    let rig = rig.restart();
    assert_eq!(since(&rig, &[1, 2, 3], known), (vec![], vec![]));
}

#[test]
fn a_lost_index_makes_everything_changed_and_everything_missing_vanished() {
    let rig = box_of(6);
    rig.inbox().expunge(&uids(&[1, 5]), false).unwrap().ticket.wait().unwrap();
    let before = told(&rig);
    let rig = rig.lose_index();
    assert_eq!(since(&rig, &[1, 2, 3, 4, 5, 6, 7], before), (vec![2, 3, 4, 6], vec![1, 5]));
    let known = told(&rig);
    assert!(known > before);
    let rig = rig.restart();
    assert_eq!(since(&rig, &[2, 3, 4, 6], known), (vec![], vec![]));
}

#[test]
fn what_other_programs_did_while_the_index_was_lost_is_told() {
    let rig = box_of(2);
    let before = told(&rig);
    let Rig { disk, store, account } = rig;
    drop(account);
    store.close();
    drop(store);
    crate::disk::remove_tree(&disk, Path::new("/state/index")).unwrap();
    let name = disk.names(&root().join("new")).unwrap().remove(0);
    let uid = crate::maildir::FileName::parse(&name).uid.unwrap();
    let seen = root().join("cur").join(format!("{}:2,S", crate::maildir::FileName::parse(&name).base));
    crate::disk::Disk::rename(&disk, &root().join("new").join(&name), &seen).unwrap();
    let rig = Rig::on(disk);
    assert!(since(&rig, &[1, 2], before).0.contains(&uid));
    assert!(rows(&rig.inbox()).iter().any(|row| row.uid.get() == uid && row.flags.has(SystemFlag::Seen)));
}

#[test]
fn a_message_that_came_and_went_before_a_kill_counts_as_vanished() {
    let rig = box_of(2).restart();
    let inbox = rig.inbox();
    let uid = rig.deliver(&inbox, "short-lived").unwrap();
    let knew_it = told(&rig);
    inbox.expunge(&uids(&[uid]), false).unwrap().ticket.wait().unwrap();
    drop(inbox);
    let rig = rig.crash(Survival::Everything);
    assert_eq!(since(&rig, &[1, 2, uid], knew_it).1, [uid]);
}

#[test]
fn a_change_that_is_no_message_s_gets_a_number_and_outlives_a_restart() {
    let rig = box_of(2).restart();
    let before = told(&rig);
    rig.inbox().note_change().unwrap();
    let after = told(&rig);
    assert!(after > before);
    let rig = rig.restart();
    assert!(told(&rig) >= after);
    assert_eq!(since(&rig, &[1, 2], before), (vec![], vec![]));
}

#[test]
fn a_view_still_believes_in_what_it_was_not_told_of() {
    let rig = box_of(4);
    let before = told(&rig);
    let mut view = View::open(rig.inbox()).unwrap();
    rig.inbox().expunge(&uids(&[2]), false).unwrap().ticket.wait().unwrap();
    add_flag(&rig.inbox(), &uids(&[3]), SystemFlag::Seen);
    assert!(view.holds_expunges());
    assert!(view.vanished_since(&everything(), before).is_empty());
    view.sync(crate::Expunges::Hold);
    assert!(view.told_modseq() < rig.inbox().status().highest_modseq);
    assert!(view.told_modseq() >= before);
    view.sync(crate::Expunges::Announce);
    assert_eq!(view.told_modseq(), rig.inbox().status().highest_modseq);
    assert_eq!(view.vanished_since(&everything(), before), uids(&[2]));
}

#[test]
fn many_expunges_are_announced_in_pieces_that_add_up() {
    let rig = box_of(1);
    let inbox = rig.inbox();
    let begun: Vec<_> = (1..4300).map(|n| rig.begin(&inbox, &format!("{n}")).unwrap()).collect();
    for (_, ticket) in begun {
        ticket.wait().unwrap();
    }
    let mut view = View::open(rig.inbox()).unwrap();
    let going: Vec<u32> = (1..=4300).filter(|uid| uid % 40 != 0).collect();
    inbox.expunge(&uids(&going), false).unwrap().ticket.wait().unwrap();
    let mut believes: Vec<u32> = (1..=4300).collect();
    let mut pieces = 0;
    loop {
        let changes = view.sync(crate::Expunges::Announce);
        pieces += 1;
        for seq in changes.expunged {
            believes.remove(seq as usize - 1);
        }
        assert!(seqs_by_uid(&view).into_iter().map(|(_, uid)| uid).eq(believes.iter().copied()));
        if !changes.more {
            break;
        }
    }
    assert_eq!(pieces, 2);
    assert!(believes.iter().all(|uid| uid % 40 == 0) && believes.len() == 107);
}

#[test]
fn a_session_that_slept_through_thousands_of_changes_is_told_all() {
    let rig = box_of(4);
    let inbox = rig.inbox();
    let mut sleeper = View::open(rig.inbox()).unwrap();
    let mut awake = View::open(rig.inbox()).unwrap();
    for round in 0..2500_u32 {
        let uid = 1 + round % 3;
        inbox
            .store_flags(
                &uids(&[uid]),
                FlagChange::Replace,
                Flags::from_bits(u64::from(1 + round % 2)),
                &[],
                None,
            )
            .unwrap();
        let told: Vec<u32> = sync(&mut awake).flags.iter().map(|(_, row)| row.uid.get()).collect();
        assert!(told.is_empty() || told == [uid]);
    }
    let told: Vec<u32> = sync(&mut sleeper).flags.iter().map(|(_, row)| row.uid.get()).collect();
    assert_eq!(told, [1, 2, 3]);
    assert_eq!(sync(&mut sleeper), crate::Changes::default());
}
