use super::support::*;
use crate::disk::Disk;
use crate::disk::crash::CrashDisk;
use crate::{Arrival, Expunges, FlagChange, StoreError, View};
use std::ops::ControlFlow;
use types::{Keyword, ModSeq, SequenceSet, SystemFlag, Uid};

#[test]
fn a_message_comes_in_and_stays() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    let before = inbox.bell().generation();
    assert_eq!(rig.deliver(&inbox, "one\r\n").unwrap(), 1);
    assert_eq!(rig.deliver(&inbox, "two\r\n").unwrap(), 2);
    assert!(inbox.bell().generation() >= before + 2);
    let validity = inbox.uid_validity();
    let status = inbox.status();
    assert_eq!((status.messages, status.uid_next, status.unseen, status.bytes), (2, 3, 2, 10));
    assert_eq!(inbox.digest(Uid::FIRST).unwrap().unwrap(), b"digest of one\r\n");
    drop(inbox);
    let rig = rig.restart();
    let inbox = rig.inbox();
    assert_eq!(inbox.uid_validity(), validity);
    assert_eq!(contents(&inbox), [(1, "one\r\n".to_owned()), (2, "two\r\n".to_owned())]);
    assert_eq!(inbox.digest(Uid::FIRST).unwrap().unwrap(), b"digest of one\r\n");
    assert_eq!(rows(&inbox)[0].internal_date, INTERNAL_DATE);
    assert_eq!(inbox.status().uid_next, 3, "an orderly stop skips no UID");
    assert_eq!(rig.deliver(&inbox, "three").unwrap(), 3);
}

#[test]
fn a_message_alone_costs_one_sync() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    rig.deliver(&inbox, "first").unwrap();
    let before = rig.store.committer().syncs();
    for _ in 0..10 {
        rig.deliver(&inbox, "next").unwrap();
    }
    assert_eq!(rig.store.committer().syncs() - before, 10);
}

#[test]
fn messages_together_share_syncs_and_a_delivery_writes_little() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    rig.deliver(&inbox, "first").unwrap();
    let operations = rig.disk.operations();
    rig.deliver(&inbox, "second").unwrap();
    // A nameless file, its contents, its time, its name, and the sync.
    assert_eq!(rig.disk.operations() - operations, 5);
}

#[test]
fn nothing_is_seen_before_it_is_durable() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    rig.deliver(&inbox, "first").unwrap();
    let tickets: Vec<_> = (0..20).map(|n| rig.begin(&inbox, &format!("m{n}")).unwrap()).collect();
    for (uid, ticket) in tickets {
        ticket.wait().unwrap();
        assert!(inbox.row(uid).is_some());
    }
    assert_eq!(uids_in(&inbox), (1..=21).collect::<Vec<_>>());
}

#[test]
fn flags_and_keywords() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    for n in 0..4 {
        rig.deliver(&inbox, &format!("m{n}")).unwrap();
    }
    let junk = [Keyword::parse("$Junk").unwrap()];
    let stored =
        inbox.store_flags(&uids(&[1, 3]), FlagChange::Add, flag(SystemFlag::Seen), &junk, None).unwrap();
    assert_eq!(stored.changed, uids(&[1, 3]));
    assert!(stored.modseq > stored.modseq_before);
    assert_eq!(inbox.keywords(), [(0, junk[0].clone())]);
    assert_eq!(inbox.status().unseen, 2);
    let again = inbox.store_flags(&uids(&[1]), FlagChange::Add, flag(SystemFlag::Seen), &[], None).unwrap();
    assert!(again.changed.is_empty());
    let late = inbox
        .store_flags(
            &everything(),
            FlagChange::Replace,
            flag(SystemFlag::Flagged),
            &[],
            Some(stored.modseq_before),
        )
        .unwrap();
    assert_eq!((late.changed, late.modified), (uids(&[2, 4]), uids(&[1, 3])));
    let names = rig.disk.names(&root().join("cur")).unwrap();
    assert_eq!(names.iter().filter(|name| name.ends_with(":2,Sa")).count(), 2);
    assert_eq!(names.iter().filter(|name| name.ends_with(":2,F")).count(), 2);
    drop(inbox);
    let rig = rig.restart();
    let inbox = rig.inbox();
    assert_eq!(inbox.keywords().len(), 1);
    assert_eq!(rows(&inbox)[0].flags.keyword_slots().collect::<Vec<_>>(), [0]);
    let removed =
        inbox.store_flags(&everything(), FlagChange::Remove, flag(SystemFlag::Seen), &junk, None).unwrap();
    assert_eq!(removed.changed, uids(&[1, 3]));
    assert!(removed.modseq > stored.modseq);
}

