//! Whatever happens to the files, mail that is whole can be read without anybody mending anything, no UID is used twice, and
//! nobody is shown another message than the one asked for.

use super::support::*;
use crate::disk::crash::CrashDisk;
use crate::disk::{Disk, remove_tree};
use crate::{Mailbox, StoreError, View};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use types::Flags;

/// A box with five messages in INBOX, the second expunged, closed; and what a client knows of it.
fn closed() -> (CrashDisk, u32, BTreeMap<u32, String>) {
    let rig = Rig::new();
    let inbox = rig.inbox();
    for n in 1..=5 {
        rig.deliver(&inbox, &format!("message {n}")).unwrap();
    }
    add_flag(&inbox, &uids(&[3]), types::SystemFlag::Seen);
    inbox.expunge(&uids(&[2]), false).unwrap().ticket.wait().unwrap();
    let (validity, seen) = (inbox.uid_validity().get(), contents(&inbox).into_iter().collect());
    drop(inbox);
    let Rig { disk, store, account } = rig;
    drop(account);
    store.close();
    (disk, validity, seen)
}

/// Opens the box: nothing known is shown as something else, what is gone stays gone, and new mail gets a UID nobody had.
fn check(
    disk: &CrashDisk,
    validity: u32,
    known: &BTreeMap<u32, String>,
    gone: &[u32],
    context: &str,
) -> Vec<(u32, String)> {
    let rig = Rig::on(disk.clone());
    let inbox = rig.inbox();
    let seen = contents(&inbox);
    let new = rig.deliver(&inbox, "new").unwrap();
    if inbox.uid_validity().get() == validity {
        for (uid, body) in &seen {
            assert!(known.get(uid).is_none_or(|before| before == body), "{context}: {uid} is {body}");
            assert!(!gone.contains(uid), "{context}: {uid} came back");
        }
        assert!(new > 5, "{context}: UID {new} was used before");
    }
    assert!(seen.iter().all(|(uid, _)| *uid != new), "{context}");
    seen
}

fn path_of(disk: &CrashDisk, uid: u32) -> PathBuf {
    for dir in ["cur", "new"] {
        let dir = root().join(dir);
        let found = disk.names(&dir).unwrap().into_iter().find(|name| name.contains(&format!(",U={uid}")));
        if let Some(name) = found {
            return dir.join(name);
        }
    }
    panic!("no file of {uid}");
}

#[test]
fn the_state_of_a_folder_gone_cut_or_garbled() {
    let (disk, validity, known) = closed();
    let path = root().join("mailbox-state");
    let whole = disk.contents(&path).unwrap();
    let mut damages: Vec<(String, Option<Vec<u8>>)> = vec![("gone".to_owned(), None)];
    for length in [0, 1, 100, 511, 512, 513, 700, 1023] {
        damages.push((format!("cut to {length}"), Some(whole[..length].to_vec())));
    }
    for at in [0, 20, 60, 530, 600] {
        let mut bytes = whole.clone();
        bytes[at] ^= 3;
        damages.push((format!("garbled at {at}"), Some(bytes)));
    }
    damages.push(("noise".to_owned(), Some(vec![0xa5; 4096])));
    for (context, damage) in damages {
        let damaged = disk.survive(crate::disk::crash::Survival::Everything);
        match damage {
            Some(bytes) => damaged.put_file(&path, &bytes).unwrap(),
            None => damaged.remove_file(&path).unwrap(),
        }
        let seen = check(&damaged, validity, &known, &[2], &context);
        assert_eq!(seen.len(), 4, "{context}");
    }
}

#[test]
fn the_index_of_another_mailbox() {
    let (disk, validity, known) = closed();
    let rig = Rig::on(disk);
    let other = rig.mailbox("Archive");
    for n in 0..9 {
        rig.deliver(&other, &format!("other {n}")).unwrap();
    }
    let other_validity = other.uid_validity().get();
    drop(other);
    let Rig { disk, store, account } = rig;
    drop(account);
    store.close();
    let index = Path::new("/state/index/home.test/ana");
    for kind in ["rows", "words", "fronts"] {
        let bytes = disk.contents(&index.join(format!("{other_validity:08x}.{kind}"))).unwrap();
        disk.put_file(&index.join(format!("{validity:08x}.{kind}")), &bytes).unwrap();
    }
    let seen = check(&disk, validity, &known, &[2], "foreign index");
    assert_eq!(seen.into_iter().collect::<BTreeMap<_, _>>(), known);
}

