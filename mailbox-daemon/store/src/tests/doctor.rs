//! What a doctor sees and mends.

use super::support::*;
use crate::disk::Disk;
use crate::disk::crash::CrashDisk;
use crate::doctor::{Finding, Trouble, examine, prepare};
use std::path::{Path, PathBuf};

fn look(disk: &CrashDisk) -> Vec<Finding> {
    examine(&disk.shared(), Path::new("/state")).unwrap()
}

/// A box with three messages in INBOX and one in Archive, closed.
fn closed() -> CrashDisk {
    let rig = Rig::new();
    for n in 1..=3 {
        rig.deliver(&rig.inbox(), &format!("message {n}")).unwrap();
    }
    rig.deliver(&rig.mailbox("Archive"), "archived").unwrap();
    let Rig { disk, store, account } = rig;
    drop(account);
    store.close();
    disk
}

fn file(disk: &CrashDisk, uid: u32) -> PathBuf {
    let new = root().join("new");
    let names = disk.names(&new).unwrap();
    new.join(names.iter().find(|name| name.ends_with(&format!(",U={uid}"))).unwrap())
}

/// Mends, opens every mailbox once, and tells what is left.
fn mend(disk: &CrashDisk) -> Vec<Finding> {
    for finding in look(disk) {
        prepare(disk, Path::new("/state"), &finding).unwrap();
    }
    let Rig { store, account, .. } = Rig::on(disk.clone());
    for entry in account.list().unwrap().iter() {
        contents(&account.mailbox(&entry.name).unwrap());
    }
    drop(account);
    store.close();
    look(disk)
}

fn troubles(findings: Vec<Finding>) -> Vec<Trouble> {
    findings.into_iter().map(|finding| finding.trouble).collect()
}

#[test]
fn a_box_in_order_is_well() {
    let disk = closed();
    assert_eq!(look(&disk), []);
    // Nor does it need an index or an account.
    crate::disk::remove_tree(&disk, Path::new("/state/index")).unwrap();
    assert_eq!(look(&disk), []);
    assert_eq!(look(&CrashDisk::new()), []);
}

#[test]
fn what_is_wrong_with_files_is_told_and_mended() {
    let disk = closed();
    let (first, second, third) = (file(&disk, 1), file(&disk, 2), file(&disk, 3));
    disk.put_file(&first, b"cut").unwrap();
    disk.put_file(&second, b"much longer\nthan the name says\n").unwrap();
    disk.put_file(&third.with_file_name("1700000000.copy,S=9,W=9,U=3"), b"message 3").unwrap();
    disk.create_dir_all(&root().join("cur/a folder")).unwrap();
    let found = troubles(look(&disk));
    assert!(found.contains(&Trouble::Cut { told: 9, there: 3 }), "{found:?}");
    assert!(found.contains(&Trouble::Grown { told: 9, there: 31 }));
    assert!(found.contains(&Trouble::DoubledUid(3)) && found.contains(&Trouble::Foreign));
    assert_eq!(troubles(mend(&disk)), [Trouble::Foreign, Trouble::SetAside]);
    let seen = contents(&Rig::on(disk).inbox());
    let bodies: Vec<_> = seen.iter().map(|(_, body)| body.as_str()).collect();
    assert_eq!(bodies, ["much longer\r\nthan the name says\r\n", "message 3", "message 3"]);
    assert_eq!(seen.iter().map(|(uid, _)| *uid).take(2).collect::<Vec<_>>(), [2, 3]);
    assert!(seen[2].0 > 3);
}

#[test]
fn keywords_and_states_are_told_and_mended() {
    let disk = closed();
    let renamed = root().join("cur").join(format!("{}:2,Sad", file(&disk, 1).file_name().unwrap().display()));
    disk.rename(&file(&disk, 1), &renamed).unwrap();
    disk.put_file(&root().join("dovecot-keywords"), b"0 Work\nnonsense\n").unwrap();
    disk.put_file(&root().join(".Archive/mailbox-state"), b"nonsense").unwrap();
    let found = troubles(look(&disk));
    assert_eq!(
        found,
        [Trouble::StateLost, Trouble::NamelessKeywords("d".to_owned()), Trouble::KeywordsDamaged]
    );
    assert_eq!(troubles(mend(&disk)), [Trouble::NamelessKeywords("d".to_owned())]);
    let rig = Rig::on(disk);
    assert_eq!(contents(&rig.mailbox("Archive")), [(1, "archived".to_owned())]);
    assert_eq!(rig.inbox().keywords().len(), 1);
}

#[test]
fn a_copied_folder_and_a_damaged_index_are_mended() {
    let disk = closed();
    let archive = root().join(".Archive");
    disk.create_dir_all(&root().join(".Copy/new")).unwrap();
    let state = disk.contents(&archive.join("mailbox-state")).unwrap();
    disk.put_file(&root().join(".Copy/mailbox-state"), &state).unwrap();
    disk.put_file(&root().join(".Copy/new/1.x"), b"copied").unwrap();
    let index = Path::new("/state/index/home.test/ana");
    let rows: Vec<String> =
        disk.names(index).unwrap().into_iter().filter(|name| name.contains(".rows")).collect();
    for name in &rows {
        let mut bytes = disk.contents(&index.join(name)).unwrap();
        bytes.truncate(bytes.len() - 7);
        disk.put_file(&index.join(name), &bytes).unwrap();
    }
    let found = troubles(look(&disk));
    assert!(found.contains(&Trouble::IndexWrong), "{found:?}");
    assert!(found.contains(&Trouble::SameGeneration(name("Archive"))), "{found:?}");
    assert_eq!(mend(&disk), []);
    let rig = Rig::on(disk);
    let (archive, copy) = (rig.mailbox("Archive"), rig.mailbox("Copy"));
    assert_ne!((archive.uid_validity(), archive.id()), (copy.uid_validity(), copy.id()));
    assert_eq!((contents(&archive)[0].1.as_str(), contents(&copy)[0].1.as_str()), ("archived", "copied"));
}
