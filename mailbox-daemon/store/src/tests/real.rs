//! The same on a real disk, with the kernel telling of changes.

use super::support::{INTERNAL_DATE, ana, body, contents, everything, rows};
use crate::{Arrival, Bell, Mailbox, Store, StoreError, StoreOptions, disk};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use types::{MailboxName, SystemFlag};

fn open(dir: &Path) -> (Store, Arc<Mailbox>) {
    let store = Store::open(disk::real(), dir, "real.host", StoreOptions { mailboxes_max: 50 }).unwrap();
    let inbox = store.account(&ana()).unwrap().mailbox(&MailboxName::inbox()).unwrap();
    (store, inbox)
}

fn deliver(store: &Store, inbox: &Arc<Mailbox>, text: &str) {
    let mut message = store.new_message(&ana()).unwrap();
    message.write(text.as_bytes()).unwrap();
    let arrival = Arrival { internal_date: INTERNAL_DATE, ..Arrival::default() };
    inbox.add(message, arrival).unwrap().ticket.wait().unwrap();
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn wait_for(bell: &Bell, is_done: impl Fn() -> bool) {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        let generation = bell.generation();
        if is_done() {
            return;
        }
        let mut ring = std::pin::pin!(bell.changed_since(generation));
        while ring.as_mut().poll(&mut context) == Poll::Pending {
            std::thread::park();
        }
    }
}

#[test]
fn mail_stays_on_a_real_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (store, inbox) = open(dir.path());
    deliver(&store, &inbox, "one\r\n");
    deliver(&store, &inbox, "two\r\n");
    inbox.expunge(&super::support::uids(&[1]), false).unwrap().ticket.wait().unwrap();
    let folder = dir.path().join("mail/home.test/ana");
    let file = fs::read_dir(folder.join("new")).unwrap().next().unwrap().unwrap();
    assert!(file.file_name().to_str().unwrap().contains(".real.host,S=5,W=5,U=2"));
    let modified = file.metadata().unwrap().modified().unwrap();
    assert_eq!(modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64, INTERNAL_DATE);
    assert_eq!(fs::read_dir(folder.join("tmp")).unwrap().count(), 0);
    drop(inbox);
    store.close();
    drop(store);
    let (store, inbox) = open(dir.path());
    assert_eq!(contents(&inbox), [(2, "two\r\n".to_owned())]);
    store.remove_account(&ana()).unwrap();
    assert!(!folder.exists());
}

#[test]
fn the_kernel_tells_what_others_do() {
    let dir = tempfile::tempdir().unwrap();
    let (store, inbox) = open(dir.path());
    deliver(&store, &inbox, "ours\r\n");
    let guard = inbox.watch();
    assert!(guard.is_active());
    let folder = dir.path().join("mail/home.test/ana");
    fs::write(folder.join("tmp/x"), "theirs\n").unwrap();
    fs::rename(folder.join("tmp/x"), folder.join("new/1.theirs")).unwrap();
    wait_for(inbox.bell(), || inbox.status().messages == 2);
    assert_eq!(body(&inbox, 2).unwrap(), "theirs\r\n");
    let ours = fs::read_dir(folder.join("new"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .find(|name| name.contains("U=1"))
        .unwrap();
    fs::rename(folder.join("new").join(&ours), folder.join("cur").join(format!("{ours}:2,F"))).unwrap();
    wait_for(inbox.bell(), || rows(&inbox)[0].flags.has(SystemFlag::Flagged));
    fs::remove_file(folder.join("cur").join(format!("{ours}:2,F"))).unwrap();
    wait_for(inbox.bell(), || inbox.status().messages == 1);
    // Two guards, one watch: it ends with the last.
    let other = inbox.watch();
    drop(guard);
    fs::write(folder.join("new/2.theirs"), "more\n").unwrap();
    wait_for(inbox.bell(), || inbox.status().messages == 2);
    drop(other);
    inbox.expunge(&everything(), false).unwrap().ticket.wait().unwrap();
}

#[test]
fn a_closed_store_refuses_changes_and_still_reads() {
    let dir = tempfile::tempdir().unwrap();
    let (store, inbox) = open(dir.path());
    deliver(&store, &inbox, "one\r\n");
    store.close();
    assert!(matches!(store.new_message(&ana()).map(drop), Err(StoreError::Poisoned)));
    assert!(!store.is_alive());
    assert_eq!(contents(&inbox).len(), 1);
}