#[test]
fn files_gone_doubled_renamed_emptied_and_lying_about_their_size() {
    let keep_index = [true, false];
    for keep in keep_index {
        let (disk, validity, known) = closed();
        disk.remove_file(&path_of(&disk, 1)).unwrap();
        let doubled = path_of(&disk, 5);
        let name = doubled.file_name().unwrap().to_str().unwrap();
        disk.put_file(&doubled.with_file_name(format!("2{name}")), b"message 5").unwrap();
        let seen = path_of(&disk, 3);
        disk.rename(&seen, &root().join("new").join("renamed,U=3")).unwrap();
        disk.put_file(&root().join("new/1.empty"), b"").unwrap();
        disk.put_file(&root().join("new/2.lies,S=5,W=7"), b"longer than five").unwrap();
        let odd = root().join("cur").join(OsStr::from_bytes(b"odd\xff\xfe\n,U=4:2,S"));
        disk.put_file(&odd, b"odd").unwrap();
        if !keep {
            remove_tree(&disk, Path::new("/state/index")).unwrap();
        }
        let seen = check(&disk, validity, &known, &[1, 2], &format!("index kept: {keep}"));
        let mut bodies: Vec<_> = seen.iter().map(|(_, body)| body.as_str()).collect();
        bodies.sort_unstable();
        assert_eq!(
            bodies,
            ["", "longer than five", "message 3", "message 4", "message 5", "message 5", "odd"]
        );
    }
}

#[test]
fn folders_that_come_and_go_while_somebody_looks() {
    let rig = Rig::new();
    let account = &rig.account;
    account.create(&name("Work"), None).unwrap();
    let work = rig.mailbox("Work");
    rig.deliver(&work, "at work").unwrap();
    let view = View::open(work.clone()).unwrap();
    remove_tree(&rig.disk, &root().join(".Work")).unwrap();
    assert!(rig.deliver(&work, "lost?").is_err());
    assert!(work.open_message(types::Uid::FIRST).is_err());
    let moved = work.move_to(&everything(), &rig.inbox()).map(|moved| moved.target.len());
    assert!(moved.is_err() || moved.is_ok_and(|count| count == 0));
    assert_eq!(view.exists(), 1);
    drop((view, work));
    assert!(!account.list().unwrap().iter().any(|entry| entry.name == name("Work") && entry.exists));
    assert!(
        matches!(account.mailbox(&name("Work")), Err(StoreError::NoSuchMailbox))
            || rig.disk.stat(&root().join(".Work")).is_err()
    );
    // Somebody puts it back.
    for dir in ["cur", "new", "tmp"] {
        rig.disk.create_dir_all(&root().join(".Play").join(dir)).unwrap();
    }
    rig.disk.put_file(&root().join(".Play/new/1.x"), b"play").unwrap();
    assert_eq!(contents(&rig.mailbox("Play"))[0].1, "play");
}

#[test]
fn keyword_files_gone_or_garbled() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    rig.deliver(&inbox, "one").unwrap();
    let keywords: Vec<_> = (0..30).map(|n| types::Keyword::parse(&format!("k{n}")).unwrap()).collect();
    inbox.store_flags(&everything(), crate::FlagChange::Add, Flags::NONE, &keywords, None).unwrap();
    drop(inbox);
    let Rig { disk, store, account } = rig;
    drop(account);
    store.close();
    let named = |mailbox: &Mailbox| {
        let names = mailbox.keywords();
        rows(mailbox)[0]
            .flags
            .keyword_slots()
            .filter(|slot| names.iter().any(|(named, _)| named == slot))
            .count()
    };
    for file in ["dovecot-keywords", "mailbox-keywords"] {
        for damage in [&b""[..], b"\xff\xfe\0\0\n\n\n", b"0 k29\n1\n999999999999999999999 x\n"] {
            let damaged = disk.survive(crate::disk::crash::Survival::Everything);
            damaged.put_file(&root().join(file), damage).unwrap();
            let rig = Rig::on(damaged);
            let inbox = rig.inbox();
            assert_eq!(contents(&inbox), [(1, "one".to_owned())]);
            assert!(named(&inbox) >= 4, "{file}");
            // A letter that lost its name is not given to another keyword.
            let fresh = [types::Keyword::parse("fresh").unwrap()];
            let added = rig.deliver(&inbox, "two").unwrap();
            inbox.store_flags(&uids(&[added]), crate::FlagChange::Add, Flags::NONE, &fresh, None).unwrap();
            let names = inbox.keywords();
            let slot = names.iter().find(|(_, keyword)| *keyword == fresh[0]).unwrap().0;
            assert!(!rows(&inbox)[0].flags.keyword_slots().any(|used| used == slot));
        }
    }
}

