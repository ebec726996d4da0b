//! What a session may use: one [`Host`] per process.

use crate::allowance::Allowances;
use crate::auth::Auth;
use crate::dns::Resolvers;
use crate::gate::Gate;
use crate::gate::bans::Bans;
use crate::issues::Issues;
use crate::places::Places;
use crate::pressure::Pressure;
use crate::reports::Reports;
use crate::sieve::{Events, Scripts};
use crate::signing::{Keyring, Returns};
use crate::spam::{Deeds, Learnt};
use crate::stop::Stop;
use crate::stream::Deflaters;
use crate::tls::{Tls, TlsError};
use arc_swap::ArcSwap;
use policy::config::{ConfigError, Settings, Spam};
use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};
use store::directory::Directory;
use store::queue::Queue;
use store::{Notes, Store, StoreError, StoreOptions};
use thiserror::Error;
use tokio::sync::Semaphore;
use types::{Address, Network, UnixSeconds};

/// Searches that go through messages at once: each keeps a thread busy.
const SEARCHING_MAX: usize = 4;
/// Large messages whose signatures are checked at once: each is mapped as a whole.
const EXAMINING_MAX: usize = 2;

/// Everything one running box consists of.
pub struct Host {
    /// The configuration in force; replaced whole on SIGHUP.
    pub settings: ArcSwap<Settings>,
    /// Mail, names and queue; the fields of [`State`] read as the host's own.
    pub state: State,
    /// The certificate in use.
    pub tls: Tls,
    /// Passwords.
    pub auth: Auth,
    /// Scripts of accounts, ready to run.
    pub(crate) scripts: Scripts,
    /// What accounts may send.
    pub allowances: Allowances,
    /// DNS.
    pub resolvers: Resolvers,
    /// Whether memory and disk have room for mail from outside.
    pub pressure: Pressure,
    /// What the owner should look at.
    pub issues: Issues,
    /// The stop signal.
    pub stop: Stop,
    /// A place for each message that may be received at once.
    pub receiving: Semaphore,
    /// A place for each large message whose signatures may be checked at once.
    pub examining: Semaphore,
    /// Of the places for messages, those of strangers, by the network they come from.
    pub receiving_strangers: Arc<Places<Network>>,
    /// A place for each search that may go through messages at once; those waiting take turns.
    pub searching: Semaphore,
    /// IMAP sessions by account.
    pub accounts_present: Arc<Places<Address>>,
    /// IMAP sessions without a login, by where they come from.
    pub strangers_present: Arc<Places<Network>>,
    /// Who may come in.
    pub gate: Gate,
    /// Compressors for IMAP sessions with COMPRESS.
    pub deflaters: Arc<Deflaters>,
    /// What people did and nobody learnt from yet.
    pub(crate) deeds: Deeds,
    /// What was done in IMAP that sets off scripts.
    pub(crate) events: Events,
    /// Where scripts are managed, as soon as somebody listens there.
    pub managesieve_port: OnceLock<u16>,
    /// Counts what clients and other servers ask for, so that work that can wait sees when there is nothing else to do.
    pub requests: AtomicU64,
    state_dir: PathBuf,
    config_file: PathBuf,
}

impl Deref for Host {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

/// What opening a state directory has to be told.
pub struct StateOptions<'a> {
    /// For the names of message files.
    pub hostname: &'a str,
    /// Mailboxes one account may have.
    pub mailboxes_max: usize,
    /// Memory for what is learnt about spam.
    pub knowledge_bytes_max: usize,
}

/// What lies in a state directory, opened by one process alone.
pub struct State {
    /// Mail.
    pub store: Store,
    /// Accounts, aliases, groups, domains.
    pub directory: Directory,
    /// Mail on its way out.
    pub queue: Queue,
    /// What else is worth knowing again after a restart.
    pub notes: Notes,
    /// Keys that sign mail.
    pub keyring: Keyring,
    /// Return addresses of forwarded mail.
    pub returns: Returns,
    /// What is reported to others.
    pub reports: Reports,
    /// Who is shut out after failed logins.
    pub bans: Bans,
    /// What was learnt about spam.
    pub spam: Learnt,
    _lock: File,
}

