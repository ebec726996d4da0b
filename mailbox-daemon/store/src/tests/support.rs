use crate::disk::crash::{CrashDisk, Survival};
use crate::{
    AccountMail, Arrival, Expunges, FlagChange, Mailbox, Row, Store, StoreError, StoreOptions, Ticket, View,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use types::{Address, Flags, MailboxName, SequenceSet, SystemFlag, Uid};

pub(super) const INTERNAL_DATE: i64 = 1_600_000_000;

/// A store on a disk in memory.
pub(super) struct Rig {
    pub(super) disk: CrashDisk,
    pub(super) store: Store,
    pub(super) account: Arc<AccountMail>,
}

pub(super) fn ana() -> Address {
    Address::parse_own("ana@home.test").unwrap()
}

pub(super) fn name(text: &str) -> MailboxName {
    MailboxName::parse(text).unwrap()
}

pub(super) fn root() -> PathBuf {
    PathBuf::from("/state/mail/home.test/ana")
}

pub(super) fn uids(numbers: &[u32]) -> SequenceSet {
    SequenceSet::from_ranges(numbers.iter().map(|uid| (*uid, *uid)))
}

pub(super) fn everything() -> SequenceSet {
    SequenceSet::all()
}

pub(super) fn flag(flag: SystemFlag) -> Flags {
    Flags::system(flag)
}

pub(super) fn open(disk: &CrashDisk) -> Result<Store, StoreError> {
    Store::open(disk.shared(), Path::new("/state"), "test.host", StoreOptions { mailboxes_max: 50 })
}

impl Rig {
    pub(super) fn new() -> Rig {
        Rig::on(CrashDisk::new())
    }

    pub(super) fn on(disk: CrashDisk) -> Rig {
        let store = open(&disk).unwrap();
        let account = store.account(&ana()).unwrap();
        Rig { disk, store, account }
    }

    /// Stops in an orderly way and starts again.
    pub(super) fn restart(self) -> Rig {
        let Rig { disk, store, account } = self;
        drop(account);
        store.close();
        drop(store);
        Rig::on(disk)
    }

    /// Loses power and starts again with what is left.
    pub(super) fn crash(self, survival: Survival) -> Rig {
        self.disk.cut();
        let disk = self.disk.survive(survival);
        drop(self);
        Rig::on(disk)
    }

    /// Stops, loses the index and starts again.
    pub(super) fn lose_index(self) -> Rig {
        let Rig { disk, store, account } = self;
        drop(account);
        store.close();
        drop(store);
        crate::disk::remove_tree(&disk, Path::new("/state/index")).unwrap();
        Rig::on(disk)
    }

    pub(super) fn inbox(&self) -> Arc<Mailbox> {
        self.mailbox("INBOX")
    }

    pub(super) fn mailbox(&self, mailbox: &str) -> Arc<Mailbox> {
        self.account.mailbox(&name(mailbox)).unwrap()
    }

    /// Takes a message in without waiting for it.
    pub(super) fn begin(&self, mailbox: &Arc<Mailbox>, body: &str) -> Result<(Uid, Ticket), StoreError> {
        let mut message = self.account.new_message()?;
        message.write(body.as_bytes())?;
        let arrival = Arrival {
            internal_date: INTERNAL_DATE,
            digest: format!("digest of {body}").into_bytes(),
            ..Arrival::default()
        };
        let added = mailbox.add(message, arrival)?;
        Ok((added.uid, added.ticket))
    }

    pub(super) fn deliver(&self, mailbox: &Arc<Mailbox>, body: &str) -> Result<u32, StoreError> {
        let (uid, ticket) = self.begin(mailbox, body)?;
        ticket.wait().map(|()| uid.get())
    }
}

pub(super) fn rows(mailbox: &Mailbox) -> Vec<Row> {
    let mut rows = Vec::new();
    mailbox.rows(Uid::FIRST, Uid::LAST, usize::MAX, &mut rows);
    rows
}

pub(super) fn uids_in(mailbox: &Mailbox) -> Vec<u32> {
    rows(mailbox).iter().map(|row| row.uid.get()).collect()
}

pub(super) fn body(mailbox: &Mailbox, uid: u32) -> Result<String, StoreError> {
    let file = mailbox.open_message(Uid::new(uid).unwrap())?;
    let mut bytes = vec![0; file.bytes() as usize];
    let count = file.read_at(&mut bytes, 0)?;
    assert_eq!(count, bytes.len());
    Ok(String::from_utf8(bytes).unwrap())
}

/// UIDs and bodies of everything that can be seen.
pub(super) fn contents(mailbox: &Mailbox) -> Vec<(u32, String)> {
    uids_in(mailbox).into_iter().map(|uid| (uid, body(mailbox, uid).unwrap())).collect()
}

pub(super) fn add_flag(mailbox: &Mailbox, uids: &SequenceSet, added: SystemFlag) -> SequenceSet {
    mailbox.store_flags(uids, FlagChange::Add, flag(added), &[], None).unwrap().changed
}

pub(super) fn seqs_by_uid(view: &View) -> Vec<(u32, u32)> {
    (1..=view.exists()).map(|seq| (seq, view.uid_of(seq).unwrap().get())).collect()
}

pub(super) fn sync(view: &mut View) -> crate::Changes {
    view.sync(Expunges::Announce)
}
