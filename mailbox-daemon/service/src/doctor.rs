//! `mailbox-daemon doctor`: what is wrong with the mail on disk, in words, and mended where that can be done.

use crate::admin::Answer;
use crate::host::{State, StateError, lock};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::StoreError;
use store::disk::Disk;
use store::doctor::{Finding, Trouble};
use thiserror::Error;

/// What came of it.
pub struct Report {
    /// What to print.
    pub answer: Answer,
    /// Whether nothing is wrong, or nothing any more.
    pub is_well: bool,
}

/// Why the doctor could not look.
#[derive(Debug, Error)]
pub enum DoctorError {
    /// Something cannot be read or written.
    #[error("the mail below {path} cannot be looked at: {source}")]
    Store {
        /// The state directory.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
    /// There is nothing to look at.
    #[error("there is no mail below {0}; does --config name the right file?")]
    NoMail(PathBuf),
    /// Nothing can be mended while a daemon runs, or the directory is of no use.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Looks at all mail below a state directory; with `repair` mends what can be mended, for which no daemon may run on it.
pub fn doctor(state_dir: &Path, repair: bool) -> Result<Report, DoctorError> {
    let disk = store::disk::real();
    if disk.stat(&state_dir.join("mail")).is_err() {
        return Err(DoctorError::NoMail(state_dir.to_owned()));
    }
    let failed = |source| DoctorError::Store { path: state_dir.to_owned(), source };
    let locked = lock(state_dir);
    let is_running = matches!(locked, Err(StateError::InUse { .. }));
    let before = store::doctor::examine(&disk, state_dir).map_err(failed)?;
    if !repair {
        return Ok(report(state_dir, &before, &before, is_running));
    }
    let locked = locked?;
    for finding in &before {
        store::doctor::prepare(&*disk, state_dir, finding).map_err(failed)?;
    }
    drop(locked);
    open_everything(&disk, state_dir, &before)?;
    let after = store::doctor::examine(&disk, state_dir).map_err(failed)?;
    Ok(report(state_dir, &before, &after, false))
}

/// Opening mailboxes mends them.
fn open_everything(disk: &Arc<dyn Disk>, state_dir: &Path, findings: &[Finding]) -> Result<(), DoctorError> {
    let failed = |source| DoctorError::Store { path: state_dir.to_owned(), source };
    let state = State::open_alone(state_dir)?;
    for finding in findings {
        if let Some(name) = &finding.mailbox {
            state
                .store
                .account(&finding.account)
                .and_then(|account| account.mailbox(name))
                .map_err(failed)?;
        }
    }
    state.store.close();
    disk.sync_file_system(state_dir).map_err(|error| failed(error.into()))
}

fn report(state_dir: &Path, before: &[Finding], after: &[Finding], is_running: bool) -> Report {
    let mut rows: Vec<_> =
        after.iter().map(|finding| row(state_dir, finding, if is_running { "-" } else { "no" })).collect();
    let mended = before.iter().filter(|finding| !after.contains(finding));
    rows.extend(mended.map(|finding| row(state_dir, finding, "yes")));
    let mendable = after.iter().filter(|finding| finding.trouble.can_be_mended()).count();
    let mut message = match (rows.is_empty(), after.is_empty()) {
        (true, _) => "All mail is in order.".to_owned(),
        (false, true) => "All of it is mended now.".to_owned(),
        _ if mendable > 0 => format!(
            "All mail that is whole can be read. {mendable} of these can be mended: stop the daemon, then `mailbox-daemon doctor \
             --repair`."
        ),
        _ => "All mail that is whole can be read; what is left needs a person.".to_owned(),
    };
    if is_running {
        message.push_str(" The daemon is running, so something it was just doing may be among this.");
    }
    Report { answer: Answer { message, rows, whole: None }, is_well: after.is_empty() }
}

fn row(state_dir: &Path, finding: &Finding, mended: &str) -> Map<String, Value> {
    let mailbox = finding.mailbox.as_ref().map(ToString::to_string);
    let path = finding.path.strip_prefix(state_dir).unwrap_or(&finding.path);
    let row = json!({
        "account": finding.account.to_string(),
        "mailbox": mailbox,
        "mended": mended,
        "what": sentence(&finding.trouble),
        "file": path.display().to_string(),
    });
    match row {
        Value::Object(row) => row,
        _ => Map::new(),
    }
}

fn sentence(trouble: &Trouble) -> String {
    match trouble {
        Trouble::SetAside => {
            "A damaged message was set aside here. Look at it with any text editor; delete it when it is of no use.".to_owned()
        }
        Trouble::Cut { told, there } => format!(
            "The end of this message is lost: {there} of {told} bytes are there. Mending sets it aside."
        ),
        Trouble::Grown { told, there } => format!(
            "Another program changed this message: it had {told} bytes and has {there}. Mending takes it as it is now."
        ),
        Trouble::DoubledUid(uid) => {
            format!("Two files claim to be message {uid}, as if one were copied by hand. Mending numbers the second anew.")
        }
        Trouble::Unreadable => {
            "This message cannot be read. Check who owns the file and what `dmesg` says of the disk.".to_owned()
        }
        Trouble::Foreign => "This is no message and was put here by somebody. It does no harm.".to_owned(),
        Trouble::NamelessKeywords(letters) => {
            format!("Messages bear marks whose names are lost (letters {letters}). They are not shown; nothing else is lost.")
        }
        Trouble::KeywordsDamaged => {
            "Part of this list of marks makes no sense. Mending keeps the part that does.".to_owned()
        }
        Trouble::StateLost => "The numbering of this mailbox is lost. Mending begins a new one; mail programs will load the mailbox \
                               once more."
            .to_owned(),
        Trouble::SameGeneration(other) => {
            format!("This folder is numbered like {other}, as if it were copied by hand. Mending numbers it anew.")
        }
        Trouble::IndexWrong => "The index of this mailbox is damaged. Mending makes a new one.".to_owned(),
    }
}