/// Why a state directory cannot be opened.
#[derive(Debug, Error)]
pub enum StateError {
    /// Something in it cannot be read or written.
    #[error("the state directory {path} cannot be used: {source}")]
    Store {
        /// Which folder.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
    /// Another daemon runs on it.
    #[error(
        "another mailbox-daemon (process {pid}) is running on {path}; stop it first or choose another directory"
    )]
    InUse {
        /// Which folder.
        path: PathBuf,
        /// Its process id, as it wrote it.
        pid: String,
    },
    /// The lock cannot be taken.
    #[error("cannot lock {path}: {source}")]
    Lock {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Why a box does not start, or does not take a new configuration.
#[derive(Debug, Error)]
pub enum HostError {
    /// The configuration file cannot be read.
    #[error("cannot read {path}: {source}")]
    ConfigUnreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The configuration is wrong.
    #[error("{path}: {source}")]
    Config {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: ConfigError,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The state directory cannot be opened.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Reads and checks a configuration file.
pub fn read_settings(path: &Path) -> Result<Settings, HostError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| HostError::ConfigUnreadable { path: path.to_owned(), source })?;
    Settings::parse(&text).map_err(|source| HostError::Config { path: path.to_owned(), source })
}

impl Host {
    /// Opens the state directory beside `config_file`; opening is recovery.
    pub fn open(settings: Settings, config_file: &Path, stop: Stop) -> Result<Arc<Host>, HostError> {
        let state_dir = state_dir_of(config_file);
        let options = StateOptions {
            hostname: settings.hostname.as_str(),
            mailboxes_max: settings.limits.mailboxes_max,
            knowledge_bytes_max: settings.spam.knowledge_bytes_max,
        };
        let state = State::open(&state_dir, &options)?;
        let tls = Tls::load(&state_dir.join(&settings.tls.certificate), &state_dir.join(&settings.tls.key))?;
        Ok(Arc::new(Host {
            receiving: Semaphore::new(settings.limits.receiving_max),
            examining: Semaphore::new(EXAMINING_MAX),
            receiving_strangers: Places::new(),
            searching: Semaphore::new(SEARCHING_MAX),
            deeds: Deeds::default(),
            events: Events::default(),
            managesieve_port: OnceLock::new(),
            requests: AtomicU64::new(0),
            accounts_present: Places::new(),
            strangers_present: Places::new(),
            gate: Gate::new(),
            deflaters: Arc::default(),
            settings: ArcSwap::from_pointee(settings),
            state,
            tls,
            auth: Auth::new(),
            scripts: Scripts::default(),
            allowances: Allowances::default(),
            resolvers: Resolvers::default(),
            pressure: Pressure::default(),
            issues: Issues::default(),
            stop,
            state_dir,
            config_file: config_file.to_owned(),
        }))
    }

    /// Takes over a changed configuration and certificate; a wrong one leaves everything as it was.
    pub fn reload(&self) -> Result<(), HostError> {
        let settings = read_settings(&self.config_file)?;
        self.tls.reload(
            &self.state_dir.join(&settings.tls.certificate),
            &self.state_dir.join(&settings.tls.key),
        )?;
        self.settings.store(Arc::new(settings));
        Ok(())
    }

    /// The wall clock.
    pub fn now(&self) -> UnixSeconds {
        unix_now()
    }

    /// Where everything lies.
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }
}

impl State {
    /// Opens a state directory for the daemon; opening is recovery.
    pub fn open(path: &Path, options: &StateOptions<'_>) -> Result<State, StateError> {
        let in_store = |source| StateError::Store { path: path.to_owned(), source };
        let lock = lock(path)?;
        let disk = store::disk::real();
        let store_options = StoreOptions { mailboxes_max: options.mailboxes_max };
        let store =
            Store::open(Arc::clone(&disk), path, options.hostname, store_options).map_err(in_store)?;
        let directory = Directory::open(Arc::clone(&disk), &path.join("directory.redb")).map_err(in_store)?;
        let notes = Notes::open(Arc::clone(&disk), &path.join("notes.redb")).map_err(in_store)?;
        let keyring = Keyring::open(Arc::clone(&disk), &path.join("dkim"));
        let returns = Returns::new(Arc::clone(&disk), &path.join("srs"));
        let bans = Bans::open(notes.clone()).map_err(in_store)?;
        let spam = Learnt::new(Arc::clone(&disk), &path.join("spam"), options.knowledge_bytes_max);
        let queue = Queue::open(disk, &path.join("queue"), store.committer().clone()).map_err(in_store)?;
        Ok(State {
            store,
            directory,
            queue,
            notes,
            keyring,
            returns,
            reports: Reports::default(),
            bans,
            spam,
            _lock: lock,
        })
    }

    /// Opens a state directory no daemon runs on, for one command.
    pub fn open_alone(path: &Path) -> Result<State, StateError> {
        let options = StateOptions {
            hostname: "localhost",
            mailboxes_max: types::Limits::default().mailboxes_max,
            knowledge_bytes_max: Spam::default().knowledge_bytes_max,
        };
        State::open(path, &options)
    }
}

/// Makes this process the only one on the state directory for as long as the file is open.
pub(crate) fn lock(state_dir: &Path) -> Result<File, StateError> {
    let path = state_dir.join("lock");
    let failed = |source| StateError::Lock { path: path.clone(), source };
    let mut file =
        File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let _ = file.read_to_string(&mut pid);
            return Err(StateError::InUse { path: state_dir.to_owned(), pid: pid.trim().to_owned() });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed)?;
    Ok(file)
}

/// The folder a configuration file stands in is the state directory.
pub fn state_dir_of(config_file: &Path) -> PathBuf {
    match config_file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Seconds since 1970 by the wall clock.
pub fn unix_now() -> UnixSeconds {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as UnixSeconds)
}
