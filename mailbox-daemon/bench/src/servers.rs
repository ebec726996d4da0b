//! A server under test: its folder, its doors, its life. What is special about each stands in `ours.rs` and `peers.rs`.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::fault::{Doing, Outcome};
use crate::imap::{Door, Imap};
use crate::leftovers::{self, Guard, Leftover};
use crate::process::Tree;
use crate::smtp::Submission;
use crate::{ours, peers};

/// The account that gets mail.
pub const ANA: &str = "ana@home.test";

/// The account with the big mailbox.
pub const BEN: &str = "ben@home.test";

/// Their password.
pub const PASSWORD: &str = "demo-password";

/// A domain whose mail server answers 451 to everything.
pub const SLOW_DOMAIN: &str = "slow.test";

/// A domain whose mail server takes everything.
pub const FAST_DOMAIN: &str = "fast.test";

/// Which server.
#[derive(Debug)]
pub enum Kind {
    /// The daemon of this repository.
    Ours(ours::Daemon),
    /// Debian's Postfix and Dovecot.
    Peers(peers::Programs),
}

impl Kind {
    /// The name in tables.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Ours(_) => "ours",
            Kind::Peers(_) => "Postfix+Dovecot",
        }
    }
}

/// Where a running server answers.
#[derive(Clone, Copy, Debug)]
pub struct Doors {
    /// Mail from other servers.
    pub smtp: SocketAddr,
    /// Mail from the house to elsewhere.
    pub submission: Submission,
    /// IMAP without TLS.
    pub imap: SocketAddr,
    /// IMAP under TLS.
    pub imaps: SocketAddr,
}

/// What a work sets differently from the defaults.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// `KEY=VALUE` for the daemon's `--set`.
    pub ours: &'static [&'static str],
    /// Lines for `dovecot.conf`.
    pub dovecot: &'static str,
    /// A name server, where mail from outside is to be judged.
    pub names: Option<SocketAddr>,
}

impl Setup {
    /// The defaults.
    pub const USUAL: Setup = Setup { ours: &[], dovecot: "", names: None };
}

/// A fresh, stopped server with a folder of its own; the folder goes when this is dropped.
#[derive(Debug)]
pub struct Site<'a> {
    kind: &'a Kind,
    sink: SocketAddr,
    folder: PathBuf,
    _guard: Guard,
}

/// A server that answers. Dropped, it is killed.
#[derive(Debug)]
pub struct Server {
    /// Its processes.
    pub tree: Tree,
    /// Where it answers.
    pub doors: Doors,
}

impl<'a> Site<'a> {
    /// Makes an empty folder under `parent`; mail for [`SLOW_DOMAIN`] and [`FAST_DOMAIN`] will go to `sink`.
    pub fn new(kind: &'a Kind, parent: &Path, sink: SocketAddr) -> Outcome<Site<'a>> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = parent.join(format!("mailbox-bench-{}-{number}", std::process::id()));
        fs::create_dir(&folder).doing(format!("creating {}", folder.display()))?;
        let guard = leftovers::register(Leftover::Folder(folder.clone()));
        Ok(Site { kind, sink, folder, _guard: guard })
    }

    /// Which server it is for.
    pub fn kind(&self) -> &Kind {
        self.kind
    }

    /// Its folder: state, mail, logs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts it, for the first time or again, and waits until every door answers.
    pub fn start(&self) -> Outcome<Server> {
        self.start_with(Setup::USUAL)
    }

    /// Starts it with some settings of its own.
    pub fn start_with(&self, setup: Setup) -> Outcome<Server> {
        match self.kind {
            Kind::Ours(daemon) => daemon.start(&self.folder, self.sink, setup),
            Kind::Peers(programs) => programs.start(&self.folder, self.sink, setup),
        }
    }

    /// Writes messages straight into an account's INBOX, as the server itself would have stored them. Only while stopped.
    pub fn fill_inbox(&self, local_part: &str, messages: u64) -> Outcome<()> {
        match self.kind {
            Kind::Ours(_) => ours::fill_inbox(&self.folder, local_part, messages),
            Kind::Peers(programs) => programs.fill_inbox(&self.folder, local_part, messages),
        }
    }
}

impl Server {
    /// A session of this account's.
    pub fn imap(&self, door: Door, user: &str) -> Outcome<Imap> {
        Imap::login(&self.doors, door, user, PASSWORD)
    }

    /// Asks it to end and waits until it has.
    pub fn stop(self) -> Outcome<()> {
        self.tree.stop()
    }
}