#[test]
fn the_59th_keyword_is_refused_to_store_and_left_out_on_append() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    rig.deliver(&inbox, "m").unwrap();
    let keywords: Vec<Keyword> = (0..59).map(|n| Keyword::parse(&format!("k{n}")).unwrap()).collect();
    let store = |keywords: &[Keyword]| {
        inbox.store_flags(&everything(), FlagChange::Add, types::Flags::NONE, keywords, None).map(|_| ())
    };
    assert!(matches!(store(&keywords), Err(StoreError::TooManyKeywords)));
    store(&keywords[..58]).unwrap();
    let mut message = rig.account.new_message().unwrap();
    message.write(b"x").unwrap();
    let arrival = Arrival { keywords: vec![keywords[58].clone(), keywords[3].clone()], ..Arrival::default() };
    let added = inbox.add(message, arrival).unwrap();
    added.ticket.wait().unwrap();
    assert_eq!(inbox.row(added.uid).unwrap().flags.keyword_slots().collect::<Vec<_>>(), [3]);
}

#[test]
fn copies_and_moves_carry_everything() {
    let rig = Rig::new();
    let (inbox, target) = (rig.inbox(), rig.mailbox("Archive"));
    for n in 1..=5 {
        rig.deliver(&inbox, &format!("m{n}")).unwrap();
    }
    let work = [Keyword::parse("Work").unwrap()];
    let other = [Keyword::parse("Other").unwrap()];
    rig.deliver(&target, "old").unwrap();
    target.store_flags(&uids(&[1]), FlagChange::Add, types::Flags::NONE, &other, None).unwrap();
    inbox.store_flags(&uids(&[2, 4]), FlagChange::Add, flag(SystemFlag::Flagged), &work, None).unwrap();

    let copied = inbox.copy(&uids(&[1, 2]), &target).unwrap();
    assert_eq!(copied.source.iter().map(|uid| uid.get()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(copied.target.iter().map(|uid| uid.get()).collect::<Vec<_>>(), [2, 3]);
    copied.ticket.wait().unwrap();
    let moved = inbox.move_to(&uids(&[4, 5, 9]), &target).unwrap();
    assert_eq!(moved.uid_validity, target.uid_validity());
    moved.ticket.wait().unwrap();

    assert_eq!(uids_in(&inbox), [1, 2, 3]);
    let bodies: Vec<String> = contents(&target).into_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies, ["old", "m1", "m2", "m4", "m5"]);
    let moved_row = rows(&target)[3];
    assert!(moved_row.flags.has(SystemFlag::Flagged));
    assert_eq!(moved_row.flags.keyword_slots().collect::<Vec<_>>(), [1]);
    assert_eq!(moved_row.internal_date, INTERNAL_DATE);
    assert_eq!(target.digest(moved_row.uid).unwrap().unwrap(), b"digest of m4");
    assert_eq!(target.keywords(), [(0, other[0].clone()), (1, work[0].clone())]);
}

#[test]
fn a_mailbox_can_be_copied_and_moved_into_itself() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    for n in 1..=300 {
        rig.begin(&inbox, &format!("m{n}")).unwrap().1.wait().unwrap();
    }
    inbox.copy(&everything(), &inbox).unwrap().ticket.wait().unwrap();
    assert_eq!(inbox.status().messages, 600);
    inbox.move_to(&uids(&[1, 600]), &inbox).unwrap().ticket.wait().unwrap();
    assert_eq!(inbox.status().messages, 600);
    assert_eq!(body(&inbox, 601).unwrap(), "m1");
    assert_eq!(body(&inbox, 602).unwrap(), "m300");
}

#[test]
fn opposite_moves_do_not_wait_for_each_other() {
    let rig = Rig::new();
    let (a, b) = (rig.inbox(), rig.mailbox("Archive"));
    for n in 0..50 {
        rig.begin(&a, &format!("a{n}")).unwrap().1.wait().unwrap();
        rig.begin(&b, &format!("b{n}")).unwrap().1.wait().unwrap();
    }
    std::thread::scope(|scope| {
        for (from, to) in [(&a, &b), (&b, &a)] {
            scope.spawn(move || {
                for uid in 1..=50 {
                    from.move_to(&uids(&[uid]), to).unwrap().ticket.wait().unwrap();
                }
            });
        }
    });
    assert_eq!((a.status().messages, b.status().messages), (50, 50));
}

