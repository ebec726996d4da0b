//! Other programs work in the same folders.

use super::support::*;
use crate::disk::Disk;
use crate::{FlagChange, Opener, StoreError, View};
use types::{SequenceSet, SystemFlag, Uid};

fn cur(name: &str) -> std::path::PathBuf {
    root().join("cur").join(name)
}

fn new(name: &str) -> std::path::PathBuf {
    root().join("new").join(name)
}

fn the_name_in(rig: &Rig, dir: &str) -> String {
    let names = rig.disk.names(&root().join(dir)).unwrap();
    assert_eq!(names.len(), 1, "{names:?}");
    names[0].clone()
}

#[test]
fn files_dropped_into_the_folder_are_adopted() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    rig.deliver(&inbox, "ours\r\n").unwrap();
    let mut view = View::open(inbox.clone()).unwrap();
    rig.disk.put_file(&new("1700000001.b.other"), b"Subject: x\n\none\r\ntwo\n").unwrap();
    rig.disk.put_file(&cur("1700000000.a.other,S=4:2,FS"), b"a\r\nb").unwrap();
    rig.disk.put_file(&cur(".hidden"), b"not mail").unwrap();
    rig.disk.create_dir_all(&cur("directory")).unwrap();
    inbox.rescan().unwrap();
    assert_eq!(sync(&mut view).exists, Some(3));
    assert_eq!(
        contents(&inbox),
        [
            (1, "ours\r\n".to_owned()),
            (2, "a\r\nb".to_owned()),
            (3, "Subject: x\r\n\r\none\r\ntwo\r\n".to_owned())
        ]
    );
    let second = rows(&inbox)[1];
    assert_eq!(second.flags, flag(SystemFlag::Flagged).with(flag(SystemFlag::Seen)));
    let third = rows(&inbox)[2];
    assert_eq!((third.disk_bytes, third.wire_bytes), (21, 24));
    let names = rig.disk.names(&root().join("new")).unwrap();
    assert!(names.contains(&"1700000001.b.other,S=21,W=24,U=3".to_owned()), "{names:?}");
}

#[test]
fn files_without_crlf_are_read_from_anywhere() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    let line = |n: u32| format!("line {n}{}", if n.is_multiple_of(3) { "\r\n" } else { "\n" });
    let text = (0..20_000).map(line).collect::<Vec<_>>().concat();
    let wire = text.replace("\r\n", "\n").replace('\n', "\r\n");
    rig.disk.put_file(&new("1.lf"), text.as_bytes()).unwrap();
    inbox.rescan().unwrap();
    assert_eq!(body(&inbox, 1).unwrap(), wire);
    let file = inbox.open_message(Uid::FIRST).unwrap();
    assert_eq!(file.bytes(), wire.len() as u64);
    for (start, length) in [(100_000, 5000), (0, 1), (99_999, 3), (wire.len() - 2, 10), (50, 40_000), (7, 0)]
    {
        let mut buffer = vec![0; length];
        let count = file.read_at(&mut buffer, start as u64).unwrap();
        let end = (start + length).min(wire.len());
        assert_eq!(std::str::from_utf8(&buffer[..count]).unwrap(), &wire[start..end], "from {start}");
    }
    assert_eq!(file.read_at(&mut [0; 8], 1 << 40).unwrap(), 0);
}

#[test]
fn flags_renamed_by_others_are_seen_and_files_still_found() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    rig.deliver(&inbox, "m").unwrap();
    let mut view = View::open(inbox.clone()).unwrap();
    let base = the_name_in(&rig, "new");
    rig.disk.rename(&new(&base), &cur(&format!("{base}:2,RS"))).unwrap();
    // Nobody has looked yet.
    assert_eq!(body(&inbox, 1).unwrap(), "m");
    let told = sync(&mut view).flags;
    assert_eq!(told.len(), 1);
    assert!(told[0].1.flags.has(SystemFlag::Answered) && told[0].1.flags.has(SystemFlag::Seen));
    rig.disk.rename(&cur(&format!("{base}:2,RS")), &cur(&format!("{base}:2,R"))).unwrap();
    let stored =
        inbox.store_flags(&everything(), FlagChange::Add, flag(SystemFlag::Flagged), &[], None).unwrap();
    assert_eq!(stored.changed, uids(&[1]));
    assert_eq!(the_name_in(&rig, "cur"), format!("{base}:2,FR"));
    rig.disk.rename(&cur(&format!("{base}:2,FR")), &cur(&format!("{base}:2,RFXX"))).unwrap();
    inbox.rescan().unwrap();
    assert_eq!(the_name_in(&rig, "cur"), format!("{base}:2,FR"), "one spelling");
    rig.disk.rename(&cur(&format!("{base}:2,FR")), &cur(&base)).unwrap();
    inbox.expunge(&everything(), false).unwrap().ticket.wait().unwrap();
    assert!(rig.disk.names(&root().join("cur")).unwrap().is_empty());
}

