//! Everything that must not survive the bench: processes, folders, changed system settings.
//!
//! Each is registered when it comes into being; its [`Guard`] removes it when dropped, and an interrupt removes all of them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

/// A thing to undo.
#[derive(Debug)]
pub enum Leftover {
    /// A control group: its processes are killed, then it is removed.
    Group(PathBuf),
    /// A process of ours, killed with all its descendants.
    Process(u32),
    /// A folder with everything in it.
    Folder(PathBuf),
    /// A system setting and the value it had.
    Setting(PathBuf, String),
}

/// Undoes one [`Leftover`] when dropped.
#[derive(Debug)]
pub struct Guard {
    number: u64,
}

static ALL: Mutex<BTreeMap<u64, Leftover>> = Mutex::new(BTreeMap::new());

/// Registers a thing to undo.
pub fn register(leftover: Leftover) -> Guard {
    let mut all = lock();
    let number = all.last_key_value().map_or(0, |(last, _)| last + 1);
    all.insert(number, leftover);
    Guard { number }
}

impl Guard {
    /// The thing is gone by itself; nothing is left to undo.
    pub fn forget(self) {
        lock().remove(&self.number);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let leftover = lock().remove(&self.number);
        if let Some(leftover) = leftover {
            undo(&leftover);
        }
    }
}

/// From now on SIGINT and SIGTERM undo everything and end the program. Call before the first thread is started.
pub fn undo_on_interrupt() -> nix::Result<()> {
    let signals = interrupts();
    signals.thread_block()?;
    thread::spawn(move || {
        if signals.wait().is_ok() {
            // Newest first: processes before the folder they write to. The lock is kept: nothing new may come.
            for leftover in lock().values().rev() {
                undo(leftover);
            }
            std::process::exit(130);
        }
    });
    Ok(())
}

/// Starts a command that shall hear SIGINT and SIGTERM although this program holds them back: a child inherits what is blocked.
pub fn spawn_hearing(command: &mut Command) -> io::Result<Child> {
    let signals = interrupts();
    signals.thread_unblock()?;
    let child = command.spawn();
    signals.thread_block()?;
    child
}

fn interrupts() -> SigSet {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals.add(Signal::SIGTERM);
    signals
}

fn lock() -> MutexGuard<'static, BTreeMap<u64, Leftover>> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

// Undoing is best effort: there is nobody left to whom a failure would be of use.
fn undo(leftover: &Leftover) {
    match leftover {
        Leftover::Group(path) => end_group(path),
        Leftover::Process(pid) => {
            for pid in crate::process::descendants(&[*pid]) {
                let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
            }
        }
        Leftover::Folder(path) => {
            let _ = fs::remove_dir_all(path);
        }
        Leftover::Setting(path, value) => {
            let _ = fs::write(path, value);
        }
    }
}

fn end_group(path: &PathBuf) {
    let deadline = Instant::now() + Duration::from_secs(5);
    let _ = fs::write(path.join("cgroup.kill"), "1");
    while fs::remove_dir(path).is_err() && path.exists() && Instant::now() < deadline {
        for pid in fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default().lines() {
            if let Ok(pid) = pid.parse() {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
        thread::sleep(Duration::from_millis(10));
    }
}