#[test]
fn expunging_only_what_is_deleted() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    for n in 1..=5 {
        rig.deliver(&inbox, &format!("m{n}")).unwrap();
    }
    add_flag(&inbox, &uids(&[2, 4]), SystemFlag::Deleted);
    let since = inbox.status().highest_modseq;
    let expunged = inbox.expunge(&uids(&[1, 2]), true).unwrap();
    assert_eq!(expunged.uids, uids(&[2]));
    expunged.ticket.wait().unwrap();
    inbox.expunge(&uids(&[5]), false).unwrap().ticket.wait().unwrap();
    assert_eq!(uids_in(&inbox), [1, 3, 4]);
    assert!(matches!(body(&inbox, 2), Err(StoreError::NoSuchMessage)));
    assert_eq!(inbox.vanished_since(since), Some(uids(&[2, 5])));
    assert_eq!(inbox.vanished_since(ModSeq(inbox.status().highest_modseq.0)), Some(SequenceSet::new()));
    assert_eq!(inbox.status().deleted, 1);
}

#[test]
fn two_sessions_expunging_at_once_both_hear_of_it_once() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    for n in 1..=40 {
        rig.begin(&inbox, &format!("m{n}")).unwrap().1.wait().unwrap();
    }
    add_flag(&inbox, &everything(), SystemFlag::Deleted);
    let mut views: Vec<View> = (0..2).map(|_| View::open(inbox.clone()).unwrap()).collect();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| inbox.expunge(&everything(), true).unwrap().ticket.wait().unwrap());
        }
    });
    for view in &mut views {
        assert_eq!(sync(view).expunged, (1..=40).rev().collect::<Vec<_>>());
        assert_eq!(view.exists(), 0);
    }
    assert!(rig.disk.names(&root().join("cur")).unwrap().is_empty());
}

#[test]
fn a_view_keeps_its_numbers_until_it_is_told() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    for n in 1..=5 {
        rig.deliver(&inbox, &format!("m{n}")).unwrap();
    }
    let mut view = View::open(inbox.clone()).unwrap();
    assert_eq!(view.first_unseen(), Some(1));
    inbox.expunge(&uids(&[2, 4]), false).unwrap().ticket.wait().unwrap();
    rig.deliver(&inbox, "m6").unwrap();
    add_flag(&inbox, &uids(&[1, 5, 6]), SystemFlag::Seen);

    assert_eq!(seqs_by_uid(&view), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]);
    assert_eq!(view.seq_of(Uid::new(4).unwrap()), Some(4));
    assert_eq!(view.seq_of(Uid::new(6).unwrap()), None);
    let mut seen = Vec::new();
    view.for_each_row(&everything(), &mut |seq, row| seen.push((seq, row.uid.get())));
    assert_eq!(seen, [(1, 1), (3, 3), (5, 5)]);
    assert_eq!(view.seqs_of(&uids(&[2, 3, 9])), uids(&[2, 3]));
    assert_eq!(view.uids_of(&SequenceSet::from_ranges([(4, u32::MAX)])), SequenceSet::from_ranges([(4, 5)]));

    let held = view.sync(Expunges::Hold);
    assert!(held.expunged.is_empty());
    assert_eq!(held.exists, Some(6));
    assert_eq!(held.flags.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [1, 5]);
    let told = sync(&mut view);
    assert_eq!((told.expunged, told.vanished, told.exists), (vec![4, 2], uids(&[2, 4]), None));
    assert_eq!(seqs_by_uid(&view), [(1, 1), (2, 3), (3, 5), (4, 6)]);
    assert_eq!(sync(&mut view), crate::Changes::default());
}

#[test]
fn many_changed_flags_are_told_in_parts() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    let messages = (0..3000).map(|n| {
        let mut message = rig.account.new_message().unwrap();
        message.write(format!("m{n}").as_bytes()).unwrap();
        (message, Arrival::default())
    });
    inbox.add_all(messages.collect()).unwrap().ticket.wait().unwrap();
    let mut view = View::open(inbox.clone()).unwrap();
    add_flag(&inbox, &everything(), SystemFlag::Seen);
    let mut told = Vec::new();
    loop {
        let changes = sync(&mut view);
        told.extend(changes.flags.iter().map(|(seq, _)| *seq));
        if !changes.more {
            break;
        }
    }
    assert_eq!(told, (1..=3000).collect::<Vec<_>>());
    assert_eq!(sync(&mut view), crate::Changes::default());
}

#[test]
fn digests_are_found_in_order() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    for n in 1..=600 {
        rig.begin(&inbox, &format!("m{n}")).unwrap().1.wait().unwrap();
    }
    inbox.put_digest(Uid::new(7).unwrap(), b"another").unwrap();
    let mut found = 0;
    inbox
        .for_each_digest(&everything(), &mut |row, digest| {
            found += 1;
            let expected = match row.uid.get() {
                7 => "another".to_owned(),
                uid => format!("digest of m{uid}"),
            };
            assert_eq!(digest.unwrap(), expected.as_bytes());
            if found == 500 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(found, 500);
}

#[test]
fn a_failed_sync_refuses_everything_until_the_store_is_opened_again() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    rig.deliver(&inbox, "first").unwrap();
    rig.disk.fail_at(rig.disk.operations() + 5, libc::EIO);
    assert!(matches!(rig.deliver(&inbox, "second"), Err(StoreError::Io(_))));
    assert!(!rig.store.is_alive());
    assert!(matches!(rig.deliver(&inbox, "third"), Err(StoreError::Poisoned)));
    assert!(matches!(inbox.expunge(&everything(), false), Err(StoreError::Poisoned)));
    assert_eq!(uids_in(&inbox), [1], "what is there can still be read");
    drop(inbox);
    let rig = rig.restart();
    let inbox = rig.inbox();
    assert_eq!(contents(&inbox), [(1, "first".to_owned())]);
    assert!(rig.deliver(&inbox, "fourth").unwrap() > 2);
}