/// Copies a folder as `cp -a` would.
fn copy_folder(disk: &CrashDisk, from: &str, to: &str) {
    for dir in ["cur", "new", "tmp"] {
        let (from, to) = (root().join(from).join(dir), root().join(to).join(dir));
        disk.create_dir_all(&to).unwrap();
        for name in disk.names(&from).unwrap() {
            disk.put_file(&to.join(&name), &disk.contents(&from.join(&name)).unwrap()).unwrap();
        }
    }
    for name in ["mailbox-state", "maildirfolder"] {
        let bytes = disk.contents(&root().join(from).join(name)).unwrap();
        disk.put_file(&root().join(to).join(name), &bytes).unwrap();
    }
}

/// Digests as they were delivered: what an ENVELOPE is made of.
fn digests(mailbox: &Mailbox) -> Vec<Option<String>> {
    let mut digests = Vec::new();
    let collected = mailbox.for_each_digest(&everything(), &mut |_, digest| {
        digests.push(digest.map(|digest| String::from_utf8_lossy(digest).into_owned()));
        std::ops::ControlFlow::Continue(())
    });
    collected.unwrap();
    digests
}

#[test]
fn a_folder_copied_by_hand_is_another_mailbox() {
    for (opened_first, is_open) in [("Work", true), ("Work", false), ("Work2", true), ("Work2", false)] {
        let context = format!("{opened_first} first, original open: {is_open}");
        let rig = Rig::new();
        rig.account.create(&name("Work"), None).unwrap();
        let work = rig.mailbox("Work");
        rig.deliver(&work, "one").unwrap();
        let validity = work.uid_validity();
        let (rig, kept) = match is_open {
            true => (rig, Some(work)),
            false => {
                drop(work);
                (rig.restart(), None)
            }
        };
        copy_folder(&rig.disk, ".Work", ".Work2");
        let first = rig.mailbox(opened_first);
        let (work, copy) = (rig.mailbox("Work"), rig.mailbox("Work2"));
        drop((first, kept));
        assert_eq!(work.uid_validity(), validity, "{context}: the original stays");
        assert!(copy.uid_validity() > validity && copy.id() != work.id(), "{context}");
        rig.deliver(&work, "to the original").unwrap();
        rig.deliver(&copy, "to the copy").unwrap();
        drop((work, copy));
        let rig = rig.restart();
        let (work, copy) = (rig.mailbox("Work"), rig.mailbox("Work2"));
        assert_eq!(contents(&work)[1].1, "to the original", "{context}");
        assert_eq!(contents(&copy)[1].1, "to the copy", "{context}");
        assert_eq!(digests(&work)[1].as_deref(), Some("digest of to the original"), "{context}");
        assert_eq!(digests(&copy)[1].as_deref(), Some("digest of to the copy"), "{context}");
    }
}

#[test]
fn a_folder_renamed_by_hand_or_put_back_after_a_rename() {
    let rig = Rig::new();
    rig.account.create(&name("Work"), None).unwrap();
    let work = rig.mailbox("Work");
    rig.deliver(&work, "one").unwrap();
    let validity = work.uid_validity();
    drop(work);
    let rig = rig.restart();
    rig.disk.rename(&root().join(".Work"), &root().join(".Play")).unwrap();
    assert_eq!(rig.mailbox("Play").uid_validity(), validity, "there is no other");
    copy_folder(&rig.disk, ".Play", "/saved");
    rig.account.rename(&name("Play"), &name("Job")).unwrap();
    let rig = rig.restart();
    assert_eq!(rig.mailbox("Job").uid_validity(), validity);
    // Put back as it was under the name it was saved from.
    rig.disk.rename(Path::new("/saved"), &root().join(".Play")).unwrap();
    let play = rig.mailbox("Play");
    assert!(play.uid_validity() > validity);
    assert_eq!(contents(&play), contents(&rig.mailbox("Job")));
}

#[test]
fn deleting_a_copy_leaves_the_index_of_the_original() {
    let rig = Rig::new();
    rig.account.create(&name("Work"), None).unwrap();
    rig.deliver(&rig.mailbox("Work"), "one").unwrap();
    let rig = rig.restart();
    copy_folder(&rig.disk, ".Work", ".Work2");
    rig.account.delete(&name("Work2")).unwrap();
    assert_eq!(digests(&rig.mailbox("Work")), [Some("digest of one".to_owned())]);
}