/// Dovecot writes the flags of a message nobody has opened into its name in `new`.
#[test]
fn flags_given_in_new_count_and_bring_the_file_to_cur() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    rig.deliver(&inbox, "known").unwrap();
    let base = the_name_in(&rig, "new");
    rig.disk.rename(&new(&base), &new(&format!("{base}:2,F"))).unwrap();
    inbox.rescan().unwrap();
    assert!(inbox.row(Uid::FIRST).unwrap().flags.has(SystemFlag::Flagged));
    assert_eq!(the_name_in(&rig, "cur"), format!("{base}:2,F"));
    assert_eq!(body(&inbox, 1).unwrap(), "known");
    rig.disk.put_file(&new("1.foreign.host:2,S"), b"stranger").unwrap();
    inbox.rescan().unwrap();
    assert!(inbox.row(Uid::new(2).unwrap()).unwrap().flags.has(SystemFlag::Seen));
    assert!(rig.disk.names(&root().join("new")).unwrap().is_empty());
}

/// What ext4 can leave of a message that was linked but not synced: its name, its length, and blocks of zeros.
#[test]
fn a_message_whose_content_never_came_is_set_aside() {
    let rig = Rig::new();
    // The account's folders exist, and nobody has looked into INBOX yet.
    rig.mailbox("Archive");
    let contents = [vec![0; 3000], [vec![b'x'; 1024], vec![0; 1024], vec![b'y'; 10]].concat()];
    for (uid, content) in (1..).zip(contents) {
        let length = content.len();
        rig.disk
            .put_file(&new(&format!("1.torn{length}.host,S={length},W={length},U={uid}")), &content)
            .unwrap();
    }
    let inbox = rig.inbox();
    assert_eq!(inbox.status().messages, 0);
    assert_eq!(rig.store.take_set_aside().len(), 2);
    rig.deliver(&inbox, "whole").unwrap();
    assert_eq!(inbox.status().messages, 1);
    assert!(inbox.row(Uid::new(3).unwrap()).is_some(), "the torn ones' UIDs stay unused");
}

#[test]
fn files_removed_by_others_are_gone() {
    let rig = Rig::new();
    let (inbox, archive) = (rig.inbox(), rig.mailbox("Archive"));
    for n in 1..=4 {
        rig.deliver(&inbox, &format!("m{n}")).unwrap();
    }
    let mut view = View::open(inbox.clone()).unwrap();
    let names = rig.disk.names(&root().join("new")).unwrap();
    rig.disk.remove_file(&new(&names[1])).unwrap();
    assert!(matches!(body(&inbox, 2), Err(StoreError::NoSuchMessage)));
    assert_eq!(sync(&mut view).expunged, [2]);
    rig.disk.remove_file(&new(&names[2])).unwrap();
    let copied = inbox.copy(&everything(), &archive).unwrap();
    copied.ticket.wait().unwrap();
    assert_eq!(copied.source.iter().map(|uid| uid.get()).collect::<Vec<_>>(), [1, 4]);
    rig.disk.remove_file(&new(&names[3])).unwrap();
    let expunged = inbox.expunge(&everything(), false).unwrap();
    assert_eq!(expunged.uids, uids(&[1]));
    expunged.ticket.wait().unwrap();
    assert_eq!(sync(&mut view).expunged, [3, 2, 1]);
}

#[test]
fn copies_by_hand_get_uids_of_their_own() {
    let rig = Rig::new();
    let (inbox, archive) = (rig.inbox(), rig.mailbox("Archive"));
    for n in 1..=3 {
        rig.deliver(&inbox, &format!("m{n}")).unwrap();
    }
    let names = rig.disk.names(&root().join("new")).unwrap();
    // The same UID twice in one folder, and a UID of another folder.
    rig.disk.hard_link(&new(&names[0]), &cur(&format!("{}:2,S", names[0]))).unwrap();
    rig.disk.hard_link(&new(&names[0]), &new(&format!("0copy{}", names[0]))).unwrap();
    let elsewhere = root().join(".Archive/new").join(&names[2]);
    rig.disk.hard_link(&new(&names[2]), &elsewhere).unwrap();
    inbox.rescan().unwrap();
    archive.rescan().unwrap();
    let seen = contents(&inbox);
    assert_eq!(seen.len(), 5, "{seen:?}");
    assert_eq!(seen.iter().filter(|(_, body)| body == "m1").count(), 3);
    assert_eq!(contents(&archive), [(1, "m3".to_owned())]);
    let uids_before = uids_in(&inbox);
    inbox.rescan().unwrap();
    assert_eq!(uids_in(&inbox), uids_before);
}