#[test]
fn a_full_disk_refuses_for_a_while_and_leaves_nothing_torn() {
    let rig = Rig::new();
    let (inbox, archive) = (rig.inbox(), rig.mailbox("Archive"));
    rig.deliver(&inbox, "first").unwrap();
    for step in 1..=6 {
        rig.disk.fail_from(rig.disk.operations() + step, libc::ENOSPC);
        let delivered = rig.deliver(&inbox, "second");
        let copied = inbox.copy(&everything(), &archive).and_then(|copied| copied.ticket.wait());
        let created = rig.account.create(&name("Full"), None);
        for result in [delivered.map(drop), copied, created] {
            assert!(matches!(result, Ok(()) | Err(StoreError::OutOfSpace)), "{result:?}");
            if let Err(error) = result {
                assert!(error.is_temporary());
            }
        }
        rig.disk.heal();
        inbox.rescan().unwrap();
        let seen = contents(&inbox);
        assert!(seen.iter().all(|(_, body)| body == "first" || body == "second"), "{seen:?}");
        assert!(archive.status().messages == 0 || step > 4);
    }
    assert!(rig.store.is_alive());
    rig.deliver(&inbox, "third").unwrap();
    rig.account.create(&name("Full"), None).unwrap();
}

#[test]
fn a_read_only_disk_lets_read() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    rig.deliver(&inbox, "first").unwrap();
    rig.disk.fail_from(rig.disk.operations() + 1, libc::EROFS);
    assert!(matches!(rig.deliver(&inbox, "second"), Err(StoreError::ReadOnly)));
    assert!(inbox.store_flags(&everything(), FlagChange::Add, flag(SystemFlag::Seen), &[], None).is_err());
    assert_eq!(contents(&inbox), [(1, "first".to_owned())]);
}

#[test]
fn names_that_do_not_ride_cost_more_and_are_durable_too() {
    use crate::disk::crash::Survival;
    let rig = Rig::on(CrashDisk::with_names_ride(false));
    let inbox = rig.inbox();
    for n in 0..5 {
        rig.deliver(&inbox, &format!("m{n}")).unwrap();
    }
    drop(inbox);
    let rig = rig.crash(Survival::Strict);
    assert_eq!(rig.inbox().status().messages, 5);
}

#[test]
fn what_was_written_is_seen_in_one_piece() {
    let rig = Rig::new();
    let mut message = rig.account.new_message().unwrap();
    assert_eq!(message.view().unwrap().len(), 0);
    let long = "x".repeat(100_000);
    for part in ["From: a\r\n", &long, "\r\n"] {
        message.write(part.as_bytes()).unwrap();
    }
    assert_eq!(*message.view().unwrap(), *format!("From: a\r\n{long}\r\n").as_bytes());
    message.write(b"end\r\n").unwrap();
    message.settle().unwrap();
    assert!(message.view().unwrap().ends_with(b"\r\nend\r\n"));
}

#[test]
fn memory_of_expunges_is_given_back_when_all_have_heard() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    for n in 0..100 {
        rig.begin(&inbox, &format!("m{n}")).unwrap().1.wait().unwrap();
    }
    let view = View::open(inbox.clone()).unwrap();
    let odd: Vec<u32> = (1..100).step_by(2).collect();
    inbox.expunge(&uids(&odd), false).unwrap().ticket.wait().unwrap();
    assert_eq!(inbox.shared.lock().unwrap().views.vanished.len(), 50);
    assert_eq!(view.exists(), 100);
    assert!(inbox.shared.lock().unwrap().views.vanished.is_empty());
    drop(view);
    inbox.expunge(&everything(), false).unwrap().ticket.wait().unwrap();
    assert!(inbox.shared.lock().unwrap().views.vanished.is_empty());
}

#[test]
fn the_disk_door_is_enough() {
    // Nothing but the door was used: the tree exists only in memory.
    let rig = Rig::new();
    assert!(rig.disk.stat(&root().join("cur")).is_ok());
    assert!(!root().exists());
}
