use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use store::{FlagChange, Mailbox, Store, StoreOptions};
use types::{Address, Flags, MailboxName, SequenceSet, SystemFlag, Uid};

const TEXT: &[u8] = b"Subject: x\r\n\r\nfuzzed\r\n";

/// One box for all inputs.
struct Fuzzed {
    inbox: Arc<Mailbox>,
    folder: PathBuf,
    _store: Store,
}

/// Whatever another program calls a file it leaves in `new` or `cur`, it is one message that can be read and given a flag, unless
/// its name says that its end is missing.
pub fn names(data: &[u8]) {
    static BOX: OnceLock<Mutex<Fuzzed>> = OnceLock::new();
    let Some((choice, name)) = super::choices(data) else { return };
    let is_hidden = name.is_empty() || name[0] == b'.';
    if is_hidden || name.len() > 200 || name.iter().any(|byte| matches!(byte, 0 | b'/')) {
        return;
    }
    let fuzzed = BOX.get_or_init(|| Mutex::new(Fuzzed::new())).lock().unwrap_or_else(PoisonError::into_inner);
    fuzzed.holds(if choice & 1 == 0 { "new" } else { "cur" }, name);
}

impl Fuzzed {
    fn new() -> Fuzzed {
        let parent = option_env!("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
        let dir = parent.join(format!("fuzzed-maildir-{}", std::process::id()));
        let address = Address::parse_own("ana@home.test").expect("an address");
        let options = StoreOptions { mailboxes_max: 10 };
        let store = Store::open(store::disk::real(), &dir, "host", options).expect("a store opens");
        let account = store.account(&address).expect("an account opens");
        let inbox = account.mailbox(&MailboxName::inbox()).expect("INBOX opens");
        Fuzzed { inbox, folder: dir.join("mail/home.test/ana"), _store: store }
    }

    fn holds(&self, place: &str, name: &[u8]) {
        let path = self.folder.join(place).join(std::ffi::OsStr::from_bytes(name));
        std::fs::write(path, TEXT).expect("a file can be written");
        self.inbox.rescan().expect("the folder can be read");
        let mut rows = Vec::new();
        self.inbox.rows(Uid::FIRST, Uid::LAST, 10, &mut rows);
        let is_aside =
            std::fs::read_dir(self.folder.join("quarantine")).is_ok_and(|mut dir| dir.next().is_some());
        assert_eq!(rows.len(), usize::from(!is_aside));
        for row in rows {
            let mut text = vec![0; row.wire_bytes as usize];
            let file = self.inbox.open_message(row.uid).expect("it can be read");
            assert_eq!(file.read_at(&mut text, 0).expect("it can be read"), TEXT.len());
            assert_eq!(text, TEXT);
            let (all, flagged) = (SequenceSet::all(), Flags::system(SystemFlag::Flagged));
            self.inbox.store_flags(&all, FlagChange::Add, flagged, &[], None).expect("it can be flagged");
            let now = self.inbox.row(row.uid).expect("it is there");
            assert_eq!(now.flags, row.flags.with(flagged));
            self.inbox.identity(row.uid).expect("it has an identity");
        }
        self.clear();
    }

    fn clear(&self) {
        for place in ["new", "cur", "quarantine"] {
            for file in std::fs::read_dir(self.folder.join(place)).into_iter().flatten().flatten() {
                std::fs::remove_file(file.path()).expect("a file can be removed");
            }
        }
        self.inbox.rescan().expect("the folder can be read");
    }
}
