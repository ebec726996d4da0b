//! The index is a cache: whatever happens to it costs time only.

use super::support::*;
use crate::disk::Disk;
use crate::disk::crash::CrashDisk;
use std::path::{Path, PathBuf};
use types::SystemFlag;

const DIR: &str = "/state/index/home.test/ana";

/// An orderly closed store with some history.
fn closed() -> (CrashDisk, Vec<(u32, String)>) {
    let rig = Rig::new();
    let inbox = rig.inbox();
    for n in 1..=30 {
        rig.deliver(&inbox, &format!("message {n}")).unwrap();
    }
    add_flag(&inbox, &uids(&[3, 7]), SystemFlag::Seen);
    inbox.expunge(&uids(&[4, 5, 30]), false).unwrap().ticket.wait().unwrap();
    let expected = contents(&inbox);
    let disk = rig.disk.clone();
    drop(inbox);
    disk.advance_s(60);
    drop(rig.restart());
    disk.advance_s(60);
    (disk, expected)
}

fn files(disk: &CrashDisk) -> Vec<PathBuf> {
    disk.names(Path::new(DIR)).unwrap().iter().map(|name| Path::new(DIR).join(name)).collect()
}

fn check(disk: CrashDisk, expected: &[(u32, String)]) {
    let rig = Rig::on(disk);
    let inbox = rig.inbox();
    assert_eq!(contents(&inbox), expected);
    let seen: Vec<u32> =
        rows(&inbox).iter().filter(|row| row.flags.has(SystemFlag::Seen)).map(|r| r.uid.get()).collect();
    assert_eq!(seen, [3, 7]);
    assert!(rig.deliver(&inbox, "next").unwrap() >= 31);
    let fresh = inbox.digest(types::Uid::FIRST).unwrap();
    assert!(fresh.is_none_or(|digest| digest == b"digest of message 1"));
}

#[test]
fn deleted_truncated_or_garbage() {
    let (disk, expected) = closed();
    assert!(files(&disk).len() >= 2);
    for path in files(&disk) {
        let whole = disk.contents(&path).unwrap();
        let copy = || disk.survive(crate::disk::crash::Survival::Everything);
        let deleted = copy();
        deleted.remove_file(&path).unwrap();
        check(deleted, &expected);
        for length in [0, 1, 16, 33, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
            let cut = copy();
            cut.put_file(&path, &whole[..length.min(whole.len())]).unwrap();
            check(cut, &expected);
        }
        for (at, bit) in [(3, 1), (9, 4), (40, 2), (whole.len() / 2, 1), (whole.len() - 3, 8)] {
            let garbled = copy();
            let mut bytes = whole.clone();
            bytes[at.min(whole.len() - 1)] ^= bit;
            garbled.put_file(&path, &bytes).unwrap();
            check(garbled, &expected);
        }
        let noise = copy();
        noise.put_file(&path, &[0xa5; 5000]).unwrap();
        check(noise, &expected);
    }
    crate::disk::remove_tree(&disk, Path::new("/state/index")).unwrap();
    check(disk, &expected);
}

#[test]
fn a_folder_that_did_not_change_is_not_read() {
    let (disk, expected) = closed();
    drop(Rig::on(disk.clone()).restart());
    disk.advance_s(60);
    let rig = Rig::on(disk.clone());
    let reads = disk.directory_reads();
    let inbox = rig.inbox();
    // Only `tmp`, for what a power cut interrupted.
    assert_eq!(disk.directory_reads(), reads + 1);
    assert_eq!(contents(&inbox), expected);
    assert!(inbox.digest(types::Uid::FIRST).unwrap().is_some());
}

#[test]
fn digests_and_rows_survive_compaction() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    for n in 1..=40 {
        rig.deliver(&inbox, &format!("m{n}")).unwrap();
    }
    for round in 0..8u8 {
        for uid in 1..=40 {
            inbox.put_digest(types::Uid::new(uid).unwrap(), &[round; 2000]).unwrap();
        }
    }
    inbox.expunge(&uids(&[10]), false).unwrap().ticket.wait().unwrap();
    inbox.flush();
    let bytes: u64 = files(&rig.disk).iter().map(|path| rig.disk.stat(path).unwrap().bytes).sum();
    assert!(bytes < 300_000, "{bytes}");
    let check = |rig: &Rig| {
        let inbox = rig.inbox();
        assert_eq!(inbox.status().messages, 39);
        for row in rows(&inbox) {
            assert_eq!(inbox.digest(row.uid).unwrap().unwrap(), [7; 2000]);
            assert_eq!(body(&inbox, row.uid.get()).unwrap(), format!("m{}", row.uid));
        }
    };
    check(&rig);
    drop(inbox);
    check(&rig.restart());
}

#[test]
fn what_is_written_to_the_index_stays_small() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    let messages = 500;
    for n in 0..messages {
        let mut message = rig.account.new_message().unwrap();
        message.write(&[b'x'; 8192]).unwrap();
        let arrival = crate::Arrival { digest: vec![n as u8; 400], ..crate::Arrival::default() };
        inbox.add(message, arrival).unwrap().ticket.wait().unwrap();
    }
    inbox.flush();
    let bytes: u64 = files(&rig.disk).iter().map(|path| rig.disk.stat(path).unwrap().bytes).sum();
    assert!(bytes < messages * 600, "{} bytes a message", bytes / messages);
}

#[test]
fn an_index_that_cannot_be_written_loses_nothing() {
    let rig = Rig::new();
    let inbox = rig.inbox();
    for n in 1..=10 {
        rig.deliver(&inbox, &format!("m{n}")).unwrap();
    }
    let expected = contents(&inbox);
    rig.disk.fail_from(rig.disk.operations() + 1, libc::ENOSPC);
    inbox.flush();
    rig.disk.heal();
    assert_eq!(contents(&inbox), expected);
    inbox.flush();
    drop(inbox);
    let rig = rig.restart();
    assert_eq!(contents(&rig.inbox()), expected);
}