#[test]
fn a_message_that_was_expunged_and_put_back_is_a_new_one() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    rig.deliver(&inbox, "m1").unwrap();
    rig.deliver(&inbox, "m2").unwrap();
    let names = rig.disk.names(&root().join("new")).unwrap();
    let backup = rig.disk.contents(&new(&names[0])).unwrap();
    inbox.expunge(&uids(&[1]), false).unwrap().ticket.wait().unwrap();
    rig.disk.put_file(&new(&names[0]), &backup).unwrap();
    inbox.rescan().unwrap();
    assert_eq!(contents(&inbox), [(2, "m2".to_owned()), (3, "m1".to_owned())]);
}

#[test]
fn a_uid_out_of_this_world_does_not_use_up_the_others() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    rig.deliver(&inbox, "m1").unwrap();
    drop(inbox);
    let disk = rig.disk.clone();
    disk.put_file(&new("1.x,S=4,W=4,U=4294967295"), b"high").unwrap();
    let rig = rig.restart();
    assert_eq!(contents(&rig.inbox()), [(1, "m1".to_owned()), (2, "high".to_owned())]);
}

#[test]
fn a_message_that_cannot_be_read_isolates_itself() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    for n in 1..=3 {
        rig.deliver(&inbox, &format!("message {n}")).unwrap();
    }
    let names = rig.disk.names(&root().join("new")).unwrap();
    rig.disk.put_file(&new(&names[1]), b"cut").unwrap();
    let aside = match inbox.open_message(Uid::new(2).unwrap()) {
        Err(StoreError::Damaged { path }) => path,
        other => panic!("{:?}", other.err()),
    };
    assert_eq!(rig.disk.contents(&aside).unwrap(), b"cut");
    assert_eq!(rig.store.take_set_aside(), [aside]);
    assert_eq!(uids_in(&inbox), [1, 3]);
    // A foreign file shorter than its name says, too.
    rig.disk.put_file(&new("1.torn,S=100"), b"short").unwrap();
    inbox.rescan().unwrap();
    assert_eq!(uids_in(&inbox), [1, 3]);
    assert_eq!(rig.store.take_set_aside().len(), 1);
}

#[test]
fn folders_made_by_others_are_mailboxes() {
    let rig = Rig::new();
    let folder = root().join(".Work.Old");
    for dir in ["cur", "new", "tmp"] {
        rig.disk.create_dir_all(&folder.join(dir)).unwrap();
    }
    rig.disk.put_file(&folder.join("cur/1.x:2,S"), b"m\n").unwrap();
    let names: Vec<String> = rig.account.list().unwrap().iter().map(|entry| entry.name.to_string()).collect();
    assert!(names.contains(&"Work/Old".to_owned()) && names.contains(&"Work".to_owned()), "{names:?}");
    let mailbox = rig.mailbox("Work/Old");
    assert_eq!(contents(&mailbox), [(1, "m\r\n".to_owned())]);
    // Only new/ or cur/ may be there.
    rig.disk.create_dir_all(&root().join(".Bare")).unwrap();
    assert_eq!(rig.mailbox("Bare").status().messages, 0);
}

#[test]
fn changes_while_nobody_runs_are_seen_at_the_next_start() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    for n in 1..=3 {
        rig.deliver(&inbox, &format!("m{n}")).unwrap();
    }
    drop(inbox);
    rig.disk.advance_s(60);
    let rig = rig.restart();
    drop(rig.inbox());
    let Rig { disk, store, account } = rig;
    drop(account);
    store.close();
    drop(store);
    disk.advance_s(60);
    let names = disk.names(&root().join("new")).unwrap();
    disk.remove_file(&new(&names[0])).unwrap();
    disk.rename(&new(&names[1]), &cur(&format!("{}:2,S", names[1]))).unwrap();
    disk.put_file(&new("5.dropped"), b"m4").unwrap();
    disk.advance_s(60);
    let rig = Rig::on(disk);
    let inbox = rig.inbox();
    let bodies: Vec<String> = contents(&inbox).into_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies, ["m2", "m3", "m4"]);
    assert!(rows(&inbox)[0].flags.has(SystemFlag::Seen));
}

