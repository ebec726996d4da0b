//! The door for the command line: a socket in the state directory that only its owner can open. One JSON line in, one out.

use crate::admin::{Admin, Answer, Command};
use crate::disk;
use crate::host::{Host, State, StateError};
use crate::issues::Issues;
use policy::config;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tracing::warn;

const SOCKET: &str = "control.sock";
/// A command line is no longer than this; the longest brings along what another box learnt about spam.
const REQUEST_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What the daemon answers: the text of an error is for the person who asked.
#[derive(Serialize, Deserialize)]
enum Reply {
    Done(Answer),
    Refused(String),
}

/// Why a command got no answer.
#[derive(Debug, Error)]
pub enum ControlError {
    /// The command was understood and refused.
    #[error("{0}")]
    Refused(String),
    /// The state directory cannot be opened, and no daemon runs on it.
    #[error(transparent)]
    State(#[from] StateError),
    /// The running daemon broke off.
    #[error("the running daemon does not answer: {0}")]
    Broken(#[from] io::Error),
    /// The running daemon is of another version.
    #[error("the running daemon does not understand this command; is it of another version? ({0})")]
    Foreign(#[from] serde_json::Error),
}

/// Has a command executed by the daemon that runs on the state directory, or on the directory itself where none runs.
pub fn execute(state_dir: &Path, command: Command) -> Result<Answer, ControlError> {
    let reply = match connect(state_dir) {
        Ok(socket) => ask(socket, &command)?,
        Err(_) => {
            let state = State::open_alone(state_dir)?;
            let (sieve, filter) = (config::Sieve::default(), config::Spam::default());
            let reply = answer(&state, None, (&sieve, &filter), command);
            state.spam.flush().map_err(|error| io::Error::other(error.to_string()))?;
            reply
        }
    };
    match reply {
        Reply::Done(answer) => Ok(answer),
        Reply::Refused(reason) => Err(ControlError::Refused(reason)),
    }
}

/// Answers commands until the daemon stops.
pub async fn serve(host: Arc<Host>, listener: UnixListener) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = host.stop.stopping() => return,
        };
        match accepted {
            Ok((socket, _)) => drop(tokio::spawn(converse(Arc::clone(&host), socket))),
            Err(error) => {
                warn!(%error, "cannot accept a command");
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
        }
    }
}

async fn converse(host: Arc<Host>, mut socket: UnixStream) {
    let (reader, mut writer) = socket.split();
    let mut line = String::new();
    if tokio::io::BufReader::new(reader.take(REQUEST_BYTES_MAX)).read_line(&mut line).await.is_err() {
        return;
    }
    let reply = match serde_json::from_str(&line) {
        Ok(command) => {
            let settings = host.settings.load();
            disk(|| answer(&host.state, Some(&host.issues), (&settings.sieve, &settings.spam), command))
        }
        Err(error) => Reply::Refused(format!("not a command: {error}")),
    };
    let mut text = serde_json::to_string(&reply).unwrap_or_default();
    text.push('\n');
    // A caller that left early has no use for the answer.
    let _ = writer.write_all(text.as_bytes()).await;
}

fn answer(
    state: &State,
    issues: Option<&Issues>,
    (sieve, filter): (&config::Sieve, &config::Spam),
    command: Command,
) -> Reply {
    let admin = Admin {
        store: &state.store,
        directory: &state.directory,
        queue: &state.queue,
        issues,
        notes: &state.notes,
        bans: &state.bans,
        reports: &state.reports,
        keyring: &state.keyring,
        sieve,
        spam: &state.spam,
        filter,
        now: crate::host::unix_now(),
    };
    match admin.execute(command) {
        Ok(answer) => Reply::Done(answer),
        Err(error) => Reply::Refused(error.to_string()),
    }
}

fn ask(mut socket: std::os::unix::net::UnixStream, command: &Command) -> Result<Reply, ControlError> {
    let mut text = serde_json::to_string(command)?;
    text.push('\n');
    socket.write_all(text.as_bytes())?;
    let mut line = String::new();
    BufReader::new(socket).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

fn connect(state_dir: &Path) -> io::Result<std::os::unix::net::UnixStream> {
    let (_folder, path) = short_path(state_dir)?;
    std::os::unix::net::UnixStream::connect(path)
}

/// Opens the door. From then on commands wait for [`serve`].
pub fn bind(state_dir: &Path) -> io::Result<UnixListener> {
    let (_folder, path) = short_path(state_dir)?;
    // The lock on the state directory is held: whatever lies here is left over.
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Socket paths end at 108 bytes, state directories need not: the way leads through the opened folder.
fn short_path(state_dir: &Path) -> io::Result<(std::fs::File, PathBuf)> {
    let folder = std::fs::File::open(state_dir)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()));
    Ok((folder, path))
}
