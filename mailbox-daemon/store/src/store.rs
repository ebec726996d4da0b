use crate::account::{AccountMail, ClosedMailboxes, Sharing, rights_in};
use crate::bell::Bell;
use crate::commit::Committer;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::journal::{Journal, Listener};
use crate::locked;
use crate::mailbox::Mailbox;
use crate::maildir::Namer;
use crate::message::NewMessage;
use crate::watch::Watcher;
use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use types::{Address, MailboxName, Rights};

/// Mailboxes kept open though nobody looks at them, so that the next delivery finds them ready.
const RECENT_MAX: usize = 32;
/// Rows they may hold together, in memory.
const RECENT_ROWS_MAX: usize = 100_000;
/// Accounts remembered before the forgotten ones are swept out.
const ACCOUNTS_SWEPT_AT: usize = 64;
/// Set-aside files that are named; later ones are only moved.
const SET_ASIDE_MAX: usize = 100;

/// What the store is told when it opens.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// Mailboxes one account may have.
    pub mailboxes_max: usize,
}

/// All mail of the box. Clones are handles to the same store; the last one closes it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    core: Arc<Core>,
    accounts: Mutex<HashMap<Address, Weak<AccountMail>>>,
}

/// What accounts and mailboxes share.
pub(crate) struct Core {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) committer: Committer,
    pub(crate) namer: Namer,
    pub(crate) state_dir: PathBuf,
    pub(crate) options: StoreOptions,
    /// Which mailboxes are shared.
    pub(crate) sharing: Sharing,
    /// What closed mailboxes hold.
    pub(crate) closed: ClosedMailboxes,
    /// Counts changes of scripts, of all accounts.
    pub(crate) script_changes: AtomicU64,
    recent: Mutex<VecDeque<Arc<Mailbox>>>,
    set_aside: Mutex<Vec<PathBuf>>,
    damage: Bell,
    pub(crate) journal: Arc<Journal>,
    watcher: OnceLock<Option<Watcher>>,
}

impl Store {
    /// Opens the mail below `state_dir`; opening is recovery. `host` goes into the names of message files.
    pub fn open(
        disk: Arc<dyn Disk>,
        state_dir: &Path,
        host: &str,
        options: StoreOptions,
    ) -> Result<Store, StoreError> {
        for dir in ["mail", "index"] {
            disk.create_dir_all(&state_dir.join(dir))?;
        }
        let core = Core {
            committer: Committer::start(Arc::clone(&disk), state_dir)?,
            namer: Namer::new(&*disk, host),
            disk,
            state_dir: state_dir.to_owned(),
            options,
            sharing: Sharing::default(),
            closed: ClosedMailboxes::default(),
            script_changes: AtomicU64::default(),
            recent: Mutex::default(),
            set_aside: Mutex::default(),
            damage: Bell::new(),
            journal: Arc::default(),
            watcher: OnceLock::new(),
        };
        Ok(Store { inner: Arc::new(Inner { core: Arc::new(core), accounts: Mutex::default() }) })
    }

    /// The thread that makes things durable.
    pub fn committer(&self) -> &Committer {
        &self.inner.core.committer
    }

    /// One account's mail, by its folded address; the tree and its usual mailboxes are made at the first use.
    pub fn account(&self, address: &Address) -> Result<Arc<AccountMail>, StoreError> {
        let mut accounts = locked(&self.inner.accounts);
        if let Some(account) = accounts.get(address).and_then(Weak::upgrade) {
            return Ok(account);
        }
        if accounts.len() >= ACCOUNTS_SWEPT_AT {
            accounts.retain(|_, account| account.strong_count() > 0);
        }
        let account = AccountMail::open(&self.inner.core, address)?;
        accounts.insert(address.clone(), Arc::downgrade(&account));
        Ok(account)
    }

    /// What `who` may do with mailboxes of `owner`, an account, where he may do anything.
    pub fn shared_with(
        &self,
        who: &Address,
        owner: &Address,
    ) -> Result<Vec<(MailboxName, Rights)>, StoreError> {
        match self.inner.core.sharing.known(owner) {
            // Its tree need not even be opened.
            Some(folders) => Ok(rights_in(&folders, who, owner)),
            None => self.account(owner)?.shared_rights(who),
        }
    }

