use super::support::*;
use crate::StoreError;
use crate::disk::Disk;
use types::{MailboxName, SpecialUse};

fn listed(rig: &Rig) -> Vec<(String, bool, bool)> {
    let entries = rig.account.list().unwrap();
    entries.iter().map(|entry| (entry.name.to_string(), entry.exists, entry.has_children)).collect()
}

#[test]
fn a_special_mailbox_is_found_by_its_mark_or_its_name_or_made() {
    let rig = Rig::new();
    let junk = || rig.account.special_mailbox(SpecialUse::Junk, &name("Junk")).unwrap().name();
    assert_eq!(junk(), name("Junk"));
    rig.account.rename(&name("Junk"), &name("Spam")).unwrap();
    assert_eq!(junk(), name("Spam"));
    rig.account.delete(&name("Spam")).unwrap();
    assert_eq!(junk(), name("Junk"));
    assert_eq!(rig.account.special_use(&name("Junk")).unwrap(), Some(SpecialUse::Junk));
    rig.account.delete(&name("Junk")).unwrap();
    rig.account.create(&name("Junk"), None).unwrap();
    assert_eq!(junk(), name("Junk"));
}

#[test]
fn an_account_begins_with_the_usual_mailboxes() {
    let rig = Rig::new();
    let entries = rig.account.list().unwrap();
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"]);
    assert!(entries.iter().all(|entry| entry.subscribed && entry.exists));
    assert_eq!(entries[4].special_use, Some(SpecialUse::Sent));
}

#[test]
fn making_and_deleting() {
    let rig = Rig::new();
    rig.account.create(&name("a/b"), None).unwrap();
    assert!(listed(&rig).contains(&("a".to_owned(), false, true)));
    assert!(matches!(rig.account.delete(&name("a")), Err(StoreError::HasChildren)));
    assert!(matches!(rig.account.create(&name("a/b"), None), Err(StoreError::MailboxExists)));
    assert!(matches!(rig.account.create(&name("inbox"), None), Err(StoreError::MailboxExists)));
    assert!(matches!(rig.account.delete(&MailboxName::inbox()), Err(StoreError::InboxStays)));
    assert!(matches!(rig.account.delete(&name("nowhere")), Err(StoreError::NoSuchMailbox)));
    assert!(matches!(rig.account.mailbox(&name("nowhere")), Err(StoreError::NoSuchMailbox)));
    assert!(matches!(rig.account.create(&name(&"&".repeat(200)), None), Err(StoreError::NameUnfit)));
    rig.account.create(&name("a"), Some(SpecialUse::Junk)).unwrap();
    rig.account.delete(&name("a")).unwrap();
    assert!(listed(&rig).contains(&("a".to_owned(), false, true)), "what is below stays");
    rig.account.delete(&name("a/b")).unwrap();
    assert_eq!(listed(&rig).len(), 6);
}

#[test]
fn a_name_used_again_gets_a_larger_uidvalidity() {
    let rig = Rig::new();
    let mut last = None;
    for _ in 0..3 {
        rig.account.create(&name("again"), None).unwrap();
        let mailbox = rig.mailbox("again");
        assert!(Some(mailbox.uid_validity()) > last);
        last = Some(mailbox.uid_validity());
        rig.deliver(&mailbox, "x").unwrap();
        rig.account.delete(&name("again")).unwrap();
        assert!(mailbox.is_deleted());
        assert!(matches!(rig.deliver(&mailbox, "late"), Err(StoreError::NoSuchMailbox)));
    }
    // Also when another mailbox gets the name.
    let archive = rig.mailbox("Archive");
    rig.deliver(&archive, "kept").unwrap();
    rig.account.rename(&name("Archive"), &name("again")).unwrap();
    assert!(archive.is_deleted(), "those who look at it must open it again");
    let renamed = rig.mailbox("again");
    assert!(Some(renamed.uid_validity()) > last);
    assert_eq!(contents(&renamed), [(1, "kept".to_owned())]);
}

#[test]
fn there_are_no_more_mailboxes_than_allowed() {
    let rig = Rig::new();
    for n in 6..50 {
        rig.account.create(&name(&format!("m{n}")), None).unwrap();
    }
    assert!(matches!(rig.account.create(&name("more"), None), Err(StoreError::TooManyMailboxes)));
}

