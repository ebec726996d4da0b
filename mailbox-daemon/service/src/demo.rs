//! The demo box: everything a complete box needs, made on the spot, on loopback, without root or internet.

mod certificate;
mod settings;

use crate::admin::{Admin, AdminError, Command};
use crate::host::{HostError, State, StateError, read_settings, unix_now};
use crate::run::{RunError, run};
use policy::config;
use serde_json::json;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The demo's domain.
pub const DOMAIN: &str = "home.test";
/// Its accounts.
pub const ACCOUNTS: [&str; 2] = ["ana@home.test", "ben@home.test"];
/// The password of both.
pub const PASSWORD: &str = "demo-password";

/// What the command line asked for.
#[derive(Clone, Debug)]
pub struct Demo {
    /// The state directory; made when missing, gone on with when there.
    pub dir: PathBuf,
    /// Added to 25, 587, 465, 143, 993 and, for ManageSieve, 190.
    pub port_base: u16,
    /// `KEY=VALUE` for `config.toml`.
    pub set: Vec<String>,
}

/// Why there is no demo box.
#[derive(Debug, Error)]
pub enum DemoError {
    /// A file cannot be made.
    #[error("cannot make {path}: {source}")]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate cannot be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// `--port-base` leaves no room for the ports.
    #[error("--port-base {0} is too high: ports end at 65535")]
    PortBase(u16),
    /// `--set` is not understood.
    #[error("--set {text}: {reason}")]
    Set {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The configuration.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The state directory.
    #[error(transparent)]
    State(#[from] StateError),
    /// The demo's accounts.
    #[error("cannot make the demo accounts: {0}")]
    Accounts(#[from] AdminError),
    /// The daemon.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl Demo {
    /// Makes what is missing and runs until stopped. `announce` is called when every listener answers.
    pub async fn run(self, announce: impl FnOnce(&Path, u16)) -> Result<(), DemoError> {
        let config_file = self.prepare()?;
        let settings = read_settings(&config_file)?;
        let Demo { dir, port_base, .. } = self;
        let summary = dir.join("demo.json");
        let ready = |_: &_| {
            let text = format!("{:#}\n", describe(&dir, port_base));
            match replace(&summary, text.as_bytes()) {
                Ok(()) => announce(&dir, port_base),
                Err(error) => tracing::error!(%error, "the demo's summary could not be written"),
            }
        };
        Ok(run(settings, &config_file, ready).await?)
    }

    fn prepare(&self) -> Result<PathBuf, DemoError> {
        let make_dir = |path: PathBuf| match std::fs::create_dir_all(&path) {
            Ok(()) => Ok(path),
            Err(source) => Err(DemoError::File { path, source }),
        };
        // Opened first: nothing of a box that another daemon runs is touched.
        let state = State::open_alone(&make_dir(self.dir.clone())?)?;
        // A summary of the last run would tell a wrong process id.
        let _ = std::fs::remove_file(self.dir.join("demo.json"));
        certificate::ensure(&make_dir(self.dir.join("tls"))?)?;
        let config_file = settings::write(&self.dir, self.port_base, &self.set)?;
        ensure_accounts(&state)?;
        state.store.close();
        Ok(config_file)
    }
}

fn ensure_accounts(state: &State) -> Result<(), AdminError> {
    let admin = Admin {
        store: &state.store,
        directory: &state.directory,
        queue: &state.queue,
        notes: &state.notes,
        bans: &state.bans,
        reports: &state.reports,
        issues: None,
        keyring: &state.keyring,
        sieve: &config::Sieve::default(),
        spam: &state.spam,
        filter: &config::Spam::default(),
        now: unix_now(),
    };
    if !state.directory.domains()?.is_empty() {
        return Ok(());
    }
    admin.execute(Command::DomainAdd { domain: DOMAIN.to_owned() })?;
    for address in ACCOUNTS {
        admin.execute(Command::AccountAdd {
            address: address.to_owned(),
            password: PASSWORD.to_owned(),
            quota: None,
        })?;
    }
    Ok(())
}

fn describe(dir: &Path, port_base: u16) -> serde_json::Value {
    let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let ports: serde_json::Map<_, _> = settings::PORTS
        .into_iter()
        .map(|(name, offset)| (name.to_owned(), json!(port_base + offset)))
        .collect();
    json!({
        "host": "127.0.0.1",
        "ports": ports,
        "accounts": ACCOUNTS,
        "password": PASSWORD,
        "pid": std::process::id(),
        "ca_file": dir.join("tls/ca.pem"),
        "state_dir": dir,
    })
}

/// Writes a file beside its place and moves it there, so that nobody reads half of it.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), DemoError> {
    let beside = path.with_extension("new");
    std::fs::write(&beside, bytes)
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|source| DemoError::File { path: path.to_owned(), source })
}