    /// Counts changes of who may do what.
    pub fn sharing_changes(&self) -> u64 {
        self.inner.core.sharing.changes()
    }

    /// The mailboxes somebody looks at or delivered to lately.
    pub fn open_mailboxes(&self) -> Vec<Weak<Mailbox>> {
        let accounts: Vec<_> = locked(&self.inner.accounts).values().filter_map(Weak::upgrade).collect();
        accounts.iter().flat_map(|account| account.open_mailboxes()).collect()
    }

    /// A new message on the account's file system.
    pub fn new_message(&self, account: &Address) -> Result<NewMessage, StoreError> {
        self.account(account)?.new_message()
    }

    /// Moves the account's mail aside, to `removed/` below the state directory. Durable on return.
    pub fn remove_account(&self, address: &Address) -> Result<(), StoreError> {
        let mut accounts = locked(&self.inner.accounts);
        let account = accounts.remove(address).and_then(|account| account.upgrade());
        self.inner.core.close_recent(|mailbox| mailbox.account.address() == address);
        AccountMail::remove(&self.inner.core, address, account.as_deref())
    }

    /// Damaged files that were set aside since the last call, to be reported; their mailboxes go on without them.
    pub fn take_set_aside(&self) -> Vec<PathBuf> {
        std::mem::take(&mut *locked(&self.inner.core.set_aside))
    }

    /// Hears of what happens to any mailbox from now on.
    pub fn listen(&self) -> Listener {
        Listener::new(&self.inner.core.journal)
    }

    /// Rings when a damaged file was set aside.
    pub fn damage(&self) -> &Bell {
        &self.inner.core.damage
    }

    /// Whether the committing thread runs and every sync so far has succeeded.
    pub fn is_alive(&self) -> bool {
        self.inner.core.committer.is_alive()
    }

    /// Writes the indexes and stops the threads; changes are refused from then on.
    pub fn close(&self) {
        self.inner.close();
    }
}

impl Inner {
    fn close(&self) {
        self.core.close_recent(|_| true);
        self.core.committer.close();
        let accounts: Vec<_> = locked(&self.accounts).values().filter_map(Weak::upgrade).collect();
        for account in accounts {
            account.flush();
        }
        if let Some(Some(watcher)) = self.core.watcher.get() {
            watcher.stop();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

impl Core {
    /// Keeps a mailbox open for the next one who asks, letting go of those asked for longest ago.
    pub(crate) fn keep_open(&self, mailbox: &Arc<Mailbox>) {
        let mut recent = locked(&self.recent);
        if recent.front().is_some_and(|first| Arc::ptr_eq(first, mailbox)) {
            return;
        }
        recent.retain(|other| !Arc::ptr_eq(other, mailbox));
        recent.push_front(Arc::clone(mailbox));
        let mut rows = 0;
        let fits = recent.iter().take(RECENT_MAX).take_while(|mailbox| {
            rows += mailbox.rows_in_memory();
            rows <= RECENT_ROWS_MAX
        });
        let kept = fits.count().clamp(1, recent.len());
        let let_go = recent.split_off(kept);
        drop(recent);
        drop(let_go);
    }

    /// Lets go of mailboxes.
    pub(crate) fn close_recent(&self, which: impl Fn(&Mailbox) -> bool) {
        let mut recent = locked(&self.recent);
        let (let_go, kept) = recent.drain(..).partition(|mailbox| which(mailbox));
        *recent = kept;
        drop(recent);
        drop::<VecDeque<_>>(let_go);
    }

    pub(crate) fn note_set_aside(&self, path: &Path) {
        let mut set_aside = locked(&self.set_aside);
        if set_aside.len() < SET_ASIDE_MAX {
            set_aside.push(path.to_owned());
        }
        drop(set_aside);
        self.damage.ring();
    }

    /// The watcher, started at the first use; `None` where there is nothing to watch with.
    pub(crate) fn watcher(&self) -> Option<&Watcher> {
        self.watcher
            .get_or_init(|| self.disk.is_real().then(|| Watcher::start(&self.state_dir)).flatten())
            .as_ref()
    }
}
