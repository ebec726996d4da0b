use crate::commit::{Committer, Durable};
use crate::disk::Disk;
use crate::disk::crash::CrashDisk;
use crate::{StoreError, Ticket};
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};

fn start(disk: &CrashDisk) -> Committer {
    disk.create_dir_all(Path::new("/a")).unwrap();
    Committer::start(disk.shared(), Path::new("/a")).unwrap()
}

/// Keeps the thread busy until told, so that requests gather.
fn hold(committer: &Committer) -> (mpsc::Sender<()>, Ticket) {
    let (release, released) = mpsc::channel::<()>();
    let ticket = committer.commit(
        Durable::Nothing,
        Box::new(move |_| {
            let _ = released.recv();
        }),
    );
    (release, ticket)
}

#[test]
fn those_who_wait_together_share_a_sync_and_finish_in_order() {
    let committer = start(&CrashDisk::new());
    let (release, held) = hold(&committer);
    let order = Arc::new(Mutex::new(Vec::new()));
    let tickets: Vec<Ticket> = (0..20)
        .map(|number| {
            let order = Arc::clone(&order);
            committer.commit(Durable::Everything, Box::new(move |_| order.lock().unwrap().push(number)))
        })
        .collect();
    release.send(()).unwrap();
    held.wait().unwrap();
    for ticket in tickets {
        ticket.wait().unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
    assert_eq!(committer.syncs(), 1);
    committer.close();
}

#[test]
fn a_full_disk_fails_one_batch_and_another_error_all_that_follow() {
    let disk = CrashDisk::new();
    let committer = start(&disk);
    disk.fail_at(disk.operations() + 1, libc::ENOSPC);
    assert!(matches!(committer.submit_folder(Path::new("/a")).wait(), Err(StoreError::OutOfSpace)));
    committer.submit_folder(Path::new("/a")).wait().unwrap();
    disk.fail_at(disk.operations() + 1, libc::EIO);
    assert!(matches!(committer.submit_folder(Path::new("/a")).wait(), Err(StoreError::Io(_))));
    assert!(!committer.is_alive());
    assert!(matches!(committer.submit_folder(Path::new("/a")).wait(), Err(StoreError::Poisoned)));
    committer.close();
}

#[test]
fn closing_finishes_what_waits_and_refuses_the_rest() {
    let committer = start(&CrashDisk::new());
    let (release, held) = hold(&committer);
    let waiting = committer.submit_folder(Path::new("/a"));
    release.send(()).unwrap();
    committer.close();
    held.wait().unwrap();
    waiting.wait().unwrap();
    assert!(matches!(committer.beat().wait(), Err(StoreError::Poisoned)));
    assert!(!committer.is_alive());
}

#[test]
fn a_thread_that_dies_leaves_nobody_waiting() {
    let committer = start(&CrashDisk::new());
    let (release, held) = hold(&committer);
    let dying = committer.commit(Durable::Nothing, Box::new(|_| panic!("on purpose")));
    let behind = committer.submit_folder(Path::new("/a"));
    release.send(()).unwrap();
    held.wait().unwrap();
    assert!(dying.wait().is_err());
    assert!(behind.wait().is_err());
    committer.close();
    assert!(!committer.is_alive());
}
