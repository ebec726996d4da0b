//! How fast the store is on the disk it is pointed at: `cargo run --release -p store --example speed -- DIR [MESSAGES]`.
//! Prints one line a measurement; DIR gets a store that may be thrown away afterwards.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use store::{Arrival, FlagChange, Mailbox, Store, StoreError, StoreOptions, View, disk};
use types::{Address, Flags, MailboxName, SequenceSet, SystemFlag};

const DIGEST: &[u8] = &[b'd'; 450];

fn main() -> Result<(), StoreError> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().unwrap_or_else(|| "speed-store".to_owned());
    let messages: u32 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(50_000);
    let dir = Path::new(&dir);
    let address = Address::parse_own("ana@home.test").map_err(|_| StoreError::NameUnfit)?;
    let everything = SequenceSet::all();

    let open = || -> Result<(Store, Arc<Mailbox>), StoreError> {
        let store = Store::open(disk::real(), dir, "speed", StoreOptions { mailboxes_max: 100 })?;
        let inbox = store.account(&address)?.mailbox(&MailboxName::inbox())?;
        Ok((store, inbox))
    };
    foreign(dir, &address, messages)?;
    let (store, inbox) = open()?;
    alone(&store, &address, &inbox)?;
    together(&store, &address, &inbox)?;
    fill(&store, &address, &inbox, messages)?;
    report("rescan of a folder that just changed", || inbox.rescan())?;
    std::thread::sleep(std::time::Duration::from_millis(2100));
    report("flush and close", || {
        store.close();
        Ok(())
    })?;
    drop((inbox, store));

    let (store, inbox) = report("open with a valid index", open)?;
    let view = report("view", || View::open(Arc::clone(&inbox)))?;
    let mut flags = 0;
    report("every row through a view", || {
        view.for_each_row(&everything, &mut |_, row| flags += row.flags.bits());
        Ok(())
    })?;
    report("every digest", || {
        inbox.for_each_digest(&everything, &mut |_, digest| {
            assert_eq!(digest.map(<[u8]>::len), Some(DIGEST.len()));
            ControlFlow::Continue(())
        })
    })?;
    report("every front", || {
        inbox.for_each_front(&everything, &mut |_, front| {
            assert!(front.is_some());
            ControlFlow::Continue(())
        })
    })?;
    let thousand = SequenceSet::from_ranges([(1001, 2000)]);
    report("store flags of 1,000", || {
        inbox.store_flags(&thousand, FlagChange::Add, Flags::system(SystemFlag::Seen), &[], None)
    })?;
    let archive = store.account(&address)?.mailbox(&SystemMailbox::archive())?;
    let moved = report("move of 1,000, files", || inbox.move_to(&thousand, &archive))?;
    report("move of 1,000, sync", || moved.ticket.wait())?;
    let thousand = SequenceSet::from_ranges([(2001, 3000)]);
    report("copy of 1,000", || inbox.copy(&thousand, &archive)?.ticket.wait())?;
    report("expunge of 1,000", || inbox.expunge(&thousand, false)?.ticket.wait())?;
    // The disk gives back what lies scattered more slowly than what lies together.
    let scattered = SequenceSet::from_ranges((0..1000).map(|n| (3001 + 10 * n, 3001 + 10 * n)));
    let expunged = report("expunge of 1,000 here and there, files", || inbox.expunge(&scattered, false))?;
    report("expunge of 1,000 here and there, sync", || expunged.ticket.wait())?;
    report("1,000 bodies", || {
        let mut buffer = vec![0; 16 * 1024];
        let mut rows = Vec::new();
        inbox.rows(types::Uid::FIRST, types::Uid::LAST, 1000, &mut rows);
        for row in rows {
            inbox.open_message(row.uid)?.read_at(&mut buffer, 0)?;
        }
        Ok(())
    })?;
    drop((view, archive));
    store.close();
    drop((inbox, store));
    let index = dir.join("index");
    disk::remove_tree(&*disk::real(), &index)?;
    let (store, inbox) = report("open without an index", open)?;
    println!("{:>10}   messages, {:?}", inbox.status().messages, inbox.status());
    drop(inbox);
    store.close();
    Ok(())
}

/// Names the example needs.
struct SystemMailbox;

impl SystemMailbox {
    fn archive() -> MailboxName {
        types::SpecialUse::Archive.default_name()
    }
}

fn begin(
    store: &Store,
    address: &Address,
    inbox: &Arc<Mailbox>,
    bytes: usize,
) -> Result<store::Ticket, StoreError> {
    let mut message = store.new_message(address)?;
    message.write(&vec![b'x'; bytes])?;
    let arrival = Arrival { digest: DIGEST.to_vec(), internal_date: 1_700_000_000, ..Arrival::default() };
    Ok(inbox.add(message, arrival)?.ticket)
}

/// Files another program left, seen for the first time.
fn foreign(dir: &Path, address: &Address, messages: u32) -> Result<(), StoreError> {
    let store = Store::open(disk::real(), dir, "speed", StoreOptions { mailboxes_max: 100 })?;
    let account = store.account(address)?;
    let folder = dir.join("mail/home.test/ana/.Foreign");
    for place in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(folder.join(place)).map_err(StoreError::Io)?;
    }
    let text = "Subject: foreign\n\nA line of a message that another program wrote.\n".repeat(60);
    for number in 0..messages {
        let name = format!("cur/{}.M{number}P1.other:2,S", 1_700_000_000 + number);
        std::fs::write(folder.join(name), &text).map_err(StoreError::Io)?;
    }
    let name = MailboxName::parse("Foreign").map_err(|_| StoreError::NameUnfit)?;
    let mailbox = report("first look at foreign files", || account.mailbox(&name))?;
    assert_eq!(mailbox.status().messages, messages);
    store.close();
    Ok(())
}

fn alone(store: &Store, address: &Address, inbox: &Arc<Mailbox>) -> Result<(), StoreError> {
    let syncs = store.committer().syncs();
    report("300 messages of 8 KiB, one by one", || {
        (0..300).try_for_each(|_| begin(store, address, inbox, 8192)?.wait())
    })?;
    println!("{:>10}   syncs", store.committer().syncs() - syncs);
    Ok(())
}

fn together(store: &Store, address: &Address, inbox: &Arc<Mailbox>) -> Result<(), StoreError> {
    let syncs = store.committer().syncs();
    report("1,000 messages of 8 KiB, ten at a time", || {
        std::thread::scope(|scope| {
            let work = || (0..100).try_for_each(|_| begin(store, address, inbox, 8192)?.wait());
            let threads: Vec<_> = (0..10).map(|_| scope.spawn(work)).collect();
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Err(StoreError::Poisoned)))
        })
    })?;
    println!("{:>10}   syncs", store.committer().syncs() - syncs);
    Ok(())
}

fn fill(store: &Store, address: &Address, inbox: &Arc<Mailbox>, messages: u32) -> Result<(), StoreError> {
    report("filling up with 1 KiB messages, 500 at a time", || {
        while inbox.status().messages < messages {
            let tickets: Result<Vec<_>, _> = (0..500).map(|_| begin(store, address, inbox, 1024)).collect();
            tickets?.into_iter().try_for_each(store::Ticket::wait)?;
        }
        Ok(())
    })
}

fn report<T>(what: &str, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let start = Instant::now();
    let result = work()?;
    println!("{:>10.3} ms {what}", start.elapsed().as_secs_f64() * 1000.0);
    Ok(result)
}