/// What the opener of many finds at once, and what it leaves to the careful one.
#[test]
fn many_messages_are_opened_wherever_they_went() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    let large = "large ".repeat(10_000);
    for body in ["one", "two", &large, "four", "five", "six"] {
        rig.deliver(&inbox, body).unwrap();
    }
    rig.disk.put_file(&new("1700000001.lf"), b"line\n").unwrap();
    inbox.rescan().unwrap();
    add_flag(&inbox, &SequenceSet::from_ranges([(2, 2)]), SystemFlag::Seen);
    let names = rig.disk.names(&root().join("new")).unwrap();
    let of = |uid: &str| names.iter().find(|name| name.ends_with(&format!(",U={uid}"))).unwrap();
    // Another program gives one a flag, cuts one and takes one away.
    rig.disk.rename(&new(of("4")), &cur(&format!("{}:2,F", of("4")))).unwrap();
    rig.disk.put_file(&new(of("5")), b"fi").unwrap();
    rig.disk.remove_file(&new(of("6"))).unwrap();

    let mut opener = Opener::new(&inbox);
    let mut whole = Vec::new();
    let mut open = |uid: u32| {
        let file = opener.open(Uid::new(uid).unwrap(), &mut whole)?;
        let mut bytes = vec![0; file.bytes() as usize];
        file.read_at(&mut bytes, 0)?;
        assert!(whole.is_empty() || whole == bytes, "message {uid}");
        Ok((String::from_utf8(bytes).unwrap(), !whole.is_empty()))
    };
    assert_eq!(open(1).unwrap(), ("one".to_owned(), true));
    assert_eq!(open(2).unwrap(), ("two".to_owned(), true));
    assert_eq!(open(3).unwrap(), (large, false));
    assert_eq!(open(4).unwrap().0, "four");
    assert!(matches!(open(5), Err(StoreError::Damaged { .. })));
    assert!(matches!(open(6), Err(StoreError::NoSuchMessage)));
    assert_eq!(open(7).unwrap(), ("line\r\n".to_owned(), false));
    assert!(matches!(open(8), Err(StoreError::NoSuchMessage)));
}

#[test]
fn a_closed_mailbox_is_remembered_until_somebody_touches_its_files() {
    let rig = Rig::new();
    let archive = name("Archive");
    let closed = || rig.account.closed_status(&archive).unwrap();
    // Delivers or not, closes and lets the times of the directories settle: what the mailbox held.
    let close = |bodies: &[&str]| {
        let mailbox = rig.mailbox("Archive");
        for body in bodies {
            rig.deliver(&mailbox, body).unwrap();
        }
        rig.disk.advance_s(60);
        mailbox.rescan().unwrap();
        assert_eq!(closed(), None, "it is open");
        let status = mailbox.status();
        drop(mailbox);
        rig.account.core().close_recent(|_| true);
        status
    };
    assert_eq!(closed(), None, "it was never open");
    close(&["one\r\n", "two\r\n"]);
    assert_eq!(closed(), None, "messages nobody was told of");
    let held = close(&[]);
    let told = closed().expect("the files are the same");
    assert_eq!((told.messages, told.unseen, told.uid_next), (2, 2, 3));
    assert_eq!((told.mailbox, told.bytes), (held.mailbox, held.bytes));
    assert_eq!(rig.mailbox("Archive").status(), told);
    close(&[]);
    let folder = root().join(".Archive");
    rig.disk.put_file(&folder.join("new/1700000001.b.other"), b"three\n").unwrap();
    assert_eq!(closed(), None, "another program delivered");
    assert_eq!(close(&[]).messages, 3);
    close(&[]);
    assert_eq!(closed().map(|status| status.unseen), Some(3));
    let (new, cur) = (folder.join("new"), folder.join("cur"));
    let unseen = &rig.disk.names(&new).unwrap()[0];
    rig.disk.rename(&new.join(unseen), &cur.join(format!("{unseen}:2,S"))).unwrap();
    assert_eq!(closed(), None, "another program changed flags");
    assert_eq!(rig.mailbox("Archive").status().unseen, 2);
    close(&[]);
    assert_eq!(closed().map(|status| status.unseen), Some(2));
    rig.account.rename(&archive, &name("Old")).unwrap();
    assert_eq!(closed(), None, "it went away");
}