#[test]
fn renaming_carries_children_messages_and_uses() {
    let rig = Rig::new();
    rig.account.create(&name("a"), None).unwrap();
    rig.account.create(&name("a/b"), Some(SpecialUse::Archive)).unwrap();
    rig.account.create(&name("ab"), None).unwrap();
    let child = rig.mailbox("a/b");
    rig.deliver(&child, "m").unwrap();
    let validity = child.uid_validity();
    rig.account.rename(&name("a"), &name("c/d")).unwrap();
    assert_eq!(child.name(), name("c/d/b"));
    rig.deliver(&child, "while open").unwrap();
    let renamed = rig.mailbox("c/d/b");
    assert_eq!((renamed.uid_validity(), renamed.status().messages), (validity, 2));
    let entries = rig.account.list().unwrap();
    let find = |text: &str| entries.iter().find(|entry| entry.name.as_str() == text);
    assert_eq!(find("c/d/b").unwrap().special_use, Some(SpecialUse::Archive));
    assert!(find("ab").unwrap().exists && find("a").is_none());
    assert!(matches!(rig.account.rename(&name("ab"), &name("Sent")), Err(StoreError::MailboxExists)));
    assert!(matches!(rig.account.rename(&name("zz"), &name("yy")), Err(StoreError::NoSuchMailbox)));
    rig.account.rename(&name("c"), &name("e")).unwrap();
    assert_eq!(child.name(), name("e/d/b"));
    drop((child, renamed));
    let rig = rig.restart();
    assert_eq!(rig.mailbox("e/d/b").status().messages, 2);
}

#[test]
fn renaming_inbox_moves_its_messages() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    rig.account.create(&name("INBOX/Kid"), None).unwrap();
    for n in 0..3 {
        rig.deliver(&inbox, &format!("m{n}")).unwrap();
    }
    rig.account.rename(&MailboxName::inbox(), &name("Old mail")).unwrap();
    assert_eq!(inbox.status().messages, 0);
    assert_eq!(rig.mailbox("Old mail").status().messages, 3);
    assert!(listed(&rig).contains(&("INBOX/Kid".to_owned(), true, false)));
    assert_eq!(rig.deliver(&inbox, "next").unwrap(), 4);
}

#[test]
fn subscriptions_outlive_mailboxes() {
    let rig = Rig::new();
    rig.account.subscribe(&name("Later/On"), true).unwrap();
    rig.account.subscribe(&name("Junk"), false).unwrap();
    rig.account.delete(&name("Sent")).unwrap();
    let entries = rig.account.list().unwrap();
    let find = |text: &str| entries.iter().find(|entry| entry.name.as_str() == text).unwrap();
    assert!(find("Later/On").subscribed && !find("Later/On").exists);
    assert!(!find("Junk").subscribed && find("Junk").exists);
    assert!(find("Sent").subscribed && !find("Sent").exists);
}

#[test]
fn a_removed_account_is_moved_aside_and_begins_anew() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    rig.deliver(&inbox, "m").unwrap();
    rig.store.remove_account(&ana()).unwrap();
    assert!(inbox.is_deleted());
    assert!(rig.disk.stat(&root()).is_err());
    assert_eq!(rig.disk.names(std::path::Path::new("/state/removed/home.test")).unwrap().len(), 1);
    let account = rig.store.account(&ana()).unwrap();
    assert_eq!(account.mailbox(&MailboxName::inbox()).unwrap().status().messages, 0);
}

#[test]
fn mailboxes_nobody_looks_at_are_closed_and_opened_again() {
    let rig = Rig::new();
    for n in 0..40 {
        let mailbox = format!("m{n}");
        rig.account.create(&name(&mailbox), None).unwrap();
        rig.deliver(&rig.mailbox(&mailbox), "x").unwrap();
    }
    let first = rig.mailbox("m0");
    assert_eq!(contents(&first), [(1, "x".to_owned())]);
    assert_eq!(rig.deliver(&first, "y").unwrap(), 2, "no UID is skipped");
}
