//! Which message is which, since when, and in which mailbox.

use super::support::*;
use crate::Identity;
use crate::Mailbox;
use crate::disk::{Disk, remove_tree};
use std::collections::BTreeMap;
use std::path::Path;

/// Identities by body.
fn identities(mailbox: &Mailbox) -> BTreeMap<String, Identity> {
    let mut found = BTreeMap::new();
    mailbox
        .for_each_identity(&everything(), |row, identity| {
            assert_eq!(mailbox.identity(row.uid).unwrap(), identity);
            found.insert(body(mailbox, row.uid.get()).unwrap(), identity);
        })
        .unwrap();
    found
}

#[test]
fn copies_are_the_same_message_saved_later() {
    let rig = Rig::new();
    let (inbox, archive) = (rig.inbox(), rig.mailbox("Archive"));
    for n in 0..3 {
        rig.deliver(&inbox, &format!("m{n}")).unwrap();
    }
    let before = identities(&inbox);
    rig.disk.advance_s(1000);
    inbox.copy(&uids(&[1, 2]), &archive).unwrap().ticket.wait().unwrap();
    rig.disk.advance_s(1000);
    inbox.move_to(&uids(&[3]), &archive).unwrap().ticket.wait().unwrap();
    archive.copy(&uids(&[3]), &inbox).unwrap().ticket.wait().unwrap();
    let after = identities(&archive);
    for (body, later) in [("m0", 1000), ("m1", 1000), ("m2", 2000)] {
        assert_eq!(after[body].content, before[body].content);
        assert_eq!(after[body].saved - before[body].saved, later, "{body}");
    }
    assert_eq!(identities(&inbox)["m2"], after["m2"]);
    assert_ne!(after["m0"].content, after["m1"].content);
    assert_eq!(rows(&archive)[0].internal_date, INTERNAL_DATE);
    // Nothing of it was in the index alone.
    drop((inbox, archive));
    remove_tree(&rig.disk, Path::new("/state/index")).unwrap();
    let rig = rig.restart();
    assert_eq!(identities(&rig.mailbox("Archive")), after);
    assert_eq!(rows(&rig.mailbox("Archive"))[0].internal_date, INTERNAL_DATE);
}

#[test]
fn foreign_messages_have_an_identity_too() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    rig.disk.put_file(&root().join("new/1500000000.abc.host"), b"timed").unwrap();
    rig.disk.put_file(&root().join("new/msg-7,X=1"), b"untimed").unwrap();
    inbox.rescan().unwrap();
    let found = identities(&inbox);
    assert_eq!(found["timed"].saved, 1_500_000_000);
    let untimed = rows(&inbox).into_iter().find(|row| row.wire_bytes == 7).unwrap();
    assert_eq!(found["untimed"].saved, untimed.internal_date);
    // Dovecot gives flags by renaming, which changes nothing of it.
    let cur = root().join("cur");
    for name in rig.disk.names(&root().join("new")).unwrap() {
        rig.disk.rename(&root().join("new").join(&name), &cur.join(format!("{name}:2,S"))).unwrap();
    }
    inbox.rescan().unwrap();
    assert_eq!(identities(&inbox), found);
}

#[test]
fn a_mailbox_keeps_its_number_under_every_name() {
    let rig = Rig::new();
    let account = &rig.account;
    let id = |mailbox: &str| rig.mailbox(mailbox).id();
    account.create(&name("a"), None).unwrap();
    let first = id("a");
    account.create(&name("b"), None).unwrap();
    let second = id("b");
    assert_ne!(first, second);
    // The name had a later generation, so the UIDs get a new one.
    account.delete(&name("b")).unwrap();
    let generation = rig.mailbox("a").uid_validity();
    account.rename(&name("a"), &name("b")).unwrap();
    assert_ne!(rig.mailbox("b").uid_validity(), generation);
    assert_eq!(id("b"), first);
    account.rename(&name("b"), &name("c")).unwrap();
    assert_eq!(id("c"), first);
    // RENAME of INBOX makes a new mailbox and moves the messages.
    let inbox = id("INBOX");
    account.rename(&name("INBOX"), &name("old mail")).unwrap();
    assert_eq!(id("INBOX"), inbox);
    assert!(![inbox, first, second].contains(&id("old mail")));
    let rig = rig.restart();
    assert_eq!((rig.mailbox("c").id(), rig.inbox().id()), (first, inbox));
}
